"""How sound travels: image sources in a box-shaped room, and the streaming of waveforms along paths that move.

Nothing here knows of MuJoCo: positions, a room and gains go in, pressure at microphones comes out.

A path is a delay and a gain from a source to a microphone, directly or by way of walls. The paths are known at *knots*,
the moments at which the geometry was recorded; in between, delays and gains run along straight lines, sample by sample.
The pressure at microphone m is

    p_m(t) = Σ_paths Σ_bands  g_pmb(t) · x_b(t - d_pm(t) - start)

with x_b the waveform's bands (see `wavetable`). As x can be read at any time there is no state: a stretch of sound is
the same whether it is rendered in one piece or in many, so there is nothing to click between control steps, and a
moving source or microphone is heard with its Doppler shift. When the way of the sound changes (a doorway is passed),
the old paths fade out while the new ones fade in between two knots.

Image sources: Allen and Berkley, "Image method for efficiently simulating small-room acoustics", JASA 65 (1979).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise, product

import numpy as np

from yanshi.contracts import Array
from yanshi.envs.senses.wavetable import AIR_DISTANCE, OVERSAMPLING, Wavetable
from yanshi.errors import InputError

SPEED_OF_SOUND = 343.0
"""In air of 20 °C [m/s]."""
NEAREST = 0.1
"""Gains are those of at least this distance [m]: a point source would be infinitely loud."""
OCCLUDED = 0.5
"""Low frequencies that still come past or through an obstacle, in amplitude."""
FADE = 0.004
"""How long a sound that is switched on or off takes to come and go [s]."""
BLOCK = 0.1
"""Sound is made in stretches of at most this length [s], which stay in the processor's cache."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Shoebox:
    """A box-shaped room, axis-aligned in the map frame."""

    low_w: Array
    """(3,) [m]."""
    high_w: Array
    """(3,) [m]."""
    absorption: float = 0.3
    """Share of energy that each surface takes, [0, 1]; of amplitude √(1 - absorption) is left."""

    def __post_init__(self) -> None:
        if not 0.0 <= self.absorption <= 1.0:
            raise InputError(f"Absorption must be in [0, 1], got {self.absorption}.")

    def images(self, sources_w: Array, order: int) -> tuple[Array, Array]:
        """Mirror images of sources in the walls, up to `order` reflections; the source itself comes first.

        Args:
            sources_w: (K, 3) [m]; what is outside is mirrored as if it were at the nearest point inside.
            order: Greatest number of reflections.

        Returns:
            Positions (K, P, 3) [m], and the share of amplitude that the reflections left (P,).
        """
        sign, low, high, reflections = _lattice(order)
        inside = np.clip(sources_w, self.low_w, self.high_w)
        positions = sign * inside[:, None, :] + (low * self.low_w + high * self.high_w)
        positions[:, 0] = sources_w
        return positions, np.sqrt(1.0 - self.absorption) ** reflections


@lru_cache(maxsize=8)
def _lattice(order: int) -> tuple[Array, Array, Array, Array]:
    """The image lattice: position = sign · source + a · low + b · high, per axis; and how many walls were met.

    Image i of an axis of length L = high - low lies at low + i L + x for even i and low + (i + 1) L - x for odd i, with
    x the source's distance from `low`.
    """
    span = range(-order, order + 1)
    cells = [c for c in product(span, repeat=3) if sum(map(abs, c)) <= order]
    index = np.array(sorted(cells, key=lambda c: (sum(map(abs, c)), c)), dtype=float).reshape(-1, 3)
    odd = index % 2 == 1
    sign = np.where(odd, -1.0, 1.0)
    high = np.where(odd, index + 1.0, index)
    low = np.where(odd, 1.0 - index, -index)
    return sign, low, high, np.abs(index).sum(axis=1)


@dataclass(frozen=True, kw_only=True)
class Arrival:
    """How a sound enters the listener's room."""

    position_w: Array
    """(3,) where it seems to come from: the source itself, or the doorway through which it is heard [m]."""
    route: tuple[str, ...] = ()
    """The doorways it came through."""
    detour: float = 0.0
    """What it has travelled to `position_w` [m]."""
    clear: float = 1.0
    """Amplitude that goes on as it was."""
    dull: float = 0.0
    """Amplitude that goes on low-passed."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Knot:
    """Where a sound and its listener are at one moment."""

    time: float
    """[s]."""
    arrival: Arrival
    microphones_w: Array
    """(M, 3) [m]."""
    room: Shoebox | None = None
    """Which room the microphones are in; None is free field."""
    occlusion: float = 0.0
    """How much of the direct path is blocked, [0, 1]. What is blocked is low-passed, times `OCCLUDED`."""
    epoch: int = 0
    """Counts how often the source was put elsewhere at once."""

    def continues(self, other: Knot) -> bool:
        """Whether the paths at both moments are the same paths, so that what is between can be interpolated."""
        return self.arrival.route == other.arrival.route and self.room is other.room and self.epoch == other.epoch


def paths(knots: Sequence[Knot], *, order: int = 1, air: bool = True) -> tuple[Array, Array]:
    """The paths of a sound to the microphones.

    Args:
        knots: K moments that continue one another.
        order: Greatest number of reflections.
        air: Whether air takes away high frequencies.

    Returns:
        Delays (K, P, M) [s], distance / c; and gains (B, K, P, M), 1 / distance × reflections, for the bands of
        `wavetable`.
    """
    sources = np.array([knot.arrival.position_w for knot in knots])
    room = knots[0].room
    images, left = room.images(sources, order) if room else (sources[:, None, :], np.ones(1))
    microphones = np.array([knot.microphones_w for knot in knots])
    offset = images[:, :, None, :] - microphones[:, None, :, :]
    detour, clear, dull, occlusion = np.array(
        [(k.arrival.detour, k.arrival.clear, k.arrival.dull, k.occlusion) for k in knots]
    ).T[:, :, None, None]
    distance = np.sqrt(np.einsum("kpmi,kpmi->kpm", offset, offset)) + detour
    spread = left[:, None] / np.maximum(distance, NEAREST)
    gains = np.zeros((3, *distance.shape))
    gains[0], gains[2] = clear * spread, dull * spread
    direct = gains[:, :, :1]
    direct[2] += occlusion * (OCCLUDED * direct[0] - (1.0 - OCCLUDED) * direct[2])
    direct[0] *= 1.0 - occlusion
    if air:
        gains[1] = gains[0] * distance / AIR_DISTANCE
    return distance / SPEED_OF_SOUND, gains


@dataclass(frozen=True)
class Emission:
    """A sound being made: what, from when to when, how loud."""

    table: Wavetable
    start: float
    """When its waveform begins [s]."""
    stop: float = np.inf
    """When it falls silent [s]."""
    gain: float = 1.0
    """Times the level of its waveform."""


def render(emission: Emission, knots: Sequence[Knot], samples: range, *, order: int = 1, air: bool = True) -> Array:
    """The pressure that a sound makes at the microphones.

    Args:
        emission: The sound.
        knots: In order of time; before the first and after the last, all is as there.
        samples: Which samples to make; sample n is at n / rate.
        order: Greatest number of reflections.
        air: Whether air takes away high frequencies.

    Returns:
        (M, len(samples)) float32 pressure [Pa].
    """
    rate = emission.table.rate
    out = np.zeros((len(knots[0].microphones_w), len(samples)), dtype=np.float32)
    knot_times = np.array([knot.time for knot in knots])
    step = round(BLOCK * rate)
    for begin in range(0, len(samples), step):
        block = samples[begin : begin + step]
        first = max(0, int(np.searchsorted(knot_times, block.start / rate, side="right")) - 1)
        last = int(np.searchsorted(knot_times, (block.stop - 1) / rate)) + 1
        near, weights = knots[first:last], _hat(knot_times[first:last], block, rate)
        for run in _runs(near):
            rise = hold = weights[run]
            if len(rise) < len(weights):
                hold = rise.copy()
                hold[0] += weights[: run.start].sum(axis=0)
                hold[-1] += weights[run.stop :].sum(axis=0)
            delays, gains = paths(near[run], order=order, air=air)
            out[:, begin : begin + step] += _sum(emission, block, (delays, hold), (gains, rise))
    return out


def _hat(knots: Array, samples: range, rate: float) -> Array:
    """(K, T) float32 weights that interpolate linearly between values at `knots` (K,) [s]."""
    weights = np.zeros((len(knots), len(samples)), dtype=np.float32)
    places = np.clip(np.ceil(knots * rate - 1e-6).astype(int) - samples.start, 0, len(samples)).tolist()
    weights[0, : places[0]] = 1.0
    for k, (begin, end) in enumerate(pairwise(places)):
        share = (np.arange(begin, end) + (samples.start - knots[k] * rate)) / ((knots[k + 1] - knots[k]) * rate)
        weights[k + 1, begin:end] = share
        weights[k, begin:end] = 1.0 - share
    weights[-1, places[-1] :] = 1.0
    return weights


def _runs(knots: Sequence[Knot]) -> list[slice]:
    """Stretches of knots that continue one another."""
    starts = [0, *(k for k in range(1, len(knots)) if not knots[k].continues(knots[k - 1]))]
    return [slice(a, b) for a, b in zip(starts, [*starts[1:], len(knots)], strict=True)]


def _sum(emission: Emission, samples: range, delays: tuple[Array, Array], gains: tuple[Array, Array]) -> Array:
    """The sum over paths and bands, (M, T) float32.

    This is the inner loop of hearing, so it works in float32 and int32. Places in the table are counted from the latest
    arrival, which keeps them small enough for that.

    Args:
        emission: The sound.
        samples: T of them.
        delays: (K, P, M) [s] and their weights (K, T).
        gains: (B, K, P, M) and their weights (K, T).
    """
    table = emission.table
    delay, (bands, n_knots, n_paths, n_microphones) = delays[0], gains[0].shape
    age = (samples.start / table.rate - emission.start, (samples.stop - 1) / table.rate - emission.start)
    earliest, latest = age[0] - delay.max(), age[1] - delay.min()
    if latest < 0.0 or earliest > emission.stop + FADE - emission.start:
        return np.zeros((n_microphones, len(samples)), dtype=np.float32)
    scale = table.rate * OVERSAMPLING
    longest = np.ceil(delay.max() * scale)
    origin = np.floor(age[0] * scale)
    nearer = (longest + (age[0] * scale - origin)) - delay.reshape(n_knots, -1).T * scale
    fraction = nearer.astype(np.float32) @ delays[1]
    step = fraction.astype(np.int32)
    np.subtract(fraction, step, out=fraction, dtype=np.float32, casting="unsafe")
    base = int(origin - longest) + OVERSAMPLING * np.arange(len(samples))
    switches = earliest < FADE or latest > emission.stop - emission.start
    emitted = (base + step + fraction) / scale if switches else None
    step += table.place(base)
    total = np.zeros((n_microphones, len(samples)), dtype=np.float32)
    for band in range(bands):
        if gains[0][band].any():
            strength = (emission.gain * gains[0][band].reshape(n_knots, -1).T).astype(np.float32) @ gains[1]
            if emitted is not None:
                strength *= _envelope(emitted, emission.stop - emission.start)
            shape = (n_paths, n_microphones, len(samples))
            value = table.read(band, step, fraction)
            total += np.einsum("pmt,pmt->mt", strength.reshape(shape), value.reshape(shape))
    return total


def _envelope(emitted: Array, duration: float) -> Array:
    """How far a sound that lasts from 0 to `duration` [s] is switched on when it is emitted."""
    return np.asarray(
        np.clip(np.minimum(emitted / FADE, (duration - emitted) / FADE + 1.0), 0.0, 1.0), dtype=np.float32
    )

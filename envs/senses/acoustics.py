"""How sound travels: image sources in a box-shaped room, and the streaming of waveforms along paths that move.

Nothing here knows of MuJoCo: positions, a room and gains go in, pressure at microphones comes out.

A path is a delay and a gain from a source to a microphone, directly or by way of walls. The paths are known at *knots*,
the moments at which the geometry was recorded; in between, delays and gains run along straight lines, sample by sample.
The pressure at microphone m is

    p_m(t) = Σ_paths Σ_bands  g_pmb(t) · x_b(t - d_pm(t) - start)

with x_b the waveform's bands (see `wavetable`). As x can be read at any time there is no state: a stretch of sound is
the same whether it is rendered in one piece or in many, so there is nothing to click between control steps, and a
moving source or microphone is heard with its Doppler shift. When the set of paths changes (a doorway is passed), old
paths fade out while new ones fade in between the two knots.

Image sources: Allen and Berkley, "Image method for efficiently simulating small-room acoustics", JASA 65 (1979).
"""

from __future__ import annotations

import itertools
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from yanshi.contracts import Array
from yanshi.envs.senses.wavetable import AIR_DISTANCE, Wavetable
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


@dataclass(frozen=True, kw_only=True)
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

    def images(self, source_w: Array, order: int) -> tuple[Array, Array]:
        """Mirror images of a source in the walls, up to `order` reflections; the source itself comes first.

        Args:
            source_w: (3,) [m]; one outside is moved to the nearest point inside.
            order: Greatest number of reflections.

        Returns:
            Positions (P, 3) [m], and the share of amplitude that the reflections left (P,).
        """
        sign, low_offset, high_offset, reflections = _lattice(order)
        inside = np.clip(source_w, self.low_w, self.high_w)
        positions = sign * inside + low_offset * self.low_w + high_offset * self.high_w
        positions[0] = source_w
        return positions, np.sqrt(1.0 - self.absorption) ** reflections


@lru_cache(maxsize=8)
def _lattice(order: int) -> tuple[Array, Array, Array, Array]:
    """The image lattice: position = sign · source + a · low + b · high, per axis; and how many walls were met.

    Image i of an axis of length L = high - low lies at low + i L + x for even i and low + (i + 1) L - x for odd i, with
    x the source's distance from `low`.
    """
    span = range(-order, order + 1)
    cells = [c for c in itertools.product(span, repeat=3) if sum(map(abs, c)) <= order]
    index = np.array(sorted(cells, key=lambda c: (sum(map(abs, c)), c)), dtype=float).reshape(-1, 3)
    odd = index % 2 == 1
    sign = np.where(odd, -1.0, 1.0)
    high = np.where(odd, index + 1.0, index)
    low = np.where(odd, 1.0 - index, -index)
    return sign, low, high, np.abs(index).sum(axis=1)


@dataclass(frozen=True)
class Paths:
    """How sound gets from one source to M microphones at one moment, by P paths."""

    route: Hashable
    """Paths of the same route at two moments are the same paths, a little later; others are not to be mixed."""
    delays: Array
    """(P, M) [s]."""
    gains: Array
    """(B, P, M) of pressure at 1 m, one for each of `BANDS`."""


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


def paths(
    arrival: Arrival,
    microphones_w: Array,
    room: Shoebox | None = None,
    *,
    order: int = 1,
    occlusion: float = 0.0,
    air: bool = True,
) -> Paths:
    """The paths from a source, or from the doorway through which it is heard, to microphones.

    Args:
        arrival: Where the sound comes from.
        microphones_w: (M, 3) [m].
        room: Which room both are in; None is free field.
        order: Greatest number of reflections.
        occlusion: How much of the direct path is blocked, [0, 1]. What is blocked is low-passed, times `OCCLUDED`.
        air: Whether air takes away high frequencies.

    Returns:
        Delays distance / c and gains 1 / distance × reflections. Their route is that of `arrival`.
    """
    if room is None:
        images, left = np.atleast_2d(arrival.position_w), np.ones(1)
    else:
        images, left = room.images(arrival.position_w, order)
    offset = images[:, None, :] - microphones_w[None, :, :]
    distance = np.sqrt(np.einsum("pmi,pmi->pm", offset, offset)) + arrival.detour
    spread = left[:, None] / np.maximum(distance, NEAREST)
    clear, dull = arrival.clear * spread, arrival.dull * spread
    dull[0] += occlusion * (OCCLUDED * clear[0] - (1.0 - OCCLUDED) * dull[0])
    clear[0] *= 1.0 - occlusion
    lost = clear * distance / AIR_DISTANCE if air else np.zeros_like(clear)
    return Paths(arrival.route, distance / SPEED_OF_SOUND, np.stack([clear, lost, dull]))


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


def render(emission: Emission, knots: Sequence[tuple[float, Paths]], times: Array) -> Array:
    """The pressure that a sound makes at the microphones.

    Args:
        emission: The sound.
        knots: Time [s] and paths at each, in order of time; what is before the first or after the last is as there.
        times: (T,) when to hear, evenly spaced [s].

    Returns:
        (M, T) float32 pressure [Pa].
    """
    out = np.zeros((knots[0][1].delays.shape[1], len(times)), dtype=np.float32)
    knot_times = np.array([time for time, _ in knots])
    step = max(1, round(BLOCK * emission.table.rate))
    for begin in range(0, len(times), step):
        block = times[begin : begin + step]
        first = max(0, int(np.searchsorted(knot_times, block[0], side="right")) - 1)
        last = int(np.searchsorted(knot_times, block[-1])) + 1
        near = knots[first:last]
        weights = _hat(knot_times[first:last], block)
        for route in dict.fromkeys(at.route for _, at in near):
            delays, gains = _along(route, [at for _, at in near])
            out[:, begin : begin + step] += _sum(emission, weights, delays, gains, block)
    return out


def _hat(knots: Array, times: Array) -> Array:
    """(T, K) weights that interpolate linearly between values at `knots` (K,)."""
    weights = np.zeros((len(times), len(knots)))
    if len(knots) == 1:
        weights[:] = 1.0
        return weights
    left = np.clip(np.searchsorted(knots, times, side="right") - 1, 0, len(knots) - 2)
    share = np.clip((times - knots[left]) / (knots[left + 1] - knots[left]), 0.0, 1.0)
    row = np.arange(len(times))
    weights[row, left] = 1.0 - share
    weights[row, left + 1] = share
    return weights


def _along(route: Hashable, at: Sequence[Paths]) -> tuple[Array, Array]:
    """Delays (K, P, M) and gains (K, B, P, M) of one route; where it is not taken, its nearest delays and no gain."""
    taken = np.array([k for k, p in enumerate(at) if p.route == route])
    nearest = taken[np.argmin(np.abs(taken[:, None] - np.arange(len(at))), axis=0)]
    delays = np.stack([at[k].delays for k in nearest])
    gains = np.stack([at[k].gains * (at[here].route == route) for here, k in enumerate(nearest)])
    return delays, gains


def _sum(emission: Emission, weights: Array, delays: Array, gains: Array, times: Array) -> Array:
    """The sum over paths and bands, (M, T) float32, for weights (T, K), delays (K, P, M), gains (K, B, P, M)."""
    knots, n_paths, n_microphones = delays.shape
    table, age = emission.table, times - emission.start
    earliest, latest = age[0] - delays.max(), age[-1] - delays.min()
    if latest < 0.0 or earliest > emission.stop + FADE - emission.start:
        return np.zeros((n_microphones, len(times)), dtype=np.float32)
    emitted = age - delays.reshape(knots, -1).T @ weights.T
    index, fraction = table.locate(emitted)
    weights32 = weights.T.astype(np.float32)
    total = np.zeros(emitted.shape, dtype=np.float32)
    for band in range(gains.shape[1]):
        if gains[:, band].any():
            gain = (emission.gain * gains[:, band].reshape(knots, -1).T).astype(np.float32) @ weights32
            gain *= table.read(band, index, fraction)
            total += gain
    if earliest < FADE or latest > emission.stop - emission.start:
        rising, falling = emitted / FADE, (emission.stop - emission.start - emitted) / FADE + 1.0
        total *= np.clip(np.minimum(rising, falling), 0.0, 1.0)
    return np.asarray(total.reshape(n_paths, n_microphones, -1).sum(axis=0))

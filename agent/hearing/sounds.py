"""Windows of sound to learn hearing from: many rooms, mixtures and levels of noise, by the simulator's acoustics.

Every clip is drawn from its own seed. What is held out is held out by the seed: `HELD_OUT` and above are never trained
on. Sounds are those of the simulated world at slightly other pitches and levels, so that a network learns what a ring
is like and not one waveform by heart.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations

import numpy as np
from scipy.fft import next_fast_len
from scipy.signal import lfilter

from yanshi.contracts import Array
from yanshi.envs.senses.acoustics import Arrival, Knot, Shoebox, paths
from yanshi.envs.senses.contact_sounds import MATERIALS, contact_burst
from yanshi.envs.senses.doorways import Doorway, arrival
from yanshi.envs.senses.microphones import FULL_SCALE, Microphone
from yanshi.envs.senses.waveforms import pascals, waveform, waveforms
from yanshi.envs.senses.wavetable import AIR_DISTANCE, air_loss, dull
from yanshi.perception.hearing.features import (
    BANDS,
    CHANNELS,
    FRAMES,
    RATE,
    Analysis,
    analyse,
    band_power,
    mean_power,
    mel,
    window_samples,
)
from yanshi.perception.hearing.network import CLASSES
from yanshi.perception.hearing.steered import SPEED_OF_SOUND

HELD_OUT = 10_000_000
"""Seeds from here on make clips to measure with; below are those to learn from."""
ARRAY = np.array([[0.04, 0.04, 0.0], [-0.04, 0.04, 0.0], [0.04, -0.04, 0.0], [0.0, 0.0, 0.06]])
"""(4, 3) the microphones of both robots [m]."""
LOOP = 20_000
"""Samples of the loop in which a single burst is heard: longer than a window by the longest delay."""
PITCHES = (0.97, 1.0, 1.03)
VOICE_PITCHES = (0.88, 0.95, 1.0, 1.07, 1.16)
HEARD, NOT_HEARD = 0.0, -6.0
"""A sound whose loudest frame is this far above the noise [dB] is there; one this far, or farther, below is not."""

PLACE_SHARES, COUNT_SHARES = (0.2, 0.45, 0.35), (0.08, 0.5, 0.29, 0.13)
"""How often a clip is of each of `PLACES`, and how often it has none, one, two or three sounds."""
LATE = 0.05
"""How often listening begins within a clip."""
AMBIENT = (28.0, 44.0)
"""How loud the house is [dB SPL]."""
LOW_PASS, HIGH_PASS = (float(np.exp(-2.0 * np.pi * frequency / RATE)) for frequency in (400.0, 100.0))
"""Poles of the filters that make rumble of noise and take it away."""
PRESSURE = float(10.0 ** (Microphone().gain / 20.0)) / FULL_SCALE
"""What a microphone makes of a pascal [full scale]."""


@dataclass(frozen=True, eq=False)
class Scenery:
    """From where one source is heard."""

    arrival: Arrival
    occlusion: float


@dataclass(frozen=True, kw_only=True, eq=False)
class Clip:
    """A window of sound and what is in it."""

    audio: Array
    """(T, 4) float32, full scale 1."""
    present: Array
    """(C,) float32: 1 where a class is heard, 0 where it is not, NaN where nobody could say."""
    directions: Array
    """(C, 3) unit vectors in the frame of the array; NaN where the class is not in the clip."""
    distance: Array
    """(C,) how far the sound has come [m]; NaN where the class is not in the clip."""
    images: Array
    """(C, T, 4) float32, what each class alone makes."""
    place: str
    """``free``, ``room`` or ``doorway``: where the listener is and how sound comes to it."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Example:
    """What the network is shown of a clip, and what it should say."""

    features: Array
    """(channels, frames, bands) float32."""
    present: Array
    """(C,)."""
    masks: Array
    """(C, frames, bands) float32, [0, 1]."""
    distance: Array
    """(C,)."""


def clip(seed: int, *, place: str | None = None, sources: int | None = None) -> Clip:
    """A clip.

    Args:
        seed: What it is drawn from.
        place: ``free``, ``room`` or ``doorway`` for all; drawn if not given.
        sources: How many sounds; drawn if not given.
    """
    rng = np.random.default_rng(seed)
    drawn = str(rng.choice(tuple(PLACES), p=PLACE_SHARES))
    count = int(rng.choice(len(COUNT_SHARES), p=COUNT_SHARES))
    place, count = place or drawn, count if sources is None else sources
    room, listener, turn = room_of(rng)
    samples = window_samples()
    labels = [CLASSES[i] for i in rng.permutation(len(CLASSES))[:count]]
    images = np.zeros((len(CLASSES), samples, len(ARRAY)), dtype=np.float32)
    directions, distance = np.full((len(CLASSES), 3), np.nan), np.full(len(CLASSES), np.nan)
    for label in labels:
        c = CLASSES.index(label)
        knot, directions[c], distance[c] = place_of(rng, place, room, listener, turn)
        images[c] = voiced(rng, label, knot, samples)
    noise = _noise(rng, samples)
    floor = float(np.mean(high_passed(noise) ** 2))
    if rng.random() < LATE:  # What sounded before was not heard.
        late = int(rng.integers(samples // 2))
        images[:, :late], noise[:late] = 0.0, 0.0
    pressure = images.sum(axis=0) + noise
    return Clip(
        audio=np.clip(pressure * PRESSURE, -1.0, 1.0).astype(np.float32),
        present=_present(images, floor), directions=directions, distance=distance, images=images * PRESSURE,
        place=place,
    )  # fmt: skip


def example(made: Clip) -> Example:
    """What the network is shown of a clip."""
    analysis = analyse(made.audio)
    total = band_power(analysis.power)
    masks = np.zeros((len(CLASSES), FRAMES, BANDS), dtype=np.float32)
    for c in np.flatnonzero(np.isfinite(made.distance)):
        own = band_power(mean_power(made.images[c]))
        masks[c] = np.clip(own / (total + 1e-12), 0.0, 1.0) * _in_phase(analysis, made.directions[c])
    return Example(features=analysis.features(), present=made.present, masks=masks, distance=made.distance)


def examples(first: int, count: int) -> dict[str, Array]:
    """`count` examples from the seeds `first`, `first` + 1, …, stacked; masks as bytes of 1/255."""
    made = [example(clip(first + k)) for k in range(count)]
    return {
        "features": np.stack([e.features for e in made]).astype(np.float16).reshape(-1, CHANNELS, FRAMES, BANDS),
        "present": np.stack([e.present for e in made]).astype(np.float32),
        "masks": np.rint(255.0 * np.stack([e.masks for e in made])).astype(np.uint8),
        "distance": np.stack([e.distance for e in made]).astype(np.float32),
    }


def _in_phase(analysis: Analysis, direction: Array) -> Array:
    """(frames, bands) how far the phases are those of a plane wave from `direction`, [0, 1]."""
    pairs = np.array(list(combinations(range(len(ARRAY)), 2)))
    delays = (ARRAY[pairs[:, 1]] - ARRAY[pairs[:, 0]]) @ direction / SPEED_OF_SOUND
    turned = analysis.cross * np.exp(2j * np.pi * np.outer(delays, analysis.frequency)).astype(np.complex64)
    in_phase = turned.real.mean(axis=1) @ mel().T
    size = np.abs(analysis.cross).mean(axis=1) @ mel().T
    shape = (FRAMES, -1, BANDS)
    share = in_phase.reshape(shape).sum(axis=1) / (size.reshape(shape).sum(axis=1) + 1e-12)
    return np.asarray(np.clip(share, 0.0, 1.0))


def room_of(rng: np.random.Generator) -> tuple[Shoebox, Array, Array]:
    """A room, where (3,) in it the array is, and how (3, 3) that is turned."""
    room = _room(rng)
    listener = np.append(rng.uniform(room.low_w[:2] + 0.6, room.high_w[:2] - 0.6), rng.uniform(1.1, 1.5))
    return room, listener, _turn(rng)


def place_of(
    rng: np.random.Generator, place: str, room: Shoebox, listener: Array, turn: Array
) -> tuple[Knot, Array, float]:
    """A source: how it is heard, its direction (3,) in the frame of the array, and how far its sound comes [m]."""
    way = PLACES[place](rng, room, listener)
    knot = Knot(
        time=0.0, arrival=way.arrival, microphones_w=listener + ARRAY @ turn.T,
        room=None if place == "free" else room, occlusion=way.occlusion,
    )  # fmt: skip
    offset = way.arrival.position_w - listener
    away = float(np.linalg.norm(offset))
    return knot, np.asarray(turn.T @ offset / away), way.arrival.detour + away


def _room(rng: np.random.Generator) -> Shoebox:
    return Shoebox(
        low_w=np.zeros(3), high_w=np.append(rng.uniform(2.5, 6.5, 2), rng.uniform(2.3, 2.7)),
        absorption=float(rng.uniform(0.2, 0.5)),
    )  # fmt: skip


def _free(rng: np.random.Generator, room: Shoebox, listener: Array) -> Scenery:
    """Nothing reflects; up to 5 m away."""
    angle, away = rng.uniform(-np.pi, np.pi), float(np.exp(rng.uniform(np.log(0.5), np.log(5.0))))
    place = listener + away * np.array([np.cos(angle), np.sin(angle), 0.0])
    place[2] = rng.uniform(0.2, 1.8)
    return Scenery(Arrival(position_w=place), 0.0)


def _inside(rng: np.random.Generator, room: Shoebox, listener: Array) -> Scenery:
    """In the same room, sometimes behind something."""
    place = listener
    while np.linalg.norm(place[:2] - listener[:2]) < 0.5:
        place = rng.uniform(room.low_w + 0.2, room.high_w - np.array([0.2, 0.2, 0.7]))
    return Scenery(Arrival(position_w=place), _blocked(rng))


def _beyond(rng: np.random.Generator, room: Shoebox, listener: Array) -> Scenery:
    """In the next room: it comes through the doorway in the wall at x = high, whose door may be half closed."""
    depth = rng.uniform(2.5, 5.0)
    middle = rng.uniform(room.low_w[1] + 0.6, room.high_w[1] - 0.6)
    ends = np.array([[room.high_w[0], middle - 0.45], [room.high_w[0], middle + 0.45]])
    doorway = Doorway(rooms=("here", "there"), ends_w=ends, height=2.0)
    source = np.array([
        room.high_w[0] + rng.uniform(0.3, depth), rng.uniform(room.low_w[1], room.high_w[1]), rng.uniform(0.2, 1.8),
    ])  # fmt: skip
    opening = 1.0 if rng.random() < 0.6 else float(rng.uniform(0.1, 1.0))
    return Scenery(arrival(source, "there", listener, "here", [(doorway, opening)]), 0.5 * _blocked(rng))


PLACES: Mapping[str, Callable[[np.random.Generator, Shoebox, Array], Scenery]] = {
    "free": _free, "room": _inside, "doorway": _beyond,
}  # fmt: skip


def _blocked(rng: np.random.Generator) -> float:
    return float(rng.uniform(0.2, 1.0)) if rng.random() < 0.2 else 0.0


def _turn(rng: np.random.Generator) -> Array:
    """(3, 3) how the head is turned: any pan, a little tilt."""
    pan, tilt = rng.uniform(-np.pi, np.pi), rng.uniform(-0.5, 0.5)
    c, s, ct, st = np.cos(pan), np.sin(pan), np.cos(tilt), np.sin(tilt)
    panned = np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])
    tilted = np.array([[ct, 0.0, st], [0.0, 1.0, 0.0], [-st, 0.0, ct]])
    return np.asarray(panned @ tilted)


def voiced(rng: np.random.Generator, label: str, knot: Knot, samples: int) -> Array:
    """(T, M) [Pa] of a sound of a class that is under way, begins or ends within a window."""
    level = 10.0 ** (rng.uniform(-4.0, 4.0) / 20.0)
    if label == "thud":
        material = str(rng.choice(sorted(MATERIALS)))
        struck = contact_burst(material, float(rng.choice((0.03, 0.06, 0.12, 0.3))), RATE)
        loop = np.zeros(LOOP)
        begin = int(rng.integers(samples - 2400))
        struck = struck[: LOOP - begin]
        loop[begin : begin + len(struck)] = struck * float(rng.uniform(0.5, 3.0))
        return np.asarray(level * still(loop, knot)[:samples])
    loop = _loop(label, float(rng.choice(VOICE_PITCHES if label == "voice" else PITCHES)))
    heard = level * still(loop, knot)
    sound = np.resize(np.roll(heard, -int(rng.integers(len(heard))), axis=0), (samples, heard.shape[1]))
    switched = rng.random()
    if switched < 0.1:
        sound[: int(rng.uniform(0.0, 0.5) * RATE)] = 0.0
    elif switched < 0.2:
        sound[int(rng.uniform(0.4, 1.0) * RATE) :] = 0.0
    return sound


def still(loop: Array, knot: Knot) -> Array:
    """What microphones hear of a loop that has sounded for long while nothing moves: (n,) at 1 m → (n, M) [Pa].

    It is `acoustics.render`, worked out over frequency instead of time, which takes a fifth of the computing.
    """
    delays, gains = paths([knot])
    spectrum = np.fft.rfft(loop)
    frequency = np.fft.rfftfreq(len(loop), 1.0 / RATE)
    bands = (np.ones_like(frequency), air_loss(frequency, AIR_DISTANCE) - 1.0, dull(frequency))
    coarse = 128
    # exp(-2πi f d) over evenly spaced frequencies, as products of few.
    step = -2j * np.pi * (RATE / len(loop)) * delays[0].T.ravel()
    rough = np.exp(np.outer(step * coarse, np.arange(-(-len(frequency) // coarse))))
    turned = rough[:, :, None] * np.exp(np.outer(step, np.arange(coarse)))[:, None, :]
    turned = turned.reshape(*delays[0].T.shape, -1)[..., : len(frequency)]
    heard = np.zeros((len(knot.microphones_w), len(frequency)), dtype=complex)
    for band, gain in zip(bands, gains[:, 0], strict=True):
        if gain.any():
            heard += np.einsum("mp,mpf->mf", gain.T, turned) * band
    return np.asarray(np.fft.irfft(heard * spectrum, len(loop), axis=1).T)


@lru_cache(maxsize=64)
def _loop(label: str, pitch: float) -> Array:
    """A waveform that is read faster or more slowly."""
    assert label in waveforms()
    made = waveform(label, RATE)
    n = next_fast_len(round(len(made) / pitch), real=True)  # the pitch that is quick to work out
    n += n % 2
    spectrum = np.zeros(n // 2 + 1, dtype=complex)
    known = np.fft.rfft(made)[: n // 2]
    spectrum[: len(known)] = known
    return np.asarray(np.fft.irfft(spectrum, n) * (n / len(made)))


def _noise(rng: np.random.Generator, samples: int) -> Array:
    """(T, M) pressure [Pa]: the house, low-passed as `Microphones` does, and the microphones themselves."""
    ambient = float(rng.uniform(*AMBIENT))
    white = rng.standard_normal((2, samples + 256, len(ARRAY)))
    rumble = lfilter([np.sqrt(1.0 - LOW_PASS**2)], [1.0, -LOW_PASS], white[0], axis=0)
    return np.asarray((pascals(ambient) * rumble + pascals(Microphone().self_noise) * white[1])[256:])


def _present(images: Array, floor: float) -> Array:
    """(C,) by the loudest 64 ms of a class against the power of noise at the same frequencies, above 100 Hz."""
    present = np.zeros(len(images), dtype=np.float32)
    for c, image in enumerate(images):
        if image.any():
            ratio = 10.0 * np.log10(loudest(high_passed(image))[0] / floor + 1e-12)
            present[c] = 1.0 if ratio >= HEARD else 0.0 if ratio <= NOT_HEARD else np.nan
    return present


def loudest(sound: Array) -> tuple[float, int]:
    """Power of the loudest 64 ms of (T, M), mean over microphones, and the sample at which they end."""
    frame = round(0.064 * RATE)
    n = len(sound) // frame * frame
    power = np.mean(sound[:n].reshape(-1, frame * sound.shape[1]) ** 2, axis=1)
    return float(power.max()), (int(power.argmax()) + 1) * frame


def high_passed(x: Array) -> Array:
    """(T, M) without rumble: first differences with a pole, a high-pass at about 100 Hz."""
    return np.asarray(lfilter([1.0, -1.0], [1.0, -HIGH_PASS], x, axis=-2))

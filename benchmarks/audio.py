"""Seconds of 4-channel sound per second of CPU, beside pyroomacoustics; and how well the two agree.

Both stream the same moving sources to the same moving array in the same shoebox, at the same image order, rate and
block length. The peer is used as fast as we know how: one `ShoeBox` whose sources and microphones are moved, impulse
responses recomputed every block without the high-pass filter, one thread, and overlap-add by batched real FFTs.

Usage: python benchmarks/audio.py [ROUNDS]
"""

from __future__ import annotations

import os

os.environ.setdefault("PRA_NUM_THREADS", "1")  # Its threads only add CPU time at these sizes.

import itertools
import statistics
import sys
import time
from collections.abc import Callable

import numpy as np
import pyroomacoustics as pra
import scipy.fft
from numpy.typing import NDArray

from yanshi.envs.senses.acoustics import SPEED_OF_SOUND, Arrival, Emission, Knot, Shoebox, render
from yanshi.envs.senses.wavetable import Wavetable, wavetable

Array = NDArray[np.float64]
RATE = 16_000
SECONDS = 2.0
READING = 0.1
"""How much sound is handed over at a time [s]."""
ROOM = np.array([6.0, 5.0, 2.4])
ABSORPTION = 0.3
ARRAY = np.array([[0.04, 0.04, 0.0], [-0.04, 0.04, 0.0], [0.04, -0.04, 0.0], [0.0, 0.0, 0.06]])
LABELS = ("ring", "voice", "whistle", "buzz", "beep", "hum", "knock", "ring")


def microphones(t: float) -> Array:
    """The array on a robot that drives at 0.5 m/s."""
    return ARRAY + np.array([2.0 + 0.5 * np.sin(t), 2.0 + 0.5 * np.cos(t), 1.25])


def source(k: int, t: float) -> Array:
    """A source that walks about at up to 1 m/s."""
    return np.array([3.5 + 1.5 * np.sin(0.6 * t + k), 2.5 + 1.2 * np.cos(0.7 * t + 2 * k), 1.0 + 0.3 * np.sin(t + k)])


def ours(n_sources: int, order: int, block: float, moving: bool = True) -> Array:
    """(M, T) by yanshi: the geometry noted at the ends of blocks, the sound rendered a reading at a time."""
    room = Shoebox(low_w=np.zeros(3), high_w=ROOM, absorption=ABSORPTION)
    emissions = [Emission(wavetable(label, float(RATE)), 0.0) for label in LABELS[:n_sources]]
    knots: list[list[Knot]] = [[] for _ in emissions]
    out, done, per_reading = [], 0, round(READING / block)
    for moment in range(round(SECONDS / block) + 1):
        t = moment * block
        array = microphones(t if moving else 0.0)
        for k, noted in enumerate(knots):
            arrival = Arrival(position_w=source(k, t if moving else 0.0))
            noted.append(Knot(time=t, arrival=arrival, microphones_w=array, room=room))
        if moment and moment % per_reading == 0:
            samples = range(done, round(t * RATE))
            sound = [
                render(e, noted, samples, order=order, air=False) for e, noted in zip(emissions, knots, strict=True)
            ]
            out.append(np.sum(sound, axis=0))
            knots, done = [noted[-1:] for noted in knots], samples.stop
    return np.concatenate(out, axis=1)


def peer_room(order: int, n_sources: int) -> pra.ShoeBox:
    """The same room in pyroomacoustics."""
    room = pra.ShoeBox(ROOM, fs=RATE, materials=pra.Material(ABSORPTION), max_order=order, air_absorption=False)
    for k in range(n_sources):
        room.add_source(source(k, 0.0))
    room.add_microphone_array(microphones(0.0).T)
    return room


def peer(n_sources: int, order: int, block: float, moving: bool = True) -> Array:
    """(M, T) by pyroomacoustics: impulse responses at the middle of each block, overlap-add."""
    size, lead = round(block * RATE), pra.constants.get("frac_delay_length") // 2
    total = round(SECONDS * RATE)
    signals = np.stack([np.resize(loop(label), total) for label in LABELS[:n_sources]])
    room = peer_room(order, n_sources)
    out = np.zeros((len(ARRAY), total + 8192))
    for begin in range(0, total, size):
        t = (begin / RATE + block / 2) if moving else 0.0
        for k, s in enumerate(room.sources):
            s.position = source(k, t)
        room.mic_array.R = microphones(t).T
        room.simulator_state["ism_done"] = False
        room.compute_rir()
        longest = max(len(r) for row in room.rir for r in row)
        n = scipy.fft.next_fast_len(size + longest, real=True)
        responses = np.zeros((len(ARRAY), n_sources, longest), dtype=np.float32)
        for m, row in enumerate(room.rir):
            for k, response in enumerate(row):
                responses[m, k, : len(response)] = response
        spectrum = scipy.fft.rfft(responses, n) * scipy.fft.rfft(signals[:, begin : begin + size], n)
        out[:, begin : begin + n] += scipy.fft.irfft(spectrum.sum(axis=1), n)
    return out[:, lead : lead + total]


def exact(n_sources: int, order: int) -> Array:
    """The first half, (M, T / 2), by neither: distances for every sample, the waveform by a 64-point windowed sinc."""
    t = np.arange(round(0.5 * SECONDS * RATE)) / RATE
    room = Shoebox(low_w=np.zeros(3), high_w=ROOM, absorption=ABSORPTION)
    array = np.stack([microphones(x) for x in t])
    out = np.zeros((len(ARRAY), len(t)))
    taps = np.arange(-31, 33)
    for k, label in enumerate(LABELS[:n_sources]):
        x = loop(label)
        images, left = room.images(np.stack([source(k, s) for s in t]), order)
        for p, m in itertools.product(range(len(left)), range(len(ARRAY))):
            distance = np.linalg.norm(images[:, p] - array[:, m], axis=1)
            place = (t - distance / SPEED_OF_SOUND) * RATE
            whole = np.floor(place).astype(int)
            offset = (place - whole)[:, None] - taps
            kernel = np.sinc(offset) * np.cos(np.pi * offset / 66.0) ** 2
            out[m] += np.einsum("ij,ij->i", kernel, x[(whole[:, None] + taps) % len(x)]) * left[p] / distance
    return out


def error(sound: Array, truth: Array) -> float:
    """Power of the difference over power of the sound [dB], without the first tenth of a second, when sound is under
    way.
    """
    part = slice(RATE // 10, truth.shape[1])
    return float(10.0 * np.log10(np.mean((sound[:, part] - truth[:, part]) ** 2) / np.mean(truth[:, part] ** 2)))


_LOOPS: dict[str, Array] = {}


def loop(label: str) -> Array:
    """One period of a waveform; made once, as ours are."""
    from yanshi.envs.senses.waveforms import waveform

    if label not in _LOOPS:
        _LOOPS[label] = waveform(label, float(RATE))
    return _LOOPS[label]


def speed(work: Callable[[], object]) -> float:
    """Seconds of sound per second of CPU."""
    before = time.process_time()
    work()
    return SECONDS / (time.process_time() - before)


def spread(values: list[float]) -> str:
    return f"{statistics.median(values):.1f} ({min(values):.1f} … {max(values):.1f})"


def speeds(rounds: int) -> None:
    print(
        "Seconds of 4-channel sound (16 kHz) per second of CPU, for sources and a robot that move; median (min … max)\n"
        "of alternating rounds. A block is how often the geometry is taken anew. The error is the power of the\n"
        "difference to the field worked out sample by sample, over the power of the field: pyroomacoustics holds an\n"
        "impulse response for a block and then jumps; yanshi lets delays and gains run from one to the next.\n"
    )
    print("| sources | image order | block [ms] | yanshi | pyroomacoustics | ratio | error: yanshi | pyroomacoustics |")
    print("|---:|---:|---:|---:|---:|---:|---:|---:|")
    for n_sources, order, block in ((1, 1, 0.02), (3, 1, 0.02), (3, 1, 0.1), (3, 2, 0.02), (3, 2, 0.1), (8, 1, 0.02)):
        truth = exact(n_sources, order)
        errors = [error(f(n_sources, order, block), truth) for f in (ours, peer)]
        pairs = [
            (speed(lambda: ours(n_sources, order, block)), speed(lambda: peer(n_sources, order, block)))  # noqa: B023
            for _ in range(rounds)
        ]
        mine, theirs = ([p[i] for p in pairs] for i in (0, 1))
        ratio = [a / b for a, b in pairs]
        print(
            f"| {n_sources} | {order} | {block * 1e3:.0f} | {spread(mine)} | {spread(theirs)} | {spread(ratio)} "
            f"| {errors[0]:.0f} dB | {errors[1]:.0f} dB |"
        )


def peak(response: Array, near: float) -> tuple[float, float]:
    """Place [samples] and height of the greatest peak within 6 samples of `near`, between samples."""
    low = int(near) - 32
    fine = scipy.fft.irfft(scipy.fft.rfft(response[low : low + 64] * np.hanning(64)), 64 * 32) * 32
    middle = round((near - low) * 32)
    part = fine[middle - 6 * 32 : middle + 6 * 32]
    k = int(np.argmax(part))
    return low + (middle - 6 * 32 + k) / 32, float(part[k])


def agreement(places: int) -> None:
    """Delays and levels of direct and first-order paths, measured on both impulse responses."""
    rng = np.random.default_rng(0)
    lead = pra.constants.get("frac_delay_length") // 2
    impulse = np.zeros(RATE)
    impulse[0] = 1.0
    table = Wavetable(impulse, float(RATE), periodic=True)
    box = Shoebox(low_w=np.zeros(3), high_w=ROOM, absorption=ABSORPTION)
    delays, levels = [], []
    for _ in range(places):
        at, array = rng.uniform(0.3, ROOM - 0.3), ARRAY + rng.uniform(0.5, ROOM - 0.5)
        room = pra.ShoeBox(ROOM, fs=RATE, materials=pra.Material(ABSORPTION), max_order=1, air_absorption=False)
        room.add_source(at)
        room.add_microphone_array(array.T)
        room.compute_rir()
        here = Knot(time=0.0, arrival=Arrival(position_w=at), microphones_w=array, room=box)
        response = render(Emission(table, 0.0), [here], range(RATE, RATE + 2048), air=False)
        for m in range(len(ARRAY)):
            images = room.sources[0].images
            expected = np.sort(np.linalg.norm(images - array[m][:, None], axis=0)) / SPEED_OF_SOUND * RATE
            alone = [e for e in expected if e > 40 and np.sort(np.abs(expected - e))[1] > 24]
            theirs = np.pad(room.rir[m][0][lead:], (0, 4096))
            for e in alone:
                (a, high_a), (b, high_b) = peak(response[m], e), peak(theirs, e)
                delays.append(abs(a - b))
                levels.append(abs(20.0 * np.log10(high_a / high_b)))
    print(
        f"\nDirect and first-order arrivals that stand alone, {len(delays)} of them, {places} places, 4 microphones:\n"
    )
    print("| | median difference | greatest | required |")
    print("|---|---:|---:|---:|")
    print(f"| delay [samples] | {statistics.median(delays):.3f} | {max(delays):.3f} | 1 |")
    print(f"| level [dB] | {statistics.median(levels):.3f} | {max(levels):.3f} | 1 |")
    still = [f(3, 1, 0.1, moving=False)[:, RATE // 2 :] for f in (ours, peer)]
    print(f"\nThree sources that stand still, streamed by both: they differ by {error(*still):.0f} dB of the sound.")


def main() -> None:
    pra.constants.set("rir_hpf_enable", False)
    speeds(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
    agreement(places=12)


if __name__ == "__main__":
    main()

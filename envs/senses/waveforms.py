"""What things sound like: waveforms made by rule, without recordings. Each is a loop, in pascals at 1 m.

A loop is periodic by construction, so the sound at any moment is known without the moments before it. That is what
makes exact, stateless streaming possible (see `wavetable`).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from yanshi.contracts import Array
from yanshi.envs.senses.voice import call
from yanshi.errors import UnknownNameError

BAND = (7000.0, 7800.0)
"""Sound is passed up to the first frequency and fades to nothing at the second [Hz]."""
REFERENCE_PRESSURE = 2e-5
"""0 dB SPL [Pa]."""

LEVEL = {"ring": 78.0, "beep": 74.0, "whistle": 80.0, "buzz": 70.0, "hum": 52.0, "knock": 76.0, "voice": 74.0}
"""dB SPL at 1 m while it sounds (the root mean square of the loudest tenth of the loop)."""


def pascals(level: float) -> float:
    """Root-mean-square pressure [Pa] of a level [dB SPL]."""
    return float(REFERENCE_PRESSURE * 10.0 ** (level / 20.0))


def waveforms() -> tuple[str, ...]:
    """The names of all waveforms."""
    return tuple(_MAKERS)


def waveform(label: str, rate: float) -> Array:
    """One period of a sound.

    Args:
        label: ``ring``, ``beep``, ``whistle``, ``buzz``, ``hum``, ``knock`` or ``voice``.
        rate: Sample rate [Hz], at least 16 kHz.

    Returns:
        (n,) float64 pressure at 1 m [Pa]; it repeats for ever and has no content above `BAND`.

    Raises:
        UnknownNameError: If there is no such waveform.
    """
    if label not in _MAKERS:
        raise UnknownNameError("waveform", label, _MAKERS)
    raw = band_limit(_MAKERS[label](rate), rate)
    frame = max(1, round(0.02 * rate))
    power = np.sort(np.mean(raw[: len(raw) // frame * frame].reshape(-1, frame) ** 2, axis=1))
    loud = float(np.sqrt(np.mean(power[-max(1, len(power) // 10) :])))
    return raw * (pascals(LEVEL[label]) / loud)


def band_limit(loop: Array, rate: float) -> Array:
    """A periodic loop (n,) without anything above `BAND`, and without a constant part."""
    spectrum = np.fft.rfft(loop)
    frequency = np.fft.rfftfreq(len(loop), 1.0 / rate)
    low, high = BAND
    fade = np.clip((high - frequency) / (high - low), 0.0, 1.0)
    spectrum *= 0.5 - 0.5 * np.cos(np.pi * fade)
    spectrum[0] = 0.0
    return np.asarray(np.fft.irfft(spectrum, len(loop)))


def _seconds(duration: float, rate: float) -> Array:
    return np.arange(round(duration * rate)) / rate


def _gate(t: Array, start: float, stop: float, rise: float, fall: float) -> Array:
    """1 between two times [s], with raised-cosine edges of the given lengths [s] outside of them."""
    up = np.clip((t - start) / rise + 1.0, 0.0, 1.0)
    down = np.clip((stop - t) / fall + 1.0, 0.0, 1.0)
    return (0.5 - 0.5 * np.cos(np.pi * up)) * (0.5 - 0.5 * np.cos(np.pi * down))


def _noise(n: int, rate: float, response: Callable[[Array], Array]) -> Array:
    """Periodic noise (n,) of unit variance with a given magnitude response over frequency [Hz]; always the same."""
    spectrum = np.fft.rfft(np.random.default_rng(n).standard_normal(n))
    spectrum *= response(np.fft.rfftfreq(n, 1.0 / rate))
    out = np.fft.irfft(spectrum, n)
    return np.asarray(out / np.std(out))


def _ring(rate: float) -> Array:
    """An electronic telephone bell: two tones that take turns 20 times a second, twice 0.4 s in 2 s."""
    t = _seconds(2.0, rate)
    turn = 0.5 + 0.5 * np.tanh(6.0 * np.sin(2 * np.pi * 20.0 * t))
    tones = [sum(np.sin(2 * np.pi * f * k * t) / k for k in (1, 2, 3, 4)) for f in (1050.0, 1350.0)]
    gate = _gate(t, 0.02, 0.42, 0.01, 0.05) + _gate(t, 0.62, 1.02, 0.01, 0.05)
    return np.asarray((turn * tones[0] + (1.0 - turn) * tones[1]) * gate)


def _beep(rate: float) -> Array:
    """An alarm clock: four square-wave pips of 2 kHz a second."""
    t = _seconds(1.0, rate)
    tone = np.sin(2 * np.pi * 2000.0 * t) + np.sin(2 * np.pi * 6000.0 * t) / 3.0
    pips = [_gate(t, 0.01 + 0.13 * k, 0.075 + 0.13 * k, 0.004, 0.008) for k in range(4)]
    return np.asarray(tone * np.sum(pips, axis=0))


def _whistle(rate: float) -> Array:
    """A kettle: a wavering tone, its octave, and the hiss of steam."""
    t = _seconds(2.0, rate)
    phase = 2 * np.pi * 2300.0 * t + 9.0 * np.sin(2 * np.pi * 5.0 * t) + 14.0 * np.sin(2 * np.pi * 1.5 * t)
    hiss = _noise(len(t), rate, lambda f: 1.0 / (1.0 + ((f - 4500.0) / 2000.0) ** 2))
    return np.sin(phase) + 0.25 * np.sin(2 * phase) + 0.2 * hiss


def _buzz(rate: float) -> Array:
    """A mains buzzer: all harmonics of 110 Hz, falling slowly, rough with 27 Hz."""
    t = _seconds(1.0, rate)
    tone = sum(np.cos(2 * np.pi * 110.0 * k * t + 0.7 * k * k) / k**0.6 for k in range(1, 50))
    return np.asarray(tone * (1.0 + 0.35 * np.sin(2 * np.pi * 27.0 * t)))


def _hum(rate: float) -> Array:
    """A motor: low harmonics of 60 Hz and a little rush of air."""
    t = _seconds(2.0, rate)
    strengths = {60: 0.5, 120: 1.0, 180: 0.35, 240: 0.6, 360: 0.4, 480: 0.25, 600: 0.15, 720: 0.12, 960: 0.08}
    tone = sum(a * np.sin(2 * np.pi * f * t + 0.1 * f) for f, a in strengths.items())
    rush = _noise(len(t), rate, lambda f: 1.0 / (1.0 + (f / 500.0) ** 2))
    return tone * (1.0 + 0.1 * np.sin(2 * np.pi * 2.0 * t)) + 0.25 * rush


def _knock(rate: float) -> Array:
    """Knuckles on a wooden door, three times in 2 s."""
    t = _seconds(2.0, rate)
    out = np.zeros_like(t)
    for start in (0.02, 0.20, 0.38):
        after = np.maximum(t - start, 0.0)
        attack = 1.0 - np.exp(-after / 0.0008)
        for frequency, decay, strength in (
            (170.0, 0.030, 1.0),
            (340.0, 0.022, 0.7),
            (610.0, 0.014, 0.6),
            (1150.0, 0.007, 0.5),
        ):
            out += strength * attack * np.exp(-after / decay) * np.sin(2 * np.pi * frequency * after)
    return out


_MAKERS: dict[str, Callable[[float], Array]] = {
    "ring": _ring,
    "beep": _beep,
    "whistle": _whistle,
    "buzz": _buzz,
    "hum": _hum,
    "knock": _knock,
    "voice": call,
}

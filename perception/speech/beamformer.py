"""Several microphones made into one that listens in one direction (delay and sum)."""

from __future__ import annotations

import numpy as np

from yanshi.contracts import Array
from yanshi.errors import SenseError
from yanshi.perception.hearing.steered import SPEED_OF_SOUND, srp_phat

LOOK = 1.0
"""The direction is read from the loudest stretch of this length [s]."""


def beamform(audio: Array, rate: float, microphones_s: Array | None) -> Array:
    """One channel in which what comes from the direction of the loudest stretch adds up, and noise does not.

    Args:
        audio: (T, M) float, full scale 1.
        rate: [Hz].
        microphones_s: (M, 3) [m]; without them, the channel with the most sound above its noise is taken.

    Returns:
        (T,).

    Raises:
        SenseError: The sound cannot be used.
    """
    if audio.ndim != 2 or not audio.size:
        raise SenseError(f"Speech: expected sound (T, M), got {audio.shape}.")
    if not np.isfinite(audio).all():
        raise SenseError("Speech: expected finite samples, got NaN or infinity.")
    if microphones_s is None or len(microphones_s) < 2:
        return best_channel(audio, rate)
    if microphones_s.shape != (audio.shape[1], 3):
        raise SenseError(f"Speech: expected {len(microphones_s)} channels, got {audio.shape[1]}.")
    bearing = srp_phat(_loudest(audio, rate), rate, microphones_s)
    early = microphones_s @ bearing.direction_s / SPEED_OF_SOUND
    n = len(audio) + round(0.01 * rate)
    frequency = np.fft.rfftfreq(n, 1.0 / rate)
    aligned = np.fft.rfft(audio, n, axis=0) * np.exp(-2j * np.pi * frequency[:, None] * early)
    return np.asarray(np.fft.irfft(aligned.mean(axis=1), n)[: len(audio)])


def best_channel(audio: Array, rate: float) -> Array:
    """(T,) the channel whose loud stretches stand out most from its quiet ones."""
    frame = max(1, round(0.02 * rate))
    n = len(audio) // frame * frame
    if n < 10 * frame:
        return np.asarray(audio[:, 0])
    power = np.mean(audio[:n].reshape(-1, frame, audio.shape[1]) ** 2, axis=1)
    ratio = np.quantile(power, 0.9, axis=0) / (np.quantile(power, 0.1, axis=0) + 1e-12)
    return np.asarray(audio[:, int(np.argmax(ratio))])


def _loudest(audio: Array, rate: float) -> Array:
    size = round(LOOK * rate)
    if len(audio) <= size:
        return audio
    energy = np.concatenate([[0.0], np.cumsum(np.sum(audio**2, axis=1))])
    first = int(np.argmax(energy[size:] - energy[:-size]))
    return audio[first : first + size]

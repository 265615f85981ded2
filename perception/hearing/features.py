"""What a window of sound is to the network: how strong each mel band is and how well the microphones agree in it.

Neither knows where the microphones are: a network that learned on one array hears with another.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations

import numpy as np

from yanshi.contracts import Array
from yanshi.perception.encoders.sound_cnn import mel_filters
from yanshi.perception.hearing.spectra import WINDOW, spectra

RATE = 16_000.0
"""[Hz]"""
FRAMES = 30
"""Frames of a window."""
POOL = 2
"""Analysis windows of one frame."""
BANDS = 40
"""Mel bands."""
HOP = WINDOW / 2.0
"""Between analysis windows [s]."""
CHANNELS = 2
"""Of the features: level, agreement."""
QUIET = 1e-10
"""Least power [full scale²]."""


def window_samples() -> int:
    """Samples that a window of `FRAMES` has."""
    return round((WINDOW + (FRAMES * POOL - 1) * HOP) * RATE)


@lru_cache(maxsize=1)
def mel() -> Array:
    """(`BANDS`, K) float32 triangles."""
    return mel_filters(BANDS, round(WINDOW * RATE), RATE)


@dataclass(frozen=True, eq=False)
class Analysis:
    """A window of sound, taken apart once for all that is asked of it."""

    power: Array
    """(N, K) float32, mean over microphones [full scale²]."""
    cross: Array
    """(N, P, K) complex64 cross-spectra X_i X_j* of all pairs i < j."""
    frequency: Array
    """(K,) [Hz]."""

    def features(self) -> Array:
        """(`CHANNELS`, `FRAMES`, `BANDS`) float32, about [-1, 1]: the logarithm of power, and the share of cross-power
        whose phase agrees within a band and frame, mean over pairs.
        """
        level = (np.log10(_pool(self.power @ mel().T) / POOL + QUIET) + 5.0) / 5.0
        size = _pool(np.abs(self.cross) @ mel().T)
        real, imaginary = (_pool(np.ascontiguousarray(part) @ mel().T) for part in (self.cross.real, self.cross.imag))
        agreement = np.mean(np.sqrt(real**2 + imaginary**2) / (size + QUIET), axis=1)
        return np.stack([level, agreement]).astype(np.float32)


def analyse(audio: Array) -> Analysis:
    """Take apart a window (`window_samples()`, M) at `RATE`."""
    found, frequency = spectra(np.asarray(audio, dtype=np.float32), RATE)
    found = found.astype(np.complex64)
    pairs = np.array(list(combinations(range(audio.shape[1]), 2)))
    cross = found[:, pairs[:, 0]] * found[:, pairs[:, 1]].conj()
    return Analysis(np.mean(found.real**2 + found.imag**2, axis=1), cross, frequency)


def mean_power(audio: Array) -> Array:
    """(N, K) power of a window, mean over microphones: what `analyse` has of it, without the rest."""
    found, _ = spectra(np.asarray(audio, dtype=np.float32), RATE)
    return np.asarray(np.mean(found.real**2 + found.imag**2, axis=1))


def band_power(power: Array) -> Array:
    """(`FRAMES`, `BANDS`) power of (N, K)."""
    return _pool(power @ mel().T) / POOL


def spread(masks: Array) -> Array:
    """Masks (…, `FRAMES`, `BANDS`) at every analysis window and bin (…, N, K)."""
    filters = mel()
    back = filters / np.maximum(filters.sum(axis=0), 1e-6)
    return np.asarray(np.repeat(masks @ back, POOL, axis=-2), dtype=np.float32)


def _pool(values: Array) -> Array:
    """Sums of `POOL` windows each, over the first axis."""
    n = len(values) // POOL
    return np.asarray(values[: n * POOL].reshape(n, POOL, *values.shape[1:]).sum(axis=1))

"""WAV files: whatever they hold, one channel at one rate comes out."""

from __future__ import annotations

import warnings
from math import gcd
from pathlib import Path

import numpy as np
from scipy.io import wavfile
from scipy.signal import resample_poly

from yanshi.contracts import Array
from yanshi.errors import InputError

LONGEST = 30.0
"""[s]; a command is no lecture."""
SILENCE = 1e-4
"""A recording whose peak is below this share of full scale holds no words."""


def read_wav(path: Path, rate: float = 16_000.0) -> Array:
    """The mean of all channels of a WAV file.

    Args:
        path: 8 to 32 bits or float, any rate.
        rate: Wanted [Hz].

    Returns:
        (T,) float64, full scale 1.

    Raises:
        InputError: It is not there, no WAV, silent, or too long.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", wavfile.WavFileWarning)
            own, data = wavfile.read(path)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error}).") from error
    except (ValueError, TypeError, EOFError) as error:
        raise InputError(f"{path}: expected a WAV file ({str(error).splitlines()[0]}).") from error
    sound = _scaled(np.asarray(data))
    sound = sound.reshape(len(sound), -1).mean(axis=1)
    if not len(sound) or own <= 0:
        raise InputError(f"{path}: expected sound, got an empty file.")
    if not np.isfinite(sound).all():
        raise InputError(f"{path}: expected finite samples, got NaN or infinity.")
    if len(sound) / own > LONGEST:
        raise InputError(f"{path}: expected at most {LONGEST:.0f} s, got {len(sound) / own:.0f} s.")
    if np.abs(sound).max() < SILENCE:
        raise InputError(f"{path}: expected words, got silence.")
    if own == rate:
        return np.asarray(sound)
    shared = gcd(int(own), round(rate))
    return np.asarray(resample_poly(sound, round(rate) // shared, int(own) // shared))


def _scaled(data: Array) -> Array:
    """Full scale 1."""
    if data.dtype == np.uint8:
        return np.asarray((data.astype(np.float64) - 128.0) / 128.0)
    if np.issubdtype(data.dtype, np.integer):
        return np.asarray(data / float(2 ** (8 * data.dtype.itemsize - 1)))
    return np.asarray(data, dtype=np.float64)

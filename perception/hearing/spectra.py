"""Sound over time and frequency: short-time spectra of every microphone, and a picture of them to look at."""

from __future__ import annotations

import numpy as np

from yanshi.contracts import Array

WINDOW = 0.032
"""Length of an analysis window [s]; windows overlap by half."""
FLOOR = -100.0
"""Least level in a spectrogram [dB re full scale]."""


def spectra(audio: Array, rate: float) -> tuple[Array, Array]:
    """Short-time spectra.

    Args:
        audio: (T, M) float, full scale 1.
        rate: Sample rate [Hz].

    Returns:
        Spectra (N, M, K) complex of windows, a full-scale sine having magnitude 1, and the frequency of each bin (K,)
        [Hz]. N is 0 if the audio is shorter than a window.
    """
    size = round(WINDOW * rate)
    window = np.hanning(size + 1)[:size]
    frequency = np.fft.rfftfreq(size, 1.0 / rate)
    if len(audio) < size:
        return np.zeros((0, audio.shape[1], len(frequency)), dtype=np.complex64), frequency
    clips = np.lib.stride_tricks.sliding_window_view(audio, size, axis=0)[:: size // 2]
    return np.fft.rfft(clips * window, axis=2) * (2.0 / window.sum()), frequency


def log_spectrogram(audio: Array, rate: float) -> Array:
    """Power over time and frequency.

    Args:
        audio: (T, M) float, full scale 1.
        rate: Sample rate [Hz].

    Returns:
        (N, K) float32 [dB; a full-scale sine has 0], mean over microphones: window n is centred at
        (n + 1) · `WINDOW` / 2, bin k is at k / `WINDOW` Hz. N is 0 if the audio is shorter than a window.
    """
    power = np.mean(np.abs(spectra(audio, rate)[0]) ** 2, axis=1)
    return np.asarray(np.maximum(10.0 * np.log10(power + 1e-30), FLOOR), dtype=np.float32)

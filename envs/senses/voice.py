"""A calling voice, "hello?", from a source and a filter: glottal pulses through the moving resonances of a vocal tract.

This is the cascade branch of Klatt (JASA 67, 1980) with five formants. The voice is nobody's: nothing was recorded.
"""

from __future__ import annotations

import numpy as np
from scipy.signal import lfilter

from yanshi.contracts import Array

PERIOD = 2.0
"""One call and a pause [s]."""

# time [s]: fundamental [Hz], voicing, breath, formants F1…F4 [Hz]. The shapes are of an adult voice calling "hello".
_SCORE = (
    (0.02, 175.0, 0.0, 0.0, 560.0, 1750.0, 2500.0, 3500.0),
    (0.06, 175.0, 0.0, 0.6, 560.0, 1750.0, 2500.0, 3500.0),
    (0.12, 180.0, 0.2, 0.6, 560.0, 1750.0, 2500.0, 3500.0),
    (0.16, 190.0, 0.9, 0.1, 580.0, 1750.0, 2500.0, 3500.0),
    (0.26, 200.0, 1.0, 0.03, 560.0, 1650.0, 2500.0, 3500.0),
    (0.32, 205.0, 0.6, 0.02, 380.0, 1050.0, 2700.0, 3400.0),
    (0.38, 215.0, 0.6, 0.02, 370.0, 980.0, 2700.0, 3400.0),
    (0.44, 240.0, 1.0, 0.03, 560.0, 980.0, 2450.0, 3400.0),
    (0.60, 270.0, 1.0, 0.03, 540.0, 920.0, 2400.0, 3350.0),
    (0.80, 240.0, 0.8, 0.04, 430.0, 820.0, 2350.0, 3300.0),
    (0.92, 215.0, 0.0, 0.02, 400.0, 800.0, 2350.0, 3300.0),
    (1.00, 210.0, 0.0, 0.0, 400.0, 800.0, 2350.0, 3300.0),
)
_BANDWIDTHS = (70.0, 90.0, 130.0, 180.0, 250.0)
_FIFTH_FORMANT = 4400.0
_SUBFRAME = 0.005


def call(rate: float) -> Array:
    """One period of the call: (n,) pressure, of no particular level, silent at both ends."""
    n = round(PERIOD * rate)
    score = np.array(_SCORE)
    t = np.arange(n) / rate
    f0, voicing, breath, *formants = (np.interp(t, score[:, 0], column) for column in score[:, 1:].T)
    f0 = f0 * (1.0 + 0.012 * np.sin(2 * np.pi * 5.5 * t))
    source = voicing * _glottis(f0, rate)
    source += 0.12 * breath * np.random.default_rng(1980).standard_normal(n)
    for frequency, bandwidth in zip((*formants, np.full(n, _FIFTH_FORMANT)), _BANDWIDTHS, strict=True):
        source = _resonate(source, frequency, bandwidth, rate)
    return np.asarray(source * np.clip((PERIOD - t) / 0.02, 0.0, 1.0))


def _glottis(f0: Array, rate: float) -> Array:
    """The derivative of the air flow through the glottis (n,); it opens over 40 % and closes over 16 % of a cycle.

    Rosenberg, "Effect of glottal pulse shape on the quality of natural vowels", JASA 49 (1971), shape C.
    """
    phase = np.cumsum(f0 / rate) % 1.0
    opening = 0.5 * (1.0 - np.cos(np.pi * phase / 0.40))
    closing = np.cos(0.5 * np.pi * (phase - 0.40) / 0.16)
    flow = np.where(phase < 0.40, opening, np.where(phase < 0.56, closing, 0.0))
    derivative = np.diff(flow, prepend=flow[:1]) * rate / f0
    return np.asarray(derivative - np.mean(derivative))


def _resonate(signal: Array, frequency: Array, bandwidth: float, rate: float) -> Array:
    """A two-pole resonance of unit gain at 0 Hz, whose frequency (n,) moves; constant within 5 ms."""
    out = np.empty_like(signal)
    state = np.zeros(2)
    step = max(1, round(_SUBFRAME * rate))
    radius = np.exp(-np.pi * bandwidth / rate)
    for start in range(0, len(signal), step):
        part = slice(start, start + step)
        a1, a2 = -2.0 * radius * np.cos(2 * np.pi * frequency[start] / rate), radius**2
        out[part], state = lfilter([1.0 + a1 + a2], [1.0, a1, a2], signal[part], zi=state)
    return out

"""Sounds at any moment: tables from which a waveform is read at arbitrary, fractional times.

A delay line interpolates what was, sample by sample, with a long filter for every path. Ours are waveforms that are
known in advance, so the filtering is done once: a loop is interpolated 16-fold by its own Fourier series (exact for a
periodic, band-limited signal), and between the fine samples a straight line is enough. At 7 kHz and 16 kHz sampling the
remaining error is below -48 dB, at 2 kHz below -70 dB (the worst case of linear interpolation is (2 π f / 16 rate)² /
8).

Filters along the way (air, obstacles) are done once too. A table holds bands of the same sound, and a path mixes them:

    clear   the sound as it is
    air     minus what `AIR_DISTANCE` of air takes away
    dull    what comes around or through an obstacle
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from yanshi.contracts import Array
from yanshi.envs.senses.waveforms import waveform

OVERSAMPLING = 16
BANDS = ("clear", "air", "dull")
AIR_DISTANCE = 10.0
"""The air band is what is lost over this distance [m]; for others it is scaled in proportion."""
AIR_ABSORPTION = 0.105 / (20.0 * np.log10(np.e)) / 8000.0**2
"""Loss of amplitude in air [1/m for each Hz²]: 0.105 dB/m at 8 kHz."""
DULL_CORNER = 700.0
"""Corner of the low-pass of an obstacle [Hz]."""
MARGIN = 0.5
"""How much of the loop is repeated at the end of a table [s]: a block of samples and its delays must fit into it."""


def air_loss(frequency: Array, distance: float) -> Array:
    """Amplitude that is left after `distance` [m] of room air (20 °C, half-humid).

    Absorption grows with the square of frequency; ISO 9613-1 gives 0.104 dB/m at 8 kHz, 0.029 at 4 kHz, 0.010 at 2 kHz.
    """
    return np.asarray(np.exp(-AIR_ABSORPTION * np.square(frequency) * distance))


def dull(frequency: Array) -> Array:
    """Amplitude that is left behind an obstacle."""
    return np.asarray(1.0 / (1.0 + (frequency / DULL_CORNER) ** 2))


FAR = 2**30
"""A fine sample that is far outside of any table, and still an int32 when a block is added to it."""
LEAD = 2
"""Fine samples of silence before a sound that is not periodic."""


class Wavetable:
    """One sound, ready to be read at any time."""

    def __init__(self, samples: Array, rate: float, *, periodic: bool) -> None:
        """Prepare `samples` (n,) [Pa at 1 m] at `rate` [Hz]; one that is not periodic is silent before and after."""
        if not periodic:
            samples = np.concatenate([samples, np.zeros(len(samples) // 4)])
        self.rate = rate
        self.periodic = periodic
        self.duration = len(samples) / rate
        """Of the loop, or until a sound that is not periodic is over [s]."""
        self._samples = samples
        self._bands: dict[int, Array] = {}

    def place(self, index: Array) -> Array:
        """Where fine samples (T,) int64, counted from the start of the sound, are in the table; int32.

        A loop is wound back as a whole, so that rising indices stay rising; all must lie within `MARGIN`.
        """
        if self.periodic:
            period = len(self._samples) * OVERSAMPLING
            return np.asarray(index - index[0] // period * period, dtype=np.int32)
        return np.asarray(np.clip(index + LEAD, -FAR, FAR), dtype=np.int32)

    def read(self, band: int, index: Array, fraction: Array) -> Array:
        """The values of a band, float32.

        Args:
            band: Which of `BANDS`.
            index: Any shape, from `place`; outside of a sound that is not periodic is silence.
            fraction: float32 of the way to the next fine sample.
        """
        value = self.band(band).take(index, mode="clip").view(np.float32).reshape(*index.shape, 2)
        between: Array = fraction * value[..., 1]
        between += value[..., 0]
        return between

    def band(self, index: int) -> Array:
        """(n,) complex64: the value at each fine sample and, as imaginary part, the step to the next."""
        if index not in self._bands:
            self._bands[index] = self._make(BANDS[index])
        return self._bands[index]

    def _make(self, band: str) -> Array:
        n = len(self._samples)
        spectrum = np.fft.rfft(self._samples)
        frequency = np.fft.rfftfreq(n, 1.0 / self.rate)
        if band == "air":
            spectrum *= air_loss(frequency, AIR_DISTANCE) - 1.0
        elif band == "dull":
            spectrum *= dull(frequency)
        fine = np.fft.irfft(spectrum, n * OVERSAMPLING) * OVERSAMPLING
        margin = round(MARGIN * self.rate) * OVERSAMPLING
        if self.periodic:
            fine = np.concatenate([fine, np.resize(fine, margin + 1)])
        else:
            fine[-1] = 0.0
            fine = np.concatenate([np.zeros(LEAD), fine, np.zeros(2)])
        table = np.empty(len(fine) - 1, dtype=np.complex64)
        table.real = fine[:-1]
        table.imag = np.diff(fine)
        return table


@lru_cache(maxsize=32)
def wavetable(label: str, rate: float) -> Wavetable:
    """The table of a named waveform at a sample rate [Hz]; made once. Raises: UnknownNameError."""
    return Wavetable(waveform(label, rate), rate, periodic=True)

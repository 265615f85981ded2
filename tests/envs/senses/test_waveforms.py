"""Waveforms, and the tables from which they are read."""

import numpy as np
import pytest
from scipy.signal import resample

from yanshi.envs.senses.waveforms import BAND, LEVEL, REFERENCE_PRESSURE, waveform, waveforms
from yanshi.envs.senses.wavetable import OVERSAMPLING, Wavetable, air_loss, wavetable
from yanshi.errors import UnknownNameError

RATE = 16_000.0


@pytest.mark.parametrize("label", waveforms())
def test_waveform_is_periodic_band_limited_and_as_loud_as_it_says(label: str) -> None:
    loop = waveform(label, RATE)
    power = np.abs(np.fft.rfft(np.tile(loop, 2))) ** 2
    frequency = np.fft.rfftfreq(2 * len(loop), 1.0 / RATE)
    assert power[frequency > BAND[1]].sum() < 1e-12 * power.sum()
    assert power[1::2].sum() < 1e-12 * power.sum()  # Two periods hold even harmonics alone.
    frames = np.sqrt(np.mean(loop[: len(loop) // 320 * 320].reshape(-1, 320) ** 2, axis=1))
    loudest = 20.0 * np.log10(np.sort(frames)[-max(1, len(frames) // 20)] / REFERENCE_PRESSURE)
    assert loudest == pytest.approx(LEVEL[label], abs=3.0)
    assert np.array_equal(loop, waveform(label, RATE))


@pytest.mark.parametrize(
    ("label", "expected"), [("beep", 2000.0), ("whistle", 2300.0), ("buzz", 110.0), ("hum", 120.0)]
)
def test_waveform_has_its_pitch(label: str, expected: float) -> None:
    loop = waveform(label, RATE)
    strongest = np.fft.rfftfreq(len(loop), 1.0 / RATE)[np.argmax(np.abs(np.fft.rfft(loop)))]
    assert strongest == pytest.approx(expected, rel=0.05)


def test_voice_has_the_formants_of_its_vowels() -> None:
    """At 0.6 s it sings "o" (540, 920 Hz): far more there than between the second and the third formant."""
    loop = waveform("voice", RATE)[round(0.55 * RATE) : round(0.65 * RATE)]
    power = np.abs(np.fft.rfft(loop * np.hanning(len(loop)))) ** 2
    frequency = np.fft.rfftfreq(len(loop), 1.0 / RATE)

    def level(low: float, high: float) -> float:
        return float(10.0 * np.log10(power[(frequency > low) & (frequency < high)].sum()))

    assert level(400.0, 1100.0) > level(1400.0, 2100.0) + 15.0


@pytest.mark.parametrize("rate", [16_000.0, 44_100.0, 48_000.0])
def test_rate_does_not_change_the_sound(rate: float) -> None:
    loop, reference = waveform("ring", rate), waveform("ring", RATE)
    assert np.allclose(resample(loop, len(reference)), reference, atol=0.02 * np.abs(reference).max())


def test_unknown_waveform_lists_what_exists() -> None:
    with pytest.raises(UnknownNameError, match=r"Unknown waveform 'rign'. Did you mean 'ring'"):
        waveform("rign", RATE)


@pytest.mark.parametrize(("frequency", "allowed"), [(500.0, -90.0), (2000.0, -70.0), (7000.0, -48.0)])
def test_table_between_samples_is_the_sine(frequency: float, allowed: float) -> None:
    table = Wavetable(np.sin(2 * np.pi * frequency * np.arange(16_000) / RATE), RATE, periodic=True)
    where = np.random.default_rng(0).uniform(0.0, 1.2, 5000) * RATE * OVERSAMPLING
    index = np.floor(where).astype(np.int32)
    value = table.read(0, index, (where - index).astype(np.float32))
    truth = np.sin(2 * np.pi * frequency * where / RATE / OVERSAMPLING)
    assert 20.0 * np.log10(np.abs(value - truth).max()) < allowed


def test_loop_has_no_seam_and_a_burst_has_silence_around_it() -> None:
    table = wavetable("hum", RATE)
    period = round(table.duration * RATE) * OVERSAMPLING
    for start in (-5 * period - 7, -3, 0, 3 * period + 11):
        placed = table.place(np.arange(start, start + 64))
        assert 0 <= placed[0] < period
        assert np.array_equal(np.diff(placed), np.ones(63))
    burst = Wavetable(np.ones(100), RATE, periodic=False)
    nothing = np.zeros(3, dtype=np.float32)
    assert np.all(burst.read(0, burst.place(np.array([-10_000, -300, -17])), nothing) == 0.0)
    assert np.all(burst.read(0, burst.place(np.array([125 * 16, 3000, 10**9])), nothing) == 0.0)


def test_air_takes_what_iso_9613_says() -> None:
    """ISO 9613-1, 20 °C and 50 % humidity, in dB/km: 9.9 at 2 kHz, 29.4 at 4 kHz, 104 at 8 kHz."""
    loss = -20.0 * np.log10(air_loss(np.array([2000.0, 4000.0, 8000.0]), 100.0))
    assert np.allclose(loss, [0.99, 2.94, 10.4], atol=0.5)

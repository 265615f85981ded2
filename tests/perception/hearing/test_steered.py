"""The spectrogram's scale, and directions of plane waves that are made here with exact delays."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from yanshi.contracts import Array
from yanshi.errors import ContractError
from yanshi.perception.hearing import FLOOR, WINDOW, log_spectrogram, srp_phat

RATE = 16_000.0
ARRAY = np.array([[0.04, 0.04, 0.0], [-0.04, 0.04, 0.0], [0.04, -0.04, 0.0], [0.0, 0.0, 0.06]])


def plane_wave(azimuth: float, elevation: float, seconds: float, noise: float, seed: int = 0) -> tuple[Array, Array]:
    """Coloured noise (T, 4) from a direction, delayed in the frequency domain, and the direction (3,)."""
    rng = np.random.default_rng(seed)
    n = round(seconds * RATE)
    towards = np.array([np.cos(elevation) * np.cos(azimuth), np.cos(elevation) * np.sin(azimuth), np.sin(elevation)])
    frequency = np.fft.rfftfreq(n, 1.0 / RATE)
    spectrum = np.fft.rfft(rng.standard_normal(n)) / (1.0 + frequency / 1000.0)
    early = ARRAY @ towards / 343.0
    sound = np.fft.irfft(spectrum[:, None] * np.exp(2j * np.pi * frequency[:, None] * early), n, axis=0)
    return sound / sound.std() + noise * rng.standard_normal(sound.shape), towards


@settings(max_examples=25, deadline=None)
@given(st.floats(-np.pi, np.pi), st.floats(-1.2, 1.2), st.integers(0, 1000))
def test_direction_of_a_plane_wave(azimuth: float, elevation: float, seed: int) -> None:
    sound, towards = plane_wave(azimuth, elevation, 0.6, 0.1, seed)
    bearing = srp_phat(sound, RATE, ARRAY)
    assert np.degrees(np.arccos(np.clip(bearing.direction_s @ towards, -1.0, 1.0))) < 5.0
    assert -np.pi <= bearing.azimuth <= np.pi


def test_score_tells_a_source_from_noise() -> None:
    sound, _ = plane_wave(0.5, 0.1, 0.6, 0.01)
    noise = np.random.default_rng(1).standard_normal((9600, 4))
    assert srp_phat(sound, RATE, ARRAY).score > 0.8
    assert srp_phat(noise, RATE, ARRAY).score < 0.3


def test_spectrogram_shows_a_sine_where_and_as_strong_as_it_is() -> None:
    t = np.arange(16_000) / RATE
    picture = log_spectrogram(np.tile((0.1 * np.sin(2 * np.pi * 1000.0 * t))[:, None], 4), RATE)
    assert picture.dtype == np.float32
    assert np.all(np.argmax(picture, axis=1) == round(1000.0 * WINDOW))
    assert picture.max() == pytest.approx(-20.0, abs=0.1)
    assert picture.min() >= FLOOR
    assert len(picture) == 61


def test_short_audio() -> None:
    assert len(log_spectrogram(np.zeros((100, 4)), RATE)) == 0
    with pytest.raises(ContractError, match=r"expected at least 0.032 s of audio, got 0.006 s"):
        srp_phat(np.zeros((100, 4)), RATE, ARRAY)
    with pytest.raises(ContractError, match=r"expected audio \(T, M >= 2\)"):
        srp_phat(np.zeros((1000, 3)), RATE, ARRAY)

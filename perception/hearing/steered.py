"""Where a sound comes from, without learning: SRP-PHAT, the yardstick for what is learned.

SRP-PHAT steers the array over a grid of directions and takes the one from which the microphones agree best:

    P(u) = Σ_pairs Σ_f  G_ij(f) exp(2πi f τ_ij(u)),   G_ij = Σ_t X_i X_j* / Σ_t |X_i X_j*|,
    τ_ij(u) = (r_j - r_i)·u / c

DiBiase, "A high-accuracy, low-latency technique for talker localization in reverberant environments", 2000. Dividing
after the sum over time, not before, leaves bins that hold only noise small, since their phases disagree from window to
window; with tones, which fill few bins, that decides.
"""

from __future__ import annotations

from itertools import combinations
from typing import NamedTuple

import numpy as np

from yanshi.contracts import Array
from yanshi.errors import ContractError
from yanshi.perception.hearing.spectra import WINDOW
from yanshi.perception.hearing.spectra import spectra as short_time

SPEED_OF_SOUND = 343.0
"""In air of 20 °C [m/s]."""


class Bearing(NamedTuple):
    """Where a sound comes from, in the frame of the microphones."""

    azimuth: float
    """About z from x towards y, (-π, π] [rad]."""
    elevation: float
    """Above the x-y plane, [-π/2, π/2] [rad]."""
    score: float
    """How well the microphones agree, from about 0 (they do not) to 1 (one undisturbed source)."""

    @property
    def direction_s(self) -> Array:
        """(3,) unit vector in the frame of the microphones."""
        return directions(np.array(self.azimuth), np.array(self.elevation))


def srp_phat(
    audio: Array,
    rate: float,
    microphones_s: Array,
    *,
    resolution: float = np.deg2rad(5.0),
    band: tuple[float, float] = (150.0, 7000.0),
) -> Bearing:
    """The direction of the strongest sound, by steered response power with phase transform.

    Args:
        audio: (T, M) float. 0.3 s to 1 s serve well; at least one `WINDOW`.
        rate: Sample rate [Hz].
        microphones_s: (M, 3), M ≥ 2 [m]. With all microphones in one plane, a direction and its mirror image in the
            plane cannot be told apart, and either is returned; give the array some height.
        resolution: Step of the grid in azimuth and elevation [rad]; a second grid, five times finer, is laid round its
            best.
        band: Frequencies that are used [Hz].

    Returns:
        Azimuth, elevation and score, in the frame of the microphones.

    Raises:
        ContractError: If shapes do not fit or the audio is too short.
    """
    if audio.ndim != 2 or microphones_s.shape != (audio.shape[1], 3) or audio.shape[1] < 2:
        raise ContractError(
            f"srp_phat: expected audio (T, M >= 2), microphones (M, 3), got {audio.shape}, {microphones_s.shape}."
        )
    spectra, frequency = short_time(audio, rate)
    if len(spectra) == 0:
        raise ContractError(f"srp_phat: expected at least {WINDOW} s of audio, got {len(audio) / rate:.3f} s.")
    used = (frequency >= band[0]) & (frequency <= band[1])
    pairs = np.array(list(combinations(range(audio.shape[1]), 2)))
    cross = spectra[:, pairs[:, 0]][:, :, used] * spectra[:, pairs[:, 1]][:, :, used].conj()
    agreement = cross.sum(axis=0) / np.maximum(np.abs(cross).sum(axis=0), 1e-30)
    baselines = microphones_s[pairs[:, 1]] - microphones_s[pairs[:, 0]]

    def best(azimuth: Array, elevation: Array) -> Bearing:
        towards = directions(azimuth, elevation)
        power = _steer(agreement, frequency[used], towards @ baselines.T / SPEED_OF_SOUND)
        k = int(np.argmax(power))
        return Bearing(float(azimuth[k]), float(elevation[k]), float(power[k]))

    coarse = best(*grid(np.arange(-np.pi, np.pi, resolution), np.arange(-np.pi / 2, np.pi / 2 + 1e-9, resolution)))
    near = np.arange(-5, 6) * resolution / 5.0
    stretch = 1.0 / max(np.cos(coarse.elevation), 0.1)
    azimuth, elevation = grid(coarse.azimuth + near * stretch, np.clip(coarse.elevation + near, -np.pi / 2, np.pi / 2))
    fine = best(azimuth, elevation)
    return fine._replace(azimuth=float(np.arctan2(np.sin(fine.azimuth), np.cos(fine.azimuth))))


def directions(azimuth: Array, elevation: Array) -> Array:
    """Unit vectors (…, 3)."""
    flat = np.cos(elevation)
    return np.stack([flat * np.cos(azimuth), flat * np.sin(azimuth), np.sin(elevation)], axis=-1)


def grid(azimuth: Array, elevation: Array) -> tuple[Array, Array]:
    """All combinations, flat."""
    a, e = np.meshgrid(azimuth, elevation, indexing="ij")
    return a.ravel(), e.ravel()


def _steer(agreement: Array, frequency: Array, delays: Array) -> Array:
    """Mean over pairs and bins of agreement (P, K) that `delays` (D, P) [s] bring into phase; (D,) real."""
    power = np.zeros(len(delays))
    for cross, delay in zip(agreement, delays.T, strict=True):
        longest = float(np.abs(delay).max())
        table = np.linspace(-longest, longest, 2 * int(np.ceil(longest * 8.0 * frequency[-1])) + 3)
        response = (np.exp(2j * np.pi * np.outer(table, frequency)) @ cross).real
        power += np.interp(delay, table, response)
    return power / agreement.size

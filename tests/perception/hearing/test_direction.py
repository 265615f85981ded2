"""Directions of plane waves made here; the curvature against finite differences; masks that part two sources."""

from itertools import combinations
from typing import Any

import numpy as np
import pytest

from yanshi.contracts import Array
from yanshi.perception.hearing.direction import LEAST_DEVIATION, Estimate, _response, covariance_of, locate, tangents
from yanshi.perception.hearing.features import analyse, window_samples
from yanshi.perception.hearing.steered import srp_phat

PAIRS = np.array(list(combinations(range(4), 2)))


def lines(array: Array) -> Array:
    return np.asarray(array[PAIRS[:, 1]] - array[PAIRS[:, 0]])


def degrees(a: Array, b: Array) -> float:
    return float(np.degrees(np.arccos(np.clip(a @ b, -1.0, 1.0))))


def test_plane_waves_are_found_between_the_points_of_any_grid(waves: Any) -> None:
    rng = np.random.default_rng(0)
    ours, theirs = [], []
    for seed in range(12):
        towards = waves.direction(rng.uniform(-np.pi, np.pi), rng.uniform(-1.3, 1.3))
        audio = waves.plane(towards, waves.coloured(window_samples(), seed))
        audio += 0.005 * rng.standard_normal(audio.shape).astype(np.float32)
        analysis = analyse(audio)
        everything = np.ones_like(analysis.power)
        found = locate(analysis, everything, [lines(waves.array)], np.zeros(len(analysis.power), dtype=int))
        ours.append(degrees(found.direction, towards))
        theirs.append(degrees(srp_phat(audio, waves.rate, waves.array).direction_s, towards))
        assert 0.8 < found.score <= 1.0
        assert np.all(np.linalg.eigvalsh(found.shape) > 0.0)
    assert max(ours) < 0.5
    assert np.median(ours) < np.median(theirs)


def test_gradient_and_curvature_are_those_of_finite_differences(waves: Any) -> None:
    rng = np.random.default_rng(1)
    votes = rng.standard_normal((6, 40)) + 1j * rng.standard_normal((6, 40))
    omega, delays = 2 * np.pi * np.linspace(100.0, 7000.0, 40), lines(waves.array) / 343.0
    direction = waves.direction(0.7, -0.4)
    axes, h = tangents(direction), 1e-4

    def along(step: Array) -> float:
        """The response at the end of a great circle of length |step|."""
        length = float(np.linalg.norm(step))
        place = direction * np.cos(length) + (step @ axes) * (np.sin(length) / max(length, 1e-12))
        return _response(votes, omega, delays, place)[0]

    _, gradient, curvature = _response(votes, omega, delays, direction)
    unit = np.eye(2) * h
    assert gradient == pytest.approx([(along(u) - along(-u)) / (2 * h) for u in unit], rel=1e-4)
    measured = [
        [(along(u + v) - along(u - v) - along(v - u) + along(-u - v)) / (4 * h * h) for v in unit] for u in unit
    ]
    assert -curvature == pytest.approx(np.array(measured), rel=1e-3)


def test_masks_part_two_sources_that_sound_at_once(waves: Any) -> None:
    n = window_samples()
    t = np.arange(n) / waves.rate
    low_from, high_from = waves.direction(0.3, 0.1), waves.direction(-1.9, -0.3)
    low = sum(np.sin(2 * np.pi * f * t) for f in (500.0, 900.0, 1300.0, 1700.0))
    high = sum(np.sin(2 * np.pi * f * t) for f in (2600.0, 3200.0, 4100.0, 5300.0))
    audio = waves.plane(low_from, 0.05 * low) + waves.plane(high_from, 0.05 * high)
    audio += 1e-3 * np.random.default_rng(0).standard_normal(audio.shape).astype(np.float32)
    analysis = analyse(audio)
    still = np.zeros(len(analysis.power), dtype=int)
    for wanted, keep in ((low_from, analysis.frequency < 2200.0), (high_from, analysis.frequency >= 2200.0)):
        mask = np.broadcast_to(keep, analysis.power.shape).astype(np.float32)
        assert degrees(locate(analysis, mask, [lines(waves.array)], still).direction, wanted) < 2.0


def test_an_array_that_turns_meanwhile_hears_one_direction(waves: Any) -> None:
    towards = waves.direction(0.4, 0.2)
    sound = waves.coloured(window_samples(), 4)
    turn = np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    before, after = waves.plane(towards, sound), waves.plane(towards, sound, waves.array @ turn.T)
    half = len(sound) // 2
    analysis = analyse(np.concatenate([before[:half], after[half:]]))
    segment = (np.arange(len(analysis.power)) >= len(analysis.power) // 2).astype(int)
    everything = np.ones_like(analysis.power)
    both = locate(analysis, everything, [lines(waves.array), lines(waves.array) @ turn.T], segment)
    assert degrees(both.direction, towards) < 1.0
    ignored = locate(analysis, everything, [lines(waves.array)], np.zeros_like(segment))
    assert ignored.score < both.score - 0.1


def test_covariance_has_the_variance_that_is_asked_for_and_the_shape_of_the_peak() -> None:
    direction = np.array([np.cos(0.6), 0.0, np.sin(0.6)])
    estimate = Estimate(direction=direction, score=0.5, shape=np.diag([4.0, 1.0]), support=0.2)
    covariance = covariance_of(estimate, 0.01)
    along = covariance * np.outer([np.cos(0.6), 1.0], [np.cos(0.6), 1.0])
    assert np.trace(along) == pytest.approx(0.02)
    assert along[0, 0] / along[1, 1] == pytest.approx(4.0)
    assert np.diag(covariance_of(estimate, 1e-9))[1] == pytest.approx(LEAST_DEVIATION**2)

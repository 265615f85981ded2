"""Bearings of one source are averaged while the robot stands and crossed when it moves."""

import numpy as np
import pytest

from yanshi.contracts import Array
from yanshi.perception.hearing.direction import tangents
from yanshi.perception.hearing.tracks import FORGOTTEN, Measured, Track, associate

SIGMA = np.deg2rad(3.0)


def bearing(
    source: Array, origin: Array, rng: np.random.Generator, stamp: float = 0.0, label: str = "ring"
) -> Measured:
    direction = (source - origin) / np.linalg.norm(source - origin)
    direction = direction + SIGMA * rng.standard_normal(2) @ tangents(direction)
    direction /= np.linalg.norm(direction)
    flat = float(np.hypot(*direction[:2]))
    return Measured(
        label=label, stamp=stamp, origin_w=origin, direction_w=direction,
        covariance=SIGMA**2 * np.diag([1.0 / flat**2, 1.0]), probability=0.9,
    )  # fmt: skip


def test_bearings_cross_at_the_source_within_what_they_promise() -> None:
    rng, source = np.random.default_rng(0), np.array([3.0, 1.5, 0.7])
    squares = []
    for _ in range(200):
        track = Track("ring")
        for x in (0.0, 0.7, 1.4, 2.1):
            track.add(bearing(source, np.array([x, 0.0, 1.2]), rng))
        crossing = track.crossing()
        assert crossing is not None
        error = crossing[0] - source
        squares.append(float(error @ np.linalg.inv(crossing[1]) @ error))
    # χ² of three degrees of freedom has mean 3, and 90 % below 6.25; straight lines for bearings cost a little of it.
    assert 2.4 < np.mean(squares) < 4.0
    assert 0.83 < np.mean(np.array(squares) < 6.25) < 0.95


def test_distance_comes_from_crossing_or_else_from_how_it_sounds() -> None:
    rng, source = np.random.default_rng(1), np.array([3.0, 1.5, 0.7])
    track = Track("ring")
    track.add(bearing(source, np.array([0.0, 0.0, 1.2]), rng))
    assert track.crossing() is None
    assert track.distance() is None
    for x in (0.8, 1.6):
        track.add(bearing(source, np.array([x, 0.0, 1.2]), rng))
    found = track.distance()
    assert found is not None
    assert found[0] == pytest.approx(np.linalg.norm(source - (1.6, 0.0, 1.2)), abs=3.0 * found[1])
    alone = Track("hum")
    alone.add(Measured(
        label="hum", stamp=0.0, origin_w=np.zeros(3), direction_w=np.array([1.0, 0.0, 0.0]), covariance=np.eye(2),
        probability=0.9, log_distance=(np.log(2.0), 0.3),
    ))  # fmt: skip
    assert alone.distance() == pytest.approx((2.0, 0.6))


def test_standing_still_averages_but_promises_no_more_than_it_may() -> None:
    rng, source, here = np.random.default_rng(2), np.array([2.0, -1.0, 1.0]), np.array([0.0, 0.0, 1.2])
    errors, track = [], Track("ring")
    for seed in range(60):
        track = Track("ring")
        rng = np.random.default_rng(seed)
        for _ in range(12):
            track.add(bearing(source, here, rng))
        true = (source - here) / np.linalg.norm(source - here)
        errors.append(float(np.arccos(np.clip(track.last.direction_w @ true, -1.0, 1.0))))
    assert len(track.bearings) == 1
    assert np.sqrt(np.mean(np.square(errors))) < SIGMA
    assert np.sqrt(track.last.covariance[1, 1]) >= 0.45 * SIGMA


def test_sources_are_kept_apart_and_forgotten() -> None:
    rng, here = np.random.default_rng(3), np.array([0.0, 0.0, 1.2])
    left, right = np.array([1.0, 2.0, 1.0]), np.array([1.0, -2.0, 1.0])
    tracks: list[Track] = []
    for k in range(5):
        both = [bearing(left, here, rng, 0.24 * k), bearing(right, here, rng, 0.24 * k)]
        other = bearing(left, here, rng, 0.24 * k, "hum")
        assert len(associate(tracks, [*both, other], 0.24 * k)) == 3
    assert sorted(track.label for track in tracks) == ["hum", "ring", "ring"]
    assert all(track.heard == 5 for track in tracks)
    late = FORGOTTEN + 2.0
    (again,) = associate(tracks, [bearing(left, here, rng, late)], late)
    assert len(tracks) == 1
    assert again.heard == 1

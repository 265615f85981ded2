"""Occupancy from rays whose way is known, beside a walk along each ray in small steps."""

from __future__ import annotations

import numpy as np
import pytest

from yanshi.contracts import Array, OccupancyGrid
from yanshi.errors import ContractError
from yanshi.perception.mapping.occupancy import OccupancyConfig, OccupancyMap

EYE = np.array([0.525, 1.025, 1.0])


def empty(ny: int = 40, nx: int = 60) -> OccupancyMap:
    grid = OccupancyGrid(occupied=np.zeros((ny, nx), dtype=bool), resolution=0.05, origin_w=np.zeros(2))
    return OccupancyMap(grid)


def cell(x: float, y: float) -> tuple[int, int]:
    return int(y / 0.05), int(x / 0.05)


def test_a_ray_frees_its_way_and_what_it_meets_is_occupied_after_two() -> None:
    chart = empty()
    end = np.array([[2.025, 1.025, 1.0]])
    chart.add(end, EYE)
    assert not chart.occupied.any(), "one hit may be noise"
    chart.add(end, EYE)
    assert [tuple(at) for at in np.argwhere(chart.occupied)] == [cell(2.025, 1.025)]
    way = np.argwhere(chart.free)
    np.testing.assert_array_equal(way, [cell(x, 1.025) for x in 0.525 + 0.05 * np.arange(30)])


def test_a_ray_over_a_box_says_nothing_of_it() -> None:
    chart = empty()
    top = np.array([[1.525, 1.025, 0.3]])
    for _ in range(3):
        chart.add(top, EYE)
    for _ in range(20):
        chart.add(np.array([[2.5, 1.025, 1.0]]), EYE)
    assert chart.occupied[cell(1.525, 1.025)]


def test_what_is_gone_is_forgotten() -> None:
    chart = empty()
    for _ in range(100):
        chart.add(np.array([[1.525, 1.025, 1.0]]), EYE)
    assert chart.occupied[cell(1.525, 1.025)]
    for _ in range(5):
        chart.add(np.array([[2.525, 1.025, 1.0]]), EYE)
    assert not chart.occupied[cell(1.525, 1.025)]


def test_floor_and_ceiling_are_not_in_the_way() -> None:
    chart = empty()
    for _ in range(3):
        chart.add(np.array([[1.525, 1.025, 0.0], [1.525, 0.525, 2.2]]), EYE)
    assert not chart.occupied.any()
    assert chart.free[cell(1.425, 1.025)], "it came down to the floor there"


def test_of_a_long_ray_the_beginning_counts() -> None:
    chart = empty()
    for _ in range(3):
        chart.add(np.array([[2.525, 1.025, 1.0]]), EYE, farthest=1.0)
    assert not chart.occupied.any()
    assert chart.free[cell(1.475, 1.025)]
    assert not chart.free[cell(1.625, 1.025)]


def test_rays_without_a_measurement_are_left_out() -> None:
    chart = empty()
    chart.add(np.array([[np.nan, 1.0, 1.0], [1.0, np.inf, 1.0], EYE]), EYE)
    assert not chart.log_odds.any()


def test_nothing_can_be_said_outside_of_the_grid() -> None:
    chart = empty()
    for _ in range(3):
        chart.add(np.array([[9.0, 1.025, 1.0], [0.5, -4.0, 1.0]]), np.array([-2.0, 1.025, 1.0]))
    assert not chart.occupied.any()
    assert chart.free[cell(1.0, 1.025)], "it is looked through from outside"


@pytest.mark.parametrize("seed", range(20))
def test_the_way_is_that_of_a_walk_in_small_steps(seed: int) -> None:
    rng = np.random.default_rng(seed)
    chart = empty()
    eye = rng.uniform((-0.3, -0.3, 0.0), (3.3, 2.3, 1.9))
    end = rng.uniform((-0.3, -0.3, 0.0), (3.3, 2.3, 1.9))
    chart.add(end[None], eye)
    steps = eye + np.linspace(0.0, 1.0, 200_001)[:, None] * (end - eye)
    np.testing.assert_array_equal(chart.log_odds < 0.0, _visited(chart, steps) & ~_visited(chart, end[None]))
    np.testing.assert_array_equal(chart.log_odds > 0.0, _visited(chart, end[None]))


def _visited(chart: OccupancyMap, points: Array) -> Array:
    """Which voxels points (n, 3) are in."""
    c = chart.config
    nz, ny, nx = chart.log_odds.shape
    size = np.array([0.05, 0.05, (c.heights[1] - c.heights[0]) / nz])
    at = np.floor((points - np.array([0.0, 0.0, c.heights[0]])) / size).astype(int)
    at = at[((at >= 0) & (at < (nx, ny, nz))).all(axis=1)]
    out = np.zeros(chart.log_odds.shape, dtype=bool)
    out[at[:, 2], at[:, 1], at[:, 0]] = True
    return out


def test_memory_is_bounded_by_the_grid() -> None:
    chart = empty()
    before = chart.log_odds.nbytes
    rng = np.random.default_rng(0)
    for _ in range(10):
        chart.add(rng.uniform(-50.0, 50.0, (1000, 3)), EYE)
    assert chart.log_odds.nbytes == before == 13 * 40 * 60 * 4
    low, high = chart.config.bounds
    assert low <= chart.log_odds.min() < chart.log_odds.max() <= high


def test_a_grid_without_cells_of_a_size_is_refused() -> None:
    grid = OccupancyGrid(occupied=np.zeros((2, 2), dtype=bool), resolution=0.0, origin_w=np.zeros(2))
    with pytest.raises(ContractError, match=r"got 0\.0 m and 0\.08 to 1\.4 m"):
        OccupancyMap(grid, OccupancyConfig())

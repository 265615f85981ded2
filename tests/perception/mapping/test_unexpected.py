"""What is new to a floor plan, with boxes whose cells are counted by hand."""

from __future__ import annotations

import numpy as np

from yanshi.contracts import Array, Articulation, Entity, FloorPlan, OccupancyGrid
from yanshi.perception.mapping.unexpected import Unexpected


def plan(*fixtures: Entity) -> FloorPlan:
    occupied = np.zeros((40, 40), dtype=bool)
    occupied[:, 0] = True
    grid = OccupancyGrid(occupied=occupied, resolution=0.05, origin_w=np.array([-1.0, -1.0]))
    return FloorPlan(rooms=(), fixtures=fixtures, grid=grid, start_w=np.zeros(3))


def patch(j: slice, i: slice) -> Array:
    cells = np.zeros((40, 40), dtype=bool)
    cells[j, i] = True
    return cells


def fixture(joint: Articulation | None) -> Entity:
    return Entity(
        name="leaf",
        label="door",
        category="fixture",
        position_w=np.array([0.0, 0.0, 1.0]),
        extent=np.array([0.6, 0.1, 2.0]),
        articulation=joint,
    )


def test_a_box_on_bare_floor_is_new() -> None:
    box = patch(slice(10, 14), slice(20, 25))
    np.testing.assert_array_equal(Unexpected(plan()).of(box), box)


def test_a_thick_wall_is_not() -> None:
    assert not Unexpected(plan()).of(patch(slice(5, 30), slice(0, 4))).any()
    assert Unexpected(plan()).of(patch(slice(5, 30), slice(4, 5))).all(axis=1)[5:30].sum() == 0
    assert Unexpected(plan()).of(patch(slice(5, 30), slice(4, 5))).sum() == 25


def test_few_cells_may_be_noise() -> None:
    assert not Unexpected(plan()).of(patch(slice(10, 11), slice(20, 23))).any()
    assert Unexpected(plan()).of(patch(slice(10, 12), slice(20, 22))).sum() == 4


def test_furniture_of_the_plan_is_known_even_where_its_grid_has_nothing() -> None:
    over = patch(slice(19, 21), slice(15, 25))
    assert Unexpected(plan()).of(over).any()
    assert not Unexpected(plan(fixture(None))).of(over).any()


def test_what_a_door_sweeps_is_left_out() -> None:
    hinge = Articulation(kind="hinge", axis_e=np.array([0.0, 0.0, 1.0]), pivot_e=np.array([-0.3, 0.0, 0.0]), limit=1.57)
    opened = patch(slice(20, 32), slice(13, 15))  # the leaf stands along y, from its pivot at x = -0.3
    assert Unexpected(plan(fixture(None))).of(opened).any()
    assert not Unexpected(plan(fixture(hinge))).of(opened).any()
    behind = patch(slice(8, 16), slice(16, 24))
    np.testing.assert_array_equal(Unexpected(plan(fixture(hinge))).of(behind), behind)


def test_where_a_drawer_comes_out_is_left_out() -> None:
    slide = Articulation(kind="slide", axis_e=np.array([0.0, 1.0, 0.0]), pivot_e=np.zeros(3), limit=0.4)
    opened = patch(slice(26, 28), slice(17, 23))
    assert Unexpected(plan(fixture(None))).of(opened).any()
    assert not Unexpected(plan(fixture(slide))).of(opened).any()

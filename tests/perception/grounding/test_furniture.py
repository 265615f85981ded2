"""Depth of a drawer made by hand: a front plate of boxes before a wall, met by every ray."""

from dataclasses import replace

import numpy as np
import pytest

from yanshi.contracts import Articulation, Entity, FloorPlan, OccupancyGrid, Region
from yanshi.perception.geometry import deproject
from yanshi.perception.grounding.furniture import FurnitureSight, opened
from yanshi.perception.grounding.views import CameraView

K = np.array([[110.0, 0.0, 63.5], [0.0, 110.0, 63.5], [0.0, 0.0, 1.0]])
LOOKING_BACK = np.array([[0.0, 0.0, -1.0, 1.5], [1.0, 0.0, 0.0, 0.0], [0.0, -1.0, 0.0, 0.6], [0.0, 0.0, 0.0, 1.0]])
"""A camera 1.5 m before the drawer, at its height, looking at it along -x."""
FRONT = np.array([[0.0, 0.0, 0.0, 0.01, 0.2, 0.1]])
DRAWER = Entity(
    name="chest_drawer",
    label="drawer",
    category="fixture",
    position_w=np.array([0.0, 0.0, 0.6]),
    extent=np.array([0.4, 0.4, 0.2]),
    regions=(Region(kind="in", center_e=np.array([-0.2, 0.0, 0.0]), half=np.array([0.18, 0.18, 0.08])),),
    articulation=Articulation(kind="slide", axis_e=np.array([1.0, 0.0, 0.0]), pivot_e=np.zeros(3), limit=0.3),
)


def plan(*fixtures: Entity) -> FloorPlan:
    grid = OccupancyGrid(occupied=np.zeros((2, 2), bool), resolution=1.0, origin_w=np.zeros(2))
    return FloorPlan(rooms=(), fixtures=fixtures, grid=grid, start_w=np.zeros(3))


def depth_of_a_drawer(opening: float, wall: float = -0.01) -> np.ndarray:
    """(128, 128) [m]: the front plate stands out before a wall, seen straight on."""
    plate, behind = 1.5 - (0.3 * opening + 0.01), 1.5 - wall
    y, z = deproject(np.full((128, 128), plate), K)[..., 0], deproject(np.full((128, 128), plate), K)[..., 1]
    return np.where((np.abs(y) <= 0.2) & (np.abs(z) <= 0.1), plate, behind).astype(np.float32)


def view(depth: np.ndarray) -> CameraView:
    return CameraView(name="head_depth", rgb=None, depth=depth, K=K, T_bc=LOOKING_BACK)


@pytest.mark.parametrize("opening", [0.0, 0.08, 0.5, 0.77, 1.0])
def test_a_drawer_is_as_far_open_as_its_front_stands_out(opening: float) -> None:
    sight = FurnitureSight(plan(DRAWER), {"chest_drawer": FRONT})
    seen = sight.look([view(depth_of_a_drawer(opening))], np.zeros(3), {})
    assert seen.openings["chest_drawer"] == pytest.approx(opening, abs=0.03)
    (detection,) = seen.detections
    assert detection.track == "chest_drawer"
    assert detection.opening == seen.openings["chest_drawer"]


def test_what_is_hidden_or_unmeasured_or_unknown_is_not_told() -> None:
    sight = FurnitureSight(plan(DRAWER), {"chest_drawer": FRONT})
    hidden = np.full((128, 128), 0.5, np.float32)
    assert sight.look([view(hidden)], np.zeros(3), {}).openings == {}
    assert sight.look([view(hidden * np.nan)], np.zeros(3), {}).openings == {}
    assert sight.look([view(depth_of_a_drawer(0.5))], np.array([10.0, 0.0, 0.0]), {}).openings == {}
    assert FurnitureSight(plan(DRAWER)).look([view(depth_of_a_drawer(0.5))], np.zeros(3), {}).openings == {}


def test_a_part_whose_place_is_looked_through_is_not_there() -> None:
    sight = FurnitureSight(plan(DRAWER), {"chest_drawer": FRONT})
    assert sight.look([view(np.full((128, 128), 3.0, np.float32))], np.zeros(3), {}).openings == {}


@pytest.mark.parametrize("seed", [2, 6, 10, 14])
def test_a_part_that_is_half_looked_through_and_hardly_agreed_with_is_not_told(seed: int) -> None:
    rng = np.random.default_rng(seed)
    depth = depth_of_a_drawer(0.5)
    depth += rng.uniform(-0.026, 0.026, depth.shape).astype(np.float32)
    depth[rng.random(depth.shape) < 0.43] = 3.0
    assert FurnitureSight(plan(DRAWER), {"chest_drawer": FRONT}).look([view(depth)], np.zeros(3), {}).openings == {}


def test_a_hinge_turns_points_about_its_axis() -> None:
    hinge = Articulation(
        kind="hinge", axis_e=np.array([0.0, 0.0, 1.0]), pivot_e=np.array([0.0, -0.5, 0.0]), limit=np.pi / 2
    )
    door = replace(DRAWER, articulation=hinge)
    points = np.array([[0.0, 0.5, 0.3], [0.0, -0.5, 0.0]])
    np.testing.assert_allclose(opened(door, points, 1.0), [[-1.0, -0.5, 0.3], [0.0, -0.5, 0.0]], atol=1e-9)
    several = opened(door, points, np.array([0.0, 1.0])[:, None, None])
    np.testing.assert_allclose(several[0], points, atol=1e-9)
    np.testing.assert_allclose(several[1], opened(door, points, 1.0), atol=1e-9)


TABLE = Entity(
    name="table",
    label="table",
    category="fixture",
    position_w=np.zeros(3),
    extent=np.array([0.4, 0.4, 0.4]),
    regions=(Region(kind="on", center_e=np.array([0.0, 0.0, 0.55]), half=np.array([0.2, 0.2, 0.15])),),
)
FROM_ABOVE = np.array([[0.0, -1.0, 0.0, 0.0], [-1.0, 0.0, 0.0, 0.0], [0.0, 0.0, -1.0, 1.2], [0.0, 0.0, 0.0, 1.0]])


def test_a_surface_is_viewed_when_nothing_hides_most_of_it() -> None:
    sight = FurnitureSight(plan(TABLE))
    depth = np.full((128, 128), 0.8, np.float32)
    above = CameraView(name="head_depth", rgb=None, depth=depth, K=K, T_bc=FROM_ABOVE)
    seen = sight.look([above], np.zeros(3), {})
    assert seen.viewed == {"table"}
    assert [d.track for d in seen.detections] == ["table"]
    half = depth.copy()
    half[:, :64] = 0.4
    assert sight.look([replace(above, depth=half)], np.zeros(3), {}).viewed == frozenset()
    dark = np.full_like(depth, np.nan)
    assert sight.look([replace(above, depth=dark)], np.zeros(3), {}).viewed == frozenset()

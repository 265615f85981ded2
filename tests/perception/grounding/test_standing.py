from dataclasses import replace

import numpy as np
import pytest

from yanshi.contracts import Detection, Entity, FloorPlan, OccupancyGrid, Region
from yanshi.perception.grounding.standing import Standing

GRID = OccupancyGrid(occupied=np.zeros((1, 1), dtype=bool), resolution=0.05, origin_w=np.zeros(2))


def shelf(height: float) -> Entity:
    """A board of 0.4 × 1.0 m that is turned by a right angle."""
    region = Region(kind="on", center_e=np.array([0.0, 0.0, 0.1]), half=np.array([0.2, 0.5, 0.1]))
    return Entity(
        name=f"board_{height}", label="board", category="fixture", position_w=np.array([1.0, 2.0, height]),
        yaw=np.pi / 2, extent=np.array([0.4, 1.0, 0.02]), regions=(region,),
    )  # fmt: skip


THING = Detection(
    label="banana",
    position_w=np.array([1.3, 2.1, 0.5]),
    covariance=np.eye(3) * 1e-4,
    extent=np.array([0.1, 0.04, 0.03]),
)


@pytest.mark.parametrize(
    ("height", "is_surface"), [(0.0, True), (-0.02, True), (0.002, True), (0.015, False), (0.3, False), (-0.2, False)]
)
def test_a_thing_is_above_the_surface_that_it_stands_on(height: float, is_surface: bool) -> None:
    plan = FloorPlan(rooms=(), fixtures=(shelf(0.5), shelf(1.0)), grid=GRID, start_w=np.zeros(3))
    standing = Standing(plan)
    assert standing.is_surface(replace(THING, position_w=THING.position_w + np.array([0.0, 0.0, height]))) == is_surface
    beside = replace(THING, position_w=THING.position_w + np.array([0.0, 0.2, height]))
    assert not standing.is_surface(beside), "the board is 0.4 m deep"

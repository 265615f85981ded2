"""Things in the echoes of a LiDAR, whose rays meet a table and boxes in closed form."""

from __future__ import annotations

import numpy as np
import pytest

from yanshi.contracts import Array, Entity, FloorPlan, Frame, OccupancyGrid, Region
from yanshi.perception.grounding.range_clusters import UNKNOWN, RangeClusters

TABLE = Entity(
    name="table", label="table", category="fixture", position_w=np.array([1.5, 0.0, 0.0]), yaw=0.3,
    extent=np.array([0.8, 1.4, 0.7]),
    regions=(Region(kind="on", center_e=np.array([0.0, 0.0, 0.9]), half=np.array([0.4, 0.7, 0.2])),),
)  # fmt: skip
GRID = OccupancyGrid(occupied=np.zeros((1, 1), dtype=bool), resolution=0.05, origin_w=np.zeros(2))
PLAN = FloorPlan(rooms=(), fixtures=(TABLE,), grid=GRID, start_w=np.zeros(3))
EYE = np.array([0.0, 0.0, 1.4])
T_bs = np.block([[np.eye(3), EYE[:, None]], [np.zeros((1, 3)), np.ones((1, 1))]])


def turn(boxes: list[tuple[Array, Array]], stamp: float, seed: int = 0) -> Frame:
    """A turn of 16 × 360 rays that meet the plane of the table top and axis-aligned boxes (centre, size)."""
    azimuth, rise = np.meshgrid(np.arange(360) * np.pi / 180.0, np.deg2rad(np.linspace(-40.0, 10.0, 16)))
    level = np.cos(rise)
    ray = np.stack((level * np.cos(azimuth), level * np.sin(azimuth), np.sin(rise)), axis=-1).reshape(-1, 3)
    with np.errstate(divide="ignore"):
        reach = np.where(ray[:, 2] < 0.0, (0.7 - EYE[2]) / ray[:, 2], np.inf)
        for center, size in boxes:
            a, b = (center - size / 2 - EYE) / ray, (center + size / 2 - EYE) / ray
            enters, leaves = np.minimum(a, b).max(axis=1), np.maximum(a, b).min(axis=1)
            reach = np.where((enters < leaves) & (enters > 0.0), np.minimum(reach, enters), reach)
    met = np.isfinite(reach)
    r = reach[met] + np.random.default_rng(seed).normal(0.0, 0.01, met.sum())
    data = np.column_stack((ray[met] * r[:, None], np.ones(met.sum()))).astype(np.float32)
    return Frame(name="lidar", modality="lidar", stamp=stamp, data=data, rate=10.0, T_bs=T_bs)


def test_a_thing_on_the_table_is_met_where_it_is() -> None:
    box = (np.array([1.3, 0.1, 0.8]), np.array([0.08, 0.08, 0.2]))
    clusters = RangeClusters(PLAN)
    for k in range(4):
        found = clusters.look(turn([box], 0.1 * k, k), np.zeros(3)).detections
    (thing,) = found
    assert thing.label == UNKNOWN
    assert np.linalg.norm(thing.position_w[:2] - box[0][:2]) < 0.025
    assert abs(thing.position_w[2] - 0.8) < 0.04
    assert thing.extent[2] == pytest.approx(0.2, abs=0.05)
    assert thing.extent[0] == pytest.approx(0.08, abs=0.035)


def test_an_empty_table_has_nothing_on_it_and_is_viewed() -> None:
    clusters = RangeClusters(PLAN)
    for k in range(20):
        seen = clusters.look(turn([], 0.1 * k, k), np.zeros(3))
        assert seen.detections == ()
    assert seen.viewed == {"table"}
    assert clusters.look(turn([], 9.0), np.array([-3.0, 0.0, 0.0])).viewed == frozenset(), "too far"


def test_two_things_are_two_and_a_wall_of_a_thing_is_none() -> None:
    size = np.array([0.08, 0.08, 0.25])
    boxes = [(np.array([1.3, -0.2, 0.82]), size), (np.array([1.4, 0.15, 0.82]), size)]
    found = RangeClusters(PLAN).look(turn(boxes, 0.0), np.zeros(3)).detections
    assert sorted(round(float(thing.position_w[1]), 1) for thing in found) == [-0.2, 0.1]
    screen = [(np.array([1.3, 0.0, 0.85]), np.array([0.05, 1.0, 0.3]))]
    assert RangeClusters(PLAN).look(turn(screen, 0.0), np.zeros(3)).detections == ()


def test_without_a_pose_nothing_is_placed() -> None:
    frame = Frame(name="lidar", modality="lidar", stamp=0.0, data=turn([], 0.0).data, rate=10.0)
    assert RangeClusters(PLAN).look(frame, np.zeros(3)).detections == ()

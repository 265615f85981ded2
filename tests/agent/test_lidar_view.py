"""Echoes are drawn where they are in the map, whichever way the robot faces."""

from __future__ import annotations

import numpy as np
import pytest

from yanshi.agent.recording.lidar_view import PAPER, REACH, ROBOT, SIDE, lidar_picture
from yanshi.contracts import FloorPlan, OccupancyGrid, Room

SENSOR = np.eye(4)
SENSOR[:3, 3] = (0.1, 0.0, 1.0)


def _plan(half: float) -> FloorPlan:
    grid = OccupancyGrid(occupied=np.zeros((4, 4), dtype=bool), resolution=1.0, origin_w=np.zeros(2))
    room = Room(name="hall", low_w=np.full(2, -half), high_w=np.full(2, half))
    return FloorPlan(rooms=(room,), fixtures=(), grid=grid, start_w=np.zeros(3))


def _coloured(picture: np.ndarray) -> np.ndarray:
    """(N, 2) columns and rows of what is neither paper nor the robot's sign."""
    other = ~((picture == PAPER).all(axis=2) | (picture == ROBOT).all(axis=2))
    rows, columns = np.nonzero(other)
    return np.stack([columns, rows], axis=1)


@pytest.mark.parametrize("yaw", [0.0, np.pi / 2, 2.0])
def test_an_echo_is_where_it_is_in_the_map(yaw: float) -> None:
    point_w = np.array([3.0, 4.5])  # the robot stands at (1, 4): 2 m along x and 0.5 m along y from it
    c, s = np.cos(yaw), np.sin(yaw)
    point_b = np.array([[c, s], [-s, c]]) @ (point_w - (1.0, 4.0))
    point_s = np.array([[*point_b, 0.7, 1.0]]) - (*SENSOR[:3, 3], 0.0)
    found = _coloured(lidar_picture(point_s, SENSOR, np.array([1.0, 4.0, yaw]), None))
    scale = SIDE / (2 * REACH)
    expected = np.array([SIDE / 2 + 2.0 * scale, SIDE / 2 - 0.5 * scale])
    assert len(found) == 4
    assert np.abs(found.mean(axis=0) - expected).max() < 1.5


def test_floor_and_ceiling_are_left_out() -> None:
    points = np.array([[1.0, 0.0, -1.0, 1.0], [1.0, 1.0, 1.4, 1.0]])
    assert len(_coloured(lidar_picture(points, SENSOR, np.zeros(3), None))) == 0


def test_a_small_room_fills_the_picture() -> None:
    columns = _coloured(lidar_picture(np.zeros((0, 4)), SENSOR, np.zeros(3), _plan(1.5)))[:, 0]
    assert columns.min() < 0.15 * SIDE
    assert columns.max() > 0.85 * SIDE

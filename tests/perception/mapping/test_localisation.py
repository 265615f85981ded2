"""Localisation against rooms whose walls are met by rays in closed form."""

from __future__ import annotations

import numpy as np
import pytest

from yanshi.contracts import Array, FloorPlan, Frame, Observation, OccupancyGrid, Proprioception, Room
from yanshi.perception.mapping.localisation import Localiser, after, before, wrapped
from yanshi.perception.mapping.walls import Walls

ROOM = Room(name="room", low_w=np.array([0.0, 0.0]), high_w=np.array([5.0, 4.0]))
START = np.array([1.0, 1.0, 0.3])
T_bs = np.array([[1.0, 0.0, 0.0, 0.2], [0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 1.2], [0.0, 0.0, 0.0, 1.0]])


def plan(*rooms: Room) -> FloorPlan:
    grid = OccupancyGrid(occupied=np.zeros((1, 1), dtype=bool), resolution=0.05, origin_w=np.zeros(2))
    return FloorPlan(rooms=rooms, fixtures=(), grid=grid, start_w=START)


def scan(pose: Array, stamp: float, rng: np.random.Generator, only: str = "xy") -> Frame:
    """What a LiDAR measures of the walls of ROOM across axes of `only`, with 1 cm of noise and a tenth of clutter."""
    angle = np.arange(0.0, 2.0 * np.pi, np.pi / 180.0)
    eye = after(pose, np.array([0.2, 0.0, 0.0]))
    ray = np.column_stack((np.cos(angle + pose[2]), np.sin(angle + pose[2])))
    with np.errstate(divide="ignore"):
        reach = np.where(ray > 0.0, (ROOM.high_w - eye[:2]) / ray, (ROOM.low_w - eye[:2]) / ray)
    first = reach.argmin(axis=1)
    r = reach[np.arange(len(ray)), first] + rng.normal(0.0, 0.01, len(ray))
    clutter = rng.random(len(r)) < 0.1
    r[clutter] *= rng.uniform(0.2, 1.0, clutter.sum())
    kept = np.isin(first, ["xy".index(axis) for axis in only])
    data = np.zeros((len(r), 4), dtype=np.float32)
    data[:, 0], data[:, 1] = r * np.cos(angle), r * np.sin(angle)
    return Frame(name="lidar", modality="lidar", stamp=stamp, data=data[kept], rate=10.0, T_bs=T_bs)


def observation(stamp: float, odometry: Array, *frames: Frame) -> Observation:
    body = Proprioception(
        joint_names=(), joint_positions=np.zeros(0), joint_velocities=np.zeros(0), odometry=odometry,
        base_velocity_b=np.zeros(3), T_be=np.eye(4), gripper_opening=0.0,
    )  # fmt: skip
    return Observation(stamp=stamp, frames={frame.name: frame for frame in frames}, proprioception=body)


def drive(localiser: Localiser, rng: np.random.Generator, only: str = "xy", sees: bool = True) -> tuple[Array, Array]:
    """Drive an arc while odometry drifts; returns the true pose at its end and what is thought of it."""
    pose, odometry, found = START, np.zeros(3), START
    for k in range(120):
        step = np.array([0.02, 0.0, 0.012])
        pose = after(pose, step)
        odometry = after(odometry, step * 1.05 + np.array([0.0, 0.001, 0.001]))
        frames = [scan(pose, 0.04 * k, rng, only)] if sees and k % 2 == 0 else []
        found = localiser.locate(observation(0.04 * k, odometry, *frames))
    return pose, found


def test_walls_correct_a_drifting_odometry() -> None:
    rng = np.random.default_rng(0)
    truth, blind = drive(Localiser(plan(ROOM)), rng, sees=False)
    assert np.hypot(*(blind - truth)[:2]) > 0.15
    truth, found = drive(Localiser(plan(ROOM)), rng)
    assert np.hypot(*(found - truth)[:2]) < 0.01
    assert abs(wrapped(found[2] - truth[2])) < np.deg2rad(0.5)


def test_along_a_bare_corridor_odometry_is_kept() -> None:
    localiser = Localiser(plan(ROOM))
    truth, found = drive(localiser, np.random.default_rng(1), only="y")
    assert abs(found[1] - truth[1]) < 0.01
    assert localiser.covariance[0, 0] > 10.0 * localiser.covariance[1, 1], "where walls say nothing, more is unsure"


def test_an_old_scan_corrects_the_pose_of_its_own_time() -> None:
    rng = np.random.default_rng(2)
    localiser = Localiser(plan(ROOM))
    pose, odometry, past = START, np.zeros(3), [START]
    for k in range(60):
        pose = after(pose, np.array([0.03, 0.0, 0.01]))
        odometry = after(odometry, np.array([0.03, 0.0, 0.012]))
        past.append(pose)
        found = localiser.locate(observation(0.04 * k, odometry, scan(past[max(-4, -len(past))], 0.04 * (k - 3), rng)))
    assert np.hypot(*(found - pose)[:2]) < 0.012
    np.testing.assert_allclose(localiser.at(0.04 * 56), past[-4], atol=0.012)


def test_without_walls_in_the_map_nothing_is_corrected() -> None:
    _, found = drive(Localiser(plan()), np.random.default_rng(3))
    _, blind = drive(Localiser(plan()), np.random.default_rng(3), sees=False)
    np.testing.assert_array_equal(found, blind)


def test_another_episode_begins_at_the_start() -> None:
    localiser = Localiser(plan(ROOM))
    drive(localiser, np.random.default_rng(4))
    np.testing.assert_allclose(localiser.locate(observation(0.0, np.zeros(3))), START)


@pytest.mark.parametrize("seed", range(20))
def test_going_on_and_back_are_inverse(seed: int) -> None:
    rng = np.random.default_rng(seed)
    pose, motion = rng.uniform(-3.0, 3.0, 3), rng.uniform(-3.0, 3.0, 3)
    np.testing.assert_allclose(after(before(pose, motion), motion), pose, atol=1e-12)


def test_a_face_is_met_from_its_own_room_only() -> None:
    next_door = Room(name="next", low_w=np.array([5.1, 0.0]), high_w=np.array([8.0, 4.0]))
    walls = Walls([ROOM, next_door])
    points = np.array([[5.02, 2.0], [4.9, 1.0], [2.0, 2.0]])
    found = walls.nearest(points, np.array([2.0, 2.0]), gate=0.25)
    np.testing.assert_array_equal(found.index, [0, 1])
    np.testing.assert_allclose(found.distance, [-0.02, 0.1])
    np.testing.assert_allclose(found.normal, [[-1.0, 0.0], [-1.0, 0.0]])
    from_next_door = walls.nearest(points[:1], np.array([6.0, 2.0]), gate=0.25)
    np.testing.assert_allclose(from_next_door.distance, [-0.08])
    np.testing.assert_allclose(from_next_door.normal, [[1.0, 0.0]])

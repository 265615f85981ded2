"""The mapper in a room with a box, which rays meet in closed form."""

from __future__ import annotations

import numpy as np
import pytest

from yanshi.contracts import Array, FloorPlan, Frame, Observation, OccupancyGrid, Proprioception
from yanshi.errors import SenseError
from yanshi.perception.geometry import planar
from yanshi.perception.mapping.mapper import Mapper, MapperConfig

ROOM = (np.array([0.0, 0.0, 0.0]), np.array([5.0, 4.0, 2.4]))
BOX = (np.array([2.61, 1.62, 0.0]), np.array([2.98, 2.19, 0.51]))
START = np.array([1.0, 2.0, 0.2])
K = np.array([[60.0, 0.0, 47.5], [0.0, 60.0, 31.5], [0.0, 0.0, 1.0]])
DOWN = np.deg2rad(25.0)
T_bc = np.array(
    [
        [0.0, -np.sin(DOWN), np.cos(DOWN), 0.1],
        [-1.0, 0.0, 0.0, 0.0],
        [0.0, -np.cos(DOWN), -np.sin(DOWN), 1.2],
        [0.0, 0.0, 0.0, 1.0],
    ]
)
T_bl = np.array([[1.0, 0.0, 0.0, 0.1], [0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.3], [0.0, 0.0, 0.0, 1.0]])


def plan() -> FloorPlan:
    occupied = np.zeros((80, 100), dtype=bool)
    occupied[[0, -1]] = occupied[:, [0, -1]] = True
    grid = OccupancyGrid(occupied=occupied, resolution=0.05, origin_w=np.zeros(2))
    return FloorPlan(rooms=(), fixtures=(), grid=grid, start_w=START)


def reach(eye: Array, rays: Array, box: bool) -> Array:
    """(n,) [1] how many times rays (n, 3) fit between an eye and the box, or else the room (slabs)."""
    with np.errstate(divide="ignore"):
        a, b = (ROOM[0] - eye) / rays, (ROOM[1] - eye) / rays
        far: Array = np.maximum(a, b).min(axis=-1)
        a, b = (BOX[0] - eye) / rays, (BOX[1] - eye) / rays
    near = np.minimum(a, b).max(axis=-1)
    met = (near < np.maximum(a, b).min(axis=-1)) & (near > 0.0) & box
    return np.where(met, near, far)


def lidar(pose: Array, stamp: float, box: bool = True, name: str = "lidar") -> Frame:
    """Beams that rise and fall a little, as low as the box."""
    azimuth, elevation = np.meshgrid(np.deg2rad(np.arange(360.0)), np.deg2rad([-12.0, -6.0, -2.0, 0.0, 2.0, 6.0]))
    level = np.cos(elevation)
    rays = np.stack((level * np.cos(azimuth), level * np.sin(azimuth), np.sin(elevation)), axis=-1).reshape(-1, 3)
    T_wl = planar(pose) @ T_bl
    points = reach(T_wl[:3, 3], rays @ T_wl[:3, :3].T, box)[:, None] * rays
    data = np.column_stack((points, np.ones(len(points)))).astype(np.float32)
    return Frame(name=name, modality="lidar", stamp=stamp, data=data, rate=10.0, T_bs=T_bl)


def depth(pose: Array, stamp: float, name: str = "head_depth", intrinsics: Array | None = K) -> Frame:
    v, u = np.indices((64, 96), dtype=float)
    rays = np.stack(((u - K[0, 2]) / K[0, 0], (v - K[1, 2]) / K[1, 1], np.ones_like(u)), axis=-1)
    T_wc = planar(pose) @ T_bc
    data = reach(T_wc[:3, 3], rays @ T_wc[:3, :3].T, True).astype(np.float32)
    data[::7, ::5] = np.nan
    return Frame(name=name, modality="depth", stamp=stamp, data=data, rate=10.0, K=intrinsics, T_bs=T_bc)


def observation(stamp: float, *frames: Frame, hand: float = 0.3) -> Observation:
    T_be = np.eye(4)
    T_be[0, 3] = hand
    body = Proprioception(
        joint_names=(), joint_positions=np.zeros(0), joint_velocities=np.zeros(0), odometry=np.zeros(3),
        base_velocity_b=np.zeros(3), T_be=T_be, gripper_opening=0.0,
    )  # fmt: skip
    return Observation(stamp=stamp, frames={frame.name: frame for frame in frames}, proprioception=body)


def drive(mapper: Mapper, senses: str, turns: int = 12, box: bool = True, since: float = 0.0) -> None:
    """Drive half way round the box, slowly."""
    for k in range(turns):
        stamp, part = since + 0.6 * k, k / 11.0
        pose = np.array([1.0 + 1.4 * part, 2.0 - 1.2 * part, 0.2 + 0.9 * part])
        frames = [depth(pose, stamp)] * ("d" in senses) + [lidar(pose, stamp, box)] * ("l" in senses)
        for wait in (0.0, 0.04):
            mapper.update(observation(stamp + wait, *frames), lambda _, pose=pose: pose)  # type: ignore[misc]


@pytest.mark.parametrize("senses", ["d", "l", "dl"], ids=["depth", "lidar", "both"])
def test_a_box_is_found_where_it_stands(senses: str) -> None:
    mapper = Mapper(plan())
    drive(mapper, senses)
    j, i = np.nonzero(mapper.obstacles.occupied)
    x, y = 0.05 * (i + 0.5), 0.05 * (j + 0.5)
    assert len(x) >= 10
    assert x.min() == pytest.approx(BOX[0][0] + 0.015, abs=0.051), "its front, within a cell"
    assert y.min() == pytest.approx(BOX[0][1] + 0.005, abs=0.051), "its right, within a cell"
    assert x.max() < BOX[1][0] + 0.051
    assert y.max() < BOX[1][1] + 0.051
    assert mapper.occupancy.free[int(1.9 / 0.05), int(1.8 / 0.05)], "between the robot and the box nothing is"


def test_the_walls_of_the_plan_are_no_obstacles() -> None:
    mapper = Mapper(plan())
    drive(mapper, "l", box=False)
    assert mapper.occupancy.occupied.sum() > 100
    assert not mapper.obstacles.occupied.any()


def test_a_box_that_was_taken_away_is_forgotten() -> None:
    mapper = Mapper(plan())
    drive(mapper, "l")
    assert mapper.obstacles.occupied.any()
    drive(mapper, "l", since=20.0, box=False)
    assert not mapper.obstacles.occupied.any()


def test_the_hand_and_what_it_holds_are_not_mapped() -> None:
    pose = np.array([2.0, 1.9, 0.0])
    for hand, expected in ((0.1, True), (0.9, False)):
        mapper = Mapper(plan(), MapperConfig(every=0.0, still=0.0))
        for k in range(4):
            mapper.update(observation(0.1 * k, lidar(pose, 0.1 * k), hand=hand), lambda _: pose)
        assert mapper.obstacles.occupied.any() == expected


def test_one_frame_a_call_each_sense_in_its_turn_and_none_twice() -> None:
    mapper = Mapper(plan(), MapperConfig(every=0.5, still=2.0))
    taken: list[bool] = []
    frames: list[Frame] = []
    for k in range(200):  # 8 s at 25 Hz, standing still, with frames at 12.5 Hz
        stamp = 0.04 * k
        if k % 2 == 0:
            frames = [lidar(START, stamp, name=name) for name in ("lidar", "scan")]
        taken.append(mapper.update(observation(stamp, *frames), lambda _: START))
    assert sum(taken) == 8, "two senses, every two seconds"
    assert taken[:3] == [True, True, False]


def test_a_moving_robot_maps_twice_a_second_at_most() -> None:
    mapper = Mapper(plan())
    taken = 0
    for k in range(100):
        pose = START + np.array([0.02 * k, 0.0, 0.0])
        taken += mapper.update(observation(0.04 * k, lidar(pose, 0.04 * k)), lambda _, pose=pose: pose)  # type: ignore[misc]
    assert 7 <= taken <= 8


def test_obstacles_are_the_same_object_until_they_change() -> None:
    mapper = Mapper(plan())
    before = mapper.obstacles
    drive(mapper, "l", turns=1)
    assert mapper.obstacles is before, "one look proves nothing"
    drive(mapper, "l", turns=3, since=1.0)
    assert mapper.obstacles is not before


def test_another_episode_begins_with_an_empty_map() -> None:
    mapper = Mapper(plan())
    drive(mapper, "dl")
    assert mapper.obstacles.occupied.any()
    mapper.update(observation(0.0), lambda _: START)
    assert not mapper.obstacles.occupied.any()
    assert not mapper.occupancy.log_odds.any()


def test_senses_in_the_hand_and_others_are_left_alone() -> None:
    mapper = Mapper(plan())
    touch = Frame(name="touch", modality="touch", stamp=0.0, data=np.zeros(2, dtype=np.float32), rate=50.0)
    assert not mapper.update(observation(0.0, depth(START, 0.0, "wrist_depth"), touch), lambda _: START)


def test_a_depth_image_without_intrinsics_is_refused() -> None:
    mapper = Mapper(plan())
    with pytest.raises(SenseError, match="'head_depth': expected intrinsics K"):
        mapper.update(observation(0.0, depth(START, 0.0, intrinsics=None)), lambda _: START)


def test_depth_and_lidar_are_fused_into_one_surface() -> None:
    pytest.importorskip("open3d")
    from yanshi.perception.mapping.surface import SurfaceMap

    mapper = Mapper(plan(), surface=SurfaceMap())
    drive(mapper, "dl")
    assert mapper.surface is not None
    points = mapper.surface.points()
    inner = points[(points[:, 0] > 0.3) & (points[:, 0] < 4.7) & (points[:, 1] > 0.3) & (points[:, 1] < 3.7)]
    raised = inner[inner[:, 2] > 0.1].astype(float)
    assert len(raised) > 100
    outside = np.maximum(np.maximum(BOX[0] - raised, raised - BOX[1]), 0.0)
    assert np.quantile(np.linalg.norm(outside, axis=1), 0.9) < mapper.surface.config.voxel

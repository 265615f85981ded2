"""Postures from which a robot at work sees things: the base before furniture, the head turned to something, the arm
about its business, now and then with a thing in the hand.
"""

from __future__ import annotations

import mujoco
import numpy as np

from yanshi.agent.skills.kinematics import Kinematics
from yanshi.contracts import Array, OccupancyGrid
from yanshi.envs.worlds.world import World

NEAR, FAR = (0.45, 1.2), (1.2, 4.0)
"""Distances of the base from what is looked at [m]."""
SHARE_NEAR = 0.6
SHARE_REACHING = 0.7
"""Of the postures in which the hand is near what is looked at."""
SHARE_HOLDING = 0.12
GRASPABLE = 0.075
"""Width of what the hand can hold [m]."""
_TRIES = 60


class Poser:
    """Puts the robot of a world into postures. It moves the data that it is given and nothing else."""

    def __init__(self, world: World, kinematics: Kinematics) -> None:
        """`kinematics` is that of the world's robot; it may be shared between worlds."""
        self.world = world
        self.robot = world.robot
        self.kinematics = kinematics
        model = world.model
        self._base = model.body(world.robot.base_body).id
        self._objects = [thing for thing in world.entities.values() if thing.entity.category == "object"]
        self._targets = [t.body for t in self._objects] * 4 + [
            t.body for t in world.entities.values() if t.entity.category == "fixture"
        ]
        self._head = model.body("head").id
        self._tcp = model.site(world.robot.tcp_site).id

    def place(self, data: mujoco.MjData, rng: np.random.Generator) -> None:
        """One posture, drawn at random; the data is brought up to date."""
        model = self.world.model
        mujoco.mj_kinematics(model, data)
        target = data.xpos[self._targets[rng.integers(len(self._targets))]].copy()
        target[2] = max(target[2], 0.3)
        if self.robot.base_joints:
            self._stand(data, target, rng)
        mujoco.mj_kinematics(model, data)
        if self.robot.head_joints:
            self._turn_head(data, target, rng)
        self._reach(data, target, rng)
        mujoco.mj_forward(model, data)
        if rng.random() < SHARE_HOLDING:
            self._hold(data, rng)
            mujoco.mj_forward(model, data)

    def _stand(self, data: mujoco.MjData, target: Array, rng: np.random.Generator) -> None:
        grid = self.world.floor_plan.grid
        room = next((r for r in self.world.floor_plan.rooms if r.contains(target)), None)
        for _ in range(_TRIES):
            distance = rng.uniform(*(NEAR if rng.random() < SHARE_NEAR else FAR))
            angle = rng.uniform(-np.pi, np.pi)
            spot = target[:2] + distance * np.array([np.cos(angle), np.sin(angle)])
            if (room is None or room.contains(spot) or rng.random() < 0.15) and free(grid, spot, self.robot.footprint):
                break
        else:
            return
        yaw = angle + np.pi + rng.normal(0.0, 0.35)
        for joint, value in zip(self.robot.base_joints, (*spot, yaw), strict=True):
            data.joint(joint).qpos[0] = value

    def _turn_head(self, data: mujoco.MjData, target: Array, rng: np.random.Generator) -> None:
        to_base = data.xmat[self._base].reshape(3, 3).T
        offset = to_base @ (target - data.xpos[self._head])
        pan = np.arctan2(offset[1], offset[0]) + rng.normal(0.0, 0.2)
        tilt = -np.arctan2(offset[2], np.hypot(offset[0], offset[1])) + rng.normal(0.0, 0.15)
        self._set(data, self.robot.head_joints, (pan, tilt))

    def _reach(self, data: mujoco.MjData, target: Array, rng: np.random.Generator) -> None:
        joints = self.kinematics.home + rng.normal(0.0, 0.12, len(self.robot.arm_joints))
        if rng.random() < SHARE_REACHING:
            T_bw = _upright_inverse(data.xpos[self._base], data.xmat[self._base].reshape(3, 3))
            goal = T_bw[:3, :3] @ target + T_bw[:3, 3]
            if self.robot.base_joints and np.linalg.norm(goal[:2]) > 0.9:  # out of reach: as if at work before it
                goal[:2] *= rng.uniform(0.4, 0.75) / np.linalg.norm(goal[:2])
            solved = self.kinematics.solve(_tool_pose(goal, rng), iterations=15)
            joints = joints if solved is None else solved
        self._set(data, self.robot.arm_joints, joints)
        opening = rng.uniform(0.0, 0.04)
        self._set(data, self.robot.finger_joints, (opening, opening))

    def _hold(self, data: mujoco.MjData, rng: np.random.Generator) -> None:
        """A thing between the fingers, as after a pick from above or from the side."""
        slim = [t for t in self._objects if t.joint is not None and min(t.entity.extent[:2]) < GRASPABLE]
        if not slim:
            return
        thing = slim[rng.integers(len(slim))]
        assert thing.joint is not None
        address = self.world.model.jnt_qposadr[thing.joint]
        turn = data.site_xmat[self._tcp].reshape(3, 3)
        sink = rng.uniform(-0.02, 0.02)
        along = 1 if thing.entity.extent[1] <= thing.entity.extent[0] else 0
        yaw = np.arctan2(turn[1, 1], turn[0, 1]) - (np.pi / 2 if along == 1 else 0.0)
        data.qpos[address : address + 3] = data.site_xpos[self._tcp] + sink * turn[:, 2]
        data.qpos[address + 3 : address + 7] = (np.cos(yaw / 2), 0.0, 0.0, np.sin(yaw / 2))
        half = float(thing.entity.extent[along]) / 2
        self._set(data, self.robot.finger_joints, (half, half))

    def _set(self, data: mujoco.MjData, joints: tuple[str, ...], values: Array | tuple[float, ...]) -> None:
        model = self.world.model
        for name, value in zip(joints, values, strict=True):
            number = model.joint(name).id
            low, high = model.jnt_range[number] if model.jnt_limited[number] else (-np.inf, np.inf)
            data.qpos[model.jnt_qposadr[number]] = np.clip(value, low, high)


def free(grid: OccupancyGrid, spot_w: Array, radius: float) -> bool:
    """Whether a disc about (x, y) [m] covers no occupied cell."""
    cells = int(np.ceil(radius / grid.resolution))
    column, row = np.floor((spot_w - grid.origin_w) / grid.resolution).astype(int)
    ny, nx = grid.occupied.shape
    if not (cells <= column < nx - cells and cells <= row < ny - cells):
        return False
    window = grid.occupied[row - cells : row + cells + 1, column - cells : column + cells + 1]
    y, x = np.mgrid[-cells : cells + 1, -cells : cells + 1] * grid.resolution
    return not bool(window[np.hypot(x, y) <= radius].any())


def _upright_inverse(position: Array, rotation: Array) -> Array:
    T = np.eye(4)
    T[:3, :3] = rotation.T
    T[:3, 3] = -rotation.T @ np.array([position[0], position[1], 0.0])
    return T


def _tool_pose(goal_b: Array, rng: np.random.Generator) -> Array:
    """A pose of the tool (4, 4) at some distance from a point, looking at about it: from above, or from before."""
    pitch = rng.normal(0.0, 0.3) if rng.random() < 0.75 else rng.uniform(0.4, 1.5)
    bearing = np.arctan2(goal_b[1], goal_b[0]) + rng.normal(0.0, 0.4)
    z = np.array([np.sin(pitch) * np.cos(bearing), np.sin(pitch) * np.sin(bearing), -np.cos(pitch)])
    roll = rng.uniform(-1.2, 1.2)
    y = np.array([-np.sin(bearing + roll), np.cos(bearing + roll), 0.0])
    y -= z * (y @ z)
    y /= np.linalg.norm(y)
    T = np.eye(4)
    T[:3, :3] = np.stack((np.cross(y, z), y, z), axis=1)
    T[:3, 3] = goal_b - z * rng.uniform(0.02, 0.35) + rng.normal(0.0, 0.04, 3)
    return T

"""What the robot feels of itself: joints by noisy encoders, and the base by wheel odometry, which drifts."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import mujoco
import numpy as np

from yanshi.contracts import Array, Proprioception
from yanshi.envs.senses.frames import element, site_in_base
from yanshi.errors import InputError

if TYPE_CHECKING:
    from yanshi.envs.robots import Robot

_Pose = tuple[float, float, float]
"""x, y [m], yaw [rad]."""


@dataclass(frozen=True, kw_only=True)
class ProprioceptionConfig:
    """How good the encoders and the odometry are. Zeros make them perfect."""

    encoder: float = 2e-4
    """Standard deviation of a joint position [rad or m]."""
    velocity: float = 2e-3
    """Standard deviation of a joint velocity [rad/s or m/s]."""
    base_velocity: float = 0.02
    """Standard deviation of a base velocity, as a share of it."""
    drift_distance: float = 0.02
    """Odometry error along and across the way: standard deviation after 1 m [m]; grows as the root of the distance."""
    drift_turn: float = 0.03
    """Heading error after turning by 1 rad [rad], growing likewise; each metre driven counts as a quarter of that."""

    def __post_init__(self) -> None:
        values = (self.encoder, self.velocity, self.base_velocity, self.drift_distance, self.drift_turn)
        if min(values) < 0.0:
            raise InputError(f"Proprioception noise must be >= 0, got {self}.")


class Proprioceptor:
    """Reads a robot's own state. Call `reset` at the start of an episode and `read` once a control step.

    Odometry is dead reckoning: between two readings the true motion, seen from the base, is disturbed by noise in
    proportion to the root of the distance and of the angle, and added up. Read at a fixed rhythm it depends only on the
    seed.
    """

    def __init__(self, model: mujoco.MjModel, robot: Robot, config: ProprioceptionConfig | None = None) -> None:
        """Find the robot's joints, base and tool in `model`. Raises: WorldError if one is not there."""
        self.config = config or ProprioceptionConfig()
        self.robot = robot
        self.joint_names = (*robot.arm_joints, *robot.head_joints)
        self._positions, self._velocities = _addresses(model, self.joint_names)
        self._base_positions, self._base_velocities = _addresses(model, robot.base_joints)
        fingers = [element(model, mujoco.mjtObj.mjOBJ_JOINT, name) for name in robot.finger_joints]
        self._fingers = model.jnt_qposadr[fingers]
        low, high = model.jnt_range[fingers].T
        opens_upwards = robot.gripper_ctrl[1] >= robot.gripper_ctrl[0]
        self._closed, is_open = (low, high) if opens_upwards else (high, low)
        self._opening_per_value = robot.max_opening / (is_open - self._closed) / max(len(fingers), 1)
        self._tcp = element(model, mujoco.mjtObj.mjOBJ_SITE, robot.tcp_site)
        self._base = element(model, mujoco.mjtObj.mjOBJ_BODY, robot.base_body)
        self._rng = np.random.default_rng(0)
        self._pose: _Pose = (0.0, 0.0, 0.0)
        self._odometry: _Pose = (0.0, 0.0, 0.0)
        self._last: tuple[float, Proprioception] | None = None

    def reset(self, seed: int, data: mujoco.MjData) -> None:
        """Begin an episode: odometry starts at 0 where the base is now."""
        self._rng = np.random.default_rng((seed, 0x0D0))
        self._pose = self._base_pose(data)
        self._odometry = (0.0, 0.0, 0.0)
        self._last = None

    def read(self, data: mujoco.MjData) -> Proprioception:
        """What is felt now; asked again at the same time, the same."""
        if self._last is not None and self._last[0] == data.time:
            return self._last[1]
        c = self.config
        n = len(self.joint_names)
        noise = self._rng.standard_normal(2 * n + 6)
        base_velocity = np.zeros(3)
        if len(self._base_positions):
            self._drift(self._base_pose(data), noise[:3].tolist())
            vx, vy, turn = data.qvel[self._base_velocities].tolist()
            base_velocity = np.array([*_rotated(vx, vy, -self._pose[2]), turn]) * (1.0 + c.base_velocity * noise[3:6])
        felt = Proprioception(
            joint_names=self.joint_names,
            joint_positions=data.qpos[self._positions] + c.encoder * noise[6 : 6 + n],
            joint_velocities=data.qvel[self._velocities] + c.velocity * noise[6 + n :],
            odometry=np.array(self._odometry),
            base_velocity_b=base_velocity,
            T_be=site_in_base(data, self._tcp, self._base),
            gripper_opening=float((data.qpos[self._fingers] - self._closed) @ self._opening_per_value),
        )
        self._last = (data.time, felt)
        return felt

    def _drift(self, pose: _Pose, noise: list[float]) -> None:
        """Add the true motion since the last reading, disturbed, to the odometry."""
        c = self.config
        x0, y0, yaw0 = self._pose
        forward, left = _rotated(pose[0] - x0, pose[1] - y0, -yaw0)
        turn = pose[2] - yaw0
        distance = math.hypot(forward, left)
        slip = c.drift_distance * math.sqrt(distance)
        x, y, yaw = self._odometry
        dx, dy = _rotated(forward + slip * noise[0], left + slip * noise[1], yaw)
        turn += c.drift_turn * math.sqrt(abs(turn) + 0.0625 * distance) * noise[2]
        self._odometry = (x + dx, y + dy, yaw + turn)
        self._pose = pose

    def _base_pose(self, data: mujoco.MjData) -> _Pose:
        if not len(self._base_positions):
            return 0.0, 0.0, 0.0
        x, y, yaw = data.qpos[self._base_positions].tolist()
        return x, y, yaw


def _addresses(model: mujoco.MjModel, names: tuple[str, ...]) -> tuple[Array, Array]:
    """Where the joints are in qpos and in qvel."""
    joints = np.array([element(model, mujoco.mjtObj.mjOBJ_JOINT, name) for name in names], int)
    return model.jnt_qposadr[joints], model.jnt_dofadr[joints]


def _rotated(x: float, y: float, yaw: float) -> tuple[float, float]:
    """A vector of the plane turned by `yaw` [rad]."""
    c, s = math.cos(yaw), math.sin(yaw)
    return c * x - s * y, s * x + c * y

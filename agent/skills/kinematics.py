"""The robot's own body, alone in the void: forward kinematics, inverse kinematics (mink) and where its head looks."""

from __future__ import annotations

from typing import Any

import mink
import mujoco
import numpy as np
from numpy.typing import NDArray

from yanshi.contracts import Proprioception
from yanshi.envs.robots import Robot

__all__ = ["Kinematics"]

Array = NDArray[Any]
_LIMIT_MARGIN = 0.06
"""A posture nearer than this to a joint limit [rad] does not count as reachable."""


class Kinematics:
    """A model of the robot with its base nailed down at the origin; it knows nothing of the world."""

    def __init__(self, robot: Robot) -> None:
        self.robot = robot
        self.model = robot.nailed_down()
        self.data = mujoco.MjData(self.model)
        model = self.model
        self._arm = np.array([model.joint(name).qposadr[0] for name in robot.arm_joints])
        self._head = np.array([model.joint(name).qposadr[0] for name in robot.head_joints], dtype=int)
        self._head_dofs = np.array([model.joint(name).dofadr[0] for name in robot.head_joints], dtype=int)
        self._low, self._high = (
            model.jnt_range[[model.joint(name).id for name in robot.arm_joints], k] for k in (0, 1)
        )
        self._home = model.qpos0.copy()
        for name, value in robot.home.items():
            if name not in robot.base_joints:
                self._home[model.joint(name).qposadr[0]] = value
        self.home = self._home[self._arm].copy()
        """(n,) arm joints of the home posture [rad]."""
        self._configuration = mink.Configuration(model)
        self._frame = mink.FrameTask(robot.tcp_site, "site", position_cost=1.0, orientation_cost=0.5, lm_damping=1e-4)
        posture_cost = np.full(model.nv, 10.0)
        posture_cost[[model.joint(name).dofadr[0] for name in robot.arm_joints]] = 2e-3
        self._posture = mink.PostureTask(model, cost=posture_cost)
        self._limits = [mink.ConfigurationLimit(model)]
        self.shoulder_b = self._point(robot.arm_joints[1] if len(robot.arm_joints) > 1 else robot.arm_joints[0])
        """(3,) the second arm joint in the base frame: reach is counted from here [m]."""
        self.home_T_be = self.forward(self.home)
        """(4, 4) end effector in the base in the home posture."""

    def _point(self, joint: str) -> Array:
        self.data.qpos[:] = self._home
        mujoco.mj_kinematics(self.model, self.data)
        return np.asarray(self.data.joint(joint).xanchor.copy())

    def forward(self, q: Array) -> Array:
        """The end effector (4, 4) in the base for arm joints (n,) [rad]."""
        self.data.qpos[:] = self._home
        self.data.qpos[self._arm] = q
        mujoco.mj_kinematics(self.model, self.data)
        site = self.data.site(self.robot.tcp_site)
        pose = np.eye(4)
        pose[:3, :3], pose[:3, 3] = site.xmat.reshape(3, 3), site.xpos
        return pose

    def solve(self, T_be: Array, start: Array | None = None, iterations: int = 40) -> Array | None:
        """Arm joints (n,) [rad] that put the end effector at a pose (4, 4) in the base, or None when none were found.

        A result lies within 4 mm and 0.03 rad of the pose and keeps clear of the joint limits.
        """
        configuration = self._configuration
        q = self._home.copy()
        if start is not None:
            q[self._arm] = start
        configuration.update(q)
        self._posture.set_target(self._home)
        self._frame.set_target(mink.SE3.from_matrix(T_be))
        dt = 0.1
        for _ in range(iterations):
            error = self._frame.compute_error(configuration)
            if np.linalg.norm(error[:3]) < 0.002 and np.linalg.norm(error[3:]) < 0.02:
                break
            velocity = mink.solve_ik(
                configuration, [self._frame, self._posture], dt, solver="daqp", damping=1e-6, limits=self._limits
            )
            step = velocity * dt
            configuration.integrate_inplace(velocity * min(1.0, 0.5 / max(float(np.abs(step).max()), 1e-9)), dt)
        error = self._frame.compute_error(configuration)
        solution = np.asarray(configuration.q[self._arm].copy())
        if (
            np.linalg.norm(error[:3]) > 0.004
            or np.linalg.norm(error[3:]) > 0.03
            or self.margin(solution) < _LIMIT_MARGIN
        ):
            return None
        return solution

    def margin(self, q: Array) -> float:
        """How far the joint nearest to its limit is from it [rad]."""
        return float(np.minimum(q - self._low, self._high - q).min())

    def head_rates(self, proprioception: Proprioception, point_b: Array, gain: float = 4.0) -> tuple[float, float]:
        """Rates [rad/s] of the head joints that turn its camera towards a point (3,) in the base frame."""
        if not len(self._head):
            return (0.0, 0.0)
        self.data.qpos[:] = self._home
        for name, value in zip(proprioception.joint_names, proprioception.joint_positions, strict=True):
            if name in self.robot.head_joints:
                self.data.joint(name).qpos[0] = value
        mujoco.mj_kinematics(self.model, self.data)
        mujoco.mj_camlight(self.model, self.data)
        camera = self.data.camera("head")
        ahead = -camera.xmat.reshape(3, 3)[:, 2]
        wanted = point_b - camera.xpos
        pan_axis, tilt_axis = (self.data.joint(name).xaxis for name in self.robot.head_joints)
        return gain * _turn(ahead, wanted, pan_axis), gain * _lift(ahead, wanted, tilt_axis, pan_axis)

    def head_direction(self, proprioception: Proprioception, point_b: Array) -> float:
        """Angle [rad] between where the head camera looks and a point (3,) in the base frame; 0 without a head."""
        rates = self.head_rates(proprioception, point_b, gain=1.0)
        return float(np.hypot(*rates))


def _turn(a: Array, b: Array, axis: Array) -> float:
    """Angle from a to b about an axis, both projected on its plane [rad]."""
    a, b = a - axis * (a @ axis), b - axis * (b @ axis)
    return float(np.arctan2(axis @ np.cross(a, b), a @ b))


def _lift(a: Array, b: Array, axis: Array, up: Array) -> float:
    """Difference in elevation above the plane of `up` from a to b, signed as a turn about the axis [rad]."""

    def elevation(v: Array) -> float:
        return float(np.arcsin(np.clip(v @ up / max(float(np.linalg.norm(v)), 1e-9), -1.0, 1.0)))

    sign = 1.0 if np.cross(axis, a) @ up > 0 else -1.0
    return sign * (elevation(b) - elevation(a))

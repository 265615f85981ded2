"""The motor level: from an action to actuator controls, by differential inverse kinematics."""

from __future__ import annotations

from collections.abc import Sequence
from math import hypot

import mujoco
import numpy as np
from numpy.typing import NDArray

from yanshi.envs.clock import CONTROL_DT
from yanshi.envs.robots import Robot
from yanshi.errors import InputError

__all__ = ["MotorControl"]

Indices = slice | NDArray[np.intp]

DAMPING = (4e-4, 20.0)
"""λ² of the damped least squares where the wanted pose is reached, and how much is added for each unit of squared error [m, rad]."""
POSTURE_GAIN = 0.8
"""How fast the redundant joint returns to the home posture [1/s]."""
KINEMATIC_GAIN = 10.0
"""How fast the wanted joint positions follow the wanted tool pose [1/s]."""
LOAD_GAIN = 2.0
"""How fast a lasting error of the servos, as by a load in the hand, is learned [1/s]."""
LOAD_BOUND = (0.01, 0.05)
"""The greatest such error that is compensated [m, rad], per axis."""
LEAD = (0.012, 0.08)
"""How far the wanted tool pose may run ahead of the tool at rest [m, rad]: it bounds the force on what is in the way."""
JOINT_LEAD = 0.25
"""How far the wanted position of an arm joint may run ahead of the joint [rad]."""
JOINT_MARGIN = 0.01
"""Distance kept from the joint limits [rad]."""
BASE_ACCELERATION = (1.5, 1.5, 3.0)
"""[m/s², m/s², rad/s²]."""
BASE_GAIN = 4.0
"""How fast the base returns to where it should be [1/s]."""
BASE_LEAD = 0.03
"""How far the wanted base pose may run ahead of the base [m or rad]."""


class MotorControl:
    """Turns actions of one robot (see `Robot`) into ``data.ctrl``.

    The wanted tool pose, relative to the base, is the integral of the commanded twist. With J the Jacobian of the tool at
    the present joint positions q, and q* the wanted ones, each control step moves q* by the damped least-squares solution
    (Nakamura & Hanafusa 1986) with a null-space posture term

        dq* = n + Jᵀ (J Jᵀ + λ²I)⁻¹ (v - J n),     n = k (q_home - q*),
        v = twist + k₁ (X* + c - (X + J (q* - q))),    dc = k₂ (X* - X),

    so that with a zero command the tool holds its pose relative to the base, without drift and whatever it carries. λ grows with
    the error that remains (Sugihara 2011), which keeps it quiet where a pose is out of reach; joints at a limit are taken out
    of the solution. The lag of the position servos is compensated by their known damping.

    Args:
        model: the compiled world.
        robot: whose parts are in the model under their own names.
    """

    def __init__(self, model: mujoco.MjModel, robot: Robot) -> None:
        self._model = model
        self.robot = robot
        self.nu = len(robot.action_names)
        self._base = model.body(robot.base_body).id
        self._site = model.site(robot.tcp_site).id
        self._arm = _Joints(model, robot.arm_joints, robot.arm_actuators)
        self._wheels = _Joints(model, robot.base_joints, robot.base_actuators) if robot.base_joints else None
        self._head = _Joints(model, robot.head_joints, robot.head_actuators) if robot.head_joints else None
        self._gripper = model.actuator(robot.gripper_actuator).id
        self._home = np.array([robot.home.get(joint, 0.0) for joint in robot.arm_joints])
        self._speed_limit = np.array(robot.joint_speed or [2.0] * len(robot.arm_joints))
        self._twist_scale = np.repeat(robot.tcp_speed, 3)
        self._slowest_lag = float(self._arm.lag.max())

        n = len(robot.arm_joints)
        self._jacobian = np.zeros((6, model.nv))
        self._twist = np.zeros(6)
        self._error = np.zeros(6)
        self._solution = np.zeros(6)
        self._load = np.zeros(6)
        self._normal = np.zeros((6, 6))
        self._turn = np.zeros(3)
        self._quaternion = np.zeros(4)
        self._wanted_joints = np.zeros(n)
        self._wanted_position = np.zeros(3)
        self._wanted_quaternion = np.array([1.0, 0.0, 0.0, 0.0])
        self._wanted_head = np.zeros(2)
        self._wanted_base = [0.0, 0.0, 0.0]
        self._drive = [0.0, 0.0, 0.0]
        self._steady = True

    def reset(self, data: mujoco.MjData) -> None:
        """Want what is: the tool pose, base and head of `data`, at rest. Its kinematics must be up to date."""
        rotation = data.xmat[self._base].reshape(3, 3)
        self._wanted_joints[:] = data.qpos[self._arm.qpos]
        self._wanted_position[:] = (data.site_xpos[self._site] - data.xpos[self._base]) @ rotation
        mujoco.mju_mat2Quat(self._wanted_quaternion, (rotation.T @ data.site_xmat[self._site].reshape(3, 3)).ravel())
        self._load[:] = 0.0
        self._drive = [0.0, 0.0, 0.0]
        if self._wheels is not None:
            self._wanted_base = data.qpos[self._wheels.qpos].tolist()
        if self._head is not None:
            self._wanted_head[:] = data.qpos[self._head.qpos]

    def apply(self, data: mujoco.MjData, action: NDArray[np.floating]) -> None:
        """Write the controls of one control step.

        Args:
            data: the present state; only ``ctrl`` is changed.
            action: (nu,) in [-1, 1], see `Robot`; what lies outside is clipped.

        Raises:
            InputError: wrong shape, or not finite.
        """
        if action.shape != (self.nu,):
            raise InputError(f"action: expected shape ({self.nu},) for robot '{self.robot.name}', got {action.shape}.")
        values = action.tolist()
        total = sum(values)
        if total - total != 0.0:
            raise InputError(f"action: expected finite values, got {values}.")
        values = [-1.0 if value < -1.0 else 1.0 if value > 1.0 else value for value in values]
        start = 0
        if self._wheels is not None:
            self._apply_base(data, values, self._wheels)
            start = 3
        self._apply_arm(data, values[start : start + 6])
        closed, opened = self.robot.gripper_ctrl
        data.ctrl[self._gripper] = closed + 0.5 * (values[start + 6] + 1.0) * (opened - closed)
        if self._head is not None:
            rate = np.array(values[start + 7 :]) * self.robot.head_speed
            self._wanted_head += rate * CONTROL_DT
            self._wanted_head.clip(self._head.low, self._head.high, out=self._wanted_head)
            data.ctrl[self._head.ctrl] = self._wanted_head

    def _apply_base(self, data: mujoco.MjData, values: list[float], wheels: _Joints) -> None:
        """Drive at the commanded velocity, with bounded acceleration, and stay on the path that it describes."""
        self._steady = True
        for i, (value, speed) in enumerate(zip(values, self.robot.base_speed, strict=False)):
            change = value * speed - self._drive[i]
            step = BASE_ACCELERATION[i] * CONTROL_DT
            if abs(change) > step:
                self._steady = False
                change = step if change > 0.0 else -step
            self._drive[i] += change
        vx, vy, yaw_rate = self._drive
        heading = data.xmat[self._base]
        c, s = heading[0], heading[3]
        axis_x, axis_y = data.xaxis[wheels.joints[0]], data.xaxis[wheels.joints[1]]
        wx, wy = c * vx - s * vy, s * vx + c * vy
        velocity = (axis_x[0] * wx + axis_x[1] * wy, axis_y[0] * wx + axis_y[1] * wy, yaw_rate)
        present = data.qpos[wheels.qpos].tolist()
        control = [0.0, 0.0, 0.0]
        for i in range(3):
            lead = self._wanted_base[i] - present[i]
            lead = -BASE_LEAD if lead < -BASE_LEAD else BASE_LEAD if lead > BASE_LEAD else lead
            self._wanted_base[i] = present[i] + lead + velocity[i] * CONTROL_DT
            control[i] = velocity[i] + BASE_GAIN * lead
        data.ctrl[wheels.ctrl] = control

    def _apply_arm(self, data: mujoco.MjData, values: list[float]) -> None:
        arm, twist = self._arm, self._twist
        np.multiply(values, self._twist_scale, out=twist)
        q = data.qpos[arm.qpos]
        rotation = data.xmat[self._base].reshape(3, 3)
        tool = data.site_xmat[self._site].reshape(3, 3)
        self._advance_wanted_pose(data, rotation, tool)

        # Everything below is in the map frame, in which MuJoCo gives the Jacobian.
        mujoco.mj_jacSite(self._model, data, self._jacobian[:3], self._jacobian[3:], self._site)
        jacobian = self._jacobian[:, arm.dofs]
        # The pose is that of the last step's beginning, one time step older than the joint positions.
        ahead = self._wanted_joints - q
        ahead += data.qvel[arm.dofs] * self._model.opt.timestep
        error = self._error - jacobian @ ahead
        damping = DAMPING[0] + DAMPING[1] * float(error @ error)
        velocity = KINEMATIC_GAIN * error
        velocity[:3] += rotation @ twist[:3]
        velocity[3:] += rotation @ twist[3:]
        rate = self._solve(jacobian, velocity, damping)
        blocked = self._wanted_joints + rate * CONTROL_DT
        blocked = (blocked < arm.low) | (blocked > arm.high)
        if blocked.any():
            jacobian = np.where(blocked, 0.0, jacobian)
            rate = np.where(blocked, 0.0, self._solve(jacobian, velocity, damping))
        rate *= 1.0 / max(1.0, float((np.abs(rate) / self._speed_limit).max()))

        wanted = self._wanted_joints
        wanted += rate * CONTROL_DT
        np.clip(wanted, q - JOINT_LEAD, q + JOINT_LEAD, out=wanted)
        np.clip(wanted, arm.low, arm.high, out=wanted)
        # The servo follows its set point late by kv / kp; the set point leads by as much (and is held for a whole step).
        data.ctrl[arm.ctrl] = wanted + rate * (arm.lag - 0.5 * CONTROL_DT)

    def _advance_wanted_pose(self, data: mujoco.MjData, rotation: NDArray[np.float64], tool: NDArray[np.float64]) -> None:
        """Integrate the twist; keep the wanted pose near the tool; write the pose error, in the map frame, to `_error`."""
        twist, error = self._twist, self._error
        position = (data.site_xpos[self._site] - data.xpos[self._base]) @ rotation
        lead = self._wanted_position - position
        x, y, z = lead.tolist()
        speed = hypot(*twist[:3].tolist())
        bound = (LEAD[0] + speed * (self._slowest_lag + CONTROL_DT)) / max(hypot(x, y, z), 1e-9)
        if bound < 1.0:
            lead *= bound
        elif speed == 0.0 and self._steady:
            self._learn_load(0, lead)
        error[:3] = rotation @ (lead + self._load[:3])
        self._wanted_position[:] = position + lead + twist[:3] * CONTROL_DT

        mujoco.mju_mat2Quat(self._quaternion, (rotation.T @ tool).ravel())
        mujoco.mju_subQuat(self._turn, self._wanted_quaternion, self._quaternion)
        speed = hypot(*twist[3:].tolist())
        bound = (LEAD[1] + speed * (self._slowest_lag + CONTROL_DT)) / max(hypot(*self._turn.tolist()), 1e-9)
        if bound < 1.0:
            self._turn *= bound
            self._wanted_quaternion[:] = self._quaternion
            mujoco.mju_quatIntegrate(self._wanted_quaternion, self._turn, 1.0)
        turn = rotation.T @ (tool @ self._turn)
        if bound >= 1.0 and speed == 0.0 and self._steady:
            self._learn_load(3, turn)
        error[3:] = rotation @ (turn + self._load[3:])
        if speed > 0.0:
            step = np.zeros(4)
            mujoco.mju_axisAngle2Quat(step, twist[3:] / speed, speed * CONTROL_DT)
            mujoco.mju_mulQuat(self._wanted_quaternion, step, self._wanted_quaternion.copy())
            mujoco.mju_normalize4(self._wanted_quaternion)

    def _learn_load(self, start: int, error: NDArray[np.float64]) -> None:
        """Integrate a lasting error; not while the tool is held up by something or gathers speed."""
        part, bound = self._load[start : start + 3], LOAD_BOUND[start // 3]
        part += LOAD_GAIN * CONTROL_DT * error
        part.clip(-bound, bound, out=part)

    def _solve(
        self, jacobian: NDArray[np.float64], velocity: NDArray[np.float64], damping: float
    ) -> NDArray[np.float64]:
        """Joint velocities (n,) for a tool velocity (6,), redundancy spent on the posture."""
        posture = POSTURE_GAIN * (self._home - self._wanted_joints)
        np.matmul(jacobian, jacobian.T, out=self._normal)
        self._normal.flat[::7] += damping
        mujoco.mju_cholFactor(self._normal, 0.0)
        mujoco.mju_cholSolve(self._solution, self._normal, velocity - jacobian @ posture)
        posture += self._solution @ jacobian
        return posture


class _Joints:
    """Where some joints and their actuators are in the arrays of a model."""

    def __init__(self, model: mujoco.MjModel, joints: Sequence[str], actuators: Sequence[str]) -> None:
        self.joints = [model.joint(name).id for name in joints]
        acts = [model.actuator(name).id for name in actuators]
        self.qpos = _indices(model.jnt_qposadr[self.joints])
        self.dofs = _indices(model.jnt_dofadr[self.joints])
        self.ctrl = _indices(acts)
        limited = model.jnt_limited[self.joints].astype(bool)
        self.low = np.where(limited, model.jnt_range[self.joints, 0] + JOINT_MARGIN, -np.inf)
        self.high = np.where(limited, model.jnt_range[self.joints, 1] - JOINT_MARGIN, np.inf)
        gain = model.actuator_gainprm[acts, 0]
        self.lag = -model.actuator_biasprm[acts, 2] / np.where(gain > 0.0, gain, 1.0)
        """Seconds by which a position servo trails a ramp: kv / kp."""


def _indices(numbers: Sequence[int] | NDArray[np.integer]) -> Indices:
    """A slice where the numbers are consecutive, which is faster to read and write."""
    array = np.asarray(numbers, dtype=np.intp)
    if len(array) and np.array_equal(array, np.arange(array[0], array[0] + len(array))):
        return slice(int(array[0]), int(array[0]) + len(array))
    return array

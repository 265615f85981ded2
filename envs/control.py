"""The motor level: from an action to actuator controls, by differential inverse kinematics."""

from __future__ import annotations

from collections.abc import Sequence
from math import cos, sin, sqrt
from typing import Any, Protocol

import mujoco
import numpy as np
from numpy.typing import NDArray

from yanshi.envs.clock import CONTROL_DT
from yanshi.envs.robots import Robot
from yanshi.errors import InputError, WorldError

__all__ = ["MotorControl", "MotorState"]

Array = NDArray[Any]

DAMPING = (4e-4, 20.0)
"""λ² of the damped least squares where the wanted pose is reached, and its growth with the squared error [1/m², 1/rad²]."""
POSTURE_GAIN = 0.8
"""How fast a redundant joint returns to the home posture [1/s]."""
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


class MotorState(Protocol):
    """What motor control reads, and ``ctrl``, which it writes: an MjData, or the rows of one simulation of a Batch."""

    qpos: Array
    qvel: Array
    ctrl: Array
    xpos: Array
    xmat: Array
    xaxis: Array
    xanchor: Array
    site_xpos: Array
    site_xmat: Array


class MotorControl:
    """Turns actions of one robot (see `Robot`) into ``ctrl``.

    The wanted tool pose X*, relative to the base, is the integral of the commanded twist. With J the Jacobian of the tool at
    the present joint positions q, and q* the wanted ones, each control step moves q* by the damped least-squares solution
    (Nakamura & Hanafusa 1986) with a null-space posture term

        dq* = n + Jᵀ (J Jᵀ + λ²I)⁻¹ (v - J n),         n = k (q_home - q*),
        v = twist + k₁ (X* + c - (X + J (q* - q))),     dc = k₂ (X* - X),

    so that with a zero command the tool holds its pose relative to the base, without drift and whatever it carries. λ grows with
    the error that remains (Sugihara 2011), which keeps it quiet where a pose is out of reach; joints at a limit are taken out
    of the solution. The lag of the position servos is compensated by their known damping.

    Args:
        model: the compiled world.
        robot: whose parts are in the model under their own names.
    """

    def __init__(self, model: mujoco.MjModel, robot: Robot) -> None:
        self.robot = robot
        self.nu = len(robot.action_names)
        self._timestep = model.opt.timestep
        self._base = model.body(robot.base_body).id
        self._site = model.site(robot.tcp_site).id
        self._arm = _Joints(model, robot.arm_joints, robot.arm_actuators)
        self._wheels = _Joints(model, robot.base_joints, robot.base_actuators) if robot.base_joints else None
        self._head = _Joints(model, robot.head_joints, robot.head_actuators) if robot.head_joints else None
        self._gripper = model.actuator(robot.gripper_actuator).id
        _require_chain(model, robot)

        n = len(robot.arm_joints)
        self._home = np.array([robot.home.get(joint, 0.0) for joint in robot.arm_joints])
        self._speed_limit = list(robot.joint_speed or [2.0] * n)
        self._lag = max(self._arm.lag) + CONTROL_DT
        self._wanted_joints = np.zeros(n)
        self._ahead_and_posture = np.zeros((2, n))
        # In the base frame, as columns: wanted axes and position of the tool, twist, load.
        self._tool = np.zeros((3, 8))
        self._jacobian = np.zeros((n, 6))
        self._normal = np.zeros((6, 6))
        self._solution = np.zeros(6)
        self._wanted_head = [0.0, 0.0]
        self._wanted_base = [0.0, 0.0, 0.0]
        self._drive = [0.0, 0.0, 0.0]
        self._steady = True
        self._bound: MotorState | None = None

    def reset(self, state: MotorState) -> None:
        """Want what is: the tool pose, base and head of `state`, at rest. Its kinematics must be up to date."""
        self._bind(state)
        self._wanted_joints[:] = state.qpos[self._arm.qpos]
        self._tool[:] = 0.0
        self._tool[:, :3] = self._base_axes.T @ self._tool_axes
        self._tool[:, 3] = (self._tool_position - self._base_position) @ self._base_axes
        self._drive = [0.0, 0.0, 0.0]
        self._steady = True
        if self._wheels is not None:
            self._wanted_base = state.qpos[self._wheels.qpos].tolist()
        if self._head is not None:
            self._wanted_head = state.qpos[self._head.qpos].tolist()

    def apply(self, state: MotorState, action: NDArray[np.floating]) -> None:
        """Write the controls of one control step.

        Args:
            state: the present state; only ``ctrl`` is changed.
            action: (nu,) in [-1, 1], see `Robot`; what lies outside is clipped.

        Raises:
            InputError: wrong shape, or not finite.
        """
        if action.shape != (self.nu,):
            raise InputError(f"action: expected shape ({self.nu},) for robot '{self.robot.name}', got {action.shape}.")
        values = action.tolist()
        if sum(values) - sum(values) != 0.0:
            raise InputError(f"action: expected finite values, got {values}.")
        values = [-1.0 if value < -1.0 else 1.0 if value > 1.0 else value for value in values]
        if state is not self._bound:
            self._bind(state)
        start = 0
        if self._wheels is not None:
            self._move_base(state, values, self._wheels)
            start = 3
        self._move_arm(state, values[start : start + 6])
        closed, opened = self.robot.gripper_ctrl
        state.ctrl[self._gripper] = closed + 0.5 * (values[start + 6] + 1.0) * (opened - closed)
        if self._head is not None:
            step = self.robot.head_speed * CONTROL_DT
            self._wanted_head = [
                min(max(wanted + value * step, low), high)
                for wanted, value, low, high in zip(
                    self._wanted_head, values[start + 7 :], self._head.low, self._head.high, strict=True
                )
            ]
            state.ctrl[self._head.ctrl] = self._wanted_head

    def _bind(self, state: MotorState) -> None:
        """Keep views of what is read at every step; making them anew costs as much as the mathematics."""
        self._bound = state
        self._base_axes = state.xmat[self._base].reshape(3, 3)
        self._base_position = state.xpos[self._base]
        self._tool_axes = state.site_xmat[self._site].reshape(3, 3)
        self._tool_position = state.site_xpos[self._site]
        self._qpos, self._qvel = state.qpos, state.qvel
        self._axes, self._anchors = state.xaxis, state.xanchor

    def _move_base(self, state: MotorState, values: list[float], wheels: _Joints) -> None:
        """Drive at the commanded velocity, with bounded acceleration, and stay on the path that it describes."""
        drive = self._drive
        self._steady = True
        for i in range(3):
            change = values[i] * self.robot.base_speed[i] - drive[i]
            step = BASE_ACCELERATION[i] * CONTROL_DT
            if abs(change) > step:
                self._steady = False
                change = step if change > 0.0 else -step
            drive[i] += change
        (c, _, _), (s, _, _), _ = self._base_axes.tolist()
        vx, vy = c * drive[0] - s * drive[1], s * drive[0] + c * drive[1]
        (xx, xy, _), (yx, yy, _), _ = self._axes[wheels.joints].tolist()
        control = [xx * vx + xy * vy, yx * vx + yy * vy, drive[2]]
        present = self._qpos[wheels.qpos].tolist()
        for i in range(3):
            lead = self._wanted_base[i] - present[i]
            lead = -BASE_LEAD if lead < -BASE_LEAD else BASE_LEAD if lead > BASE_LEAD else lead
            self._wanted_base[i] = present[i] + lead + control[i] * CONTROL_DT
            control[i] += BASE_GAIN * lead
        state.ctrl[wheels.ctrl] = control

    def _move_arm(self, state: MotorState, values: list[float]) -> None:
        arm, wanted = self._arm, self._wanted_joints
        error, twist = self._pose_error(values)

        # The columns of J: hinges turn about their axis through their anchor. All in the map frame, as MuJoCo gives them; one
        # time step older than qpos, which the joint velocities make good.
        jacobian_t = self._jacobian
        axes = self._axes[arm.joints]
        jacobian_t[:, 3:] = axes
        lever = self._tool_position - self._anchors[arm.joints]
        np.matmul((axes[:, :, None] * lever[:, None, :]).reshape(-1, 9), _CROSS, out=jacobian_t[:, :3])
        if arm.slides is not None:
            jacobian_t[arm.slides, :3] = axes[arm.slides]
            jacobian_t[arm.slides, 3:] = 0.0

        ahead, posture = self._ahead_and_posture
        q = self._qpos[arm.qpos]
        np.subtract(wanted, q, out=ahead)
        ahead += self._qvel[arm.dofs] * self._timestep
        np.subtract(self._home, wanted, out=posture)
        posture *= POSTURE_GAIN
        by_joints, by_posture = self._ahead_and_posture @ jacobian_t
        error -= by_joints
        damping = DAMPING[0] + DAMPING[1] * float(error @ error)
        error *= KINEMATIC_GAIN
        error += twist
        rates = self._solve(jacobian_t, error - by_posture, damping).tolist()
        before = wanted.tolist()
        blocked = [
            not low < position + rate * CONTROL_DT < high
            for position, rate, low, high in zip(before, rates, arm.low, arm.high, strict=True)
        ]
        if any(blocked):
            jacobian_t[blocked] = 0.0
            posture[blocked] = 0.0
            rates = self._solve(jacobian_t, error - posture @ jacobian_t, damping).tolist()
        self._set_joints(state, q.tolist(), before, rates)

    def _set_joints(self, state: MotorState, present: list[float], before: list[float], rates: list[float]) -> None:
        """Move the wanted joint positions on by one step, within speed, position and lead, and tell the servos.

        A servo follows its set point late by kv / kp; the set point leads by as much, and is held for a whole step.
        """
        arm = self._arm
        fastest = max([abs(rate) / limit for rate, limit in zip(rates, self._speed_limit, strict=True)])
        scale = 1.0 / fastest if fastest > 1.0 else 1.0
        control = []
        for i, rate in enumerate(rates):
            rate *= scale
            q = present[i]
            wanted = before[i] + rate * CONTROL_DT
            wanted = min(max(wanted, q - JOINT_LEAD, arm.low[i]), q + JOINT_LEAD, arm.high[i])
            before[i] = wanted
            control.append(wanted + rate * (arm.lag[i] - 0.5 * CONTROL_DT))
        self._wanted_joints[:] = before
        state.ctrl[arm.ctrl] = control

    def _pose_error(self, values: list[float]) -> tuple[Array, Array]:
        """Pose error and commanded twist, (6,) each, in the map frame; moves the wanted pose on by one step.

        The wanted pose stays near the tool, so that pushing against something does not wind it up.
        """
        linear, angular = self.robot.tcp_speed
        x, y, z = values[0] * linear, values[1] * linear, values[2] * linear
        a, b, c = values[3] * angular, values[4] * angular, values[5] * angular
        speed, turning = sqrt(x * x + y * y + z * z), sqrt(a * a + b * b + c * c)
        tool = self._tool
        tool[:, 4] = x, y, z
        tool[:, 5] = a, b, c
        mapped = self._base_axes @ tool
        position = mapped[:, 3] + self._base_position
        position -= self._tool_position
        turn = mapped[:, :3] @ self._tool_axes.T
        _, (_, _, xz), _ = rows = turn.tolist()
        # For a small angle, the rotation vector of R is the vector of (R - Rᵀ) / 2.
        rx, ry, rz = 0.5 * (rows[2][1] - xz), 0.5 * (rows[0][2] - rows[2][0]), 0.5 * (rows[1][0] - rows[0][1])
        px, py, pz = position.tolist()

        distance, bound = sqrt(px * px + py * py + pz * pz), LEAD[0] + speed * self._lag
        shift = bound / distance if distance > bound else 1.0
        angle, bound = sqrt(rx * rx + ry * ry + rz * rz), LEAD[1] + turning * self._lag
        swing = bound / angle if angle > bound else 1.0
        error = np.array([px * shift, py * shift, pz * shift, rx * swing, ry * swing, rz * swing])
        if shift < 1.0:
            tool[:, 3] = (self._tool_position + error[:3] - self._base_position) @ self._base_axes
        elif speed == 0.0 and self._steady:
            self._learn_load(6, error[:3])
        if swing < 1.0:
            tool[:, :3] = self._base_axes.T @ _rotation(*error[3:].tolist()) @ self._tool_axes
        elif turning == 0.0 and self._steady:
            self._learn_load(7, error[3:])
        error += mapped[:, 6:].T.ravel()

        tool[:, 3] += (x * CONTROL_DT, y * CONTROL_DT, z * CONTROL_DT)
        if turning > 0.0:
            tool[:, :3] = _rotation(a * CONTROL_DT, b * CONTROL_DT, c * CONTROL_DT) @ tool[:, :3]
        return error, mapped[:, 4:6].T.ravel()

    def _learn_load(self, column: int, error_w: Array) -> None:
        """Integrate a lasting error; not while the tool is held up by something or gathers speed."""
        part, bound = self._tool[:, column], LOAD_BOUND[column - 6]
        part += (LOAD_GAIN * CONTROL_DT) * (error_w @ self._base_axes)
        np.minimum(np.maximum(part, -bound, out=part), bound, out=part)

    def _solve(self, jacobian_t: Array, velocity: Array, damping: float) -> Array:
        """Joint velocities (n,) for a tool velocity (6,) beyond what the posture term, which is added, brings about."""
        normal = np.matmul(jacobian_t.T, jacobian_t, out=self._normal)
        normal += damping * _EYE
        mujoco.mju_cholFactor(normal, 0.0)
        mujoco.mju_cholSolve(self._solution, normal, velocity)
        return jacobian_t @ self._solution + self._ahead_and_posture[1]


_EYE = np.eye(6)
_CROSS = np.array([[[float((i - j) * (j - k) * (k - i) / 2) for k in range(3)] for j in range(3)] for i in range(3)])
"""(9, 3): the outer product of a and b, flat, times this is a × b."""
_CROSS = _CROSS.reshape(9, 3)


class _Joints:
    """Where some joints and their actuators are in the arrays of a model."""

    def __init__(self, model: mujoco.MjModel, joints: Sequence[str], actuators: Sequence[str]) -> None:
        ids = np.array([model.joint(name).id for name in joints])
        acts = np.array([model.actuator(name).id for name in actuators])
        self.joints = _indices(ids)
        self.qpos = _indices(model.jnt_qposadr[ids])
        self.dofs = _indices(model.jnt_dofadr[ids])
        self.ctrl = _indices(acts)
        slides = model.jnt_type[ids] == mujoco.mjtJoint.mjJNT_SLIDE
        self.slides = np.flatnonzero(slides) if slides.any() else None
        limited = model.jnt_limited[ids].astype(bool)
        self.low = np.where(limited, model.jnt_range[ids, 0] + JOINT_MARGIN, -np.inf).tolist()
        self.high = np.where(limited, model.jnt_range[ids, 1] - JOINT_MARGIN, np.inf).tolist()
        gain = model.actuator_gainprm[acts, 0]
        self.lag = (-model.actuator_biasprm[acts, 2] / np.where(gain > 0.0, gain, 1.0)).tolist()
        """Seconds by which a position servo trails a ramp: kv / kp."""


def _indices(numbers: NDArray[np.integer]) -> slice | NDArray[np.integer]:
    """A slice where the numbers are consecutive, which is faster to read and write."""
    if np.array_equal(numbers, np.arange(numbers[0], numbers[0] + len(numbers))):
        return slice(int(numbers[0]), int(numbers[0]) + len(numbers))
    return numbers


def _require_chain(model: mujoco.MjModel, robot: Robot) -> None:
    """Refuse an arm whose joints do not all carry the tool."""
    carriers = set()
    body = int(model.site(robot.tcp_site).bodyid[0])
    while body:
        carriers.add(body)
        body = int(model.body_parentid[body])
    for joint in robot.arm_joints:
        if int(model.joint(joint).bodyid[0]) not in carriers:
            raise WorldError(f"Robot '{robot.name}': arm joint '{joint}' does not move the site '{robot.tcp_site}'.")


def _rotation(x: float, y: float, z: float) -> Array:
    """Rotation matrix (3, 3) of a rotation vector [rad] (Rodrigues)."""
    angle = sqrt(x * x + y * y + z * z)
    x, y, z = x / angle, y / angle, z / angle
    c, s = cos(angle), sin(angle)
    t = 1.0 - c
    return np.array(
        [
            [c + x * x * t, x * y * t - z * s, x * z * t + y * s],
            [y * x * t + z * s, c + y * y * t, y * z * t - x * s],
            [z * x * t - y * s, z * y * t + x * s, c + z * z * t],
        ]
    )

"""The motor level: from an action to actuator controls, by differential inverse kinematics."""

from __future__ import annotations

from math import cos, sin, sqrt
from operator import truediv
from typing import Any, Protocol

import mujoco
import numpy as np
from numpy.typing import NDArray

from yanshi.envs.clock import CONTROL_DT
from yanshi.envs.joints import Joints, require_carried
from yanshi.envs.robots import Robot
from yanshi.errors import InputError

__all__ = ["MotorControl", "MotorState"]

Array = NDArray[Any]
Axes = list[list[float]]

DAMPING = (4e-4, 20.0)
"""λ² of the damped least squares where the wanted pose is reached, and its growth with the squared error."""
POSTURE_GAIN = 0.8
"""How fast a redundant joint returns to the home posture [1/s]."""
KINEMATIC_GAIN = 10.0
"""How fast the wanted joint positions follow the wanted tool pose [1/s]."""
LOAD_GAIN = 2.0
"""How fast a lasting error of the servos, as by a load in the hand, is learned [1/s]."""
LOAD_BOUND = (0.01, 0.05)
"""The greatest such error that is compensated [m, rad], per axis."""
LEAD = (0.012, 0.08)
"""How far the wanted tool pose may run ahead of a tool at rest [m, rad]: it bounds the force on what is in the way."""
JOINT_LEAD = 0.25
"""How far the wanted position of an arm joint may run ahead of the joint [rad]."""
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

    The wanted tool pose X*, relative to the base, is the integral of the commanded twist. With J the Jacobian of the
    tool at the present joint positions q, and q* the wanted ones, each control step moves q* by the damped
    least-squares solution (Nakamura & Hanafusa 1986) with a null-space posture term

        dq* = n + Jᵀ (J Jᵀ + λ²I)⁻¹ (v - J n),          n = k (q_home - q*),
        v = twist + k₁ (X* + c - (X + J (q* - q))),      dc = k₂ (X* - X),

    so that with a zero command the tool holds its pose relative to the base, without drift and whatever it carries.
    λ grows with the error that remains (Sugihara 2011), which keeps it quiet where a pose is out of reach; joints at a
    limit are taken out of the solution. The lag of the position servos is compensated by their known damping.

    It reads arrays alone and makes few and small ones: a call costs about as much as half a physics step of a home.

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
        self._arm = Joints(model, robot.arm_joints, robot.arm_actuators)
        self._wheels = Joints(model, robot.base_joints, robot.base_actuators) if robot.base_joints else None
        self._head = Joints(model, robot.head_joints, robot.head_actuators) if robot.head_joints else None
        self._gripper = model.actuator(robot.gripper_actuator).id
        finger = model.joint(robot.finger_joints[0])
        opens_up = robot.gripper_ctrl[1] >= robot.gripper_ctrl[0]
        self._finger = int(finger.qposadr[0])
        self._finger_range = tuple(float(end) for end in (finger.range if opens_up else finger.range[::-1]))
        self._gripper_step = robot.gripper_speed / robot.max_opening * CONTROL_DT
        require_carried(model, robot.tcp_site, robot.arm_joints)

        n = len(robot.arm_joints)
        self._home = [robot.home.get(joint, 0.0) for joint in robot.arm_joints]
        self._speed_limit = list(robot.joint_speed or [2.0] * n)
        self._lag = max(self._arm.lag) + CONTROL_DT
        self._servo_lead = [lag - 0.5 * CONTROL_DT for lag in self._arm.lag]
        self._normal = np.zeros((6, 6))
        self._diagonal = self._normal.ravel()[::7]
        self._solution = np.zeros(6)
        self._wanted_joints = [0.0] * n
        self._wanted_position = [0.0, 0.0, 0.0]
        self._wanted_axes: Axes = np.eye(3).tolist()
        self._load = [0.0] * 6
        self._wanted_opening = 0.0
        self._wanted_head = [0.0, 0.0]
        self._wanted_base = [0.0, 0.0, 0.0]
        self._drive = [0.0, 0.0, 0.0]
        self._steady = True
        self._bound: MotorState | None = None

    def reset(self, state: MotorState) -> None:
        """Want what is: the tool pose, base and head of `state`, at rest. Its kinematics must be up to date."""
        self._bind(state)
        self._wanted_joints = state.qpos[self._arm.qpos].tolist()
        self._wanted_axes = self._base_axes.T.dot(self._tool_axes).tolist()
        self._wanted_position = (self._tool_position - self._base_position).dot(self._base_axes).tolist()
        self._load = [0.0] * 6
        self._wanted_opening = self._opening()
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
        total = sum(values)
        if total - total != 0.0:
            raise InputError(f"action: expected finite values, got {values}.")
        if max(values) > 1.0 or min(values) < -1.0:
            values = [min(max(value, -1.0), 1.0) for value in values]
        if state is not self._bound:
            self._bind(state)
        start = 0
        if self._wheels is not None:
            self._move_base(state, values, self._wheels)
            start = 3
        self._move_arm(state, values[start : start + 6])
        state.ctrl[self._gripper] = self._move_gripper(0.5 * (values[start + 6] + 1.0))
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

    def _move_base(self, state: MotorState, values: list[float], wheels: Joints) -> None:
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

    def _opening(self) -> float:
        """How far the fingers are open, 0 … 1."""
        closed, opened = self._finger_range
        return (float(self._qpos[self._finger]) - closed) / (opened - closed)

    def _move_gripper(self, target: float) -> float:
        """Control of the gripper for a target opening 0 … 1, approached at its speed from where the fingers are.

        Around a thing that is held the wanted opening goes on to the target, which makes the force of the grip.
        """
        present, wanted = self._opening(), self._wanted_opening
        if target > wanted:
            wanted = min(target, max(wanted, present) + self._gripper_step)
        elif target < wanted:
            wanted = max(target, min(wanted, present) - self._gripper_step)
        self._wanted_opening = wanted
        closed, opened = self.robot.gripper_ctrl
        return closed + wanted * (opened - closed)

    def _move_arm(self, state: MotorState, values: list[float]) -> None:
        """One step of the wanted tool pose and of the wanted joint positions."""
        arm, before = self._arm, self._wanted_joints
        error, twist = self._pose_error(values)
        jacobian_t = self._jacobian()

        # Poses are one physics step older than qpos; the joint velocities make that good.
        present = self._qpos[arm.qpos].tolist()
        late = self._timestep
        moving = self._qvel[arm.dofs].tolist()
        ahead = [w - q + v * late for w, q, v in zip(before, present, moving, strict=True)]
        posture = np.array([POSTURE_GAIN * (home - w) for home, w in zip(self._home, before, strict=True)])
        error -= np.dot(ahead, jacobian_t)
        damping = DAMPING[0] + DAMPING[1] * float(error.dot(error))
        error *= KINEMATIC_GAIN
        error += twist
        rates = self._solve(jacobian_t, error, posture, damping)
        blocked = arm.beyond(before, rates, CONTROL_DT)
        if blocked:
            jacobian_t[blocked] = 0.0
            posture[blocked] = 0.0
            rates = self._solve(jacobian_t, error, posture, damping)

        # A servo follows its set point late by kv / kp; the set point leads by as much, and is held for a whole step.
        fastest = max(map(truediv, map(abs, rates), self._speed_limit))
        if fastest > 1.0:
            rates = [rate / fastest for rate in rates]
        after, control = [], []
        for q, p, rate, low, high, lag in zip(present, before, rates, arm.low, arm.high, self._servo_lead, strict=True):
            p += rate * CONTROL_DT
            if not -JOINT_LEAD < p - q < JOINT_LEAD:
                p = q + (JOINT_LEAD if p > q else -JOINT_LEAD)
            p = low if p < low else high if p > high else p
            after.append(p)
            control.append(p + rate * lag)
        self._wanted_joints = after
        state.ctrl[arm.ctrl] = control

    def _jacobian(self) -> Array:
        """Jᵀ (n, 6) in the map frame: a hinge turns the tool about an axis through its anchor, a slide shifts it."""
        x, y, z = self._tool_position.tolist()
        axes, anchors = self._axes[self._arm.joints].tolist(), self._anchors[self._arm.joints].tolist()
        rows = []
        for (ax, ay, az), (px, py, pz), slides in zip(axes, anchors, self._arm.slides, strict=True):
            if slides:
                rows.append((ax, ay, az, 0.0, 0.0, 0.0))
            else:
                rx, ry, rz = x - px, y - py, z - pz
                rows.append((ay * rz - az * ry, az * rx - ax * rz, ax * ry - ay * rx, ax, ay, az))
        return np.array(rows)

    def _pose_error(self, values: list[float]) -> tuple[Array, Array]:
        """Pose error and commanded twist, (6,) each, in the map frame; moves the wanted pose on by one step.

        The wanted pose stays near the tool, so that pushing against something does not wind it up.
        """
        linear, angular = self.robot.tcp_speed
        vx, vy, vz = values[0] * linear, values[1] * linear, values[2] * linear
        wx, wy, wz = values[3] * angular, values[4] * angular, values[5] * angular
        speed, turning = sqrt(vx * vx + vy * vy + vz * vz), sqrt(wx * wx + wy * wy + wz * wz)
        position = (self._tool_position - self._base_position).dot(self._base_axes).tolist()
        axes = self._base_axes.T.dot(self._tool_axes).tolist()

        x, y, z = (wanted - is_ for wanted, is_ in zip(self._wanted_position, position, strict=True))
        distance, bound = sqrt(x * x + y * y + z * z), LEAD[0] + speed * self._lag
        if distance > bound:
            x, y, z = x * bound / distance, y * bound / distance, z * bound / distance
        elif speed == 0.0 and self._steady:
            self._learn_load(0, (x, y, z))
        self._wanted_position = [
            position[0] + x + vx * CONTROL_DT,
            position[1] + y + vy * CONTROL_DT,
            position[2] + z + vz * CONTROL_DT,
        ]

        a, b, c = _turn(axes, self._wanted_axes)
        angle, bound = sqrt(a * a + b * b + c * c), LEAD[1] + turning * self._lag
        if angle > bound:
            a, b, c = a * bound / angle, b * bound / angle, c * bound / angle
            self._wanted_axes = _rotated(axes, a, b, c)
        elif turning == 0.0 and self._steady:
            self._learn_load(3, (a, b, c))
        if turning > 0.0:
            self._wanted_axes = _rotated(self._wanted_axes, wx * CONTROL_DT, wy * CONTROL_DT, wz * CONTROL_DT)

        load = self._load
        vectors_b = (
            (x + load[0], y + load[1], z + load[2]),
            (a + load[3], b + load[4], c + load[5]),
            (vx, vy, vz),
            (wx, wy, wz),
        )
        error, twist = np.dot(vectors_b, self._base_axes.T).reshape(2, 6)
        return error, twist

    def _learn_load(self, start: int, error: tuple[float, float, float]) -> None:
        """Integrate a lasting error; not while the tool is held up by something or gathers speed."""
        bound = LOAD_BOUND[start // 3]
        for i in range(3):
            value = self._load[start + i] + LOAD_GAIN * CONTROL_DT * error[i]
            self._load[start + i] = -bound if value < -bound else bound if value > bound else value

    def _solve(self, jacobian_t: Array, velocity: Array, posture: Array, damping: float) -> list[float]:
        """Joint velocities that give the tool a velocity (6,), and otherwise those of the posture term (n,)."""
        normal = self._normal
        np.dot(jacobian_t.T, jacobian_t, out=normal)
        self._diagonal += damping
        mujoco.mju_cholFactor(normal, 0.0)
        mujoco.mju_cholSolve(self._solution, normal, velocity - posture.dot(jacobian_t))
        rates: list[float] = (jacobian_t.dot(self._solution) + posture).tolist()
        return rates


def _turn(start: Axes, end: Axes) -> tuple[float, float, float]:
    """Rotation vector from one set of axes (columns) to another, exact for small angles: the vector of (R - Rᵀ) / 2."""
    (sxx, sxy, sxz), (syx, syy, syz), (szx, szy, szz) = start
    (exx, exy, exz), (eyx, eyy, eyz), (ezx, ezy, ezz) = end
    return (
        0.5 * (syx * ezx + syy * ezy + syz * ezz - szx * eyx - szy * eyy - szz * eyz),
        0.5 * (szx * exx + szy * exy + szz * exz - sxx * ezx - sxy * ezy - sxz * ezz),
        0.5 * (sxx * eyx + sxy * eyy + sxz * eyz - syx * exx - syy * exy - syz * exz),
    )


def _rotated(axes: Axes, x: float, y: float, z: float) -> Axes:
    """Axes (columns) turned by a rotation vector [rad] (Rodrigues)."""
    angle = sqrt(x * x + y * y + z * z)
    x, y, z = x / angle, y / angle, z / angle
    c, s = cos(angle), sin(angle)
    t = 1.0 - c
    rotation = np.array(
        [
            [c + x * x * t, x * y * t - z * s, x * z * t + y * s],
            [y * x * t + z * s, c + y * y * t, y * z * t - x * s],
            [z * x * t - y * s, z * y * t + x * s, c + z * z * t],
        ]
    )
    turned: Axes = rotation.dot(axes).tolist()
    return turned

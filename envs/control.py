"""The motor level: from actions to actuator controls, by differential inverse kinematics."""

from __future__ import annotations

from typing import Any, Protocol

import mujoco
import numpy as np
from numpy.typing import NDArray

from yanshi.envs.clock import CONTROL_DT
from yanshi.envs.control_kernels import JOINT_LEAD, move, relative_pose
from yanshi.envs.joints import Joints, require_carried
from yanshi.envs.robots import Robot
from yanshi.errors import InputError

__all__ = ["JOINT_LEAD", "MotorControl", "MotorState"]

Array = NDArray[Any]


class MotorState(Protocol):
    """What motor control reads, and ``ctrl``, which it writes: an MjData, or the same fields of a Batch."""

    qpos: Array
    qvel: Array
    ctrl: Array
    xpos: Array
    xmat: Array
    xaxis: Array
    xanchor: Array
    site_xpos: Array
    site_xmat: Array


_FIELDS = {
    "qpos": (), "qvel": (), "ctrl": (), "xpos": (3,), "xmat": (9,),
    "xaxis": (3,), "xanchor": (3,), "site_xpos": (3,), "site_xmat": (9,),
}  # fmt: skip
"""What the kernels are given of a state, and the shape of each row."""


class MotorControl:
    """Turns actions of one robot (see `Robot`) into ``ctrl``, in one simulation or in several of one model.

    The wanted tool pose X*, relative to the base, is the integral of the commanded twist. With J the Jacobian of the
    tool at the present joint positions q, and q* the wanted ones, each control step moves q* by the damped
    least-squares solution (Nakamura & Hanafusa 1986) with a null-space posture term

        dq* = n + Jᵀ (J Jᵀ + λ²I)⁻¹ (v - J n),          n = k (q_home - q*),
        v = twist + k₁ (X* + c - (X + J (q* - q))),      dc = k₂ (X* - X),

    so that with a zero command the tool holds its pose relative to the base, without drift and whatever it carries.
    λ grows with the error that remains (Sugihara 2011), which keeps it quiet where a pose is out of reach; joints at a
    limit are taken out of the solution. The lag of the position servos is compensated by their known damping.

    The arithmetic is compiled, see `control_kernels`.

    Args:
        model: the compiled world.
        robot: whose parts are in the model under their own names.
        count: how many simulations.
    """

    def __init__(self, model: mujoco.MjModel, robot: Robot, count: int = 1) -> None:
        require_carried(model, robot.tcp_site, robot.arm_joints)
        self.robot = robot
        self.nu = len(robot.action_names)
        self._shapes = ((self.nu,), (1, self.nu)) if count == 1 else ((count, self.nu),)
        self._actions = np.zeros((count, self.nu))
        self._everyone = np.ones(count, dtype=np.bool_)
        self._arm = Joints(model, robot.arm_joints, robot.arm_actuators)
        self._wheels = Joints(model, robot.base_joints, robot.base_actuators)
        self._head = Joints(model, robot.head_joints, robot.head_actuators)
        finger = model.joint(robot.finger_joints[0])
        opens_up = robot.gripper_ctrl[1] >= robot.gripper_ctrl[0]
        closed, opened = finger.range if opens_up else finger.range[::-1]
        n = len(robot.arm_joints)
        speeds = robot.joint_speed or [2.0] * n
        home = [robot.home.get(joint, 0.0) for joint in robot.arm_joints]
        self._parts = (
            model.body(robot.base_body).id,
            model.site(robot.tcp_site).id,
            model.actuator(robot.gripper_actuator).id,
            int(finger.qposadr[0]),
        )
        # In the order in which the kernels take them apart.
        self._robot = (
            self._parts,
            self._arm.indices,
            self._arm.slides,
            np.array([self._arm.low, self._arm.high, home, speeds, self._arm.lag - CONTROL_DT / 2]),
            self._wheels.indices,
            self._head.indices,
            np.array([self._head.low, self._head.high]),
            (float(self._arm.lag.max()) + CONTROL_DT, *robot.tcp_speed, robot.head_speed),
            robot.base_speed,
            (float(closed), float(opened), *robot.gripper_ctrl, robot.gripper_speed / robot.max_opening * CONTROL_DT),
            (float(model.opt.timestep), CONTROL_DT),
        )
        sizes = ((n,), (3,), (3, 3), (6,), (), (len(robot.head_joints),), (len(robot.base_joints),), (3,))
        self._wanted = tuple(np.zeros((count, *size)) for size in sizes)
        self._bound: MotorState | None = None

    def reset(self, state: MotorState, which: NDArray[np.bool_] | None = None) -> None:
        """Want what is: the tool pose, base and head of `state`, at rest. Its kinematics must be up to date.

        Args:
            state: the present state.
            which: (count,) the simulations that begin anew; None for all.
        """
        self._bind(state)
        joints, position, axes, load, opening, head, base, drive = self._wanted
        closed, opened = self._robot[9][:2]
        for sim in np.flatnonzero(self._everyone if which is None else which):
            qpos = self._state[0][sim]
            joints[sim] = qpos[self._arm.qpos]
            position[sim], axes[sim] = relative_pose(sim, self._state, self._parts)
            load[sim] = drive[sim] = 0.0
            opening[sim] = (qpos[self._parts[3]] - closed) / (opened - closed)
            head[sim] = qpos[self._head.qpos]
            base[sim] = qpos[self._wheels.qpos]

    def apply(self, state: MotorState, actions: NDArray[np.floating], which: NDArray[np.bool_] | None = None) -> None:
        """Write the controls of one control step.

        Args:
            state: the present state; only ``ctrl`` is changed.
            actions: (nu,), of several simulations (count, nu), in [-1, 1], see `Robot`; what lies outside is clipped.
            which: (count,) the simulations that are meant; None for all.

        Raises:
            InputError: wrong shape, or not finite.
        """
        if actions.shape not in self._shapes:
            expected = f"expected shape {self._shapes[0]} for robot '{self.robot.name}'"
            raise InputError(f"action: {expected}, got {actions.shape}.")
        if state is not self._bound:
            self._bind(state)
        self._actions[:] = actions
        if not move(self._state, self._wanted, self._robot, self._actions, self._everyone if which is None else which):
            raise InputError(f"action: expected finite values, got {actions.tolist()}.")

    def _bind(self, state: MotorState) -> None:
        """Keep views of what is read at every step; making them anew costs as much as the mathematics."""
        self._bound = state
        count = len(self._actions)
        self._state = tuple(getattr(state, name).reshape(count, -1, *row) for name, row in _FIELDS.items())

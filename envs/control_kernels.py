"""The compiled arithmetic of `control`: one step of the wanted base, tool, fingers and head of each simulation.

Arrays come in plain tuples, in this order; the first axis is always the simulation, n joints of the arm are moved:

- ``state``: qpos, qvel, ctrl, xpos, xmat, xaxis, xanchor, site_xpos, site_xmat, as MjData has them;
- ``wanted``: joints (n), tool position (3) and axes (3, 3) in the base frame, load (6), opening (), head (2), base pose
  (3) and base velocity (3) in the base frame, which a step moves on;
- ``robot``: the indices of its parts and its numbers, as `MotorControl` collects them.

All kernels are in one file: numba's cache sees no changes in another, nor of constants that come from one.
"""
# mypy: disable-error-code="no-untyped-def, untyped-decorator"

from __future__ import annotations

from math import cos, isfinite, sin, sqrt
from typing import Any

import numpy as np
from numba import njit

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

COMPILED: dict[str, Any] = {"cache": True, "nogil": True, "error_model": "numpy"}
"""Strict arithmetic, so that one simulation and many give the same bits. (Elements are assigned one by one, since to
compile the check of a slice's shape takes seconds.)"""


@njit(**COMPILED)
def move(state, wanted, robot, actions, going):
    """Clip `actions` and write the controls of one control step where `going`; False if an action is not finite."""
    for sim in range(len(actions)):
        for i in range(actions.shape[1]):
            if going[sim] and not isfinite(actions[sim, i]):
                return False
            actions[sim, i] = min(max(actions[sim, i], -1.0), 1.0)
    ctrl, wheels, head = state[2], robot[4], robot[5]
    for sim in range(len(actions)):
        if going[sim]:
            action, start, steady = actions[sim], 0, True
            if wheels.shape[1]:
                steady = _move_base(sim, state, wanted, robot, action)
                start = 3
            error, twist = _pose_error(sim, state, wanted, robot, action[start : start + 6], steady)
            _move_arm(sim, state, wanted, robot, error, twist)
            ctrl[sim, robot[0][2]] = _move_gripper(sim, state, wanted, robot, 0.5 * (action[start + 6] + 1.0))
            for i in range(head.shape[1]):
                ctrl[sim, head[3, i]] = _move_head(sim, wanted, robot, i, action[start + 7 + i])
    return True


@njit(**COMPILED)
def _move_head(sim, wanted, robot, joint, rate):
    """Control of one joint of the head, which moves on at a rate -1 … 1."""
    (low, high), speed, angles, (_, dt) = robot[6], robot[7][3], wanted[5], robot[10]
    angles[sim, joint] = min(max(angles[sim, joint] + rate * speed * dt, low[joint]), high[joint])
    return angles[sim, joint]


@njit(**COMPILED)
def _move_base(sim, state, wanted, robot, action):
    """Drive at the commanded velocity, with bounded acceleration, and stay on the path that it describes.

    Returns whether the base keeps its speed.
    """
    qpos, _, ctrl, _, xmat, xaxis, _, _, _ = state
    body, wheels, speeds, (_, dt) = robot[0][0], robot[4], robot[8], robot[10]
    base, drive = wanted[6][sim], wanted[7][sim]
    steady = True
    for i in range(3):
        change = action[i] * speeds[i] - drive[i]
        step = BASE_ACCELERATION[i] * dt
        if abs(change) > step:
            steady = False
            change = step if change > 0.0 else -step
        drive[i] += change
    c, s = xmat[sim, body, 0], xmat[sim, body, 3]
    vx, vy = c * drive[0] - s * drive[1], s * drive[0] + c * drive[1]
    for i in range(3):
        axis = xaxis[sim, wheels[0, i]]
        control = axis[0] * vx + axis[1] * vy if i < 2 else drive[2]
        present = qpos[sim, wheels[1, i]]
        lead = min(max(base[i] - present, -BASE_LEAD), BASE_LEAD)
        base[i] = present + lead + control * dt
        ctrl[sim, wheels[3, i]] = control + BASE_GAIN * lead
    return steady


@njit(**COMPILED)
def _move_gripper(sim, state, wanted, robot, target):
    """Control of the gripper for a target opening 0 … 1, approached at its speed from where the fingers are.

    Around a thing that is held the wanted opening goes on to the target, which makes the force of the grip.
    """
    closed, opened, ctrl_closed, ctrl_opened, step = robot[9]
    present = (state[0][sim, robot[0][3]] - closed) / (opened - closed)
    opening = wanted[4][sim]
    if target > opening:
        opening = min(target, max(opening, present) + step)
    elif target < opening:
        opening = max(target, min(opening, present) - step)
    wanted[4][sim] = opening
    return ctrl_closed + opening * (ctrl_opened - ctrl_closed)


@njit(**COMPILED)
def relative_pose(sim, state, parts):
    """Position (3,) and axes (3, 3) of the tool in the base frame."""
    body, site = parts[0], parts[1]
    origin, base, point, tool = state[3][sim, body], state[4][sim, body], state[7][sim, site], state[8][sim, site]
    position, axes = np.zeros(3), np.zeros((3, 3))
    for i in range(3):
        for k in range(3):
            position[i] += base[3 * k + i] * (point[k] - origin[k])
            for j in range(3):
                axes[i, j] += base[3 * k + i] * tool[3 * k + j]
    return position, axes


@njit(**COMPILED)
def _pose_error(sim, state, wanted, robot, action, steady):
    """Pose error and commanded twist, (6,) each, in the map frame; moves the wanted pose on by one step.

    The wanted pose stays near the tool, so that pushing against something does not wind it up.
    """
    (lag, linear, angular, _), (_, dt) = robot[7], robot[10]
    wanted_position, wanted_axes, load = wanted[1][sim], wanted[2][sim], wanted[3][sim]
    position, axes = relative_pose(sim, state, robot[0])
    velocity, turning = action[:3] * linear, action[3:] * angular
    speed, rate = _length(velocity), _length(turning)

    ahead = wanted_position - position
    distance, bound = _length(ahead), LEAD[0] + speed * lag
    if distance > bound:
        ahead *= bound / distance
    elif speed == 0.0 and steady:
        _learn_load(load[:3], ahead, LOAD_BOUND[0], dt)
    for i in range(3):
        wanted_position[i] = position[i] + ahead[i] + velocity[i] * dt

    turn = _turn(axes, wanted_axes)
    angle, bound = _length(turn), LEAD[1] + rate * lag
    if angle > bound:
        turn *= bound / angle
        _rotate(axes, turn, wanted_axes)
    elif rate == 0.0 and steady:
        _learn_load(load[3:], turn, LOAD_BOUND[1], dt)
    if rate > 0.0:
        _rotate(wanted_axes.copy(), turning * dt, wanted_axes)

    error, twist = np.zeros(6), np.zeros(6)
    base = state[4][sim, robot[0][0]]
    for i in range(3):
        for k in range(3):
            error[i] += base[3 * i + k] * (ahead[k] + load[k])
            error[3 + i] += base[3 * i + k] * (turn[k] + load[3 + k])
            twist[i] += base[3 * i + k] * velocity[k]
            twist[3 + i] += base[3 * i + k] * turning[k]
    return error, twist


@njit(**COMPILED)
def _learn_load(load, error, bound, dt):
    """Integrate a lasting error; not while the tool is held up by something or gathers speed."""
    for i in range(3):
        load[i] = min(max(load[i] + LOAD_GAIN * dt * error[i], -bound), bound)


@njit(**COMPILED)
def _move_arm(sim, state, wanted, robot, error, twist):
    """One step of the wanted joint positions towards the wanted tool pose."""
    qpos, qvel, ctrl = state[:3]
    arm, limits, (timestep, dt) = robot[1], robot[3], robot[10]
    low, high, home, fastest, lead = limits
    joints = wanted[0][sim]
    n = len(joints)
    jacobian = _jacobian(sim, state, robot)
    posture, blocked = np.empty(n), False

    # Poses are one physics step older than qpos; the joint velocities make that good.
    for i in range(n):
        posture[i] = POSTURE_GAIN * (home[i] - joints[i])
        ahead = joints[i] - qpos[sim, arm[1, i]] + qvel[sim, arm[2, i]] * timestep
        error -= ahead * jacobian[i]
    damping = DAMPING[0] + DAMPING[1] * (_length(error[:3]) ** 2 + _length(error[3:]) ** 2)
    velocity = KINEMATIC_GAIN * error + twist
    rates = _solve(jacobian, velocity, posture, damping)
    for i in range(n):
        if not low[i] < joints[i] + rates[i] * dt < high[i]:
            jacobian[i], posture[i], blocked = 0.0, 0.0, True
    if blocked:
        rates = _solve(jacobian, velocity, posture, damping)

    # A servo follows its set point late by kv / kp; the set point leads by as much, and is held for a whole step.
    excess = 1.0
    for i in range(n):
        excess = max(excess, abs(rates[i]) / fastest[i])
    rates /= excess
    for i in range(n):
        present = qpos[sim, arm[1, i]]
        after = min(max(joints[i] + rates[i] * dt, present - JOINT_LEAD), present + JOINT_LEAD)
        joints[i] = min(max(after, low[i]), high[i])
        ctrl[sim, arm[3, i]] = joints[i] + rates[i] * lead[i]


@njit(**COMPILED)
def _jacobian(sim, state, robot):
    """Jᵀ (n, 6) in the map frame: a hinge turns the tool about an axis through its anchor, a slide shifts it."""
    parts, arm, slides = robot[:3]
    tool = state[7][sim, parts[1]]
    jacobian = np.empty((arm.shape[1], 6))
    for i in range(arm.shape[1]):
        axis, anchor = state[5][sim, arm[0, i]], state[6][sim, arm[0, i]]
        x, y, z = tool[0] - anchor[0], tool[1] - anchor[1], tool[2] - anchor[2]
        moment = (axis[1] * z - axis[2] * y, axis[2] * x - axis[0] * z, axis[0] * y - axis[1] * x)
        for j in range(3):
            jacobian[i, j] = axis[j] if slides[i] else moment[j]
            jacobian[i, 3 + j] = 0.0 if slides[i] else axis[j]
    return jacobian


@njit(**COMPILED)
def _solve(jacobian, velocity, posture, damping):
    """Joint velocities (n,) that give the tool a velocity (6,), and otherwise those of the posture term (n,).

    `jacobian` is Jᵀ (n, 6). The normal equations are solved by their Cholesky factor.
    """
    factor, solution = np.zeros((6, 6)), velocity.copy()
    for k in range(len(posture)):
        solution -= posture[k] * jacobian[k]
        for i in range(6):
            for j in range(i + 1):
                factor[i, j] += jacobian[k, i] * jacobian[k, j]
    for i in range(6):
        factor[i, i] += damping
        for j in range(i + 1):
            for k in range(j):
                factor[i, j] -= factor[i, k] * factor[j, k]
            factor[i, j] = sqrt(factor[i, i]) if i == j else factor[i, j] / factor[j, j]
        for k in range(i):
            solution[i] -= factor[i, k] * solution[k]
        solution[i] /= factor[i, i]
    for i in range(5, -1, -1):
        for k in range(i + 1, 6):
            solution[i] -= factor[k, i] * solution[k]
        solution[i] /= factor[i, i]
    rates = posture.copy()
    for i in range(len(rates)):
        for k in range(6):
            rates[i] += jacobian[i, k] * solution[k]
    return rates


@njit(**COMPILED)
def _length(vector):
    return sqrt(vector[0] * vector[0] + vector[1] * vector[1] + vector[2] * vector[2])


@njit(**COMPILED)
def _turn(start, end):
    """Rotation vector from one set of axes (columns) to another, exact for small angles: the vector of (R - Rᵀ) / 2."""
    turn = np.zeros(3)
    for j in range(3):
        turn[0] += 0.5 * (start[1, j] * end[2, j] - start[2, j] * end[1, j])
        turn[1] += 0.5 * (start[2, j] * end[0, j] - start[0, j] * end[2, j])
        turn[2] += 0.5 * (start[0, j] * end[1, j] - start[1, j] * end[0, j])
    return turn


@njit(**COMPILED)
def _rotate(axes, vector, out):
    """Axes (columns) turned by a rotation vector [rad] (Rodrigues)."""
    angle = _length(vector)
    c, s = cos(angle), sin(angle)
    unit = vector / angle
    for j in range(3):
        x, y, z = axes[0, j], axes[1, j], axes[2, j]
        along = (unit[0] * x + unit[1] * y + unit[2] * z) * (1.0 - c)
        out[0, j] = c * x + s * (unit[1] * z - unit[2] * y) + along * unit[0]
        out[1, j] = c * y + s * (unit[2] * x - unit[0] * z) + along * unit[1]
        out[2, j] = c * z + s * (unit[0] * y - unit[1] * x) + along * unit[2]

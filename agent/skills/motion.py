"""Cartesian motion: poses of the hand, and scripts that bring it there, closed loop on where it is."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from yanshi.agent.skills.script import Command, Situation

__all__ = [
    "upright",
    "Motion",
    "above",
    "forward_pose",
    "grip_to",
    "move",
    "pose",
    "rest",
    "rest_over",
    "rotation_vector",
    "top_down",
]

Array = NDArray[Any]
_DT = 0.04
_GAIN = 4.0
"""Approach speed for an error: 1/s."""
_RAMP = 0.04
"""How much faster the hand may go from one step to the next [m/s]."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Motion:
    """How the hand goes to a pose."""

    phase: str
    speed: float = 0.30
    """[m/s]."""
    turn: float = 1.4
    """[rad/s]."""
    near: float = 0.006
    """Arrived within this distance [m]."""
    aligned: float = 0.06
    """… and angle [rad]."""
    timeout: float = 6.0
    """[s]."""
    gripper: float | None = None
    """Opening [m]; None keeps it."""
    look_at_w: Array | None = None
    """(3,) point of the map."""


def pose(rotation: Array, position: Array) -> Array:
    """A pose (4, 4) from a rotation (3, 3) and a position (3,)."""
    T = np.eye(4)
    T[:3, :3], T[:3, 3] = rotation, position
    return T


def top_down(position_w: Array, yaw: float) -> Array:
    """The hand (4, 4) pointing down at a point; `yaw` [rad] is the direction of its finger motion (y)."""
    c, s = np.cos(yaw), np.sin(yaw)
    return pose(np.column_stack([[-s, c, 0.0], [c, s, 0.0], [0.0, 0.0, -1.0]]), position_w)


def forward_pose(position_w: Array, heading: float, *, fingers: str = "horizontal", dip: float = 0.0) -> Array:
    """The hand (4, 4) pointing along a heading [rad], dipped below the horizon by an angle [rad].

    `fingers` says how the fingers move: ``horizontal`` (for upright bars and boxes) or ``vertical`` (for lying bars).
    """
    out = np.array([np.cos(heading) * np.cos(dip), np.sin(heading) * np.cos(dip), -np.sin(dip)])
    side = np.array([np.sin(heading), -np.cos(heading), 0.0])
    y = side if fingers == "horizontal" else np.cross(side, out)
    return pose(np.column_stack([np.cross(y, out), y, out]), position_w)


def upright(T_we: Array) -> Array:
    """The same place, the hand (4, 4) tilted by the shortest turn until it points down."""
    T = T_we.copy()
    out = T[:3, 2]
    axis = np.cross(out, [0.0, 0.0, -1.0])
    norm = float(np.linalg.norm(axis))
    if norm > 1e-6:
        axis /= norm
        angle = float(np.arctan2(norm, -out[2]))
        x, y, z = axis
        K = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
        T[:3, :3] = (np.eye(3) + np.sin(angle) * K + (1.0 - np.cos(angle)) * (K @ K)) @ T[:3, :3]
    return T


def above(T_we: Array, height: float) -> Array:
    """The same pose, raised [m]."""
    T = T_we.copy()
    T[2, 3] += height
    return T


def rotation_vector(R: Array) -> Array:
    """Axis times angle (3,) [rad] of a rotation matrix."""
    angle = float(np.arccos(np.clip((np.trace(R) - 1.0) / 2.0, -1.0, 1.0)))
    axis = np.array([R[2, 1] - R[1, 2], R[0, 2] - R[2, 0], R[1, 0] - R[0, 1]])
    if angle < 1e-6:
        return np.zeros(3)
    if np.pi - angle < 1e-3:
        column = int(np.argmax(np.diag(R)))
        v = R[:, column] + np.eye(3)[column]
        return np.asarray(angle * v / np.linalg.norm(v))
    return np.asarray(angle * axis / (2.0 * np.sin(angle)))


def _limited(v: Array, most: float) -> Array:
    norm = float(np.linalg.norm(v))
    return v if norm <= most else v * (most / norm)


def twist_towards(
    now: Situation, T_we: Array, speed: float, turn: float, base: tuple[float, float, float] = (0.0, 0.0, 0.0)
) -> Array:
    """Twist (6,) of the hand relative to the base, in the base frame, that takes it towards a pose (4, 4) of the map.

    A base that moves with velocity `base` (base frame) carries the hand along; that is taken off.
    """
    T_bt = np.linalg.inv(now.T_wb) @ T_we
    linear = _limited(_GAIN * (T_bt[:3, 3] - now.T_be[:3, 3]), speed)
    angular = _limited(_GAIN * _turn_to(T_bt, now.T_be), turn)
    x, y = now.T_be[:2, 3]
    carried = np.array([base[0] - base[2] * y, base[1] + base[2] * x, 0.0])
    return np.concatenate([linear - carried, angular - [0.0, 0.0, base[2]]])


def _turn_to(T_bt: Array, T_be: Array) -> Array:
    """Rotation (3,) [rad] from one hand pose in the base to another: the shortest, unless it would wind up the wrist.

    A hand that points down turns about the vertical by way of where its fingers move across the line from the base
    to it.
    """
    shortest = rotation_vector(T_bt[:3, :3] @ T_be[:3, :3].T)
    if T_bt[2, 2] > -0.9 or T_be[2, 2] > -0.9 or np.linalg.norm(shortest) < np.pi / 2:
        return shortest
    rest_yaw = np.arctan2(T_be[1, 3], T_be[0, 3]) - np.pi / 2
    here, there = (float(np.arctan2(T[1, 1], T[0, 1]) - rest_yaw) for T in (T_be, T_bt))
    wrapped = [(angle + np.pi) % (2.0 * np.pi) - np.pi for angle in (here, there)]
    return np.array([0.0, 0.0, wrapped[1] - wrapped[0]])


def error_to(now: Situation, T_we: Array) -> tuple[float, float]:
    """How far the hand is from a pose: distance [m] and angle [rad]."""
    T = now.T_we
    return float(np.linalg.norm(T_we[:3, 3] - T[:3, 3])), float(
        np.linalg.norm(rotation_vector(T_we[:3, :3] @ T[:3, :3].T))
    )


Moving = Generator[Command, None, bool]


def move(
    now: Situation, target: Array | Callable[[], Array], how: Motion, stop: Callable[[], bool] | None = None
) -> Moving:
    """Bring the hand to a pose of the map (4, 4), or to one that is asked for anew at every step.

    Returns whether it arrived; it also ends when `stop` says so, on time-out, and when it has not come nearer for a
    second.
    """
    start = now.time
    speed = 0.06
    best, best_time = np.inf, now.time
    while True:
        T = target() if callable(target) else target
        distance, angle = error_to(now, T)
        if distance < how.near and angle < how.aligned:
            return True
        if stop is not None and stop():
            return False
        if distance + 0.1 * angle < best - 0.002:
            best, best_time = distance + 0.1 * angle, now.time
        if now.time - start > how.timeout or now.time - best_time > 1.0:
            return False
        speed = min(how.speed, speed + _RAMP)
        yield Command(
            phase=how.phase,
            twist_b=twist_towards(now, T, speed, how.turn),
            gripper=how.gripper,
            look_at_w=how.look_at_w,
        )


def grip_to(
    now: Situation, opening: float, phase: str, look_at_w: Array | None = None, timeout: float = 1.2
) -> Generator[Command, None, None]:
    """Move the fingers to an opening [m] and wait until they rest."""
    start, last, still = now.time, now.opening, 0
    hold = now.T_we
    while now.time - start < timeout:
        yield Command(phase=phase, gripper=opening, look_at_w=look_at_w, twist_b=twist_towards(now, hold, 0.05, 0.3))
        still = still + 1 if abs(now.opening - last) < 3e-4 else 0
        last = now.opening
        if now.time - start > 0.16 and (still >= 3 or abs(now.opening - opening) < 1e-3):
            return


def rest(now: Situation) -> Array:
    """The hand's carrying pose (4, 4) in the map: pointing down, drawn in over the base so that it passes where the
    base passes.
    """
    return np.asarray(now.T_wb @ _rest_b(now))


def rest_over(now: Situation, base_w: Array) -> Array:
    """The carrying pose (4, 4) in the map of a base that stands at a pose (x, y, yaw)."""
    x, y, yaw = base_w
    c, s = np.cos(yaw), np.sin(yaw)
    T_wb = np.array([[c, -s, 0.0, x], [s, c, 0.0, y], [0.0, 0.0, 1.0, 0.0], [0.0, 0.0, 0.0, 1.0]])
    return np.asarray(T_wb @ _rest_b(now))


def _rest_b(now: Situation) -> Array:
    T_be = now.kinematics.home_T_be.copy()
    if now.mobile:
        T_be[0, 3] = min(float(T_be[0, 3]), now.robot.footprint - 0.03)
    return T_be

"""The action of a motor policy: how the hand moves in the frame of its aim, and what the fingers do.

=====  =================================  ==========  =====  ======
index  meaning                            frame       at ±1  unit
=====  =================================  ==========  =====  ======
0…2    velocity of the tool x, y, z       ``_t``      0.30   m/s
3      turn about the hand's axis z       ``_t``      1.2    rad/s
4      opening of the fingers (position)              0 … max  m
=====  =================================  ==========  =====  ======

``_t`` is the aim's frame: its origin where the hand shall be, z out of the gripper, y along finger motion. The tilt of
the hand is not the policy's business: a controller holds it at that of the aim.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from yanshi.agent.skills.motion import rotation_vector
from yanshi.agent.skills.script import Command, Situation

__all__ = ["ACTION", "SPEED", "TURN", "action_of", "command_of"]

Array = NDArray[Any]
ACTION = 5
"""Length of an action."""
SPEED = 0.30
TURN = 1.2
_TILT_GAIN = 4.0
_TILT_SPEED = 0.8


def command_of(action: Array, T_wt: Array, now: Situation, phase: str, look_at_w: Array | None = None) -> Command:
    """What an action (ACTION,) in [-1, 1] asks of the motors, the aim being at T_wt (4, 4)."""
    a = np.clip(action, -1.0, 1.0)
    T_wb = now.T_wb
    R_bt = T_wb[:3, :3].T @ T_wt[:3, :3]
    off = rotation_vector(now.T_be[:3, :3].T @ R_bt)
    R_be = now.T_be[:3, :3]
    tilt_e = np.clip(_TILT_GAIN * off, -_TILT_SPEED, _TILT_SPEED)
    tilt_e[2] = 0.0
    angular = R_be @ (tilt_e + np.array([0.0, 0.0, TURN * a[3]]))
    return Command(
        phase=phase,
        twist_b=np.concatenate([R_bt @ (SPEED * a[:3]), angular]),
        gripper=float(0.5 * (a[4] + 1.0) * now.robot.max_opening),
        look_at_w=look_at_w,
    )


def action_of(command: Command, T_wt: Array, now: Situation) -> Array:
    """The action (ACTION,) in [-1, 1] that comes nearest to a command: how a script would act as a policy."""
    R_bt = now.T_wb[:3, :3].T @ T_wt[:3, :3]
    velocity = R_bt.T @ command.twist_b[:3] / SPEED
    velocity /= max(1.0, float(np.abs(velocity).max()))
    turn = float(now.T_be[:3, 2] @ command.twist_b[3:]) / TURN
    opening = now.gripper if command.gripper is None else command.gripper
    action = np.concatenate([velocity, [turn, 2.0 * opening / now.robot.max_opening - 1.0]])
    return np.asarray(np.clip(action, -1.0, 1.0))

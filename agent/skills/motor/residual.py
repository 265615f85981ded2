"""From a policy's action to the motors: directly, or as a correction of what a reflex acts on.

=====  ==========================================  ==========  =====  ====
index  of a correction                             frame       at ±1  unit
=====  ==========================================  ==========  =====  ====
0…2    where the thing is, from the estimate       ``_t``      0.04   m
3      how it is turned, about the hand's axis                 0.5    rad
4      opening of the fingers, from the reflex's               max    m
=====  ==========================================  ==========  =====  ====

A correction is taken over by a quarter in each control step (`memory`), so that what is tried out lasts.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from yanshi.agent.skills.motor.action import command_of
from yanshi.agent.skills.motor.aim import Aim
from yanshi.agent.skills.motor.features import FeatureReader
from yanshi.agent.skills.motor.reflexes import Reflex
from yanshi.agent.skills.script import Command, Situation

__all__ = ["Control", "asked"]

Array = NDArray[Any]
Control = Literal["direct", "residual"]
"""What the actions of a policy mean."""


def asked(action: Array, reader: FeatureReader, now: Situation, aim: Aim, reflex: Reflex | None) -> Command:
    """What an action (ACTION,) in [-1, 1], given to the reader before, asks of the motors: with a reflex a correction,
    without one a command.
    """
    look = now.entity(aim.name).position_w if now.mobile else None
    if reflex is None:
        return command_of(action, reader.T_wt, now, "act", look)
    memory = reader.memory
    command = reflex.act(now, aim, memory.corrected(reader.T_wt))
    wanted = now.gripper if command.gripper is None else command.gripper
    opening = float(np.clip(wanted + memory.shift[4] * now.robot.max_opening, 0.0, now.robot.max_opening))
    return replace(command, phase="act", gripper=opening, look_at_w=look)

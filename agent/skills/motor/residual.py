"""From a policy's action to the motors: directly, or as a correction of what a reflex acts on.

=====  ==========================================  ==========  =====  ====
index  of a correction                             frame       at ±1  unit
=====  ==========================================  ==========  =====  ====
0…2    where the thing is, from the estimate       ``_t``      0.04   m
3      how it is turned, about the hand's axis                 0.5    rad
4      how fast the hand goes, from the reflex's              0.5    1
=====  ==========================================  ==========  =====  ====

A correction is taken over by a quarter in each control step (`memory`), so that what is tried out lasts; of a place or
turn (0…3) nothing is, with most reflexes, before the hand has met something. The fingers are the reflex's business.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal

from numpy.typing import NDArray

from yanshi.agent.skills.motor.action import command_of
from yanshi.agent.skills.motor.aim import Aim
from yanshi.agent.skills.motor.features import FeatureReader
from yanshi.agent.skills.motor.reflexes import Reflex
from yanshi.agent.skills.script import Command, Situation

__all__ = ["Control", "asked"]

Array = NDArray[Any]
_HURRY = 0.5
"""By which share the hand may go faster or slower than its reflex."""
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
    twist = command.twist_b.copy()
    twist[:3] *= 1.0 + _HURRY * memory.shift[4]
    return replace(command, phase="act", twist_b=twist, look_at_w=look)

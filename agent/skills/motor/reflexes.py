"""Reflexes: what the hand does, step by step, if a thing is where it is taken to be. They remember nothing.

A reflex is asked with a `Sight`: the truth, in training, when somebody shows what would be right; what is believed, put
right by a policy, at work. So a policy has only to learn where the thing is and when to try elsewhere (residual policy
learning, Silver et al. 2018, arXiv:1812.06298), and one that corrects nothing already knows how to act.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from yanshi.agent.skills.grasp import behind
from yanshi.agent.skills.motion import rotation_vector
from yanshi.agent.skills.motor.aim import Aim, part_way
from yanshi.agent.skills.motor.features import FeatureReader
from yanshi.agent.skills.motor.guiding import Sight, held_firmly, steer
from yanshi.agent.skills.script import Command, Situation

__all__ = ["REFLEXES", "Reflex"]

_BESIDE, _GRASPED = 0.012, 0.04
"""How far beside its place the hand may come down on an object, and may be when it holds it [m]."""
_SPARE, _LEAST = 0.002, 0.003
"""So much less than there is room for beside the object, but not less than that, it may be off as its fingers move
[m]."""
_ASTRAY = 0.025
"""How far beside its place a hand that has come down may be found, before it rises again: beliefs waver [m]."""
_DEEP = 0.012
"""So near to its depth it closes the fingers [m]."""
_CLEARANCE = 0.025
"""Of the tool centre point over the top of the object, when the hand goes sideways [m]."""
_LOW, _ASIDE = 0.02, 0.025
"""How high over its height, and how far beside the way, the hand may be when it pushes [m]."""
_PUSHING = 0.14
"""[m/s]."""
_ROOM = 0.035
"""Between the fingers and the object where the hand comes down [m]."""
_OFF = 0.04
"""So far before a bar the hand goes sideways [m]."""
_HOVER, _CENTRED = 0.03, 0.006
"""So high over its place what is held is centred, and to within what [m]."""
_LET_GO, _PRESSING = 0.004, 25.0
"""So near to its place, or pressing so hard [N], the hand lets go."""


def pick(now: Situation, aim: Aim, sight: Sight) -> Command:
    """Over the object, down, close, up; a hand that has come down beside it, or closed on nothing, rises first."""
    T_we, wide = aim.hand_at(sight.thing), now.robot.max_opening
    off = T_we[:3, :3].T @ (now.T_we[:3, 3] - T_we[:3, 3])
    turned = float(rotation_vector(T_we[:3, :3].T @ now.T_we[:3, :3])[2])
    beside = float(np.hypot(off[0], 1.5 * off[1]))
    room = max(_LEAST, 0.5 * (wide - aim.between) - _SPARE)
    if held_firmly(now) and beside < _GRASPED and now.gripper < now.opening:
        return steer(now, T_we, 0.25, 0.0, np.array([0.0, 0.0, 0.25]))
    high = float(-off[2]) > float(sight.thing.extent[2]) / 2.0 + _CLEARANCE
    away = beside > (_BESIDE if high else _ASTRAY) or abs(turned) > 0.3 or (high and abs(off[1]) > room)
    if (away or sight.missed) and not high:
        return steer(now, T_we, 0.25, wide, -0.25 * T_we[:3, 2])
    if away:
        above = T_we.copy()
        above[:3, 3] += T_we[:3, :3] @ np.array([0.0, 0.0, off[2]])
        return steer(now, above, 0.28, wide)
    return steer(now, T_we, 0.25, 0.0 if abs(off[2]) < _DEEP else wide)


def open_(now: Situation, aim: Aim, sight: Sight) -> Command:
    """Before the bar, onto it, close, and along its way; a hand that is beside it, or missed it, draws back first."""
    T_we, wide = aim.hand_at(sight.thing, sight.value), aim.opening
    off = T_we[:3, :3].T @ (now.T_we[:3, 3] - T_we[:3, 3])
    beside = abs(float(off[1]))
    if held_firmly(now) and now.gripper < now.opening and float(np.linalg.norm(off)) < 0.035:
        return steer(now, T_we, 0.25, 0.0, 0.2 * part_way(sight.thing, T_we[:3, 3]))
    if (beside > _BESIDE or sight.missed) and off[2] > -_OFF:
        return steer(now, T_we, 0.2, wide, -0.2 * T_we[:3, 2])
    if beside > _BESIDE:
        before = T_we.copy()
        before[:3, 3] += T_we[:3, :3] @ np.array([0.0, 0.0, off[2]])
        return steer(now, before, 0.25, wide)
    return steer(now, T_we, 0.2, 0.0 if abs(float(off[2])) < 0.016 else wide)


def push(now: Situation, aim: Aim, sight: Sight) -> Command:
    """Behind the object, and on; a hand that is beside it rises, goes round and comes down again."""
    thing, goal = sight.thing, np.asarray(sight.thing.position_w, dtype=float).copy()
    assert aim.goal_w is not None
    goal[:2] = aim.goal_w[:2]
    way = goal[:2] - thing.position_w[:2]
    way /= max(float(np.linalg.norm(way)), 1e-9)
    side = np.array([-way[1], way[0]])
    start = behind(now.base_w, thing, goal, _ROOM)
    hand = now.T_we[:3, 3]
    off = float((hand[:2] - thing.position_w[:2]) @ side)
    ahead = float((hand[:2] - thing.position_w[:2]) @ way)
    low = hand[2] < start[2, 3] + _LOW
    if low and -0.14 < ahead < -0.008 and abs(off) < _ASIDE:
        velocity = np.array([*(_PUSHING * way - 3.0 * off * side), 4.0 * (start[2, 3] - hand[2])])
        return steer(now, start, 0.2, 0.0, velocity)
    away = start[:2, 3] - hand[:2]
    if float(np.linalg.norm(away)) < 0.015:
        return steer(now, start, 0.25, 0.0)
    top = float(thing.position_w[2] + thing.extent[2] / 2.0) + 0.035
    if hand[2] < top:
        return steer(now, start, 0.25, 0.0, np.array([*(-0.05 * way), 0.25]))
    over = start.copy()
    over[2, 3] = max(hand[2], top)
    return steer(now, over, 0.3, 0.0)


def stack(now: Situation, aim: Aim, sight: Sight) -> Command:
    """Over the other object, centre, down, let go, up."""
    T_we = aim.hand_at(sight.thing)
    if now.gripper > aim.between:  # it has been let go
        free = now.opening > aim.opening - _DEEP
        return steer(now, T_we, 0.0, aim.opening, np.array([0.0, 0.0, 0.25]) if free else np.zeros(3))
    off = T_we[:3, :3].T @ (now.T_we[:3, 3] - T_we[:3, 3])
    beside, height = float(np.hypot(off[0], off[1])), -float(off[2])
    if beside > (_CENTRED if height > 0.5 * _HOVER else _ASTRAY):
        above = T_we.copy()
        above[:3, 3] -= _HOVER * T_we[:3, 2]
        return steer(now, above, 0.2, 0.0)
    down = height < _LET_GO or (now.force is not None and now.force > _PRESSING)
    return steer(now, T_we, 0.1, aim.opening if down else 0.0)


Act = Callable[[Situation, Aim, Sight], Command]


@dataclass(frozen=True, slots=True)
class Reflex:
    """How the hand acts on a belief, and how the belief is smoothed and put right for it; see `Memory`."""

    act: Act
    trust: float = 0.12
    """Weight of a new estimate of a place, at least: small for what stands still, large for what is moved."""
    patient: bool = True
    """Whether nothing is put right before the hand has met something; not where it pushes what is too light to feel."""

    def reader(self, now: Situation, aim: Aim, timeout: float) -> FeatureReader:
        """What a policy that corrects it is told, in a run that starts now."""
        return FeatureReader(now, aim, timeout, self.trust, self.patient)


REFLEXES = {
    "pick": Reflex(pick),
    "open": Reflex(open_),
    "push": Reflex(push, trust=0.4, patient=False),
    "stack": Reflex(stack),
}
"""By the name of the manoeuvre."""

"""Push as a manoeuvre: from behind the object down, and along the surface to its place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from yanshi.agent.skills.grasp import behind
from yanshi.agent.skills.motor import reflexes
from yanshi.agent.skills.motor.aim import Aim
from yanshi.agent.skills.motor.guiding import Sight
from yanshi.agent.skills.motor.judges import Brought, Judge, Truth
from yanshi.agent.skills.push import arrived, goal_of, push_from
from yanshi.agent.skills.script import Command, GiveUpError, Script, Situation
from yanshi.contracts import Entity, Fact, SkillCall
from yanshi.goals import Goal

__all__ = ["Pushing"]

_ATTEMPTS = 5
_ROOM = 0.035
"""Between the fingers and the object where the hand comes down [m]."""


@dataclass(frozen=True)
class Pushing:
    """Slide an object onto a target area."""

    name: str = "push"
    tasks: Mapping[str, float] = field(default_factory=lambda: {"PushTo": 1.0})
    timeout: float = 10.0
    phases: frozenset[str] = frozenset({"descend"})
    focus: int = 0

    def calls(self, goal: Goal) -> Sequence[SkillCall]:
        """Push the thing to where the goal wants it."""
        return (SkillCall("push", next(iter(goal.facts())).args),)

    def plan(self, now: Situation, call: SkillCall) -> Aim:
        """The hand behind the object, as seen from where it shall go."""
        entity, onto = now.entity(call.args[0]), now.entity(call.args[1])
        region = onto.region("on")
        if region is None:
            raise GiveUpError(f"Nothing can be pushed onto {onto.name}.")
        goal = goal_of(entity, onto, region)
        return Aim.at(now, entity, behind(now.base_w, entity, goal, 0.0), yaw=entity.yaw, goal_w=tuple(goal.tolist()))

    def believed(self, aim: Aim, entity: Entity, truth: Entity, now: Situation) -> Aim:
        """Behind the object as it is believed to lie."""
        assert aim.goal_w is not None
        goal = entity.position_w.copy()
        goal[:2] = aim.goal_w[:2]
        hand = behind(now.base_w, entity, goal, 0.0)
        return Aim.at(now, entity, hand, yaw=entity.yaw, goal_w=tuple(goal.tolist()))

    def script(self, now: Situation, aim: Aim, names: tuple[str, ...]) -> Script:
        """Come down, push until it has arrived or slid off; again, as often as is needed."""
        onto = now.entity(names[1])
        region = onto.region("on")
        assert region is not None
        for _ in range(_ATTEMPTS):
            entity = now.entity(names[0])
            if arrived(entity, onto, region):
                return f"{names[0]} is on {names[1]}."
            start = behind(now.base_w, entity, goal_of(entity, onto, region), _ROOM)
            yield from push_from(now, names[0], start, (onto, region))
        raise GiveUpError(f"I could not push {names[0]} onto {names[1]}.")

    def guide(self, now: Situation, aim: Aim, sight: Sight) -> Command | None:
        """Its reflex."""
        return reflexes.push(now, aim, sight)

    def worth(self, now: Situation, aim: Aim, sight: Sight, first: Entity) -> float:
        """How much of the way it has gone."""
        assert aim.goal_w is not None
        goal = np.array(aim.goal_w[:2])
        left, whole = (float(np.linalg.norm(goal - one.position_w[:2])) for one in (sight.thing, first))
        return float(np.clip(1.0 - left / max(whole, 0.05), -1.0, 1.0))

    def judge(self, truth: Truth) -> Judge:
        """It lies on the target area."""
        return Brought(truth, Fact("on", truth.names[:2]), steps=5)

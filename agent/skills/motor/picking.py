"""Pick as a manoeuvre: from over the object down, close, lift."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from yanshi.agent.skills.grasp import top_grasps
from yanshi.agent.skills.motor import reflexes
from yanshi.agent.skills.motor.aim import Aim
from yanshi.agent.skills.motor.guiding import Sight, held_firmly, nearness
from yanshi.agent.skills.motor.judges import Brought, Judge, Truth
from yanshi.agent.skills.pick import back_off, before, grasps_in_reach, take
from yanshi.agent.skills.script import Command, GiveUpError, Script, Situation
from yanshi.agent.skills.surroundings import fly
from yanshi.contracts import Entity, Fact, SkillCall
from yanshi.goals import Goal

__all__ = ["Picking"]

_LIFTED = 0.05
"""An object this much higher than at the start [m] …"""
_STEPS = 12
"""… and held for so many control steps is picked: one that slips out of the hand mostly does so within this time."""
_EDGE = 0.012
"""So far beside the middle of the pads [m] a grip is worth least: what is round turns about their edge and is lost on
the way."""
_ASTRAY = 0.35
"""An object that has gone farther than this from where it was [m] is lost."""
_ATTEMPTS = 4


@dataclass(frozen=True)
class Picking:
    """Grip an object and lift it."""

    name: str = "pick"
    tasks: Mapping[str, float] = field(default_factory=lambda: {"Pick": 0.75, "HomePick": 0.25})
    timeout: float = 6.0
    phases: frozenset[str] = frozenset({"descend"})
    focus: int = 0

    def calls(self, goal: Goal) -> Sequence[SkillCall]:
        """Pick the thing that the goal wants held."""
        return (SkillCall("pick", next(iter(goal.facts())).args[:1]),)

    def plan(self, now: Situation, call: SkillCall) -> Aim:
        """The grip that the script has chosen: the best that the arm reaches from where it is."""
        entity = now.entity(call.args[0])
        found = grasps_in_reach(now, entity)
        if not found:
            raise GiveUpError(f"{entity.name} is out of my reach.")
        return Aim.at(now, entity, found[0].T_we, between=found[0].width, opening=found[0].opening)

    def believed(self, aim: Aim, entity: Entity, truth: Entity, now: Situation) -> Aim:
        """The grip for a thing that is believed to be of another size: its height and how wide to open change."""
        T = np.array(aim.T_eh)
        if T[2, 2] < -0.99:
            T[2, 3] = top_grasps(entity, np.inf, entity.yaw)[0].T_we[2, 3] - entity.position_w[2]
        across = np.abs(T[:3, 1])
        width = aim.between * float(across @ entity.extent / (across @ truth.extent))
        opening = min(now.robot.max_opening, max(width + 0.03, 0.04))
        return replace(aim, T_eh=tuple(map(tuple, T.tolist())), between=width, opening=opening)

    def script(self, now: Situation, aim: Aim, names: tuple[str, ...]) -> Script:
        """Descend, close, feel, lift; where that failed, open, rise and try again."""
        trouble = ""
        for attempt in range(_ATTEMPTS):
            entity, grasp = now.entity(aim.name), aim.grasp(now)
            if attempt:
                now.gripper = grasp.opening
                yield from fly(now, before(grasp), "reach over", besides=(aim.name,))
            trouble = yield from take(now, entity, grasp)
            if not trouble:
                return f"I hold {aim.name}."
            yield from back_off(now)
        raise GiveUpError(f"I could not pick {aim.name}: {trouble}.")

    def guide(self, now: Situation, aim: Aim, sight: Sight) -> Command | None:
        """Its reflex."""
        return reflexes.pick(now, aim, sight)

    def worth(self, now: Situation, aim: Aim, sight: Sight, first: Entity) -> float:
        """Near it, holding it, lifting it, and having it in the middle of the pads."""
        near = nearness(now, aim, sight)
        if not held_firmly(now) or near < 0.5:
            return 0.3 * near
        T_we = aim.hand_at(sight.thing)
        beside = abs(float(T_we[:3, 0] @ (now.T_we[:3, 3] - T_we[:3, 3])))
        lifted = float(np.clip((sight.thing.position_w[2] - first.position_w[2]) / _LIFTED, 0.0, 1.0))
        return (0.5 + 0.5 * lifted) * (1.0 - 0.6 * min(1.0, beside / _EDGE))

    def judge(self, truth: Truth) -> Judge:
        """It is held, off what it stood on."""
        return Brought(truth, Fact("holding", truth.names[:1]), steps=_STEPS, lifted=_LIFTED, astray=_ASTRAY)

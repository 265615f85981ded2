"""Press as a manoeuvre: from before a button onto it, and in until it switches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from yanshi.agent.skills.motor.aim import Aim
from yanshi.agent.skills.motor.guiding import Sight
from yanshi.agent.skills.motor.judges import Changed, Judge, Truth
from yanshi.agent.skills.press import inward, push_in, reachable_hand
from yanshi.agent.skills.script import Command, GiveUpError, Script, Situation
from yanshi.contracts import Entity, Fact, SkillCall
from yanshi.goals import Goal

__all__ = ["Pressing"]

_ATTEMPTS = 3


@dataclass(frozen=True)
class Pressing:
    """Push a button in with closed fingers."""

    name: str = "press"
    tasks: Mapping[str, float] = field(default_factory=lambda: {"Press": 0.6, "HomePress": 0.4})
    timeout: float = 6.0
    phases: frozenset[str] = frozenset({"approach button"})
    focus: int = 0

    def calls(self, goal: Goal) -> Sequence[SkillCall]:
        """Press the button."""
        return (SkillCall("press", next(iter(goal.facts())).args[:1]),)

    def plan(self, now: Situation, call: SkillCall) -> Aim:
        """The hand whose finger tips are before the button's face."""
        entity = now.entity(call.args[0])
        region = entity.region("button")
        hand = None if region is None else reachable_hand(now, entity, region)
        if hand is None:
            raise GiveUpError(f"The button of {entity.name} is out of my reach.")
        return Aim.at(now, entity, hand)

    def believed(self, aim: Aim, entity: Entity, truth: Entity, now: Situation) -> Aim:
        """The same: what is fixed to the furniture is known from the map."""
        return aim

    def script(self, now: Situation, aim: Aim, names: tuple[str, ...]) -> Script:
        """Onto it, in, back; where it did not go in, again."""
        for _ in range(_ATTEMPTS):
            entity = now.entity(aim.name)
            region = entity.region("button")
            assert region is not None
            trouble = yield from push_in(now, aim.hand(now), inward(entity, region), entity.to_world(region.center_e))
            if not trouble:
                return f"I pressed {aim.name}."
        raise GiveUpError(f"I could not press {aim.name}.")

    def guide(self, now: Situation, aim: Aim, sight: Sight) -> Command | None:
        """Nobody knows better than the script."""
        return None

    def worth(self, now: Situation, aim: Aim, sight: Sight, first: Entity) -> float:
        """No help is needed."""
        return 0.0

    def judge(self, truth: Truth) -> Judge:
        """Its lamp has changed."""
        return Changed(truth, Fact("powered", truth.names[:1]))

"""Place as a manoeuvre, on a surface, in a container, or on another object: lower, let go, rise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from yanshi.agent.skills.motor.aim import Aim
from yanshi.agent.skills.motor.guiding import Sight
from yanshi.agent.skills.motor.judges import Brought, Judge, Truth
from yanshi.agent.skills.place import free_spots, hand_for, put_down, spot_on
from yanshi.agent.skills.script import Command, GiveUpError, Script, Situation
from yanshi.agent.skills.surroundings import below_hand
from yanshi.contracts import Entity, Fact, SkillCall
from yanshi.goals import Goal

__all__ = ["Placing", "stacking"]

_STEPS = 10
"""What stays where it shall be for so many control steps, out of the hand, is placed."""


@dataclass(frozen=True)
class Placing:
    """Put down what the hand holds."""

    name: str = "place"
    tasks: Mapping[str, float] = field(default_factory=lambda: {"PlaceOn": 0.5, "PlaceIn": 0.5})
    timeout: float = 6.0
    phases: frozenset[str] = frozenset({"lower", "centre"})
    focus: int = 1

    def calls(self, goal: Goal) -> Sequence[SkillCall]:
        """Pick the thing, and place it."""
        fact = next(iter(goal.facts()))
        return SkillCall("pick", fact.args[:1]), SkillCall(
            "place_in" if fact.predicate == "in" else "place_on", fact.args
        )

    def plan(self, now: Situation, call: SkillCall) -> Aim:
        """The hand where the thing is let go: of the places that the script may have chosen, the one below it."""
        grip, target = now.grip, now.entity(call.args[1])
        if grip is None:
            raise GiveUpError(f"I do not hold {call.args[0]}.")
        region = target.region("in" if call.skill == "place_in" else "on")
        if target.category == "object":
            spots = [spot_on(target, grip)]
        elif region is None:
            raise GiveUpError(f"Nothing can be put on {target.name}.")
        else:
            bottom = float(region.center_e[2] - region.half[2]) + (0.01 if call.skill == "place_in" else 0.0)
            spots = free_spots(now, target, region, grip, bottom, avoid=True)
        hands = [hand_for(now, grip, spot, now.base_w)[0] for spot in spots]
        if not hands:
            raise GiveUpError(f"There is no room for {call.args[0]} on {target.name}.")
        T_we = min(hands, key=lambda T: float(np.linalg.norm(T[:2, 3] - now.T_we[:2, 3])))
        opening = min(now.robot.max_opening, now.opening + 0.035)
        return Aim.at(now, target, T_we, between=now.opening, opening=opening, below=below_hand(now))

    def believed(self, aim: Aim, entity: Entity, truth: Entity, now: Situation) -> Aim:
        """Let go at another height, where the size of the thing is believed to be another."""
        off = float(entity.extent[2] / truth.extent[2]) - 1.0
        T = np.array(aim.T_eh)
        T[2, 3] += off * (aim.below if truth.category != "object" else T[2, 3])
        return replace(aim, T_eh=tuple(map(tuple, T.tolist())), below=aim.below * (1.0 + off))

    def script(self, now: Situation, aim: Aim, names: tuple[str, ...]) -> Script:
        """Lower until it is where it shall be, let go, rise."""
        stack = now.entity(aim.name).category == "object"
        yield from put_down(now, aim.hand(now), stack)
        return f"{names[0]} is placed."

    def guide(self, now: Situation, aim: Aim, sight: Sight) -> Command | None:
        """Nobody knows better than the script."""
        return None

    def worth(self, now: Situation, aim: Aim, sight: Sight, first: Entity) -> float:
        """No help is needed."""
        return 0.0

    def judge(self, truth: Truth) -> Judge:
        """It lies there, and stays."""
        inside = truth.sim.world.thing(truth.names[1]).entity.region("in") is not None
        return Brought(truth, Fact("in" if inside else "on", truth.names[:2]), steps=_STEPS, sunk=0.6, astray=0.5)


def stacking() -> Placing:
    """The same for an object on another."""
    return Placing(name="stack", tasks={"Stack": 1.0}, timeout=6.0)

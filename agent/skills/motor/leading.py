"""Open and close as manoeuvres: take the handle and lead it; push shut with closed fingers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from yanshi.agent.skills.articulate import approach_handle, handle_of, lead, let_go, opened
from yanshi.agent.skills.handles import Handle, Hold
from yanshi.agent.skills.motion import rotation_vector
from yanshi.agent.skills.motor import reflexes
from yanshi.agent.skills.motor.aim import Aim
from yanshi.agent.skills.motor.guiding import Sight, nearness
from yanshi.agent.skills.motor.judges import Changed, Judge, Truth
from yanshi.agent.skills.script import Command, GiveUpError, Script, Situation
from yanshi.agent.skills.shut import push_shut, pushing_hand
from yanshi.contracts import Entity, Fact, SkillCall
from yanshi.goals import Goal

__all__ = ["Opening", "Shutting"]

_ATTEMPTS = 3
_SLACK = 0.035
"""How much wider than the bar a script opens the fingers [m]."""


@dataclass(frozen=True)
class Opening:
    """Take a part by its handle and lead it open."""

    name: str = "open"
    tasks: Mapping[str, float] = field(default_factory=lambda: {"Open": 1.0})
    timeout: float = 10.0
    phases: frozenset[str] = frozenset({"take handle"})
    focus: int = 0

    def calls(self, goal: Goal) -> Sequence[SkillCall]:
        """Open the part."""
        return (SkillCall("open", next(iter(goal.facts())).args),)

    def plan(self, now: Situation, call: SkillCall) -> Aim:
        """The hand on the bar, as the arm takes it most easily."""
        handle = handle_of(now, call.args[0])
        value = opened(now, handle.part)
        bend, hold = approach_handle(now, handle, value, now.base_w)
        if not np.isfinite(bend):
            raise GiveUpError(f"The handle of {handle.part.name} is out of my reach.")
        wide = min(now.robot.max_opening, handle.thickness + _SLACK)
        T_we = handle.hand(value, hold, -0.002)
        return Aim.at(now, handle.part, T_we, between=handle.thickness, opening=wide, joint=1.0)

    def believed(self, aim: Aim, entity: Entity, truth: Entity, now: Situation) -> Aim:
        """The same: what is fixed to the part is known from the map."""
        return aim

    def script(self, now: Situation, aim: Aim, names: tuple[str, ...]) -> Script:
        """Take it, lead it, let go; where that failed, again."""
        handle = handle_of(now, aim.name)
        hold = _hold(now, handle, aim)
        limit = handle.articulation.limit
        for _ in range(_ATTEMPTS):
            handle = handle_of(now, aim.name)
            value = opened(now, handle.part)
            if value >= 0.85 * limit:
                return f"{aim.name} is open."
            yield from lead(now, handle, (value, limit), hold)
            yield from let_go(now)
        raise GiveUpError(f"I could not get {aim.name} open.")

    def guide(self, now: Situation, aim: Aim, sight: Sight) -> Command | None:
        """Its reflex."""
        return reflexes.open_(now, aim, sight)

    def worth(self, now: Situation, aim: Aim, sight: Sight, first: Entity) -> float:
        """Near the bar, and how far open the part is."""
        articulation = sight.thing.articulation
        assert articulation is not None
        return 0.2 * nearness(now, aim, sight) + 0.8 * sight.value / articulation.limit

    def judge(self, truth: Truth) -> Judge:
        """The part is open."""
        return Changed(truth, Fact("open", truth.names[:1]), wanted=True)


def _hold(now: Situation, handle: Handle, aim: Aim) -> Hold:
    """How the hand is turned in an aim, in the words of the scripts."""
    T_we, value = aim.hand(now), opened(now, handle.part)
    dip = float(np.arcsin(np.clip(-T_we[2, 2], -1.0, 1.0)))
    holds = [Hold(dip, lag, flipped) for lag in (0.0, 0.5, -0.5) for flipped in (False, True)]

    def apart(hold: Hold) -> float:
        return float(np.linalg.norm(rotation_vector(handle.hand(value, hold)[:3, :3].T @ T_we[:3, :3])))

    return min(holds, key=apart)


@dataclass(frozen=True)
class Shutting:
    """Push a part shut from its outer side."""

    name: str = "close"
    tasks: Mapping[str, float] = field(default_factory=lambda: {"Close": 1.0})
    timeout: float = 8.0
    phases: frozenset[str] = frozenset({"descend"})
    focus: int = 0

    def calls(self, goal: Goal) -> Sequence[SkillCall]:
        """Close the part."""
        return (SkillCall("close", next(iter(goal.facts())).args),)

    def plan(self, now: Situation, call: SkillCall) -> Aim:
        """The hand on the outer side of the part."""
        handle = handle_of(now, call.args[0])
        value = opened(now, handle.part)
        return Aim.at(now, handle.part, pushing_hand(handle, value, now.base_w, 0.0), joint=0.0)

    def believed(self, aim: Aim, entity: Entity, truth: Entity, now: Situation) -> Aim:
        """The same: what is fixed to the part is known from the map."""
        return aim

    def script(self, now: Situation, aim: Aim, names: tuple[str, ...]) -> Script:
        """Sweep it shut; where that failed, again."""
        for attempt in range(_ATTEMPTS):
            handle = handle_of(now, aim.name)
            value = opened(now, handle.part)
            if value <= 0.04 * handle.articulation.limit:
                return f"{aim.name} is closed."
            yield from push_shut(now, handle, value, attempt)
        raise GiveUpError(f"I could not get {aim.name} closed.")

    def guide(self, now: Situation, aim: Aim, sight: Sight) -> Command | None:
        """Nobody knows better than the script."""
        return None

    def worth(self, now: Situation, aim: Aim, sight: Sight, first: Entity) -> float:
        """No help is needed."""
        return 0.0

    def judge(self, truth: Truth) -> Judge:
        """The part is closed."""
        return Changed(truth, Fact("closed", truth.names[:1]), wanted=True)

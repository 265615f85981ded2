"""Symbolic execution of a plan: would every step be possible, and would the goal hold at the end?

The first fault is a counter-example in words, which says which condition is missing and which earlier step undid it:
``step 3 pick(red_mug): needs near(red_mug), which step 2 go_to(sink) made false``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from yanshi.contracts import SkillCall, WorldState
from yanshi.errors import InputError
from yanshi.goals import Fact, Goal
from yanshi.planning.domain import Domain
from yanshi.planning.formula import Formula, ground
from yanshi.planning.situation import Situation, known


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a plan."""

    step: int
    """Which step, counted from 1; one more than there are for a goal that is not reached."""
    text: str
    """The counter-example, one sentence."""


@dataclass(frozen=True, slots=True)
class Report:
    """The outcome of a verification."""

    faults: tuple[Fault, ...] = ()
    final: Situation | None = field(default=None, compare=False)
    """The situation at the end, if every step could be made."""

    @property
    def ok(self) -> bool:
        """Whether every step is possible and the goal is reached."""
        return not self.faults

    @property
    def counter_example(self) -> str:
        """The first fault in words, or an empty string."""
        return self.faults[0].text if self.faults else ""


def verify(
    domain: Domain, belief: WorldState | Situation, calls: Sequence[SkillCall], goal: Goal | None = None
) -> Report:
    """Execute `calls` on paper from a belief.

    Args:
        domain: the operators.
        belief: where the plan starts.
        calls: the plan.
        goal: what must hold at the end, if anything.
    """
    situation = belief if isinstance(belief, Situation) else Situation.of(belief)
    undone: dict[tuple[Fact, bool], str] = {}
    for number, call in enumerate(calls, start=1):
        title = f"step {number} {call}"
        try:
            action = domain.action(situation, call)
        except InputError as error:
            return Report((Fault(number, f"{title}: {error}"),))
        misfit = domain.misfit(situation, call)
        if misfit is not None:
            return Report((Fault(number, f"{title}: {misfit}"),))
        missing = [(fact, value) for fact, value in action.needs if domain.true(situation, fact) != value]
        if missing:
            return Report(tuple(Fault(number, f"{title}: needs {_why(need, undone)}") for need in missing))
        for fact, value in action.effects:
            if domain.true(situation, fact) != value:
                undone[(fact, not value)] = f"step {number} {call}"
        situation = situation.after(action.effects)
    if goal is None:
        return Report(final=situation)
    formula = ground(goal, lambda fact: domain.true(situation, fact), names(situation))
    if formula.holds(lambda fact: domain.true(situation, fact)):
        return Report(final=situation)
    text = f"the goal is not reached: {_missing(formula, domain, situation, undone) or str(goal)}"
    return Report((Fault(len(calls) + 1, text),), situation)


def names(situation: Situation) -> list[str]:
    """The entities that quantifiers range over: those that were ever met with, in order of name. A thing that was only
    told of counts from the moment when its place is known.
    """
    return sorted(
        name
        for name, entity in situation.entities.items()
        if entity.provenance != "told" or (not known(entity) and Fact("known", (name,)) in situation.facts)
    )


def _why(need: tuple[Fact, bool], undone: dict[tuple[Fact, bool], str]) -> str:
    fact, value = need
    text = str(fact) if value else f"not {fact}"
    culprit = undone.get(need)
    if culprit is None:
        return f"{text}, which is not the case"
    return f"{text}, which {culprit} made {'false' if value else 'true'}"


def _missing(formula: Formula, domain: Domain, situation: Situation, undone: dict[tuple[Fact, bool], str]) -> str:
    """The first part of a formula that does not hold, in words."""
    if formula.fact is not None:
        return _why((formula.fact, formula.value), undone)
    failing = [c for c in formula.children if not c.holds(lambda fact: domain.true(situation, fact))]
    if formula.op == "and" and failing:
        return _missing(failing[0], domain, situation, undone)
    if formula.op == "or" and len(formula.children) <= 3:
        return " or ".join(_missing(c, domain, situation, undone) for c in failing)
    return ""

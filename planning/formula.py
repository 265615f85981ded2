"""Goals made ground: negations pushed inwards, quantifiers replaced by the entities they range over, static facts
decided.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal as OneOf

from yanshi.goals import Fact, Goal
from yanshi.planning.situation import STATIC


@dataclass(frozen=True, slots=True)
class Formula:
    """A literal, or a conjunction or disjunction of formulas. An empty conjunction is true, an empty disjunction
    false.
    """

    op: OneOf["literal", "and", "or"]
    fact: Fact | None = None
    value: bool = True
    children: tuple[Formula, ...] = ()

    def holds(self, true: Callable[[Fact], bool]) -> bool:
        """Whether it is the case where `true` decides each fact."""
        if self.fact is not None:
            return true(self.fact) == self.value
        quantifier = all if self.op == "and" else any
        return quantifier(child.holds(true) for child in self.children)

    def literals(self) -> Iterator[tuple[Fact, bool]]:
        """Every literal, left to right."""
        if self.fact is not None:
            yield self.fact, self.value
        for child in self.children:
            yield from child.literals()


TRUE, FALSE = Formula("and"), Formula("or")


def ground(goal: Goal, true: Callable[[Fact], bool], names: Sequence[str], *, positive: bool = True) -> Formula:
    """The goal (or its negation) over the entities `names`; static facts are decided by `true` here and now."""
    if goal.fact is not None:
        if goal.fact.predicate in STATIC:
            return TRUE if true(goal.fact) == positive else FALSE
        return Formula("literal", fact=goal.fact, value=positive)
    if goal.op == "not":
        return ground(goal.children[0], true, names, positive=not positive)
    if goal.op == "exists":
        assert goal.variable is not None
        body, variable = goal.children[0], goal.variable
        parts = [ground(body.substitute({variable: name}), true, names, positive=positive) for name in names]
        return _join("or" if positive else "and", parts)
    conjunction = (goal.op == "and") == positive
    return _join("and" if conjunction else "or", [ground(c, true, names, positive=positive) for c in goal.children])


def _join(op: OneOf["and", "or"], parts: list[Formula]) -> Formula:
    neutral, absorbing = (TRUE, FALSE) if op == "and" else (FALSE, TRUE)
    if absorbing in parts:
        return absorbing
    kept = tuple(dict.fromkeys(part for part in parts if part != neutral))
    return kept[0] if len(kept) == 1 else Formula(op, children=kept)

"""A goal made ready to be checked in every step: variables put in, attributes folded away, facts checked together."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from yanshi.envs.facts.predicates import STATIC, Anatomy, Bools, Floats, Snapshot
from yanshi.envs.facts.table import FactTable
from yanshi.goals import Fact, Goal

Combine = Callable[[Floats], Floats]


class GoalCheck:
    """Decides a goal over many simulations of one world.

    `facts` are the ground facts that can change, in order of appearance. The truth of the goal is a fuzzy formula over
    their values in [0, 1]: the same formula gives the dense reward when facts that are not yet true are partly so.
    """

    def __init__(self, anatomy: Anatomy, goal: Goal) -> None:
        """Compile. Raises: UnknownNameError for names that do not exist in this world."""
        self.goal = goal
        self._anatomy = anatomy
        self._columns: dict[Fact, int] = {}
        ground = self._ground(goal)
        formula = self._compile(ground) if isinstance(ground, Goal) else None
        self.facts: tuple[Fact, ...] = tuple(self._columns)
        self.table = FactTable(anatomy, self.facts)
        self._conjunction = isinstance(ground, Goal) and self._is_conjunction(ground)
        self._single = self._conjunction and len(self.facts) == 1
        self._always = bool(ground) if not isinstance(ground, Goal) else None
        self._formula = formula

    def __call__(self, now: Snapshot) -> tuple[Bools, Bools]:
        """Whether the goal holds (n,), and each of `facts` (n, facts)."""
        values = self.table(now)
        if self._single:
            return values[:, 0], values
        if self._conjunction:
            return np.logical_and.reduce(values, axis=1), values
        return self.score(values.astype(np.float64)) >= 1.0, values

    def score(self, values: Floats) -> Floats:
        """How far the goal is met (n,) in [0, 1] where each fact is met to `values` (n, facts): a conjunction is the
        mean of its parts, a disjunction their maximum, a negation counts a fact as met only when wholly true.
        """
        if self._single:
            return values[:, 0]
        if self._formula is None:
            return np.full(len(values), float(self._always or False))
        return self._formula(values)

    def _ground(self, goal: Goal) -> Goal | bool:
        """The goal without variables and attributes; True or False where those decide it."""
        if goal.fact is not None:
            if goal.fact.predicate in STATIC and len(goal.fact.args) == 2:
                return self._anatomy.static(goal.fact)
            return goal
        if goal.op == "exists":
            assert goal.variable is not None
            inner = [goal.children[0].substitute({goal.variable: name}) for name in self._anatomy.things]
            return self._join("or", inner)
        if goal.op == "not":
            child = self._ground(goal.children[0])
            return Goal.negate(child) if isinstance(child, Goal) else not child
        return self._join(goal.op, goal.children)

    def _join(self, op: str, children: tuple[Goal, ...] | list[Goal]) -> Goal | bool:
        neutral = op == "and"
        kept: list[Goal] = []
        for child in children:
            part = self._ground(child)
            if isinstance(part, Goal):
                kept.append(part)
            elif part is not neutral:
                return part
        if not kept:
            return neutral
        return Goal.all(kept) if op == "and" else Goal.any(kept)

    @staticmethod
    def _is_conjunction(goal: Goal) -> bool:
        return goal.op == "fact" or (goal.op == "and" and all(child.op == "fact" for child in goal.children))

    def _compile(self, goal: Goal) -> Combine:
        if goal.fact is not None:
            column = self._columns.setdefault(goal.fact, len(self._columns))
            return lambda values: values[:, column]
        parts = [self._compile(child) for child in goal.children]
        if goal.op == "not":
            return lambda values: np.asarray(1.0 - (parts[0](values) >= 1.0))
        if goal.op == "or":
            return lambda values: np.asarray(np.max([part(values) for part in parts], axis=0))
        if self._is_conjunction(goal):
            columns = [self._columns[child.fact] for child in goal.children if child.fact is not None]
            if columns == list(range(columns[0], columns[0] + len(columns))):
                run = slice(columns[0], columns[0] + len(columns))
                return lambda values: np.asarray(np.add.reduce(values[:, run], axis=1) / len(columns))
            return lambda values: np.asarray(np.add.reduce(values[:, columns], axis=1) / len(columns))
        return lambda values: np.asarray(np.mean([part(values) for part in parts], axis=0), dtype=np.float64)

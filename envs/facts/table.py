"""Checking many facts at once: a `FactTable` is compiled from a list of facts, then evaluated on a `Snapshot`."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from yanshi.envs.facts.checks import (
    Beside,
    Check,
    Constant,
    Device,
    Holding,
    Indices,
    InRoom,
    Inside,
    Near,
    Opening,
    Stacked,
)
from yanshi.envs.facts.predicates import STATIC, Anatomy, Bools, Snapshot
from yanshi.errors import InputError, UnknownNameError
from yanshi.goals import Fact


class Clear:
    """No object is on it."""

    def __init__(self, anatomy: Anatomy, facts: Sequence[Fact]) -> None:
        pairs = [
            (index, Fact("on", (other, fact.args[0]))) for index, fact in enumerate(facts) for other in anatomy.objects
        ]
        pairs = [(index, pair) for index, pair in pairs if pair.args[0] != pair.args[1]]
        self._on = FactTable(anatomy, [pair for _, pair in pairs])
        self._fact = np.zeros((len(pairs), len(facts)), dtype=np.int64)
        self._fact[np.arange(len(pairs)), [index for index, _ in pairs]] = 1

    def __call__(self, now: Snapshot) -> Bools:
        """(n, facts) which are true."""
        return np.asarray(self._on(now) @ self._fact == 0)


def _holding(anatomy: Anatomy, facts: Sequence[Fact]) -> Check:
    return Holding(anatomy, [fact.args[0] for fact in facts])


_CHECKS: dict[str, tuple[int, Callable[[Anatomy, Sequence[Fact]], Check]]] = {
    "holding": (1, _holding),
    "open": (1, Opening),
    "closed": (1, Opening),
    "clear": (1, Clear),
    "near": (1, Near),
    "in_room": (2, InRoom),
    "robot_in": (1, InRoom),
    "powered": (1, Device),
    "sounding": (1, Device),
    "lit": (1, Device),
    **dict.fromkeys(STATIC, (2, Constant)),
}


_RELATIONS = ("on", "in", "beside")
"""Between two things; false, and no error, where the things are not of the right sort."""


class FactTable:
    """A list of facts, ready to be checked."""

    def __init__(self, anatomy: Anatomy, facts: Sequence[Fact]) -> None:
        """Compile. Raises: UnknownNameError for a predicate, entity or room that does not exist; InputError for the
        wrong number of arguments.
        """
        self.facts = tuple(facts)
        self._checks: list[tuple[Indices, Check]] = []
        groups: dict[str, list[int]] = {}
        for index, fact in enumerate(self.facts):
            arity = 2 if fact.predicate in _RELATIONS else _CHECKS.get(fact.predicate, (-1, None))[0]
            if arity < 0:
                raise UnknownNameError("predicate", fact.predicate, [*_CHECKS, *_RELATIONS])
            if len(fact.args) != arity:
                raise InputError(f"Predicate '{fact.predicate}' takes {arity} arguments, got '{fact}'.")
            groups.setdefault(fact.predicate, []).append(index)
        for predicate, indices in groups.items():
            mine = [self.facts[index] for index in indices]
            if predicate in ("on", "in"):
                self._support(anatomy, predicate, indices)
            elif predicate == "beside":
                for name in {arg for fact in mine for arg in fact.args}:
                    anatomy.entity(name)
                indices = [i for i in indices if all(arg in anatomy.support for arg in self.facts[i].args)]
                if indices:
                    check = Beside(anatomy, [self.facts[i] for i in indices])
                    self._checks.append((np.array(indices, dtype=np.intp), check))
            else:
                self._checks.append((np.array(indices, dtype=np.intp), _CHECKS[predicate][1](anatomy, mine)))

    def _support(self, anatomy: Anatomy, predicate: str, indices: Sequence[int]) -> None:
        """Sort ``on`` and ``in`` facts into those with a region and those between objects; the rest are false."""
        with_region: list[int] = []
        stacked: list[int] = []
        for index in indices:
            x, y = self.facts[index].args
            anatomy.entity(x)
            if x == y or x not in anatomy.support:
                anatomy.entity(y)
                continue
            if anatomy.entity(y).region(predicate) is not None:
                with_region.append(index)
            elif predicate == "on" and y in anatomy.support:
                stacked.append(index)
        if with_region:
            mine = [self.facts[index] for index in with_region]
            rows = [
                (i, region)
                for i, f in enumerate(mine)
                for region in anatomy.entity(f.args[1]).regions
                if region.kind == predicate
            ]
            check = Inside(anatomy, mine, Holding(anatomy, [fact.args[0] for fact in mine]), rows)
            self._checks.append((np.array(with_region, dtype=np.intp), check))
        if stacked:
            mine = [self.facts[index] for index in stacked]
            piled = Stacked(anatomy, mine, Holding(anatomy, [fact.args[0] for fact in mine]))
            self._checks.append((np.array(stacked, dtype=np.intp), piled))

    def __call__(self, now: Snapshot) -> Bools:
        """(n, facts) which are true now."""
        if len(self._checks) == 1 and len(self._checks[0][0]) == len(self.facts):
            return self._checks[0][1](now)
        result = np.zeros((len(now.qpos), len(self.facts)), dtype=np.bool_)
        for columns, check in self._checks:
            result[:, columns] = check(now)
        return result

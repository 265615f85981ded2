"""A dense reward for any goal, by generic rules: how far each fact is from true.

Every fact of the goal gets a value in [0, 1], 1 when it is true. What is not yet true is worth (d in metres):

================  ======================================================================
``holding(x)``    0.9 · reach, with reach = 1 / (1 + 5 d(tool, x))
``on`` ``in``     0.3 · reach of x + 0.2 if x is held + 0.45 / (1 + 5 d(x, region))
``open closed``   0.4 · reach of its handle + 0.55 · the part of the way already opened or closed
``powered``       0.9 · reach of its button
``near``          0.9 / (1 + d(base, x))
any other         0
================  ======================================================================

The reward of a step is the value of the goal: `GoalCheck.score` of these. It lies in [0, 1] and is 1 exactly when the
goal is met; so a policy cannot gain by leaving the last step undone.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from yanshi.contracts import Region
from yanshi.envs.checks import Holding, part_joints
from yanshi.envs.goal_check import GoalCheck
from yanshi.envs.predicates import Anatomy, Bools, Floats, Snapshot
from yanshi.goals import Fact

SHAPED = ("holding", "on", "in", "open", "closed", "powered")


GRASP_DISTANCE = 0.2
"""Farther from the tool [m] nothing can be held."""


class DenseReward:
    """The dense reward of one goal in one world."""

    def __init__(self, anatomy: Anatomy, check: GoalCheck) -> None:
        self._check = check
        shaped = [index for index, fact in enumerate(check.facts) if fact.predicate in SHAPED]
        facts = [check.facts[index] for index in shaped]
        names = [fact.args[0] for fact in facts]
        self._columns = np.array(shaped, dtype=np.intp)
        self._all_shaped = 0 < len(shaped) == len(check.facts)
        self._x = np.array([anatomy.body(name) for name in names], dtype=np.intp)
        self._grip = np.stack([grip_point(anatomy, name) for name in names]) if names else np.zeros((0, 3))
        self._handled = bool(self._grip.any())
        self._moved = np.array([fact.predicate in ("on", "in") for fact in facts], dtype=np.bool_)
        pairs = [fact if fact.predicate in ("on", "in") else None for fact in facts]
        self._y = np.array([anatomy.body(f.args[1]) if f else 0 for f in pairs], dtype=np.intp)
        self._region = np.array([_region_center(anatomy, f) if f else np.zeros(3) for f in pairs]).reshape(-1, 3)
        self._parts = np.array([i for i, f in enumerate(facts) if f.predicate in ("open", "closed")], dtype=np.intp)
        self._address, self._limit = part_joints(anatomy, [names[i] for i in self._parts])
        self._opens = np.array([facts[i].predicate == "open" for i in self._parts], dtype=np.bool_)
        self._weight = np.array([0.3 if m else 0.9 for m in self._moved])
        self._weight[self._parts] = 0.4
        self._graspable = np.where(self._moved, GRASP_DISTANCE, 0.0)
        self._carry = np.where(self._moved, 0.45, 0.0)
        carried = [name for name, moved in zip(names, self._moved, strict=True) if moved]
        self._holding = Holding(anatomy, carried) if carried else None
        near = [index for index, fact in enumerate(check.facts) if fact.predicate == "near"]
        self._near = np.array(near, dtype=np.intp)
        self._near_body = np.array([anatomy.body(check.facts[i].args[0]) for i in near], dtype=np.intp)
        self._base = anatomy.base

    def __call__(self, now: Snapshot, facts: Bools) -> Floats:
        """Reward (n,) in [0, 1]; `facts` (n, facts) are the values that the goal's check gave."""
        if self._all_shaped:
            return self._check.score(np.maximum(facts, self._shaping(now)))
        values = facts.astype(np.float64)
        if len(self._columns):
            values[:, self._columns] = np.maximum(values[:, self._columns], self._shaping(now))
        if len(self._near):
            offset = now.xpos[:, self._near_body] - now.xpos[:, self._base, None]
            values[:, self._near] = np.maximum(values[:, self._near], 0.9 / (1.0 + _length(offset)))
        return self._check.score(values)

    def _shaping(self, now: Snapshot) -> Floats:
        """(n, shaped facts)."""
        position = now.xpos[:, self._x]
        grip = position
        if self._handled:
            grip = position + np.matmul(now.xmat[:, self._x], self._grip[..., None])[..., 0]
        distance = _length(grip - now.tcp[:, None])
        value = self._weight / (1.0 + 5.0 * distance)
        if self._holding is not None:
            bodies = self._y
            to = now.xpos[:, bodies] + np.matmul(now.xmat[:, bodies], self._region[..., None])[..., 0]
            value += self._carry / (1.0 + 5.0 * _length(to - position))
            if np.count_nonzero(distance < self._graspable):
                value[:, self._moved] += 0.2 * self._holding(now)
        if len(self._parts):
            opened = np.minimum(np.maximum(now.qpos[:, self._address] / self._limit, 0.0), 1.0)
            value[:, self._parts] += 0.55 * np.where(self._opens, opened, 1.0 - opened)
        return np.asarray(value)


def _length(vectors: Floats) -> Floats:
    """Lengths (…,) of vectors (…, 3)."""
    return np.asarray(np.sqrt(np.add.reduce(vectors * vectors, axis=-1)))


def grip_point(anatomy: Anatomy, name: str) -> NDArray[np.float64]:
    """Where the tool goes (3,) [m] in the entity frame: the middle of a handle or button, else of the thing itself."""
    entity = anatomy.entity(name)
    region = entity.region("handle") or entity.region("button")
    return np.zeros(3) if region is None else np.asarray(region.center_e, dtype=np.float64)


def _region_center(anatomy: Anatomy, fact: Fact) -> NDArray[np.float64]:
    """Where the thing should come to (3,) [m], in the frame of the fact's second argument."""
    entity = anatomy.entity(fact.args[1])
    region: Region | None = entity.region(fact.predicate)
    if region is not None:
        return np.asarray(region.center_e, dtype=np.float64)
    return np.array([0.0, 0.0, entity.extent[2] / 2])

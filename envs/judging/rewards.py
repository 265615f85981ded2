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
from yanshi.envs.facts.checks import Holding, part_joints
from yanshi.envs.facts.goal_check import GoalCheck
from yanshi.envs.facts.predicates import Anatomy, Bools, Floats, Snapshot
from yanshi.envs.judging.kernels import approach, shape
from yanshi.goals import Fact

SHAPED = ("holding", "on", "in", "open", "closed", "powered")


class DenseReward:
    """The dense reward of one goal in one world."""

    def __init__(self, anatomy: Anatomy, check: GoalCheck) -> None:
        self._check = check
        shaped = [index for index, fact in enumerate(check.facts) if fact.predicate in SHAPED]
        facts = [check.facts[index] for index in shaped]
        names = [fact.args[0] for fact in facts]
        moved = np.array([fact.predicate in ("on", "in") for fact in facts], dtype=np.bool_)
        parts = [i for i, fact in enumerate(facts) if fact.predicate in ("open", "closed")]
        pairs = [fact if fact.predicate in ("on", "in") else None for fact in facts]
        weight = np.where(moved, 0.3, 0.9)
        weight[parts] = 0.4
        self._reaches = (
            np.array(shaped, dtype=np.intp),
            np.array([anatomy.body(name) for name in names], dtype=np.intp),
            np.array([grip_point(anatomy, name) for name in names]).reshape(-1, 3),
            weight,
            moved,
            np.array([anatomy.body(f.args[1]) if f else 0 for f in pairs], dtype=np.intp),
            np.array([_region_center(anatomy, f) if f else np.zeros(3) for f in pairs]).reshape(-1, 3),
        )
        self._parts = (
            np.array(parts, dtype=np.intp),
            *part_joints(anatomy, [names[i] for i in parts]),
            np.array([facts[i].predicate == "open" for i in parts], dtype=np.bool_),
        )
        self._holding = Holding(anatomy, names) if moved.any() else None
        self._free = np.zeros((1, len(facts)), dtype=np.bool_)
        near = [index for index, fact in enumerate(check.facts) if fact.predicate == "near"]
        near_bodies = [anatomy.body(check.facts[index].args[0]) for index in near]
        self._near = (anatomy.base, np.array(near, dtype=np.intp), np.array(near_bodies, dtype=np.intp))
        self._approaches = bool(near)

    def __call__(self, now: Snapshot, facts: Bools) -> Floats:
        """Reward (n,) in [0, 1]; `facts` (n, facts) are the values that the goal's check gave."""
        values = facts.astype(np.float64)
        held = self._free if self._holding is None else self._holding(now)
        shape(values, (now.xpos, now.xmat, now.tcp), held, self._reaches, (now.qpos, *self._parts))
        if self._approaches:
            approach(values, now.xpos, *self._near)
        return self._check.score(values)


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

"""One class for each predicate (see `predicates` for what it means): made once from facts, then called with a
`Snapshot`.

A class collects the table that a compiled kernel of `fact_kernels` then goes through.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from yanshi.contracts import Region
from yanshi.envs.facts.kernels import SURFACE_TOLERANCE, beside, in_room, inside, near, opened, stacked, within
from yanshi.envs.facts.predicates import GRASP_REACH, Anatomy, Bools, Floats, Snapshot
from yanshi.errors import UnknownNameError
from yanshi.goals import Fact

Indices = NDArray[np.intp]


class Check(Protocol):
    """The facts of one predicate."""

    def __call__(self, now: Snapshot) -> Bools:
        """(n, facts) which are true."""
        ...


def _bodies(anatomy: Anatomy, names: Sequence[str]) -> Indices:
    return np.array([anatomy.body(name) for name in names], dtype=np.intp)


def _shapes(anatomy: Anatomy, facts: Sequence[Fact], side: int) -> tuple[Indices, Floats, Floats]:
    """Bodies, hull points and half extents of the first or second argument of each fact."""
    names = [fact.args[side] for fact in facts]
    half = np.stack([anatomy.entity(name).extent / 2 for name in names]).astype(np.float64)
    return _bodies(anatomy, names), np.stack([anatomy.support[name] for name in names]), half


class Holding:
    """Both pads touch it, and nothing but the robot carries it."""

    def __init__(self, anatomy: Anatomy, names: Sequence[str]) -> None:
        self._anatomy = anatomy
        self._bodies = _bodies(anatomy, names)
        self._reach = np.array([np.linalg.norm(anatomy.entity(name).extent) / 2 + GRASP_REACH for name in names])
        self._geom_body = anatomy.model.geom_bodyid

    def __call__(self, now: Snapshot) -> Bools:
        """(n, facts) which are true."""
        held: Bools = within(now.xpos, now.tcp, self._bodies, self._reach)
        if np.count_nonzero(held):
            known: dict[tuple[int, int], bool] = {}  # many facts are about one body
            for sim, row in np.argwhere(held).tolist():
                key = sim, int(self._bodies[row])
                if key not in known:
                    known[key] = self._grasped(now, *key)
                held[sim, row] = known[key]
        return held

    def _grasped(self, now: Snapshot, sim: int, body: int) -> bool:
        geoms, normals = now.contacts(sim)
        if not len(geoms):
            return False
        mine = self._geom_body[geoms] == body
        touching = mine.any(axis=1)
        if not touching.any():
            return False
        geoms, normals, mine = geoms[touching], normals[touching], mine[touching]
        other = np.where(mine[:, 0], geoms[:, 1], geoms[:, 0])
        left, right = self._anatomy.pads
        if not ((other == left).any() and (other == right).any()):
            return False
        upward = np.where(mine[:, 0], -normals[:, 2], normals[:, 2])
        return not bool(np.any((upward > 0.7) & ~self._anatomy.robot_geoms[other]))


class Inside:
    """``on`` a surface of, or ``in`` a volume of, something with regions."""

    def __init__(
        self, anatomy: Anatomy, facts: Sequence[Fact], holding: Holding, rows: Sequence[tuple[int, Region]]
    ) -> None:
        """`rows` pairs the index of a fact with one region of its second argument, in the order of the facts."""
        things = [facts[index].args for index, _ in rows]
        regions = [region for _, region in rows]
        based = np.array([region.kind == "on" for region in regions])
        center = np.stack([region.center_e for region in regions]).astype(np.float64)
        half = np.stack([region.half for region in regions]).astype(np.float64)
        center[based, 2] -= half[based, 2]
        half[based, 2] = SURFACE_TOLERANCE
        xs, ys = (_bodies(anatomy, names) for names in zip(*things, strict=True))
        support = np.stack([anatomy.support[x] for x, _ in things])
        self._table = (np.array([index for index, _ in rows], dtype=np.intp), xs, ys, support, based, center, half)
        self._count = len(facts)
        self._holding = holding

    def __call__(self, now: Snapshot) -> Bools:
        """(n, facts) which are true."""
        result: Bools = inside((now.xpos, now.xmat), self._count, self._table)
        return result & ~self._holding(now) if np.count_nonzero(result) else result


class Stacked:
    """``on`` an object without a surface of its own: its top is one."""

    def __init__(self, anatomy: Anatomy, facts: Sequence[Fact], holding: Holding) -> None:
        (xs, support_x, _), (ys, support_y, half) = (_shapes(anatomy, facts, side) for side in (0, 1))
        self._table = (xs, ys, support_x, support_y, half)
        self._holding = holding

    def __call__(self, now: Snapshot) -> Bools:
        """(n, facts) which are true."""
        resting: Bools = stacked((now.xpos, now.xmat), self._table)
        return resting & ~self._holding(now) if np.count_nonzero(resting) else resting


class Opening:
    """How far parts are open, against a threshold."""

    def __init__(self, anatomy: Anatomy, facts: Sequence[Fact]) -> None:
        for fact in facts:
            if anatomy.entity(fact.args[0]).articulation is None:
                movable = [name for name, thing in anatomy.things.items() if thing.entity.articulation is not None]
                raise UnknownNameError("part that opens", fact.args[0], movable)
        want_open = np.array([fact.predicate == "open" for fact in facts])
        self._table = (*part_joints(anatomy, [fact.args[0] for fact in facts]), want_open)

    def __call__(self, now: Snapshot) -> Bools:
        """(n, facts) which are true."""
        result: Bools = opened(now.qpos, self._table)
        return result


def part_joints(anatomy: Anatomy, names: Sequence[str]) -> tuple[Indices, Floats]:
    """Where in qpos the joint of each articulated part lies, and its value when open."""
    joints = [anatomy.things[name].joint for name in names]
    address = np.array([anatomy.model.jnt_qposadr[joint] for joint in joints], dtype=np.intp)
    limits = [anatomy.entity(name).articulation for name in names]
    return address, np.array([1.0 if limit is None else limit.limit for limit in limits])


class Beside:
    """Next to each other on one level, by the gap between the boxes as seen from above."""

    def __init__(self, anatomy: Anatomy, facts: Sequence[Fact]) -> None:
        (xs, support_x, half_x), (ys, support_y, half_y) = (_shapes(anatomy, facts, side) for side in (0, 1))
        self._table = (xs, ys, half_x, half_y, support_x, support_y)
        self._holding = [Holding(anatomy, [fact.args[side] for fact in facts]) for side in (0, 1)]

    def __call__(self, now: Snapshot) -> Bools:
        """(n, facts) which are true."""
        close: Bools = beside((now.xpos, now.xmat), self._table)
        return close & ~self._holding[0](now) & ~self._holding[1](now) if np.count_nonzero(close) else close


class Near:
    """The base stands within reach and is turned towards it."""

    def __init__(self, anatomy: Anatomy, facts: Sequence[Fact]) -> None:
        self._mobile = bool(anatomy.robot.base_joints)
        self._base = anatomy.base
        names = [fact.args[0] for fact in facts]
        handles = [anatomy.entity(n).region("handle") or anatomy.entity(n).region("button") for n in names]
        center = np.stack([np.zeros(3) if h is None else h.center_e for h in handles]).astype(np.float64)
        half = np.stack(
            [anatomy.entity(n).extent / 2 if h is None else h.half for n, h in zip(names, handles, strict=True)]
        ).astype(np.float64)
        self._table = (_bodies(anatomy, names), center, half)

    def __call__(self, now: Snapshot) -> Bools:
        """(n, facts) which are true."""
        if not self._mobile:
            return np.ones((len(now.qpos), len(self._table[0])), dtype=np.bool_)
        result: Bools = near((now.xpos, now.xmat), self._base, self._table)
        return result


class InRoom:
    """Which room a thing, or the base, is in."""

    def __init__(self, anatomy: Anatomy, facts: Sequence[Fact]) -> None:
        for fact in facts:
            if fact.args[-1] not in anatomy.rooms:
                raise UnknownNameError("room", fact.args[-1], anatomy.rooms)
        rooms = [anatomy.rooms[fact.args[-1]] for fact in facts]
        bodies = [anatomy.base if fact.predicate == "robot_in" else anatomy.body(fact.args[0]) for fact in facts]
        self._bodies = np.array(bodies, dtype=np.intp)
        self._low, self._high = (np.array([getattr(r, end) for r in rooms], np.float64) for end in ("low_w", "high_w"))

    def __call__(self, now: Snapshot) -> Bools:
        """(n, facts) which are true."""
        result: Bools = in_room(now.xpos, self._bodies, self._low, self._high)
        return result


class Device:
    """What is switched on, sounds, or is lit."""

    def __init__(self, anatomy: Anatomy, facts: Sequence[Fact]) -> None:
        for fact in facts:
            if fact.predicate == "lit":
                if fact.args[0] not in anatomy.rooms:
                    raise UnknownNameError("room", fact.args[0], anatomy.rooms)
            else:
                anatomy.entity(fact.args[0])
        self._facts = tuple(facts)

    def __call__(self, now: Snapshot) -> Bools:
        """(n, facts) which are true."""
        return np.array([now.device(fact.predicate, fact.args[0]) for fact in self._facts]).T.copy()


class Constant:
    """Attributes, which never change."""

    def __init__(self, anatomy: Anatomy, facts: Sequence[Fact]) -> None:
        self._values = np.array([anatomy.static(fact) for fact in facts])

    def __call__(self, now: Snapshot) -> Bools:
        """(n, facts) which are true."""
        return np.repeat(self._values[None], len(now.qpos), axis=0)

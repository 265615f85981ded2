"""One class for each predicate (see `predicates` for what it means): made once from facts, then called with a
`Snapshot`.

A call does a fixed number of array operations, whatever the number of facts or simulations.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from yanshi.contracts import Region
from yanshi.envs.predicates import (
    BESIDE_GAP,
    BESIDE_LEVEL,
    CLOSED_TO,
    GRASP_REACH,
    NEAR_ANGLE,
    NEAR_DISTANCE,
    OPEN_FROM,
    SURFACE_TOLERANCE,
    Anatomy,
    Bools,
    Floats,
    Snapshot,
)
from yanshi.errors import UnknownNameError
from yanshi.goals import Fact

Indices = NDArray[np.intp]

_CORNERS = np.array([[1, 1], [-1, 1], [-1, -1], [1, -1]], dtype=np.float64)


class Check(Protocol):
    """The facts of one predicate."""

    def __call__(self, now: Snapshot) -> Bools:
        """(n, facts) which are true."""
        ...


def bottoms(now: Snapshot, bodies: Indices, support: Floats) -> Floats:
    """Height (n, rows) [m] of the lowest hull point of each body; `support` (rows, K, 3)."""
    down = now.xmat[:, bodies, 2, :]
    return np.asarray(now.xpos[:, bodies, 2] + np.einsum("nrd,rkd->nrk", down, support).min(axis=2))


def to_local(now: Snapshot, bodies: Indices, points: Floats) -> Floats:
    """Points (n, rows, 3) of the map, in the frames of `bodies`."""
    offset = points - now.xpos[:, bodies]
    return np.asarray(np.matmul(offset[:, :, None], now.xmat[:, bodies])[:, :, 0])


class Holding:
    """Both pads touch it, and nothing but the robot carries it."""

    def __init__(self, anatomy: Anatomy, names: Sequence[str]) -> None:
        self._anatomy = anatomy
        self._bodies = np.array([anatomy.body(name) for name in names], dtype=np.intp)
        radii = [np.linalg.norm(anatomy.entity(name).extent) / 2 + GRASP_REACH for name in names]
        self._reach2 = np.square(np.array(radii))
        self._geom_body = anatomy.model.geom_bodyid

    def __call__(self, now: Snapshot) -> Bools:
        """(n, facts) which are true."""
        offset = now.xpos[:, self._bodies] - now.tcp[:, None]
        offset *= offset
        held = np.add.reduce(offset, axis=2) < self._reach2
        if np.count_nonzero(held):
            for sim, row in np.argwhere(held):
                held[sim, row] = self._grasped(now, int(sim), int(self._bodies[row]))
        return np.asarray(held)

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
        self._first = np.searchsorted([index for index, _ in rows], np.arange(len(facts)))
        self._x = np.array([anatomy.body(x) for x, _ in things], dtype=np.intp)
        self._y = np.array([anatomy.body(y) for _, y in things], dtype=np.intp)
        self._support = np.stack([anatomy.support[x] for x, _ in things])
        self._based = np.array([region.kind == "on" for region in regions])
        self._some_based = bool(self._based.any())
        center = np.stack([region.center_e for region in regions]).astype(np.float64)
        half = np.stack([region.half for region in regions]).astype(np.float64)
        center[self._based, 2] -= half[self._based, 2]
        half[self._based, 2] = SURFACE_TOLERANCE
        self._center, self._half = center, half
        self._holding = holding

    def __call__(self, now: Snapshot) -> Bools:
        """(n, facts) which are true."""
        points = now.xpos[:, self._x]
        if self._some_based:
            low = bottoms(now, self._x, self._support)
            points[..., 2] = np.where(self._based, low, points[..., 2])
        local = to_local(now, self._y, points) - self._center
        inside = np.logical_and.reduce(np.abs(local) <= self._half, axis=2)
        result: Bools = np.logical_or.reduceat(inside, self._first, axis=1)
        if np.count_nonzero(inside):
            result &= ~self._holding(now)
        return result


class Stacked:
    """``on`` an object without a surface of its own: its top is one."""

    def __init__(self, anatomy: Anatomy, facts: Sequence[Fact], holding: Holding) -> None:
        self._x = np.array([anatomy.body(fact.args[0]) for fact in facts], dtype=np.intp)
        self._y = np.array([anatomy.body(fact.args[1]) for fact in facts], dtype=np.intp)
        self._support_x = np.stack([anatomy.support[fact.args[0]] for fact in facts])
        self._support_y = np.stack([anatomy.support[fact.args[1]] for fact in facts])
        self._half = np.stack([anatomy.entity(fact.args[1]).extent / 2 for fact in facts])
        self._holding = holding

    def __call__(self, now: Snapshot) -> Bools:
        """(n, facts) which are true."""
        gap = bottoms(now, self._x, self._support_x) - tops(now, self._y, self._support_y)
        points = now.xpos[:, self._x].copy()
        points[..., 2] = now.xpos[:, self._y, 2]
        over = (np.abs(to_local(now, self._y, points)) <= self._half).all(axis=2)
        resting = over & (np.abs(gap) <= SURFACE_TOLERANCE)
        return np.asarray(resting & ~self._holding(now)) if resting.any() else resting


def tops(now: Snapshot, bodies: Indices, support: Floats) -> Floats:
    """Height (n, rows) [m] of the highest hull point of each body; `support` (rows, K, 3)."""
    down = now.xmat[:, bodies, 2, :]
    return np.asarray(now.xpos[:, bodies, 2] + np.einsum("nrd,rkd->nrk", down, support).max(axis=2))


class Opening:
    """How far parts are open, against a threshold."""

    def __init__(self, anatomy: Anatomy, facts: Sequence[Fact]) -> None:
        for fact in facts:
            if anatomy.entity(fact.args[0]).articulation is None:
                movable = [name for name, thing in anatomy.things.items() if thing.entity.articulation is not None]
                raise UnknownNameError("part that opens", fact.args[0], movable)
        self._address, self._limit = part_joints(anatomy, [fact.args[0] for fact in facts])
        self._want_open = np.array([fact.predicate == "open" for fact in facts])

    def __call__(self, now: Snapshot) -> Bools:
        """(n, facts) which are true."""
        opening = now.qpos[:, self._address] / self._limit
        return np.asarray(np.where(self._want_open, opening >= OPEN_FROM, opening <= CLOSED_TO))


def part_joints(anatomy: Anatomy, names: Sequence[str]) -> tuple[Indices, Floats]:
    """Where in qpos the joint of each articulated part lies, and its value when open."""
    joints = [anatomy.things[name].joint for name in names]
    address = np.array([anatomy.model.jnt_qposadr[joint] for joint in joints], dtype=np.intp)
    limits = [anatomy.entity(name).articulation for name in names]
    return address, np.array([1.0 if limit is None else limit.limit for limit in limits])


class Beside:
    """Next to each other on one level, by the gap between the boxes as seen from above."""

    def __init__(self, anatomy: Anatomy, facts: Sequence[Fact]) -> None:
        self._x = np.array([anatomy.body(fact.args[0]) for fact in facts], dtype=np.intp)
        self._y = np.array([anatomy.body(fact.args[1]) for fact in facts], dtype=np.intp)
        self._half_x = np.stack([anatomy.entity(fact.args[0]).extent / 2 for fact in facts])
        self._half_y = np.stack([anatomy.entity(fact.args[1]).extent / 2 for fact in facts])
        self._support_x = np.stack([anatomy.support[fact.args[0]] for fact in facts])
        self._support_y = np.stack([anatomy.support[fact.args[1]] for fact in facts])
        self._holding = [Holding(anatomy, [fact.args[side] for fact in facts]) for side in (0, 1)]
        self._same = self._x == self._y

    def __call__(self, now: Snapshot) -> Bools:
        """(n, facts) which are true."""
        gap = np.minimum(
            self._corner_gap(now, self._x, self._half_x, self._y, self._half_y),
            self._corner_gap(now, self._y, self._half_y, self._x, self._half_x),
        )
        level = bottoms(now, self._x, self._support_x) - bottoms(now, self._y, self._support_y)
        near = (gap <= BESIDE_GAP) & (np.abs(level) <= BESIDE_LEVEL) & ~self._same
        return np.asarray(near & ~self._holding[0](now) & ~self._holding[1](now)) if near.any() else near

    @staticmethod
    def _corner_gap(now: Snapshot, a: Indices, half_a: Floats, b: Indices, half_b: Floats) -> Floats:
        """Least distance (n, rows) from the corners of a's footprint to b's."""
        frame_a, frame_b = _footprint(now, a), _footprint(now, b)
        corners = np.einsum("nrij,rkj->nrki", frame_a, _CORNERS[None] * half_a[:, None, :2])
        offset = corners + (now.xpos[:, a, :2] - now.xpos[:, b, :2])[:, :, None]
        local = np.einsum("nrij,nrki->nrkj", frame_b, offset)
        outside = np.maximum(np.abs(local) - half_b[:, None, :2], 0.0)
        return np.asarray(np.linalg.norm(outside, axis=3).min(axis=2))


def _footprint(now: Snapshot, bodies: Indices) -> Floats:
    """Horizontal axes (n, rows, 2, 2) of bodies that stand upright, by the direction of their x axis."""
    x = now.xmat[:, bodies][..., :2, 0]
    x = x / np.maximum(np.linalg.norm(x, axis=2, keepdims=True), 1e-9)
    return np.stack([x, np.stack([-x[..., 1], x[..., 0]], axis=2)], axis=3)


class Near:
    """The base stands within reach and is turned towards it."""

    def __init__(self, anatomy: Anatomy, facts: Sequence[Fact]) -> None:
        self._mobile = bool(anatomy.robot.base_joints)
        self._base = anatomy.base
        names = [fact.args[0] for fact in facts]
        self._bodies = np.array([anatomy.body(name) for name in names], dtype=np.intp)
        handles = [anatomy.entity(n).region("handle") or anatomy.entity(n).region("button") for n in names]
        self._center = np.stack([np.zeros(3) if h is None else h.center_e for h in handles])
        self._half = np.stack(
            [anatomy.entity(n).extent / 2 if h is None else h.half for n, h in zip(names, handles, strict=True)]
        )

    def __call__(self, now: Snapshot) -> Bools:
        """(n, facts) which are true."""
        if not self._mobile:
            return np.ones((len(now.qpos), len(self._bodies)), dtype=np.bool_)
        base = np.repeat(now.xpos[:, self._base][:, None], len(self._bodies), axis=1)
        local = to_local(now, self._bodies, base) - self._center
        nearest = np.clip(local, -self._half, self._half) + self._center
        target = now.xpos[:, self._bodies] + np.einsum("nrij,nrj->nri", now.xmat[:, self._bodies], nearest)
        offset = (target - base)[..., :2]
        distance = np.linalg.norm(offset, axis=2)
        forward = now.xmat[:, self._base, :2, 0][:, None]
        facing = (offset * forward).sum(axis=2) >= np.cos(NEAR_ANGLE) * distance
        return np.asarray((distance <= NEAR_DISTANCE) & facing)


class InRoom:
    """Which room a thing, or the base, is in."""

    def __init__(self, anatomy: Anatomy, facts: Sequence[Fact]) -> None:
        for fact in facts:
            if fact.args[-1] not in anatomy.rooms:
                raise UnknownNameError("room", fact.args[-1], anatomy.rooms)
        rooms = [anatomy.rooms[fact.args[-1]] for fact in facts]
        bodies = [anatomy.base if fact.predicate == "robot_in" else anatomy.body(fact.args[0]) for fact in facts]
        self._bodies = np.array(bodies, dtype=np.intp)
        self._low, self._high = np.stack([r.low_w for r in rooms]), np.stack([r.high_w for r in rooms])

    def __call__(self, now: Snapshot) -> Bools:
        """(n, facts) which are true."""
        point = now.xpos[:, self._bodies, :2]
        return np.asarray(((point >= self._low) & (point <= self._high)).all(axis=2))


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
        return np.stack([now.device(fact.predicate, fact.args[0]) for fact in self._facts], axis=1)


class Constant:
    """Attributes, which never change."""

    def __init__(self, anatomy: Anatomy, facts: Sequence[Fact]) -> None:
        self._values = np.array([anatomy.static(fact) for fact in facts])

    def __call__(self, now: Snapshot) -> Bools:
        """(n, facts) which are true."""
        return np.repeat(self._values[None], len(now.qpos), axis=0)

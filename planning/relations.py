"""Which relations hold between things, from their positions, sizes and regions alone.

The definitions (distances in metres): x is *on* y when its base centre lies within a surface of y, or within the top
of an object y, and its bottom is within 0.03 of it; *in* y when its centre lies inside a volume of y; *beside* y
when their bottoms are level within 0.04 and the gap between their boxes is at most 0.12; *near* when the base is
within 1.1 of x and turned towards it within 60°. The tolerances of height are wider than those of the truth, since
positions are estimates.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from yanshi.contracts import Entity, Region, Room
from yanshi.goals import Fact
from yanshi.planning.situation import known

Array = NDArray[Any]

ON_HEIGHT = 0.03
BESIDE_GAP, BESIDE_LEVEL = 0.12, 0.04
NEAR_DISTANCE, NEAR_ANGLE = 1.1, math.radians(60.0)
OPEN_FROM, CLOSED_TO = 0.7, 0.1


def rotation(yaw: float) -> Array:
    """Rotation about z (3, 3)."""
    c, s = np.cos(yaw), np.sin(yaw)
    return np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])


def opened(entity: Entity, points_e: Array, opening: float) -> Array:
    """Points of a part (n, 3) in its closed frame, moved as far as the part is open [m]."""
    joint = entity.articulation
    if joint is None or opening == 0.0:
        return points_e
    value = opening * joint.limit
    axis = np.asarray(joint.axis_e, dtype=float)
    if joint.kind == "slide":
        return np.asarray(points_e + axis * value)
    arm = points_e - joint.pivot_e
    cos, sin = np.cos(value), np.sin(value)
    turned = arm * cos + np.cross(axis, arm) * sin + np.outer(arm @ axis, axis) * (1.0 - cos)
    return np.asarray(turned + joint.pivot_e)


def in_region(entity: Entity, region: Region, points_w: Array, opening: float = 0.0) -> Array:
    """Points (n, 3) of the map relative to a region's centre and along its axes [m]; a sliding part is where it
    is now.
    """
    local = (points_w - entity.position_w) @ rotation(entity.yaw)
    shift = opened(entity, np.asarray(region.center_e, dtype=float)[None], opening)[0]
    return np.asarray(local - shift)


def placements(
    entities: Sequence[Entity],
    openings: Mapping[str, float],
    held: frozenset[str],
    which: Collection[str] | None = None,
) -> set[Fact]:
    """The facts ``on`` and ``in`` among things whose place is known: of all objects, or only of `which`."""
    things = [e for e in _objects(entities, held) if which is None or e.name in which]
    if not things:
        return set()
    centers = np.array([e.position_w for e in things], dtype=float)
    bottoms = centers - np.array([[0.0, 0.0, e.extent[2] / 2] for e in things])
    facts: set[Fact] = set()
    for support in entities:
        if not known(support) or support.name in held:
            continue
        opening = openings.get(support.name, 0.0)
        for predicate, inside in _inside(support, centers, bottoms, opening):
            facts |= {
                Fact(predicate, (things[i].name, support.name))
                for i in np.flatnonzero(inside)
                if things[i].name != support.name
            }
    return facts


def _inside(support: Entity, centers: Array, bottoms: Array, opening: float) -> list[tuple[str, Array]]:
    found: list[tuple[str, Array]] = []
    for region in support.regions:
        half = np.asarray(region.half, dtype=float)
        if region.kind == "on":
            local = in_region(support, region, bottoms, opening)
            level = np.abs(local[:, 2] + half[2]) <= ON_HEIGHT
            found.append(("on", level & np.all(np.abs(local[:, :2]) <= half[:2], axis=1)))
        elif region.kind == "in":
            local = in_region(support, region, centers, opening)
            found.append(("in", np.all(np.abs(local) <= half, axis=1)))
    if support.category == "object" and support.region("on") is None:
        local = (bottoms - support.position_w) @ rotation(support.yaw)
        half = np.asarray(support.extent, dtype=float) / 2
        level = np.abs(local[:, 2] - half[2]) <= ON_HEIGHT
        found.append(("on", level & np.all(np.abs(local[:, :2]) <= half[:2], axis=1)))
    return found


def footprint(entity: Entity) -> Array:
    """The four corners (4, 2) of an entity's box seen from above [m]."""
    half = np.asarray(entity.extent[:2], dtype=float) / 2
    corners = np.array([[1, 1], [-1, 1], [-1, -1], [1, -1]]) * half
    return np.asarray(corners @ rotation(entity.yaw)[:2, :2].T + entity.position_w[:2])


def box_gap(a: Array, b: Array) -> float:
    """Distance between two convex polygons (n, 2) and (m, 2) [m]; 0 if they overlap."""
    separated = False
    for polygon, other in ((a, b), (b, a)):
        edges = np.roll(polygon, -1, axis=0) - polygon
        normals = np.column_stack([edges[:, 1], -edges[:, 0]])
        own, theirs = polygon @ normals.T, other @ normals.T
        if np.any((own.max(axis=0) < theirs.min(axis=0)) | (theirs.max(axis=0) < own.min(axis=0))):
            separated = True
    if not separated:
        return 0.0
    return min(_points_to_polygon(a, b), _points_to_polygon(b, a))


def _points_to_polygon(points: Array, polygon: Array) -> float:
    """Least distance of points (n, 2) from the sides of a polygon (m, 2) [m]."""
    start, side = polygon, np.roll(polygon, -1, axis=0) - polygon
    length = np.maximum(np.einsum("md,md->m", side, side), 1e-12)
    away = points[:, None] - start[None]
    along = np.clip(np.einsum("nmd,md->nm", away, side) / length, 0.0, 1.0)
    return float(np.linalg.norm(away - along[..., None] * side[None], axis=2).min())


def neighbours(entities: Iterable[Entity], held: frozenset[str], which: Collection[str] | None = None) -> set[Fact]:
    """The facts ``beside`` among objects, both ways round: all, or only those with one of `which`."""
    things = _objects(entities, held)
    centers = [e.position_w[:2].tolist() for e in things]
    bottoms = [float(e.position_w[2] - e.extent[2] / 2) for e in things]
    radii = [_radius(e) for e in things]
    facts: set[Fact] = set()
    for i, j in combinations(range(len(things)), 2):
        a, b = things[i], things[j]
        if which is not None and a.name not in which and b.name not in which:
            continue
        level = abs(bottoms[i] - bottoms[j]) <= BESIDE_LEVEL
        if not level or math.dist(centers[i], centers[j]) > BESIDE_GAP + radii[i] + radii[j]:
            continue
        if box_gap(footprint(a), footprint(b)) <= BESIDE_GAP:
            facts |= {Fact("beside", (a.name, b.name)), Fact("beside", (b.name, a.name))}
    return facts


def _objects(entities: Iterable[Entity], held: frozenset[str]) -> list[Entity]:
    """The objects that lie somewhere known."""
    return [e for e in entities if e.category == "object" and known(e) and e.name not in held]


def _radius(entity: Entity) -> float:
    """Of the circle about an entity's box seen from above [m]."""
    return math.hypot(entity.extent[0], entity.extent[1]) / 2


def is_near(entity: Entity, base_w: Array) -> bool:
    """Whether the base (x, y, yaw) stands close to a thing, or to the handle of a part, and faces it."""
    handle = entity.region("handle") or entity.region("button")
    base = base_w[:2]
    reach = NEAR_DISTANCE + (_radius(entity) if handle is None else math.hypot(*handle.center_e[:2]))
    if math.dist(entity.position_w[:2], base) > reach + 1e-6:
        return False
    if handle is not None:
        nearest = entity.to_world(np.asarray(handle.center_e, dtype=float))[:2]
    else:
        nearest = _nearest_point(np.asarray(base, dtype=float), footprint(entity))
    x, y = (nearest - base).tolist()
    distance = math.hypot(x, y)
    if distance > NEAR_DISTANCE:
        return False
    if distance < 1e-6:
        return True
    bearing = math.atan2(y, x) - float(base_w[2])
    return abs((bearing + math.pi) % (2 * math.pi) - math.pi) <= NEAR_ANGLE


def _nearest_point(point: Array, polygon: Array) -> Array:
    start, side = polygon, np.roll(polygon, -1, axis=0) - polygon
    length = np.maximum(np.einsum("md,md->m", side, side), 1e-12)
    along = np.clip(np.einsum("md,md->m", point - start, side) / length, 0.0, 1.0)
    candidates = start + along[:, None] * side
    return np.asarray(candidates[np.argmin(np.linalg.norm(candidates - point, axis=1))])


def room_at(rooms: Iterable[Room], point: Array) -> str | None:
    """The room that contains a point (x, y[, z])."""
    return next((room.name for room in rooms if room.contains(point)), None)

"""Whether the hand keeps clear of walls and tall furniture on its way to a pose, as far as the map tells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from yanshi.agent.skills.grasp import wrap
from yanshi.agent.skills.motion import rest_over, top_down
from yanshi.agent.skills.script import Situation
from yanshi.contracts import Entity, Room

__all__ = ["over_place", "way_is_clear"]

Array = NDArray[Any]
_PALM = (0.024, 0.097, 0.043, 0.085)
"""Of the palm: half its size across and along the finger motion, and from the tool centre point up to it and to its
back [m]."""
_WRIST = (0.050, 0.20)
"""Radius of what is above the palm, and how far above the tool centre point it is looked at [m]."""
_MARGIN = 0.008
"""Kept free around the hand [m]."""
_STEP = 0.04
"""Distance between the places on the way that are looked at [m]."""
_DRAWN_BACK = 0.14
"""A leaning hand comes from so far before its place [m]."""


@dataclass(frozen=True, slots=True)
class _Solids:
    """Upright boxes of the map; n of them."""

    middle_w: Array
    """(n, 2) [m]."""
    turn: Array
    """(n, 2, 2) from the map to each box."""
    half: Array
    """(n, 2) [m]."""
    low: Array
    high: Array
    """(n,) [m]."""


def way_is_clear(now: Situation, base_w: Array, T_we: Array, height: float) -> bool:
    """Whether the palm and the wrist pass walls and tall furniture on their way from the carrying pose.

    Args:
        now: the situation.
        base_w: (3,) where the base stands (x, y, yaw).
        T_we: (4, 4) the hand where it shall go in the map.
        height: at which it flies there [m].
    """
    hands = _way(now, base_w, T_we, height)
    points = np.concatenate([_HAND @ T[:3, :3].T + T[:3, 3] for T in hands])
    room = next((room for room in now.floor_plan.rooms if room.contains(T_we[:3, 3])), None)
    radius = np.tile(_RADIUS, len(hands)) + _MARGIN
    if room is not None and not _within(room, points, radius):
        return False
    solids = _solids(now)
    # What the hand must reach into is not in its way.
    inside = np.abs(np.einsum("nij,nj->ni", solids.turn, T_we[:2, 3] - solids.middle_w)) < solids.half
    known = ~(np.all(inside, axis=1) & (T_we[2, 3] < solids.high) & (T_we[2, 3] > solids.low))
    local = np.abs(np.einsum("nij,nkj->nki", solids.turn, points[None, :, :2] - solids.middle_w[:, None]))
    struck = np.all(local < solids.half[:, None] + radius[None, :, None], axis=2)
    struck &= (points[None, :, 2] > solids.low[:, None]) & (points[None, :, 2] < solids.high[:, None])
    return not bool(np.any(struck[known]))


def over_place(T_we: Array, height: float, upright_T: Array) -> Array:
    """Where a hand waits at a height [m] over a pose (4, 4), upright; farther back for one that leans, which needs
    the room there to tip over.
    """
    over = upright_T.copy()
    lean = T_we[:2, 2]
    over[:2, 3] -= _DRAWN_BACK * lean / max(float(np.linalg.norm(lean)), 0.3)
    over[2, 3] = height
    return over


def _way(now: Situation, base_w: Array, T_we: Array, height: float) -> list[Array]:
    """Hand poses (4, 4) on the way: from the carrying pose over the place and down."""
    start = rest_over(now, base_w)
    leaning = T_we[2, 2] > -0.97
    yaw = float(np.arctan2(T_we[1, 1], T_we[0, 1]))
    first = float(np.arctan2(start[1, 1], start[0, 1]))
    over = over_place(T_we, max(height, float(T_we[2, 3])), top_down(T_we[:3, 3], yaw))
    high = max(height, min(float(start[2, 3]), float(over[2, 3])))
    away = float(np.linalg.norm(over[:2, 3] - start[:2, 3]))
    count = max(2, int(away / _STEP) + 1)
    poses = []
    for part in np.linspace(0.0, 1.0, count):
        place = start[:3, 3] + part * (over[:3, 3] - start[:3, 3])
        place[2] = high
        # The hand turns faster than it travels.
        poses.append(top_down(place, first + min(1.0, 1.5 * part) * wrap(yaw - first)))
    down = max(2, int(abs(over[2, 3] - T_we[2, 3]) / (2.0 * _STEP)) + 1)
    for part in np.linspace(0.0, 1.0, down)[1:]:
        T = T_we.copy() if leaning else over.copy()
        T[:3, 3] = over[:3, 3] + part * (T_we[:3, 3] - over[:3, 3])
        if not leaning or part > 0.6:
            poses.append(T)
    return poses


def _within(room: Room, points: Array, radius: Array) -> bool:
    """Whether spheres lie inside a room."""
    low, high = points[:, :2] - radius[:, None], points[:, :2] + radius[:, None]
    return bool(np.all(low >= room.low_w) and np.all(high <= room.high_w))


def _solids(now: Situation) -> _Solids:
    """The furniture of the map as boxes, as high as it is closed."""
    known = now.memory.get("solids")
    if isinstance(known, _Solids):
        return known
    boxes = [(entity, top) for entity in now.floor_plan.fixtures if (top := _top(entity)) is not None]
    turns = [[[np.cos(e.yaw), np.sin(e.yaw)], [-np.sin(e.yaw), np.cos(e.yaw)]] for e, _ in boxes]
    solids = _Solids(
        middle_w=np.array([e.position_w[:2] for e, _ in boxes]).reshape(-1, 2),
        turn=np.array(turns).reshape(-1, 2, 2),
        half=np.array([e.extent[:2] / 2.0 for e, _ in boxes]).reshape(-1, 2),
        low=np.array([e.position_w[2] for e, _ in boxes]),
        high=np.array([top for _, top in boxes]),
    )
    now.memory["solids"] = solids
    return solids


def _top(entity: Entity) -> float | None:
    """How high a piece of furniture is closed [m]; None for what opens, is hollow or is no furniture."""
    if entity.category != "fixture" or entity.articulation is not None or entity.region("in") is not None:
        return None
    surfaces = [float(r.center_e[2] - r.half[2]) for r in entity.regions if r.kind == "on"]
    return float(entity.position_w[2]) + (min(surfaces) if surfaces else float(entity.extent[2]))


def _hand() -> tuple[Array, Array]:
    """Points (n, 3) of palm and wrist in the end-effector frame, and the radius (n,) of the sphere about each [m]."""
    across, along, near, far = _PALM
    palm = [(x, y, -z) for x in (-across, across) for y in np.linspace(-along, along, 9) for z in (near, far)]
    radius, high = _WRIST
    wrist = [(0.0, 0.0, -z) for z in (0.13, high)]
    return np.array(palm + wrist), np.array([0.0] * len(palm) + [radius] * len(wrist))


_HAND, _RADIUS = _hand()

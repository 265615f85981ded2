"""What stands around the hand: objects near a place, and how high to fly over them."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from yanshi.agent.skills.clearance import over_place
from yanshi.agent.skills.grasp import FINGER_TIP, box_corners
from yanshi.agent.skills.motion import Motion, move, upright
from yanshi.agent.skills.parts import moved
from yanshi.agent.skills.script import Command, Situation
from yanshi.contracts import Entity

__all__ = ["below_hand", "flight_height", "fly", "objects_near"]

Array = NDArray[Any]
_CLEAR = 0.04
"""Kept between what the hand carries and what it flies over [m]."""
_HIGHEST = 1.15
"""The hand is not raised above this [m]."""


def objects_near(now: Situation, point_w: Array, distance: float, besides: tuple[str, ...] = ()) -> list[Entity]:
    """Objects whose centre is within a horizontal distance [m] of a point."""
    return [
        entity
        for entity in now.belief.entities.values()
        if entity.category == "object"
        and entity.name not in besides
        and np.all(np.isfinite(entity.position_w))
        and float(np.linalg.norm(entity.position_w[:2] - point_w[:2])) < distance
    ]


def below_hand(now: Situation) -> float:
    """How far what the hand carries (or its finger tips) reaches below the tool centre point [m]."""
    if now.grip is None:
        return FINGER_TIP
    down = float((now.T_we[:3, :3] @ now.grip.offset_e)[2])
    return max(FINGER_TIP, 0.5 * float(now.grip.extent[2]) - down)


def flight_height(now: Situation, a_w: Array, b_w: Array, besides: tuple[str, ...] = ()) -> float:
    """Height of the tool centre point [m] at which it can go straight from over one point (3,) of the map to over
    another.
    """
    a, b = np.asarray(a_w[:2], dtype=float), np.asarray(b_w[:2], dtype=float)
    line = a + np.linspace(0.0, 1.0, max(2, int(np.linalg.norm(b - a) / 0.03) + 1))[:, None] * (b - a)
    highest = 0.0
    for entity in now.belief.entities.values():
        if entity.name in besides or not np.all(np.isfinite(entity.position_w)):
            continue
        found = _obstacle(now, entity)
        if found is None:
            continue
        corners, top = found
        if top <= _HIGHEST - 0.05 and _crosses(line, corners):
            highest = max(highest, top)
    return min(_HIGHEST, highest + _CLEAR + below_hand(now))


def _obstacle(now: Situation, entity: Entity) -> tuple[Array, float] | None:
    """Corners (4, 2) and top [m] of what the hand must fly over: objects, rims of containers, things that stand on
    furniture.
    """
    inside = entity.region("in")
    if inside is not None:
        value = now.belief.openings.get(entity.name, 0.0) * entity.articulation.limit if entity.articulation else 0.0
        reach = inside.half[:2] + 0.05
        signs = np.array([[1, 1], [1, -1], [-1, -1], [-1, 1]])
        corners = np.array(
            [moved(entity, inside.center_e + np.array([*(sign * reach), inside.half[2]]), value) for sign in signs]
        )
        return corners[:, :2], float(corners[0, 2])
    if entity.category == "object":
        return box_corners(entity, grow=0.06), float(entity.position_w[2] + entity.extent[2] / 2.0)
    if entity.category in ("fixture", "control") and "on" not in entity.affordances and entity.articulation is None:
        return box_corners(entity, grow=0.05), float(entity.position_w[2] + entity.extent[2])
    return None


def _crosses(line: Array, corners: Array) -> bool:
    """Whether any point (n, 2) lies inside a convex polygon (4, 2) given in order."""
    edges = np.roll(corners, -1, axis=0) - corners
    relative = line[:, None, :] - corners[None]
    side = edges[None, :, 0] * relative[..., 1] - edges[None, :, 1] * relative[..., 0]
    return bool(np.any(np.all(side >= 0.0, axis=1) | np.all(side <= 0.0, axis=1)))


def fly(
    now: Situation,
    T_we: Array,
    phase: str,
    look_at_w: Array | None = None,
    besides: tuple[str, ...] = (),
    speed: float = 0.35,
) -> Generator[Command, None, bool]:
    """Take the hand to a pose (4, 4) that has free air above: up, over, down. Returns whether it arrived.

    It travels pointing down, and leans over only at the ends: a wrist that turns another way may not find back.
    """
    here = now.T_we
    height = max(flight_height(now, here[:3, 3], T_we[:3, 3], besides), T_we[2, 3])
    away = float(np.linalg.norm(T_we[:2, 3] - here[:2, 3]))
    rise = Motion(phase=phase, speed=speed, near=0.03, aligned=3.2, timeout=4.0, look_at_w=look_at_w)
    if _leans(here):
        up = upright(here)
        up[2, 3] = max(height, here[2, 3] + 0.06)
        yield from move(now, up, replace(rise, aligned=0.25))
    elif away > 0.04 and height - here[2, 3] > 0.02:
        up = here.copy()
        up[2, 3] = height
        yield from move(now, up, rise)
    if (away > 0.04 and height - T_we[2, 3] > 0.02) or _leans(T_we):
        over = over_place(T_we, height, upright(T_we)) if _leans(T_we) else upright(T_we)
        over[2, 3] = height
        yield from move(now, over, replace(rise, aligned=0.3, timeout=6.0))
    return (yield from move(now, T_we, replace(rise, near=0.012, aligned=0.08, timeout=5.0)))


def _leans(T_we: Array) -> bool:
    """Whether the hand points clearly elsewhere than down."""
    return bool(T_we[2, 2] > -0.97)

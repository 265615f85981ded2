"""Draw away: closed fingers behind a thing that lies too near a wall for the palm, and a little into the room."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from yanshi.agent.skills.clearance import way_is_clear
from yanshi.agent.skills.grasp import Clutter, behind
from yanshi.agent.skills.motion import Motion, above, forward_pose, grip_to, move, rest_over
from yanshi.agent.skills.script import Command, Situation
from yanshi.agent.skills.stand import reachable
from yanshi.agent.skills.surroundings import flight_height, fly, objects_near
from yanshi.contracts import Entity

__all__ = ["draw_away", "walled_in"]

Array = NDArray[Any]
_FAR = 0.05
"""So far it is moved [m]."""
_GAP = 0.01
"""Room between it and the fingers where they come down [m]."""
_OVER = 0.08
"""So far before that place the hand stops first, back along its own direction [m]."""
_LEANS = (0.0, 0.35, 0.6)
"""How far the hand may lean away from the wall, fingers towards it, to get behind the thing [rad]."""


def walled_in(now: Situation, entity: Entity, T_we: Array) -> bool:
    """Whether the palm of a hand at a pose (4, 4) over a thing would be in a wall of its room."""
    room = next((room for room in now.floor_plan.rooms if room.contains(entity.position_w)), None)
    return Clutter(room=room).walled(T_we[:3, 3], float(np.arctan2(T_we[1, 1], T_we[0, 1])))


def draw_away(now: Situation, entity: Entity, grips: tuple[Array, ...]) -> Generator[Command, None, bool]:
    """Move a thing so that a grip gets clear of walls; returns whether that was tried.

    Args:
        now: the situation.
        entity: the thing, which stands on something.
        grips: hand poses (4, 4) of the map that shall be clear, as the thing lies now.
    """
    tries = ((way, lean) for way in _ways(now, entity) for lean in _LEANS)
    found = next((hands for way, lean in tries if (hands := _hands(now, entity, grips, way, lean))), None)
    if found is None:
        return False
    over, start, end = found
    look = entity.position_w
    yield from grip_to(now, 0.0, "close", timeout=0.5)
    if not (yield from fly(now, over, "reach behind", look_at_w=look)):
        return True
    down = Motion(phase="come down", speed=0.18, near=0.006, aligned=0.08, timeout=2.5, look_at_w=look)
    yield from move(now, start, down)
    yield from move(now, end, replace(down, phase="draw away", speed=0.08, timeout=3.0))
    up = Motion(phase="retreat", speed=0.25, near=0.02, aligned=3.2, timeout=2.0, look_at_w=look)
    yield from move(now, above(now.T_we, 0.13), up)
    return True


def _ways(now: Situation, entity: Entity) -> list[Array]:
    """Unit vectors (3,) of the map along which it may go, those towards the robot first."""
    turns = np.arange(8) * np.pi / 4.0
    ways = [np.array([np.cos(turn), np.sin(turn), 0.0]) for turn in turns]
    return sorted(ways, key=lambda way: float(way[:2] @ (entity.position_w[:2] - now.base_w[:2])))


def _hands(
    now: Situation, entity: Entity, grips: tuple[Array, ...], way: Array, lean: float
) -> tuple[Array, Array, Array] | None:
    """Hand poses (4, 4) before, where it comes down behind the thing, and where it has brought it; None if the hand
    does not get there, or the thing would not stay on what it stands on, strike another, or be no better to grip.
    """
    goal = entity.position_w + _FAR * way
    radius = 0.5 * float(np.hypot(*entity.extent[:2]))
    for other in objects_near(now, goal, radius + 0.15, besides=(entity.name,)):
        if np.linalg.norm(other.position_w[:2] - goal[:2]) < radius + 0.5 * float(np.hypot(*other.extent[:2])):
            return None
    if not any(_carries(fixture, entity.position_w) and _carries(fixture, goal) for fixture in now.floor_plan.fixtures):
        return None
    start = behind(now.base_w, entity, goal, _GAP)
    if lean > 0.0:
        start = forward_pose(start[:3, 3], float(np.arctan2(-way[1], -way[0])), dip=np.pi / 2.0 - lean)
    over, end = start.copy(), start.copy()
    over[:3, 3] -= _OVER * start[:3, 2]
    end[:3, 3] += (_FAR + _GAP) * way
    height = flight_height(now, rest_over(now, now.base_w)[:3, 3], entity.position_w, (entity.name,))
    moved = []
    for grip in grips:
        moved.append(grip.copy())
        moved[-1][:3, 3] += _FAR * way
    clear = all(way_is_clear(now, now.base_w, T_we, height) for T_we in (over, start, end, *moved))
    return (over, start, end) if clear and reachable(now, now.base_w, [over, start, end]) > 0.0 else None


def _carries(fixture: Entity, point_w: Array) -> bool:
    """Whether a point (3,) of the map is over what a piece of furniture carries things on."""
    region = fixture.region("on")
    if region is None:
        return False
    c, s = np.cos(fixture.yaw), np.sin(fixture.yaw)
    local = np.array([[c, s], [-s, c]]) @ (point_w[:2] - fixture.position_w[:2])
    return bool(np.all(np.abs(local - region.center_e[:2]) < region.half[:2]))

"""Look for: visit what has not been looked at lately, nearest first and this room first, and look well at each."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from yanshi.agent.skills.drive import drive, free_space
from yanshi.agent.skills.grasp import wrap
from yanshi.agent.skills.parts import moved
from yanshi.agent.skills.script import Command, GiveUpError, Script, Situation
from yanshi.contracts import Entity

__all__ = ["look_for", "view_places"]

Array = NDArray[Any]
_FRESH = 30.0
"""What was viewed less than this long ago is not visited again [s]."""
_FROM_AFAR = 3.5
"""From here on the robot looks at where it goes instead of at the floor before it [m]."""
_GAZE = 1.2
"""How long to look at one place [s]."""
_DISTANCES = (0.85, 1.0, 1.15, 0.7)


def look_for(now: Situation, name: str) -> Script:
    """Look around until a thing is in the belief with a position.

    Raises:
        GiveUpError: everything that can be viewed has been, and it was not there.
    """
    if _found(now, name):
        return f"I know where {name} is."
    began = now.time
    for point in _round_look(now):
        if (yield from _gaze(now, name, point, _GAZE if now.mobile else 0.8)):
            return f"I found {name}."
    looked: list[str] = []
    skipped: set[str] = set()
    while now.mobile:
        fixture = _next(now, began, skipped)
        if fixture is None:
            break
        places = view_places(now, fixture)
        if not places:
            skipped.add(fixture.name)
            continue
        try:
            if (yield from _visit(now, name, fixture, places[0])):
                return f"I found {name}."
        except GiveUpError:
            pass
        skipped.add(fixture.name)
        looked.append(fixture.name)
    if not now.mobile:
        looked = [fixture.name for fixture in _viewable(now)]
    raise GiveUpError(f"{name} not found, looked at {', '.join(looked) or 'everything in view'}.")


def _found(now: Situation, name: str) -> bool:
    entity = now.belief.entities.get(name)
    return entity is not None and bool(np.all(np.isfinite(entity.position_w)))


def _viewable(now: Situation) -> list[Entity]:
    """Furniture and parts on or in which something could lie."""
    return [
        entity
        for entity in now.floor_plan.fixtures
        if entity.region("on") is not None or entity.region("in") is not None
    ]


def _shut(now: Situation, entity: Entity) -> bool:
    return entity.articulation is not None and now.belief.openings.get(entity.name, 0.0) < 0.3


def _next(now: Situation, began: float, skipped: set[str]) -> Entity | None:
    """The best thing to look at now: in this room before others, near before far, never what was just viewed."""
    room = next((room.name for room in now.floor_plan.rooms if room.contains(now.base_w)), None)
    best: tuple[float, Entity] | None = None
    for entity in _viewable(now):
        viewed = now.belief.viewed.get(entity.name)
        if entity.name in skipped or _shut(now, entity) or (viewed is not None and viewed > began - _FRESH):
            continue
        cost = float(np.linalg.norm(entity.position_w[:2] - now.base_w[:2])) + (0.0 if entity.room == room else 6.0)
        if best is None or cost < best[0]:
            best = (cost, entity)
    return None if best is None else best[1]


def _targets(now: Situation, entity: Entity) -> list[Array]:
    """Points (3,) of the map at which to point the camera to see a whole surface or inside."""
    region = entity.region("on") or entity.region("in")
    if region is None:
        return [entity.position_w]
    value = (
        0.0 if entity.articulation is None else now.belief.openings.get(entity.name, 0.0) * entity.articulation.limit
    )
    low = region.center_e - [0.0, 0.0, region.half[2]]
    wide = int(np.argmax(region.half[:2]))
    count = max(1, int(np.ceil(region.half[wide] / 0.35)))
    steps = (np.arange(count) - 0.5 * (count - 1)) * (2.0 * region.half[wide] / count)
    points = []
    for step in steps:
        point = low.copy()
        point[wide] += step
        points.append(moved(entity, point, value))
    return points


def view_places(now: Situation, entity: Entity) -> list[Array]:
    """Base poses (x, y, yaw) from which a surface can be viewed, best first."""
    space = free_space(now)
    here = space.nearest_free(now.base_w)
    room = next((room for room in now.floor_plan.rooms if room.name == entity.room), None)
    middle = np.mean(_targets(now, entity), axis=0)
    found = []
    for reach in _DISTANCES:
        for heading in np.arange(-np.pi, np.pi, np.pi / 12):
            spot = middle[:2] - reach * np.array([np.cos(heading), np.sin(heading)])
            if not space.is_free(spot) or (room is not None and not room.contains(spot)):
                continue
            if here is None or not space.connected(here, spot):
                continue
            front = abs(wrap(float(heading) - entity.yaw - np.pi))
            cost = 0.3 * float(np.linalg.norm(spot - now.base_w[:2])) + 0.3 * front + abs(reach - 0.9)
            found.append((cost, np.array([*spot, wrap(float(heading))])))
    found.sort(key=lambda item: item[0])
    return [pose for _, pose in found[:3]]


def _visit(now: Situation, name: str, fixture: Entity, place: Array) -> Generator[Command, None, bool]:
    """Drive to where a surface can be viewed and look at it, no farther and no longer than it takes to see it all;
    returns whether the thing was found.
    """
    began = now.time
    targets = _targets(now, fixture)
    middle = np.mean(targets, axis=0)
    journey = drive(now, place, f"go and look at {fixture.name}", look_at_w=middle)
    for command in journey:
        if _found(now, name) or _seen_since(now, fixture, began):
            journey.close()
            break
        near = float(np.linalg.norm(middle[:2] - now.base_w[:2])) < _FROM_AFAR
        yield replace(command, look_at_w=middle) if near else command
    for point in targets:
        if _seen_since(now, fixture, began):
            break
        if (yield from _gaze(now, name, point, _GAZE)):
            return True
    return _found(now, name)


def _seen_since(now: Situation, fixture: Entity, began: float) -> bool:
    """Whether all of a surface has been in view since a time [s]."""
    viewed = now.belief.viewed.get(fixture.name)
    return viewed is not None and viewed > began


def _round_look(now: Situation) -> list[Array]:
    """Points (3,) of the map for a look around from where the robot stands: left, ahead, right."""
    if not now.robot.head_joints:
        return [np.asarray(now.T_we[:3, 3])]
    x, y, yaw = now.base_w
    return [
        np.array([x + 1.6 * np.cos(yaw + turn), y + 1.6 * np.sin(yaw + turn), 0.7])
        for turn in (0.0, 0.9, 1.8, -0.9, -1.8)
    ]


def _gaze(now: Situation, name: str, point: Array, seconds: float) -> Generator[Command, None, bool]:
    """Look at a point until the camera has rested on it; returns whether the thing was found."""
    start, settled = now.time, 0.0
    while now.time - start < seconds + 1.5:
        if _found(now, name):
            return True
        off = now.kinematics.head_direction(now.observation.proprioception, now.to_base(point))
        settled = settled + 0.04 if off < 0.12 else settled
        if settled > 0.35 or now.time - start > seconds:
            return _found(now, name)
        yield Command(phase="look", look_at_w=point)
    return _found(now, name)

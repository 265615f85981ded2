"""Go to: stand where one can work on a thing, or in the middle of a room."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from yanshi.agent.skills.articulate import handle_of, handle_places, opened
from yanshi.agent.skills.clearance import way_is_clear
from yanshi.agent.skills.drive import drive, free_space
from yanshi.agent.skills.grasp import nominal_yaw, wrap
from yanshi.agent.skills.motion import above, rest_over, top_down
from yanshi.agent.skills.pick import pick_places
from yanshi.agent.skills.press import press_places
from yanshi.agent.skills.script import GiveUpError, Script, Situation
from yanshi.agent.skills.shut import shut_places
from yanshi.agent.skills.stand import stands
from yanshi.agent.skills.surroundings import flight_height
from yanshi.contracts import Entity, Room

__all__ = ["go_to"]

Array = NDArray[Any]


def go_to(now: Situation, name: str) -> Script:
    """Drive to where the robot can work on a thing, or into a room.

    Raises:
        GiveUpError: the thing is unknown, or there is no way to it.
    """
    room = next((room for room in now.floor_plan.rooms if room.name == name), None)
    if room is None:
        entity = now.entity(name)
    if not now.mobile:
        return "I am there already: I cannot drive."
    if room is not None:
        yield from drive(now, _middle(now, room), f"drive to {name}")
        return f"I am in {name}."
    places = work_places(now, entity) or _view_places(now, entity)
    if not places:
        raise GiveUpError(f"There is no place to stand before {name}.")
    for k, place in enumerate(places):
        try:
            yield from drive(now, place, f"drive to {name}", look_at_w=entity.position_w)
            return f"I stand before {name}."
        except GiveUpError:
            if k == len(places) - 1:
                raise
    raise GiveUpError(f"There is no way to {name}.")


def work_places(now: Situation, entity: Entity) -> list[Array]:
    """Base poses (x, y, yaw) from which the arm reaches what is to be worked on, best first."""
    region = entity.region("on") or entity.region("in")
    button = entity.region("button")
    if entity.articulation is not None and now.holding() is None:
        handle = handle_of(now, entity.name)
        value = opened(now, entity)
        shut = [] if value < 0.5 * handle.articulation.limit else shut_places(now, handle, value)
        return shut or handle_places(now, handle, value)
    if button is not None and (region is None or "press" in entity.affordances) and "grasp" not in entity.affordances:
        return press_places(now, entity, button)
    if entity.category == "object" and now.holding() is None and "grasp" in entity.affordances:
        return pick_places(now, entity)
    for point in _work_points(now, entity):

        def poses(pose_w: Array, point: Array = point) -> list[Array]:
            hand = top_down(point + np.array([0.0, 0.0, 0.05]), nominal_yaw(pose_w, point))
            height = flight_height(now, rest_over(now, pose_w)[:3, 3], point)
            return [above(hand, 0.10), hand] if way_is_clear(now, pose_w, hand, height) else []

        places = stands(now, point, poses)
        if places:
            return places
    return []


def _work_points(now: Situation, entity: Entity) -> list[Array]:
    """Points (3,) of the map to work on: the object, or places on a surface, the nearest and emptiest first."""
    region = entity.region("on") or entity.region("in")
    if entity.category == "object" or region is None:
        return [entity.position_w]
    low = float(region.center_e[2] - region.half[2])
    half = np.maximum(region.half[:2] - 0.12, 0.0)
    counts = np.maximum(1, (2.0 * half / 0.15).astype(int) + 1)
    axes = [np.linspace(-h, h, n) if n > 1 else np.zeros(1) for h, n in zip(half, counts, strict=True)]
    points = [
        entity.to_world(np.array([region.center_e[0] + dx, region.center_e[1] + dy, low]))
        for dx in axes[0]
        for dy in axes[1]
    ]
    others = [
        o.position_w[:2]
        for o in now.belief.entities.values()
        if o.category == "object" and np.all(np.isfinite(o.position_w))
    ]

    def cost(point: Array) -> float:
        crowd = sum(1.0 for other in others if float(np.linalg.norm(other - point[:2])) < 0.18)
        middle = float(np.linalg.norm(point[:2] - entity.position_w[:2]))
        return float(np.linalg.norm(point[:2] - now.base_w[:2])) + 0.4 * crowd + 0.3 * middle

    return sorted(points, key=cost)[:8]


def _view_places(now: Situation, entity: Entity) -> list[Array]:
    """Base poses from which one faces a thing at arm's length or a little more, the nearest first."""
    space = free_space(now)
    here = space.nearest_free(now.base_w)
    room = next((room for room in now.floor_plan.rooms if room.name == entity.room), None)
    found = []
    for reach in (0.65, 0.8, 0.95):
        for heading in np.arange(-np.pi, np.pi, np.pi / 12):
            spot = entity.position_w[:2] - reach * np.array([np.cos(heading), np.sin(heading)])
            if room is not None and not room.contains(spot):
                continue
            if space.is_free(spot) and here is not None and space.connected(here, spot):
                cost = 0.3 * float(np.linalg.norm(spot - now.base_w[:2])) + abs(reach - 0.8)
                found.append((cost, np.array([*spot, wrap(float(heading))])))
    found.sort(key=lambda item: item[0])
    return [pose for _, pose in found[:3]]


def _middle(now: Situation, room: Room) -> Array:
    """A roomy place near the middle of a room, facing the way one comes in.

    Raises:
        GiveUpError: the room has no free floor that can be reached.
    """
    space = free_space(now)
    here = space.nearest_free(now.base_w)
    middle = 0.5 * (room.low_w + room.high_w)
    cells = [
        (float(np.linalg.norm(p - middle)) - 0.5 * min(0.6, float(space.clearance[tuple(cell)])), p)
        for cell in np.argwhere(space.free)
        if room.contains(p := space.point((int(cell[0]), int(cell[1]))))
        and here is not None
        and space.connected(here, p)
    ]
    if not cells:
        raise GiveUpError(f"There is no way into {room.name}.")
    goal = min(cells, key=lambda item: item[0])[1]
    yaw = (
        float(np.arctan2(*(goal - now.base_w[:2])[::-1]))
        if float(np.linalg.norm(goal - now.base_w[:2])) > 0.3
        else float(now.base_w[2])
    )
    return np.array([*goal, yaw])

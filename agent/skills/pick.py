"""Pick: come near, choose a grip, descend, close, feel whether something is there, lift, feel again."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from yanshi.agent.skills.clearance import way_is_clear
from yanshi.agent.skills.draw_away import draw_away, walled_in
from yanshi.agent.skills.drive import drive
from yanshi.agent.skills.grasp import Clutter, Grasp, nominal_yaw, obstacle, rolled, tilted, top_grasps, wrap
from yanshi.agent.skills.motion import Motion, grip_to, move, rest_over
from yanshi.agent.skills.motor.aim import Aim
from yanshi.agent.skills.motor.learned import perform
from yanshi.agent.skills.script import Command, GiveUpError, Grip, Script, Situation
from yanshi.agent.skills.stand import reachable, stands
from yanshi.agent.skills.surroundings import flight_height, fly, objects_near
from yanshi.contracts import Entity

__all__ = ["EMPTY", "pick", "pick_places", "grasps_in_reach", "back_off", "before", "take"]

Array = NDArray[Any]
EMPTY = 0.004
"""Fingers nearer to one another than this hold nothing [m]."""
_OVER = 0.09
"""Height above the grip from which the hand descends [m]."""
_LIFT = 0.10
_ATTEMPTS = 4
_ROLLS = (0.3, -0.3, 0.45, -0.45)
"""How the hand may be turned in the plane of its fingers where it cannot come from straight above [rad]."""
_BARRED = 3.0
"""What a grip costs more when walls or furniture seem to be in the way of the hand."""
_ELSEWHERE = 0.05
"""A thing that is seen so far [m] from where it was when its grip was chosen needs another."""
_STILL, _LOOK = 0.01, 5
"""What is seen to move, or to change, by less than this [m] in so many control steps keeps still."""
_PATIENCE = 2.0
"""So long it is waited for [s]."""


def pick(now: Situation, name: str) -> Script:
    """Grip an object from above and lift it.

    Raises:
        GiveUpError: the hand is full, the object is unknown, too wide, out of reach, or slipped every time.
    """
    held = now.holding()
    if held == name and now.opening > EMPTY:
        return f"I already hold {name}."
    if held is not None and now.opening > EMPTY:
        raise GiveUpError(f"My hand is not empty: it holds {held}.")
    now.grip = None
    trouble = ""
    for attempt in range(_ATTEMPTS):
        entity, grasp = yield from _come_near(now, name, attempt)
        walled = not grasp.clear and walled_in(now, entity, grasp.T_we)
        if walled and (yield from draw_away(now, entity, (before(grasp), grasp.T_we))):
            entity, grasp = yield from _come_near(now, name, attempt)
        trouble = yield from _grip(now, entity, grasp, attempt)
        if not trouble:
            return f"I hold {name}."
        yield from back_off(now)
    raise GiveUpError(f"I could not pick {name}: {trouble} ({_ATTEMPTS} attempts).")


def _grasps(now: Situation, entity: Entity, base_w: Array) -> list[Grasp]:
    """Grips for a robot that stands at a base pose, best first: from straight above, and for far things a little
    tilted.
    """
    room = next((room for room in now.floor_plan.rooms if room.contains(entity.position_w)), None)
    around = [obstacle(other) for other in objects_near(now, entity.position_w, 0.3, besides=(entity.name,))]
    around += [obstacle(other) for other in now.floor_plan.fixtures if _beside(other, entity)]
    clutter = Clutter(tuple(around), room)
    upright = top_grasps(entity, now.robot.max_opening, nominal_yaw(base_w, entity.position_w), clutter)
    bearing = float(np.arctan2(entity.position_w[1] - base_w[1], entity.position_w[0] - base_w[0]))
    far = float(np.linalg.norm(entity.position_w[:2] - base_w[:2])) > 0.6
    leaning = [tilted(grasp, bearing, tilt, clutter) for grasp in upright[:4] for tilt in (0.35, 0.6)] if far else []
    height = flight_height(now, rest_over(now, base_w)[:3, 3], entity.position_w, (entity.name,))
    found = sorted(upright[:4] + leaning, key=lambda grasp: grasp.cost)
    found = [_judged(now, base_w, grasp, height) for grasp in found]
    if upright and not any(grasp.clear for grasp in found):
        turned = [_judged(now, base_w, rolled(upright[0], roll), height) for roll in _ROLLS]
        found += [grasp for grasp in turned if grasp.clear]
    return sorted(found, key=lambda grasp: grasp.cost)[:8]


def _judged(now: Situation, base_w: Array, grasp: Grasp, height: float) -> Grasp:
    """The grip, dearer when the way to it is barred."""
    if all(way_is_clear(now, base_w, T_we, height) for T_we in (before(grasp), grasp.T_we)):
        return grasp
    return replace(grasp, clear=False, cost=grasp.cost + _BARRED)


def _beside(fixture: Entity, entity: Entity) -> bool:
    """Whether a piece of furniture stands beside an object, which is neither on nor in it."""
    c, s = np.cos(fixture.yaw), np.sin(fixture.yaw)
    local = np.abs((entity.position_w[:2] - fixture.position_w[:2]) @ np.array([[c, -s], [s, c]]))
    near = bool(np.all(local < fixture.extent[:2] / 2.0 + 0.2)) and fixture.articulation is None
    return near and not bool(np.all(local < fixture.extent[:2] / 2.0))


def before(grasp: Grasp) -> Array:
    """The hand (4, 4) before it goes straight to the grip: back along its own direction, less so for a leaning hand."""
    T_we = grasp.T_we.copy()
    T_we[:3, 3] -= _OVER * T_we[:3, 2]
    return T_we


def pick_places(now: Situation, entity: Entity) -> list[Array]:
    """Base poses (x, y, yaw) from which an object can be picked, best first."""
    # The map knows furniture by its boxes only: what seems barred may yet go.
    for lean, barred in ((False, False), (True, False), (False, True), (True, True)):

        def poses(pose_w: Array, lean: bool = lean, barred: bool = barred) -> list[Array]:
            found = _grasps(now, entity, pose_w)
            upright = [grasp for grasp in found if grasp.T_we[2, 2] < -0.99]
            chosen = [grasp for grasp in found if grasp.T_we[2, 2] >= -0.99] if lean else upright
            chosen = chosen if barred else [grasp for grasp in chosen if grasp.clear]
            return [before(chosen[0]), chosen[0].T_we] if chosen else []

        places = stands(now, entity.position_w, poses)
        if places:
            return places
    return []


def _come_near(now: Situation, name: str, attempt: int) -> Generator[Command, None, tuple[Entity, Grasp]]:
    """Choose a grip that can be reached, from another place where it must be; and what it was chosen for."""
    entity = now.entity(name)
    if not _grasps(now, entity, now.base_w):
        entity = yield from _calm(now, name)
        if not _grasps(now, entity, now.base_w):
            width = 1000 * float(np.min(entity.extent[:2]))
            opens = 1000 * now.robot.max_opening
            raise GiveUpError(f"{entity.name} is too wide for my hand: {width:.0f} mm, and it opens {opens:.0f} mm.")
    found = grasps_in_reach(now, entity)
    if found and (not now.mobile or (attempt < 2 and found[0].clear)):
        return entity, found[attempt % len(found)]
    if now.mobile:
        places = pick_places(now, entity)
        if places:
            yield from drive(now, places[min(attempt // 2, len(places) - 1)], "come near", look_at_w=entity.position_w)
            entity = now.entity(name)
            found = grasps_in_reach(now, entity)
    if not found:
        raise GiveUpError(f"{entity.name} is out of my reach.")
    return entity, found[0]


def _calm(now: Situation, name: str) -> Generator[Command, None, Entity]:
    """Wait until a thing is seen to keep still, and how it lies then: one that was dropped tumbles and rolls."""
    entity, until = now.entity(name), now.time + _PATIENCE
    while now.time < until:
        for _ in range(_LOOK):
            yield Command(phase="wait")
        before, entity = entity, now.entity(name)
        change = np.concatenate([entity.position_w - before.position_w, entity.extent - before.extent])
        if np.linalg.norm(change) < _STILL:
            break
    return entity


def grasps_in_reach(now: Situation, entity: Entity) -> list[Grasp]:
    """The grips that the arm can do from where the base stands, best first."""
    scored = [
        (grasp, reachable(now, now.base_w, [before(grasp), grasp.T_we])) for grasp in _grasps(now, entity, now.base_w)
    ]
    return [
        grasp
        for grasp, margin in sorted(scored, key=lambda item: item[0].cost - 0.5 * min(item[1], 0.3))
        if margin > 0.0
    ]


def _grip(now: Situation, entity: Entity, grasp: Grasp, attempt: int) -> Generator[Command, None, str]:
    """Reach for the object, close and lift; returns what went wrong, or an empty string.

    `entity` is what the grip was chosen for; where it is seen elsewhere by now, the hand follows.
    """
    now.gripper = grasp.opening
    over = before(grasp)
    if not (yield from fly(now, over, "reach over", look_at_w=entity.position_w, besides=(entity.name,))):
        return "I could not get over it"
    moved = now.entity(entity.name).position_w - entity.position_w
    if np.linalg.norm(moved) > _ELSEWHERE:
        return "it went elsewhere while I reached for it"
    T_we = grasp.T_we.copy()
    T_we[:3, 3] += moved
    grasp = replace(grasp, T_we=T_we)

    def aim() -> Aim:
        return Aim.at(now, now.entity(entity.name), grasp.T_we, between=grasp.width, opening=grasp.opening)

    trouble = yield from perform(now, "pick", aim, take(now, entity, grasp), attempt)
    if not trouble and now.grip is None:
        now.grip = _grip_of(now, now.entity(entity.name))
    return trouble


def take(now: Situation, entity: Entity, grasp: Grasp) -> Generator[Command, None, str]:
    """From over an object down, close, lift; returns what went wrong, or an empty string."""
    center = entity.position_w
    down = Motion(phase="descend", speed=0.22, near=0.005, aligned=0.06, timeout=3.0, look_at_w=center)
    yield from move(now, grasp.T_we, down)
    if abs(now.T_we[2, 3] - grasp.T_we[2, 3]) > 0.02:
        return "something is in the way of my hand"
    yield from grip_to(now, 0.0, "close", look_at_w=center)
    if now.opening < EMPTY:
        return "the gripper closed on nothing"
    entity = now.entity(entity.name)
    height = float(entity.position_w[2])
    now.grip = _grip_of(now, entity)
    lifted = now.T_we
    lifted[2, 3] += _LIFT
    yield from move(
        now, lifted, Motion(phase="lift", speed=0.25, near=0.015, aligned=0.2, timeout=3.0, look_at_w=lifted[:3, 3])
    )
    entity = now.entity(entity.name)
    seen = entity.last_seen is not None and now.time - entity.last_seen < 0.3
    if now.opening < EMPTY or (seen and entity.position_w[2] < height + 0.4 * _LIFT):
        now.grip = None
        return "it slipped out of the gripper"
    return ""


def _grip_of(now: Situation, entity: Entity) -> Grip:
    """How the object lies in the hand, from where it was believed to be when the fingers closed on it."""
    T = now.T_we
    offset = T[:3, :3].T @ (entity.position_w - T[:3, 3])
    offset[1] = float(np.clip(offset[1], -0.01, 0.01))
    yaw = float(np.arctan2(T[1, 1], T[0, 1]))
    return Grip(entity.name, offset, entity.extent, wrap(entity.yaw - yaw), now.opening)


def back_off(now: Situation) -> Generator[Command, None, None]:
    """Open and rise, to look again."""
    yield from grip_to(now, now.robot.max_opening, "open")
    up = now.T_we
    up[2, 3] += 0.12
    yield from move(now, up, Motion(phase="back off", near=0.02, aligned=3.2, timeout=2.0))

"""Push: the closed fingers low behind an object, along the surface to its place, steering by where it goes."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from yanshi.agent.skills.drive import drive
from yanshi.agent.skills.grasp import behind
from yanshi.agent.skills.motion import Motion, above, grip_to, move, twist_towards
from yanshi.agent.skills.motor.aim import Aim
from yanshi.agent.skills.motor.learned import perform
from yanshi.agent.skills.pick import before, grasps_in_reach
from yanshi.agent.skills.script import Command, GiveUpError, Script, Situation
from yanshi.agent.skills.stand import reachable, stands
from yanshi.agent.skills.surroundings import fly
from yanshi.contracts import Entity, Region

__all__ = ["arrived", "goal_of", "push", "push_from"]

Array = NDArray[Any]
_ATTEMPTS = 5
_SPEED = 0.12
_BEHIND = 0.035
"""Room between the fingers and the object where the hand comes down [m]."""


def push(now: Situation, name: str, target: str) -> Script:
    """Push an object along what it stands on until it is on a target area.

    Raises:
        GiveUpError: the hand is full, something is unknown or out of reach, or the object will not go there.
    """
    held = now.holding()
    if held is not None and now.opening > 0.004:
        raise GiveUpError(f"My hand is not empty: it holds {held}.")
    onto = now.entity(target)
    region = onto.region("on")
    if region is None:
        raise GiveUpError(f"Nothing can be pushed onto {target}.")
    for attempt in range(_ATTEMPTS):
        entity = now.entity(name)
        if arrived(entity, onto, region):
            return f"{name} is on {target}."
        goal = goal_of(entity, onto, region)
        start = yield from _come_near(now, entity, goal, attempt)
        if start is None or attempt == _ATTEMPTS - 1:
            yield from _drag(now, entity, goal)
        else:
            yield from push_from(now, name, start, (onto, region), attempt)
    if arrived(now.entity(name), onto, region):
        return f"{name} is on {target}."
    raise GiveUpError(f"I could not push {name} onto {target} ({_ATTEMPTS} attempts).")


def push_from(
    now: Situation, name: str, start: Array, area: tuple[Entity, Region], attempt: int = 0
) -> Generator[Command, None, None]:
    """Come down behind the object, push, draw back and rise."""
    onto, region = area
    look = now.entity(name).position_w
    yield from grip_to(now, 0.0, "close", timeout=0.5)
    if not (yield from fly(now, above(start, 0.10), "reach behind", look_at_w=look)):
        return

    def aim() -> Aim:
        entity = now.entity(name)
        goal = goal_of(entity, onto, region)
        hand = behind(now.base_w, entity, goal, 0.0)
        return Aim.at(now, entity, hand, yaw=entity.yaw, goal_w=tuple(goal.tolist()))

    yield from perform(now, "push", aim, _come_down_and_sweep(now, name, start, onto, region), attempt)
    way = _unit(goal_of(now.entity(name), onto, region)[:2] - now.T_we[:2, 3])
    up = now.T_we
    up[:3, 3] += [*(-0.02 * way), 0.13]
    yield from move(now, up, Motion(phase="retreat", speed=0.25, near=0.02, aligned=3.2, timeout=2.0))


def _come_down_and_sweep(
    now: Situation, name: str, start: Array, onto: Entity, region: Region
) -> Generator[Command, None, str]:
    """From over the place behind the object down, and push; returns an empty string: where it is, will be seen."""
    look = now.entity(name).position_w
    yield from move(now, start, Motion(phase="descend", speed=0.2, near=0.008, timeout=2.5, look_at_w=look))
    yield from _sweep(now, name, onto, region)
    return ""


def _drag(now: Situation, entity: Entity, goal: Array) -> Generator[Command, None, None]:
    """Where there is no room behind it: hold the object from above and slide it along without lifting it."""
    grasps = grasps_in_reach(now, entity)
    if not grasps:
        raise GiveUpError(f"I cannot reach behind {entity.name}, nor hold it.")
    look = entity.position_w
    now.gripper = grasps[0].opening
    if (yield from fly(now, before(grasps[0]), "reach over", look_at_w=look, besides=(entity.name,))):
        yield from move(
            now, grasps[0].T_we, Motion(phase="take hold", speed=0.2, near=0.006, timeout=2.5, look_at_w=look)
        )
        yield from grip_to(now, 0.0, "hold", look_at_w=look)
        slide = now.T_we
        slide[:2, 3] += goal[:2] - entity.position_w[:2]
        yield from move(
            now, slide, Motion(phase="slide", speed=_SPEED, near=0.008, aligned=0.3, timeout=8.0, look_at_w=goal)
        )
    yield from grip_to(now, now.robot.max_opening, "let go", timeout=0.8)
    yield from move(
        now, above(now.T_we, 0.13), Motion(phase="retreat", speed=0.25, near=0.02, aligned=3.2, timeout=2.0)
    )


def _unit(v: Array) -> Array:
    return v / max(float(np.linalg.norm(v)), 1e-9)


def goal_of(entity: Entity, onto: Entity, region: Region) -> Array:
    """Where the object's centre (3,) shall go: the nearest place well inside the target area."""
    c, s = np.cos(onto.yaw), np.sin(onto.yaw)
    local = (entity.position_w[:2] - onto.position_w[:2]) @ np.array([[c, -s], [s, c]]) - region.center_e[:2]
    inner = np.maximum(region.half[:2] - 0.05, 0.02) * 0.5
    point = onto.to_world(np.array([*(region.center_e[:2] + np.clip(local, -inner, inner)), 0.0]))
    return np.array([point[0], point[1], entity.position_w[2]])


def arrived(entity: Entity, onto: Entity, region: Region, margin: float = 0.02) -> bool:
    """Whether the object's centre is on the target area, a margin [m] inside its edge."""
    c, s = np.cos(onto.yaw), np.sin(onto.yaw)
    local = (entity.position_w[:2] - onto.position_w[:2]) @ np.array([[c, -s], [s, c]]) - region.center_e[:2]
    return bool(np.all(np.abs(local) < region.half[:2] - margin))


def _come_near(now: Situation, entity: Entity, goal: Array, attempt: int) -> Generator[Command, None, Array | None]:
    """The hand (4, 4) behind the object, from another place where it must be; None where there is no room for it."""

    def along(base_w: Array) -> list[Array]:
        start = behind(base_w, entity, goal, _BEHIND)
        end = start.copy()
        end[:2, 3] += goal[:2] - entity.position_w[:2]
        return [above(start, 0.08), start, end]

    if reachable(now, now.base_w, along(now.base_w)) > 0.0:
        return along(now.base_w)[1]
    if now.mobile:
        places = stands(now, 0.5 * (entity.position_w + goal), along)
        if places:
            yield from drive(now, places[min(attempt, len(places) - 1)], "come near", look_at_w=entity.position_w)
            if reachable(now, now.base_w, along(now.base_w)) > 0.0:
                return along(now.base_w)[1]
    return None


def _sweep(now: Situation, name: str, onto: Entity, region: Region) -> Generator[Command, None, None]:
    """Push until the object has arrived, has slid off the fingers, or does not move any more."""
    entity = now.entity(name)
    first = now.T_we[:3, :3].copy()
    height = float(behind(now.base_w, entity, goal_of(entity, onto, region), 0.0)[2, 3])
    start = best_time = now.time
    best = np.inf
    while now.time - start < 12.0:
        entity = now.entity(name)
        if arrived(entity, onto, region, margin=0.03):
            return
        goal = goal_of(entity, onto, region)
        way = _unit(goal[:2] - entity.position_w[:2])
        side = np.array([-way[1], way[0]])
        hand = now.T_we[:2, 3]
        relative = hand - entity.position_w[:2]
        off, ahead = float(relative @ side), float(relative @ way)
        if abs(off) > 0.03 or ahead > -0.005:
            return
        left = float(np.linalg.norm(goal[:2] - entity.position_w[:2]))
        if left < best - 0.004:
            best, best_time = left, now.time
        if now.time - best_time > 1.5:
            return
        target = np.eye(4)
        target[:3, :3] = first
        target[:3, 3] = [*(hand + 0.06 * way - 1.6 * off * side), height]
        yield Command(phase="push", twist_b=twist_towards(now, target, _SPEED, 0.5), look_at_w=entity.position_w)

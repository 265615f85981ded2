"""Open and close: take a drawer or door by its handle and lead it along its line or arc, the base coming along."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from yanshi.agent.skills.drive import drive
from yanshi.agent.skills.handles import Handle, Hold
from yanshi.agent.skills.motion import Motion, grip_to, move, twist_towards, upright
from yanshi.agent.skills.motor.aim import Aim
from yanshi.agent.skills.motor.learned import perform
from yanshi.agent.skills.script import Command, GiveUpError, Script, Situation
from yanshi.agent.skills.shut import push_shut
from yanshi.agent.skills.stand import effort, stands
from yanshi.agent.skills.surroundings import fly
from yanshi.contracts import Entity

__all__ = ["approach_handle", "close", "handle_of", "handle_places", "lead", "let_go", "open_", "opened"]

Array = NDArray[Any]
_DIPS = (0.6, 0.8, 0.4, 1.0, 1.2, 0.2, 0.0)
"""How far the hand may point below the horizon [rad]."""
_OFF = 0.08
"""From here the hand goes straight at the bar [m]."""
_RATE = 0.12
"""Speed of the bar along its way [m/s]."""
_ATTEMPTS = 3
_MET = 20.0
"""A hand that is pressed so hard on its way to the bar [N] has met the front behind it, and is near enough …"""
_ON_BAR = 0.02
"""… within this distance [m]."""
_LAG = (0.55, 0.4)
"""While a door turns, the hand's heading lags behind by this share, which spares the wrist, and by no more than this
[rad], lest the end of the palm wedge between the bar and the door."""
_HARD = 2.0
"""A robot that can drive takes another place when the arm would have to bend more than this [rad]."""


def open_(now: Situation, name: str) -> Script:
    """Pull a drawer or door open by its handle.

    Raises:
        GiveUpError: the hand is full, it has no handle, it is out of reach, or it does not move.
    """
    return (yield from _operate(now, name, 1.0))


def close(now: Situation, name: str) -> Script:
    """Lead a drawer or door shut by its handle.

    Raises:
        GiveUpError: the hand is full, it has no handle, it is out of reach, or it does not move.
    """
    return (yield from _operate(now, name, 0.0))


def handle_of(now: Situation, name: str) -> Handle:
    """The handle of a part on the side where the robot is.

    Raises:
        GiveUpError: it has none.
    """
    part = now.entity(name)
    regions = [region for region in part.regions if region.kind == "handle"]
    if part.articulation is None or not regions:
        raise GiveUpError(f"{name} has no handle and does not open.")
    value = opened(now, part)
    handles = [Handle(part, region, part.articulation) for region in regions]
    return min(handles, key=lambda handle: float(np.linalg.norm(handle.center_w(value)[:2] - now.base_w[:2])))


def opened(now: Situation, part: Entity) -> float:
    """Joint value of a part [m or rad], as believed; closed when nobody knows."""
    limit = part.articulation.limit if part.articulation is not None else 0.0
    return now.belief.openings.get(part.name, 0.0) * limit


def _operate(now: Situation, name: str, goal: float) -> Script:
    held = now.holding()
    if held is not None and now.opening > 0.004:
        raise GiveUpError(f"My hand is not empty: it holds {held}.")
    word = "open" if goal > 0.5 else "closed"
    trouble = ""
    for attempt in range(_ATTEMPTS):
        handle = handle_of(now, name)
        limit = handle.articulation.limit
        value = opened(now, handle.part)
        if (value >= 0.85 * limit) if goal > 0.5 else (value <= 0.04 * limit):
            return f"{name} is {word}."
        if goal < 0.5 and attempt < 2:
            trouble = yield from push_shut(now, handle, value, attempt)
        else:
            hold = yield from _come_near(now, handle, value, attempt)
            trouble = yield from _lead(now, handle, (value, goal * limit), hold, attempt)
            yield from let_go(now)
        value = opened(now, handle_of(now, name).part)
        if (value >= 0.75 * limit) if goal > 0.5 else (value <= 0.08 * limit):
            return f"{name} is {word}."
        trouble = trouble or "it did not move far enough"
    raise GiveUpError(f"I could not get {name} {word}: {trouble} ({_ATTEMPTS} attempts).")


def approach_handle(now: Situation, handle: Handle, value: float, base_w: Array) -> tuple[float, Hold]:
    """How the hand takes the handle most easily from a base pose (x, y, yaw), and the effort of it; infinite when
    it cannot.
    """
    best = (np.inf, Hold(_DIPS[0]))
    for lag in (0.0, 0.5, -0.5) if handle.upright else (0.0,):
        for dip in _DIPS:
            if not _palm_fits(now, handle, value, dip):
                continue
            for flipped in (False, True):
                hold = Hold(dip, lag, flipped)
                cost = effort(now, base_w, [handle.hand(value, hold, _OFF), handle.hand(value, hold)])
                cost += 0.4 * abs(dip - 0.7) + 0.5 * abs(lag)
                if cost < best[0]:
                    best = (cost, hold)
    return best


def _palm_fits(now: Situation, handle: Handle, value: float, dip: float) -> bool:
    """Whether the palm, long in the direction of finger motion, keeps clear of the front above a lying bar."""
    if handle.upright:
        return True
    ahead = 0.10 * np.sin(dip) - 0.04 * np.cos(dip)
    high = handle.center_w(value)[2] + 0.10 * np.cos(dip) + 0.04 * np.sin(dip)
    roof = max((_top_around(entity, handle.part) for entity in now.floor_plan.fixtures), default=0.0)
    return bool(ahead < 0.034 or high > roof - 0.005)


def _top_around(fixture: Entity, part: Entity) -> float:
    """Height of a piece of furniture [m] if a part is in it, else 0."""
    if fixture.articulation is not None or fixture.name == part.name:
        return 0.0
    c, s = np.cos(fixture.yaw), np.sin(fixture.yaw)
    local = (part.position_w[:2] - fixture.position_w[:2]) @ np.array([[c, -s], [s, c]])
    top = float(fixture.position_w[2] + fixture.extent[2])
    inside = (
        np.all(np.abs(local) < fixture.extent[:2] / 2.0 + 0.05) and fixture.position_w[2] <= part.position_w[2] <= top
    )
    return top if inside else 0.0


def handle_places(now: Situation, handle: Handle, value: float) -> list[Array]:
    """Base poses (x, y, yaw) beside the way of the part from which its handle can be taken."""
    heading = handle.heading(value)
    aside = 0.0
    if handle.articulation.kind == "hinge":
        pivot = handle.part.to_world(handle.articulation.pivot_e)
        left = np.array([-np.sin(heading), np.cos(heading)])
        aside = -0.12 * float(np.sign((handle.center_w(value)[:2] - pivot[:2]) @ left))

    turns = (0.0, 0.26, -0.26, 0.52, -0.52)

    def poses(base_w: Array) -> list[Array]:
        bend, hold = approach_handle(now, handle, value, base_w)
        return [handle.hand(value, hold, _OFF), handle.hand(value, hold)] if bend < _HARD else []

    headings = [heading + turn for turn in turns]
    return stands(now, handle.center_w(value), poses, headings=headings, aside=aside, reach=0.68)


def _come_near(now: Situation, handle: Handle, value: float, attempt: int) -> Generator[Command, None, Hold]:
    bend, hold = approach_handle(now, handle, value, now.base_w)
    if now.mobile and (attempt > 0 or bend > _HARD):
        places = handle_places(now, handle, value)
        if places:
            yield from drive(now, places[min(attempt, len(places) - 1)], "come near", look_at_w=handle.center_w(value))
            bend, hold = approach_handle(now, handle, value, now.base_w)
    if not np.isfinite(bend):
        raise GiveUpError(f"The handle of {handle.part.name} is out of my reach.")
    return hold


def _lead(
    now: Situation, handle: Handle, way: tuple[float, float], hold: Hold, attempt: int
) -> Generator[Command, None, str]:
    """Take the handle and lead it from one joint value to another; returns what went wrong, or an empty string."""
    value, goal = way
    look = handle.center_w(value)
    wide = min(now.robot.max_opening, handle.thickness + 0.035)
    now.gripper = wide
    if not (yield from fly(now, handle.hand(value, hold, _OFF), "reach for handle", look_at_w=look)):
        return "I could not get in front of the handle"
    if goal > value and not now.mobile:

        def aim() -> Aim:
            part = now.entity(handle.part.name)
            T_we = handle.hand(value, hold, -0.002)
            return Aim.at(
                now, part, T_we, between=handle.thickness, opening=wide, joint=goal / handle.articulation.limit
            )

        return (yield from perform(now, "open", aim, lead(now, handle, (value, goal), hold), attempt))
    return (yield from lead(now, handle, (value, goal), hold))


def lead(now: Situation, handle: Handle, way: tuple[float, float], hold: Hold) -> Generator[Command, None, str]:
    """From before a handle onto it, and lead it from one joint value to another; returns what went wrong, or an empty
    string.
    """
    value, goal = way
    look = handle.center_w(value)
    on_bar = handle.hand(value, hold, -0.002)
    light = now.force

    def met() -> bool:
        pressed = light is not None and now.force is not None and now.force - light > _MET
        return pressed and float(np.linalg.norm(on_bar[:3, 3] - now.T_we[:3, 3])) < _ON_BAR

    taking = Motion(phase="take handle", speed=0.15, near=0.006, aligned=0.08, timeout=3.0, look_at_w=look)
    yield from move(now, on_bar, taking, stop=met)
    yield from grip_to(now, 0.0, "grip handle", look_at_w=look)
    if now.opening < 0.4 * handle.thickness:
        return "I missed the handle"
    bar_e = now.T_we[:3, :3].T @ (handle.center_w(value) - now.T_we[:3, 3])
    sign = 1.0 if goal > value else -1.0
    rate = _RATE
    if handle.articulation.kind == "hinge":
        rate /= float(np.linalg.norm((handle.region.center_e - handle.articulation.pivot_e)[:2]))
    wanted, start, best, best_time = value, now.time, 0.0, now.time
    preferred = float(np.clip(np.linalg.norm(now.T_be[:2, 3]), 0.5, 0.68))
    first = handle.heading(value)
    while sign * (goal - wanted) > 0.0 or now.time - best_time < 0.4:
        there = handle.value_at(now.T_we[:3, 3] + now.T_we[:3, :3] @ bar_e)
        progress = sign * (there - value)
        if progress > best + 0.002:
            best, best_time = progress, now.time
        if now.time - best_time > 1.5 or now.time - start > 15.0:
            break
        if now.opening < 0.4 * handle.thickness:
            return "the handle slipped out of my hand"
        if abs(wanted - there) < 0.05 * (1.0 if handle.articulation.kind == "slide" else 2.5):
            wanted = wanted + sign * rate * 0.04
            wanted = min(wanted, goal) if sign > 0 else max(wanted, goal)
        turned = _wrapped(handle.heading(wanted) - first)
        lag = float(np.clip(_LAG[0] * turned, -_LAG[1], _LAG[1]))
        target = handle.hand(wanted, replace(hold, lag=hold.lag - lag))
        target[:3, 3] = handle.center_w(wanted) - target[:3, :3] @ bar_e
        base = _accompany(now, preferred) if now.mobile else (0.0, 0.0, 0.0)
        yield Command(
            phase="lead", base=base, twist_b=twist_towards(now, target, 0.25, 1.2, base), look_at_w=target[:3, 3]
        )
    return ""


def _accompany(now: Situation, preferred: float) -> tuple[float, float, float]:
    """Base velocity that keeps the hand before the robot at a preferred distance."""
    x, y = now.T_be[:2, 3]
    distance = float(np.hypot(x, y))
    away = distance - preferred
    away = np.sign(away) * max(0.0, abs(away) - 0.03)
    speed = float(np.clip(1.5 * away, -0.2, 0.2))
    return (speed * x / distance, speed * y / distance, float(np.clip(0.8 * np.arctan2(y, x), -0.3, 0.3)))


def let_go(now: Situation) -> Generator[Command, None, None]:
    """Open the fingers, draw the hand back and rise."""
    yield from grip_to(now, min(now.robot.max_opening, now.opening + 0.04), "let go", timeout=0.7)
    back = now.T_we
    back[:3, 3] -= 0.09 * back[:3, 2]
    yield from move(now, back, Motion(phase="draw back", speed=0.2, near=0.015, aligned=0.2, timeout=2.0))
    up = upright(now.T_we)
    up[2, 3] += 0.10
    yield from move(now, up, Motion(phase="rise", speed=0.25, near=0.03, aligned=0.2, timeout=3.0))


def _wrapped(angle: float) -> float:
    return float((angle + np.pi) % (2.0 * np.pi) - np.pi)

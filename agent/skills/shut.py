"""Pushing a drawer shut: the closed fingers, pointing down, before its handle, the base coming along where the arm ends."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from yanshi.agent.skills.drive import drive
from yanshi.agent.skills.grasp import nearest_half_turn
from yanshi.agent.skills.handles import Handle
from yanshi.agent.skills.motion import Motion, above, grip_to, move, top_down, twist_towards
from yanshi.agent.skills.pick import nominal_yaw
from yanshi.agent.skills.script import Command, GiveUpError, Situation
from yanshi.agent.skills.stand import reachable, stands
from yanshi.agent.skills.surroundings import fly

__all__ = ["push_shut"]

Array = NDArray[Any]
_BEFORE = 0.04
"""Distance of the fingers from the bar where the hand comes down [m]."""
_BEYOND = 0.02
"""How far beyond the closed position the fingers aim [m]: the drawer stops them."""
_SPEED = 0.15


def push_shut(now: Situation, handle: Handle, value: float, attempt: int) -> Generator[Command, None, str]:
    """Push a drawer shut from a joint value [m]; returns what went wrong, or an empty string.

    Raises:
        GiveUpError: it cannot be reached.
    """

    def hands(base_w: Array) -> list[Array]:
        start = _hand(handle, value, base_w, _BEFORE)
        return [above(start, 0.10), start, _hand(handle, 0.0, base_w, 0.0)]

    if attempt > 0 or reachable(now, now.base_w, hands(now.base_w)) <= 0.0:
        if not now.mobile:
            if reachable(now, now.base_w, hands(now.base_w)) <= 0.0:
                return "I cannot reach before the handle"
        else:
            headings = [handle.heading(value) + turn for turn in (0.0, 0.3, -0.3, 0.7, -0.7, 1.1, -1.1)]
            middle = 0.5 * (handle.center_w(value) + handle.center_w(0.0))
            places = stands(now, middle, hands, headings=headings)
            if not places:
                return "I find no place to stand"
            yield from drive(now, places[min(attempt, len(places) - 1)], "come near", look_at_w=handle.center_w(value))
    start, *_, end = hands(now.base_w)[1:]
    look = handle.center_w(value)
    yield from grip_to(now, 0.0, "close", timeout=0.5)
    if not (yield from fly(now, above(start, 0.10), "reach before handle", look_at_w=look)):
        return "I could not get before the handle"
    yield from move(now, start, Motion(phase="descend", speed=0.2, near=0.01, timeout=2.5, look_at_w=look))
    if abs(float(now.T_we[2, 3] - start[2, 3])) > 0.03:
        raise GiveUpError("Something is in the way before the handle.")
    yield from _sweep(now, _hand(handle, 0.0, now.base_w, -_BEYOND), end)
    up = now.T_we
    up[:3, 3] += [*(0.03 * _out(handle)[:2]), 0.0]
    yield from move(now, up, Motion(phase="draw back", speed=0.2, near=0.015, aligned=3.2, timeout=1.5))
    yield from move(now, above(up, 0.15), Motion(phase="rise", speed=0.3, near=0.03, aligned=3.2, timeout=2.0))
    return ""


def _out(handle: Handle) -> Array:
    """(3,) unit direction in the map in which the drawer opens."""
    heading = handle.heading(0.0)
    return np.array([-np.cos(heading), -np.sin(heading), 0.0])


def _hand(handle: Handle, value: float, base_w: Array, gap: float) -> Array:
    """The hand (4, 4) pointing down before the bar, fingers along it, with a gap [m] between."""
    bar = handle.center_w(value)
    place = bar + (0.5 * handle.thickness + 0.011 + gap) * _out(handle)
    place[2] -= 0.002
    along = handle.heading(value) + np.pi / 2
    return top_down(place, nearest_half_turn(along, nominal_yaw(base_w, place)))


def _sweep(now: Situation, beyond: Array, end: Array) -> Generator[Command, None, None]:
    """Move straight to a pose beyond the end; over when the end is reached, or nothing moves any more."""
    start = best_time = now.time
    best = np.inf
    while now.time - start < 8.0:
        left = float(np.linalg.norm(beyond[:2, 3] - now.T_we[:2, 3]))
        if left < best - 0.003:
            best, best_time = left, now.time
        if left < 0.006 or now.time - best_time > 0.7:
            return
        yield Command(phase="push shut", twist_b=twist_towards(now, beyond, _SPEED, 0.8), look_at_w=end[:3, 3])

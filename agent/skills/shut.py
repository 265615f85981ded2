"""Pushing shut: the closed fingers, pointing down, before the bar of a drawer or over the top edge of a door, swept
along its way.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from yanshi.agent.skills.drive import drive
from yanshi.agent.skills.grasp import FINGER_DEPTH, nearest_half_turn, nominal_yaw
from yanshi.agent.skills.handles import Handle
from yanshi.agent.skills.motion import Motion, above, grip_to, move, top_down, twist_towards
from yanshi.agent.skills.parts import moved, moved_direction
from yanshi.agent.skills.script import Command, Situation
from yanshi.agent.skills.stand import effort, stands
from yanshi.agent.skills.surroundings import fly

__all__ = ["push_shut", "pushing_hand", "shut_places"]

Array = NDArray[Any]
_BEFORE = 0.03
"""Distance of the fingers from what they push where the hand comes down [m]."""
_FINGER = 0.011
"""Half thickness of the fingers across their motion [m]."""
_BEYOND = 0.02
"""How far beyond the closed position the fingers aim [m]: the furniture stops them."""
_SPEED = 0.15
_HARD = 2.2


def push_shut(now: Situation, handle: Handle, value: float, attempt: int) -> Generator[Command, None, str]:
    """Push a part shut from a joint value [m or rad]; returns what went wrong, or an empty string.

    Raises:
        GiveUpError: there is no way to where it can be reached.
    """
    bend = effort(now, now.base_w, _hands(handle, value, now.base_w))
    if now.mobile and (attempt > 0 or bend > _HARD):
        places = shut_places(now, handle, value)
        if places:
            yield from drive(now, places[min(attempt, len(places) - 1)], "come near", look_at_w=handle.center_w(value))
            bend = effort(now, now.base_w, _hands(handle, value, now.base_w))
    if not np.isfinite(bend):
        return "I cannot reach before it"
    over, start = _hands(handle, value, now.base_w)[:2]
    look = handle.center_w(value)
    yield from grip_to(now, 0.0, "close", timeout=0.5)
    if not (yield from fly(now, over, "reach before it", look_at_w=look)):
        return "I could not get before it"
    yield from move(now, start, Motion(phase="descend", speed=0.2, near=0.01, timeout=2.5, look_at_w=look))
    if abs(float(now.T_we[2, 3] - start[2, 3])) > 0.03:
        yield from move(now, over, Motion(phase="rise", speed=0.3, near=0.03, aligned=3.2, timeout=2.0))
        return "something is in the way before it"
    yield from _sweep(now, handle, value)
    back = now.T_we
    back[:3, 3] += 0.03 * moved_direction(handle.part, handle.outward_e, 0.0)
    yield from move(now, back, Motion(phase="draw back", speed=0.2, near=0.015, aligned=3.2, timeout=1.5))
    yield from move(now, above(back, 0.15), Motion(phase="rise", speed=0.3, near=0.03, aligned=3.2, timeout=2.0))
    return ""


def shut_places(now: Situation, handle: Handle, value: float) -> list[Array]:
    """Base poses (x, y, yaw) from which a part can be pushed shut, best first."""
    headings = [handle.heading(0.0) + turn for turn in (0.0, 0.3, -0.3, 0.7, -0.7, 1.1, -1.1)]
    middle = 0.5 * (
        pushing_hand(handle, value, now.base_w, 0.0)[:3, 3] + pushing_hand(handle, 0.0, now.base_w, 0.0)[:3, 3]
    )

    def poses(base_w: Array) -> list[Array]:
        return _hands(handle, value, base_w)

    return stands(now, middle, poses, headings=headings)


def _hands(handle: Handle, value: float, base_w: Array) -> list[Array]:
    """The hand (4, 4) over its start, at its start, half way and at the end."""
    start = pushing_hand(handle, value, base_w, _BEFORE)
    return [
        above(start, 0.10),
        start,
        pushing_hand(handle, 0.5 * value, base_w, 0.0),
        pushing_hand(handle, 0.0, base_w, 0.0),
    ]


def pushing_hand(handle: Handle, value: float, base_w: Array, gap: float) -> Array:
    """The hand (4, 4) pointing down on the outer side of the part at a joint value, its fingers a gap [m] away from
    it.
    """
    outward = moved_direction(handle.part, handle.outward_e, value)
    if handle.articulation.kind == "slide":
        place = handle.center_w(value) + (0.5 * handle.thickness + _FINGER + gap) * outward
        place[2] -= 0.002
    else:
        place = moved(handle.part, _edge_e(handle), value) + (_FINGER + gap) * outward
        place[2] -= FINGER_DEPTH - 0.010
    along = float(np.arctan2(outward[1], outward[0])) + np.pi / 2
    return top_down(place, nearest_half_turn(along, nominal_yaw(base_w, place)))


def _edge_e(handle: Handle) -> Array:
    """(3,) the outer rim of a door's top edge in the frame of the closed part, 4 cm from its free end [m]."""
    half = handle.part.extent / 2.0
    thin = int(np.argmax(np.abs(handle.outward_e)))
    wide = 1 - thin
    point = np.zeros(3)
    pivot = handle.articulation.pivot_e
    free = 1.0 if handle.region.center_e[wide] > pivot[wide] else -1.0
    point[wide] = free * (half[wide] - 0.04)
    point[thin] = pivot[thin] + 0.010 * handle.outward_e[thin]
    point[2] = half[2]
    return point


def _sweep(now: Situation, handle: Handle, value: float) -> Generator[Command, None, None]:
    """Lead the hand along the way of the part until it is shut, or nothing moves any more."""
    start = best_time = now.time
    slide = handle.articulation.kind == "slide"
    rate = (
        _SPEED
        if slide
        else _SPEED / max(0.1, float(np.linalg.norm((_edge_e(handle) - handle.articulation.pivot_e)[:2])))
    )
    wanted, best = value, np.inf
    while now.time - start < 10.0:
        end = pushing_hand(handle, 0.0, now.base_w, -_BEYOND)
        left = float(np.linalg.norm(end[:2, 3] - now.T_we[:2, 3]))
        if left < best - 0.003:
            best, best_time = left, now.time
        if left < 0.006 or now.time - best_time > 0.8:
            return
        target = pushing_hand(handle, max(wanted, 0.0), now.base_w, -_BEYOND)
        if float(np.linalg.norm(target[:2, 3] - now.T_we[:2, 3])) < 0.06:
            wanted -= rate * 0.04
        yield Command(phase="push shut", twist_b=twist_towards(now, target, 1.5 * _SPEED, 1.0), look_at_w=target[:3, 3])

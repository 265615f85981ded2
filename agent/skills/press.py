"""Press: the closed gripper onto a button or switch, in until it gives way no further, and back."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from yanshi.agent.skills.drive import drive
from yanshi.agent.skills.grasp import FINGER_TIP, nominal_yaw
from yanshi.agent.skills.motion import Motion, forward_pose, grip_to, move, top_down
from yanshi.agent.skills.script import Command, GiveUpError, Script, Situation
from yanshi.agent.skills.stand import effort, stands
from yanshi.agent.skills.surroundings import fly
from yanshi.contracts import Entity, Region

__all__ = ["inward", "press", "press_places", "push_in", "reachable_hand"]

Array = NDArray[Any]
_BEFORE = 0.07
_DEPTH = 0.016
"""How far beyond the button's face the finger tips aim [m]; the motors give way before."""
_DEEPER = 0.03
"""… and how much farther where they feel that nothing is there yet [m]: it may not be where it is believed to be."""
_MET = 10.0
"""Force at the wrist, more than before, that means that the button goes in no further [N]."""
_ATTEMPTS = 3
_HARD = 2.2
"""A robot that can drive takes another place when the arm would have to bend more than this [rad]."""
_LATER = 0.08
"""A way to hold the hand that is liked less must spare the arm so much [rad]."""


def press(now: Situation, name: str) -> Script:
    """Press a button or switch once.

    Raises:
        GiveUpError: the hand is full, there is no button, or it is out of reach.
    """
    held = now.holding()
    if held is not None and now.opening > 0.004:
        raise GiveUpError(f"My hand is not empty: it holds {held}.")
    entity = now.entity(name)
    region = entity.region("button")
    if region is None:
        raise GiveUpError(f"{name} has no button.")
    before, sounded = now.true("powered", name), now.true("sounding", name)
    for attempt in range(_ATTEMPTS):
        entity = now.entity(name)
        way_in = inward(entity, region)
        hand = yield from _come_near(now, entity, region, attempt)
        yield from grip_to(now, 0.0, "close", timeout=0.5)
        look = entity.to_world(region.center_e)
        if not (
            yield from fly(now, _shifted(hand, -_BEFORE * way_in), "reach for button", look_at_w=look, besides=(name,))
        ):
            continue
        trouble = yield from push_in(now, hand, way_in, look)
        if now.true("powered", name) != before or (sounded and not now.true("sounding", name)) or not trouble:
            return f"I pressed {name}."
    raise GiveUpError(f"I could not press {name} ({_ATTEMPTS} attempts).")


def push_in(now: Situation, hand: Array, way_in: Array, look: Array) -> Generator[Command, None, str]:
    """From before a button onto it, in, and back; returns what went wrong, or an empty string.

    Args:
        now: the situation.
        hand: (4, 4) the hand in the map, its tips before the button's face.
        way_in: (3,) unit direction in the map in which the button goes in.
        look: (3,) the button in the map.
    """
    approach = Motion(phase="approach button", speed=0.15, near=0.006, aligned=0.15, timeout=2.5, look_at_w=look)
    yield from move(now, hand, approach)
    start, free = now.T_we[:3, 3], now.force_e
    reach, met = 0.008 + _DEPTH + (0.0 if free is None else _DEEPER), False
    pushing = Motion(phase="press", speed=0.06, near=0.004, aligned=0.3, timeout=2.0, look_at_w=look)
    for command in move(now, _shifted(hand, reach * way_in), pushing):
        force = now.force_e
        met = free is not None and force is not None and float(np.linalg.norm(force - free)) > _MET
        if met:
            break
        yield command
    depth = float((now.T_we[:3, 3] - start) @ way_in)
    retreat = Motion(phase="retreat", speed=0.2, near=0.02, aligned=0.3, timeout=2.0)
    yield from move(now, _shifted(hand, -_BEFORE * way_in), retreat)
    return "" if met or (free is None and depth > 0.012) else "the button did not go in"


def inward(entity: Entity, region: Region) -> Array:
    """(3,) unit direction in the map in which a button goes in: along its shortest side, down or away from its free
    face.
    """
    thin = int(np.argmin(region.half))
    if region.half[2] <= region.half[thin] + 1e-6:
        return np.array([0.0, 0.0, -1.0])
    axis = np.zeros(3)
    axis[thin] = -1.0 if region.center_e[thin] >= 0.0 else 1.0
    return np.asarray(entity.to_world(axis) - entity.position_w)


def _hands(entity: Entity, region: Region, base_w: Array) -> list[Array]:
    """Hand poses (4, 4) whose finger tips are 8 mm before the button's face, best first."""
    way_in = inward(entity, region)
    thin = int(np.argmin(region.half)) if way_in[2] > -0.5 else 2
    face = entity.to_world(region.center_e) - way_in * region.half[thin]
    tip = face - 0.008 * way_in
    if way_in[2] < -0.5:
        return [top_down(tip - way_in * FINGER_TIP, nominal_yaw(base_w, face))]
    heading = float(np.arctan2(way_in[1], way_in[0]))
    poses = []
    for dip in (0.3, 0.5, 0.15, 0.7, 0.0, 0.9):
        T = forward_pose(tip, heading, fingers="horizontal", dip=dip)
        T[:3, 3] -= FINGER_TIP * T[:3, 2]
        poses.append(T)
    return poses


def _shifted(T_we: Array, by_w: Array) -> Array:
    T = T_we.copy()
    T[:3, 3] += by_w
    return T


def press_places(now: Situation, entity: Entity, region: Region) -> list[Array]:
    """Base poses (x, y, yaw) from which a button can be pressed."""
    way_in = inward(entity, region)
    point = entity.to_world(region.center_e)
    headings: list[float] | None = None
    if way_in[2] > -0.5:
        square = float(np.arctan2(way_in[1], way_in[0]))
        headings = [square + turn for turn in (0.0, 0.26, -0.26, 0.52, -0.52)]

    def poses(pose_w: Array) -> list[Array]:
        bend, hand = _easiest(now, entity, region, pose_w)
        return [_shifted(hand, -_BEFORE * way_in), hand] if hand is not None and bend < _HARD else []

    return stands(now, point, poses, headings=headings)


def _come_near(now: Situation, entity: Entity, region: Region, attempt: int) -> Generator[Command, None, Array]:
    found = reachable_hand(now, entity, region) if attempt == 0 or not now.mobile else None
    if found is None and now.mobile:
        places = press_places(now, entity, region)
        if places:
            yield from drive(now, places[min(attempt, len(places) - 1)], "come near", look_at_w=entity.position_w)
            found = reachable_hand(now, entity, region)
    if found is None:
        raise GiveUpError(f"The button of {entity.name} is out of my reach.")
    return found


def reachable_hand(now: Situation, entity: Entity, region: Region) -> Array | None:
    """The hand pose (4, 4) from where the base stands, or None where the arm should not be asked for it."""
    bend, hand = _easiest(now, entity, region, now.base_w)
    return hand if not now.mobile or bend < _HARD else None


def _easiest(now: Situation, entity: Entity, region: Region, base_w: Array) -> tuple[float, Array | None]:
    """Of the hand poses (4, 4) for a button, the one for which the arm bends least from a base pose (x, y, yaw), and
    how far it bends [rad].
    """
    way_in = inward(entity, region)
    best: tuple[float, Array | None] = (np.inf, None)
    for k, hand in enumerate(_hands(entity, region, base_w)):
        way = [_shifted(hand, -_BEFORE * way_in), hand, _shifted(hand, 0.02 * way_in)]
        bend = effort(now, base_w, way) + _LATER * k
        if bend < best[0]:
            best = (bend, hand)
    return best

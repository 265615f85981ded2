"""Place: choose a free spot, carry the object over it, lower, let go, rise."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from yanshi.agent.skills.clearance import way_is_clear
from yanshi.agent.skills.drive import drive
from yanshi.agent.skills.grasp import nearest_half_turn, nominal_yaw
from yanshi.agent.skills.motion import Motion, above, grip_to, move, rest_over, top_down
from yanshi.agent.skills.motor.aim import Aim
from yanshi.agent.skills.motor.learned import perform
from yanshi.agent.skills.parts import moved
from yanshi.agent.skills.pick import EMPTY
from yanshi.agent.skills.script import Command, GiveUpError, Grip, Script, Situation
from yanshi.agent.skills.stand import reachable, stands
from yanshi.agent.skills.surroundings import below_hand, flight_height, fly, objects_near
from yanshi.contracts import Entity, Region

__all__ = ["hand_for", "free_spots", "place_in", "place_on", "put_down", "Spot", "spot_on"]

Array = NDArray[Any]
_OVER = 0.08
_TURNS = (0.0, 0.5, -0.5, 1.0, -1.0, 1.5)
"""How the wrist may be turned from where it likes best to bring an object to its place [rad]."""
_LET_GO = 0.035
"""How much wider the fingers open to let go [m]."""
_GAP = 0.004
"""The object is let go this high above the surface [m]."""
_MET = 20.0
"""What presses so hard on the way down [N] has met what is below it."""
_WRIST = (0.17, 0.10)
"""The wrist lies so far beside the hand [m]: in a narrower container the tool centre point goes no farther than this
below the rim [m]."""


@dataclass(frozen=True, slots=True)
class Spot:
    """Where the object's centre shall come to rest, or be let go."""

    center_w: Array
    cost: float


def place_on(now: Situation, name: str, target: str) -> Script:
    """Put what the hand holds on a surface, or on another object.

    Raises:
        GiveUpError: it is not in the hand, there is no room, or the place is out of reach.
    """
    grip = _held(now, name)
    onto = now.entity(target)
    if onto.category == "object":
        spots = [spot_on(onto, grip)]
    else:
        region = onto.region("on")
        if region is None:
            raise GiveUpError(f"Nothing can be put on {target}.")
        spots = free_spots(now, onto, region, grip, float(region.center_e[2] - region.half[2]), avoid=True)
    if not spots:
        raise GiveUpError(f"There is no room for {name} on {target}.")
    T_we = yield from _come_near(now, grip, spots, target)
    stack = onto.category == "object"
    yield from _carry_over(now, T_we, besides=(name, target) if stack else (name,))
    yield from _release(now, onto, T_we, stack)
    return f"{name} is on {target}."


def place_in(now: Situation, name: str, target: str) -> Script:
    """Put what the hand holds into a container.

    Raises:
        GiveUpError: it is not in the hand, the container is closed, or out of reach.
    """
    grip = _held(now, name)
    into = now.entity(target)
    region = into.region("in")
    if region is None:
        raise GiveUpError(f"Nothing can be put in {target}.")
    if into.articulation is not None and now.belief.openings.get(target, 1.0) < 0.5:
        raise GiveUpError(f"{target} is closed.")
    floor, rim = float(region.center_e[2] - region.half[2]), float(region.center_e[2] + region.half[2])
    lowest = max(floor + 0.01, _over_rim(grip, region, rim))
    T_we: Array | None = None
    trouble: GiveUpError | None = None
    heights = [h for h in (lowest, 0.5 * (floor + rim), rim - 0.5 * float(grip.extent[2]), rim + 0.01) if h >= lowest]
    # Beside what lies there already if that can be reached, else on top of it.
    for height, avoid in [(h, True) for h in heights] + [(max(heights[-1], rim), False)]:
        spots = free_spots(now, into, region, grip, height, avoid=avoid)
        if not spots:
            continue
        try:
            T_we = yield from _come_near(now, grip, spots, target)
            break
        except GiveUpError as error:
            trouble = error
    if T_we is None:
        raise trouble or GiveUpError(f"There is no room for {name} in {target}.")
    rim_w = float(into.position_w[2]) + rim
    yield from _carry_over(now, T_we, besides=(name,), over=rim_w + 0.03)
    yield from _release(now, into, T_we, stack=False)
    return f"{name} is in {target}."


def _over_rim(grip: Grip, region: Region, rim: float) -> float:
    """How low the bottom of what is held may be in the entity frame [m] for the wrist to stay over a rim."""
    aside, deep = _WRIST
    if float(region.half[:2].min()) >= aside:
        return -np.inf
    return rim - deep - (0.5 * float(grip.extent[2]) + _GAP + float(grip.offset_e[2]))


def _held(now: Situation, name: str) -> Grip:
    """How the object lies in the hand; made up from the belief where it was gripped by somebody else."""
    if now.opening < EMPTY or (now.grip is None and not now.true("holding", name)):
        now.grip = None
        raise GiveUpError(f"I do not hold {name}.")
    if now.grip is None or now.grip.name != name:
        entity = now.entity(name)
        T = now.T_we
        offset = T[:3, :3].T @ (entity.position_w - T[:3, 3])
        if float(np.linalg.norm(offset)) > 0.15:
            offset = np.array([0.0, 0.0, max(0.0, float(entity.extent[2]) / 2.0 - 0.03)])
        now.grip = Grip(name, offset, entity.extent, entity.yaw - float(np.arctan2(T[1, 1], T[0, 1])), now.opening)
        now.gripper = 0.0
    return now.grip


def _raised(point_w: Array, height: float) -> Array:
    """A point (3,) higher by so much [m]."""
    return np.asarray(point_w + np.array([0.0, 0.0, height]))


def spot_on(onto: Entity, grip: Grip) -> Spot:
    """Where the centre of what is held comes to rest on another object."""
    return Spot(_raised(_top_of(onto), grip.extent[2] / 2.0), 0.0)


def _top_of(entity: Entity) -> Array:
    """The middle of what an object carries things on (3,) in the map."""
    region = entity.region("on")
    if region is not None:
        return entity.to_world(region.center_e - [0.0, 0.0, region.half[2]])
    return _raised(entity.position_w, entity.extent[2] / 2.0)


def _opened(now: Situation, entity: Entity) -> float:
    """Joint value of a part, as believed."""
    return 0.0 if entity.articulation is None else now.belief.openings.get(entity.name, 0.0) * entity.articulation.limit


def free_spots(now: Situation, entity: Entity, region: Region, grip: Grip, height: float, avoid: bool) -> list[Spot]:
    """Places on a region where the object has room, best first; `height` [m] of its bottom in the entity frame."""
    radius = 0.5 * float(np.hypot(grip.extent[0], grip.extent[1]))
    inset = np.minimum(region.half[:2] * 0.9, min(radius, 0.06) + 0.02)
    half = region.half[:2] - inset
    value = _opened(now, entity)
    counts = np.maximum(1, np.minimum(15, (2.0 * half / 0.04).astype(int) + 1))
    axes = [np.linspace(-h, h, n) if n > 1 else np.zeros(1) for h, n in zip(half, counts, strict=True)]
    others = [
        (other.position_w[:2], 0.5 * float(np.hypot(other.extent[0], other.extent[1])))
        for other in objects_near(
            now, moved(entity, region.center_e, value), float(np.linalg.norm(region.half[:2])) + 0.15, (grip.name,)
        )
    ]
    spots = []
    for dx in axes[0]:
        for dy in axes[1]:
            point_e = np.array([region.center_e[0] + dx, region.center_e[1] + dy, height])
            if not _uncovered(entity, point_e, value):
                continue
            point = moved(entity, point_e, value)
            room = min((float(np.linalg.norm(point[:2] - at)) - r - radius for at, r in others), default=0.2)
            if avoid and room < 0.015:
                continue
            middle = float(np.hypot(dx / max(region.half[0], 1e-3), dy / max(region.half[1], 1e-3)))
            center = _raised(point, grip.extent[2] / 2.0 + _GAP)
            distance = float(np.linalg.norm(point[:2] - now.base_w[:2]))
            comfort = abs(distance - 0.56) if now.mobile else 0.3 * abs(distance - 0.5)
            cost = 0.12 * middle + comfort + 2.0 * max(0.0, 0.08 - room)
            spots.append(Spot(center, cost))
    return sorted(spots, key=lambda spot: spot.cost)


def _uncovered(entity: Entity, point_e: Array, value: float) -> bool:
    """Whether a place in a drawer has come out from under its furniture."""
    handle, articulation = entity.region("handle"), entity.articulation
    if handle is None or articulation is None or articulation.kind != "slide":
        return True
    front = float(handle.center_e @ articulation.axis_e) - 0.06
    return float(point_e @ articulation.axis_e) + value > front + 0.045


def hand_for(now: Situation, grip: Grip, spot: Spot, base_w: Array) -> tuple[Array, bool]:
    """The hand pose (4, 4) that brings the object's centre to a spot, pointing down, and whether the way there is
    clear; the wrist is turned as it likes, or as far from that as is needed to pass walls and tall furniture.
    """
    T = now.T_we
    best = nominal_yaw(base_w, spot.center_w)
    yaw = nearest_half_turn(float(np.arctan2(T[1, 1], T[0, 1])), best)
    yaw = best if abs(yaw - best) > 0.9 else yaw
    height = flight_height(now, rest_over(now, base_w)[:3, 3], spot.center_w, (grip.name,))
    poses = []
    for turned in (yaw, *(best + turn for turn in _TURNS)):
        pose = top_down(spot.center_w, turned)
        pose[:3, 3] -= pose[:3, :3] @ grip.offset_e
        if way_is_clear(now, base_w, pose, height):
            return pose, True
        poses.append(pose)
    return poses[0], False


def _come_near(now: Situation, grip: Grip, spots: list[Spot], target: str) -> Generator[Command, None, Array]:
    """The hand pose for the best spot that can be reached, from another place where it must be."""
    found = _reachable_hand(now, grip, spots[:12])
    if found is not None:
        return found
    if now.mobile:
        for spot in spots[:: max(1, len(spots) // 6)][:6]:

            def poses(pose_w: Array, spot: Spot = spot) -> list[Array]:
                hand, clear = hand_for(now, grip, spot, pose_w)
                return [above(hand, _OVER), hand] if clear else []

            places = stands(now, spot.center_w, poses)
            if places:
                yield from drive(now, places[0], "come near", look_at_w=spot.center_w)
                found = _reachable_hand(now, grip, [spot, *spots[:12]])
                if found is not None:
                    return found
    # The map knows furniture by its boxes only: what seems barred may yet go.
    found = _reachable_hand(now, grip, spots[:12], barred=True)
    if found is not None:
        return found
    raise GiveUpError(f"{target} is out of my reach.")


def _reachable_hand(now: Situation, grip: Grip, spots: list[Spot], barred: bool = False) -> Array | None:
    """The hand pose (4, 4) for the first spot in reach, its way clear unless it may be barred."""
    for spot in spots:
        hand, clear = hand_for(now, grip, spot, now.base_w)
        if not clear and not barred:
            continue
        if now.mobile and float(np.linalg.norm(hand[:2, 3] - now.base_w[:2])) > 0.80:
            continue
        if reachable(now, now.base_w, [above(hand, _OVER), hand]) > 0.0:
            return hand
    return None


def _release(now: Situation, target: Entity, T_we: Array, stack: bool) -> Generator[Command, None, None]:
    """From over the place down, let go, rise.

    Raises:
        GiveUpError: it is still in the hand.
    """

    def aim() -> Aim:
        opening = min(now.robot.max_opening, now.opening + _LET_GO)
        return Aim.at(now, target, T_we, between=now.opening, opening=opening, below=below_hand(now))

    trouble = yield from perform(now, "stack" if stack else "place", aim, put_down(now, T_we, stack))
    if trouble and now.opening > EMPTY and now.gripper < now.opening:
        trouble = yield from put_down(now, T_we, stack)
    now.grip = None
    if trouble:
        raise GiveUpError(f"I could not put it down: {trouble}.")


def put_down(now: Situation, T_we: Array, stack: bool) -> Generator[Command, None, str]:
    """Go down to a hand pose (4, 4) in the map, let go, rise; returns an empty string.

    Raises:
        GiveUpError: nothing is in the hand any more.
    """
    look, free = T_we[:3, 3], now.force_e

    def met() -> bool:
        force = now.force_e
        return free is not None and force is not None and float(np.linalg.norm(force - free)) > _MET

    if stack:
        yield from move(
            now,
            above(T_we, 0.03),
            Motion(phase="centre", speed=0.12, near=0.003, aligned=0.04, timeout=3.0, look_at_w=look),
        )
    fast = Motion(phase="lower", speed=0.18, near=0.012, aligned=0.1, timeout=3.0, look_at_w=look)
    yield from move(now, above(T_we, 0.015), fast, stop=met)
    gently = Motion(phase="touch down", speed=0.06, near=0.003, aligned=0.1, timeout=1.5, look_at_w=look)
    yield from move(now, T_we, gently, stop=met)
    _check_still_held(now)
    yield from _let_go(now)
    return ""


def _carry_over(
    now: Situation, T_we: Array, besides: tuple[str, ...], over: float = 0.0
) -> Generator[Command, None, None]:
    """Carry over the place; `over` [m] is the height of a rim that what is carried must pass over."""
    look = T_we[:3, 3]
    rise = max(_OVER, over + below_hand(now) - float(T_we[2, 3]))
    if not (yield from fly(now, above(T_we, rise), "carry over", look_at_w=look, besides=besides, speed=0.30)):
        raise GiveUpError("I could not get over the place.")
    _check_still_held(now)


def _check_still_held(now: Situation) -> None:
    if now.opening < EMPTY:
        name, now.grip = now.grip.name if now.grip else "it", None
        raise GiveUpError(f"I lost {name} on the way.")


def _let_go(now: Situation) -> Generator[Command, None, None]:
    look = now.T_we[:3, 3]
    yield from grip_to(now, min(now.robot.max_opening, now.opening + _LET_GO), "let go", look_at_w=look, timeout=0.8)
    now.grip = None
    up = now.T_we
    up[2, 3] += 0.12
    yield from move(now, up, Motion(phase="retreat", speed=0.25, near=0.02, aligned=0.3, timeout=2.0, look_at_w=look))

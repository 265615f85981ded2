"""Driving: a holonomic base that follows a way with its arm folded, and turns as it goes."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from yanshi.agent.skills.grasp import wrap
from yanshi.agent.skills.motion import rest, twist_towards
from yanshi.agent.skills.navigation import ClearanceMap
from yanshi.agent.skills.parts import outline
from yanshi.agent.skills.script import Command, GiveUpError, Situation
from yanshi.contracts import OccupancyGrid

__all__ = ["drive", "free_space"]

Array = NDArray[Any]
_MARGIN = -0.005
"""What the base keeps clear of occupied cells beyond its footprint [m]. A cell counts as occupied when anything is
in it, and
the footprint is a little larger than the base: that is margin enough, and standing close gives the arm its reach."""
_LOOKAHEAD = 0.30
_STRETCHED = 0.10
"""The base waits for a hand that is farther than this outside of it [m], lest the arm sweep things away."""
_SCANNERS = ("scan", "scan_rear")
"""Frames of the safety scanners."""
_TOUCH = 0.03
"""What the base may come nearer to a point of the scanner than its footprint [m]: its noise, and what the footprint
is larger than the base."""
_AS_GOOD = (0.06, 0.1)
"""A base that cannot get on has arrived all the same when it is this near its goal [m], [rad]."""
_BRAKING = 0.7
"""[m/s²]."""
_RAMP = 0.03
"""Change of speed from one step to the next [m/s] …"""
_TURN_RAMP = 0.4
"""… and of the rate of turn [rad/s]: less than what drives are allowed (`ShieldLimits.base_acceleration`)."""


def free_space(now: Situation, extra: Array | None = None) -> ClearanceMap:
    """Where the base can go: the grid as believed, with doors and drawers where they are believed to be.

    Args:
        now: the situation.
        extra: points (n, 2) of the map that were found to be occupied [m].
    """
    grid = now.belief.grid or now.floor_plan.grid
    parts = tuple(sorted(now.belief.openings.items()))
    key = (parts, 0 if extra is None else len(extra))
    if now.memory.get("free_space_grid") is grid.occupied and now.memory.get("free_space_key") == key:
        return now.memory["free_space"]  # type: ignore[no-any-return]
    occupied = grid.occupied.copy()
    clouds = [
        outline(entity, opening)
        for name, opening in parts
        if (entity := now.belief.entities.get(name)) is not None and entity.articulation is not None and opening > 0.05
    ]
    clouds += [
        outline(entity, opening)
        for name, opening in parts
        if (entity := now.belief.entities.get(name)) is not None and entity.category == "door" and opening <= 0.05
    ]
    if extra is not None:
        clouds.append(extra)
    for points in clouds:
        if len(points):
            i, j = np.floor((points - grid.origin_w) / grid.resolution).astype(int).T
            inside = (i >= 0) & (j >= 0) & (i < occupied.shape[1]) & (j < occupied.shape[0])
            occupied[j[inside], i[inside]] = True
    whole = OccupancyGrid(occupied=occupied, resolution=grid.resolution, origin_w=grid.origin_w)
    space = ClearanceMap(whole, now.robot.footprint + _MARGIN)
    now.memory["free_space_grid"], now.memory["free_space_key"], now.memory["free_space"] = grid.occupied, key, space
    return space


def drive(now: Situation, goal: Array, phase: str, look_at_w: Array | None = None) -> Generator[Command, None, None]:
    """Drive to a pose (x, y, yaw) of the map around everything that is known, with the arm folded.

    Raises:
        GiveUpError: there is no way, or the base does not get on.
    """
    extra: Array | None = None
    for _ in range(4):
        space = free_space(now, extra)
        seen = yield from _follow(now, space, goal, phase, look_at_w)
        if seen is None:
            return
        extra = seen if extra is None else np.vstack([extra, seen])
    raise GiveUpError("The way there is blocked.")


def _follow(
    now: Situation, space: ClearanceMap, goal: Array, phase: str, look_at_w: Array | None
) -> Generator[Command, None, Array | None]:
    """Follow the way to a goal; returns None on arrival, or the points (n, 2) of the map that bar it.

    Raises:
        GiveUpError: there is no way.
    """
    way = space.way(now.base_w, goal)
    if way is None:
        raise GiveUpError("There is no way there for me.")
    lengths = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(way, axis=0), axis=1))])
    travelled, velocity, turning = 0.0, np.zeros(2), 0.0
    start, best, best_time = now.time, np.inf, now.time
    barred_since: float | None = None
    while True:
        position, yaw = now.base_w[:2], now.base_w[2]
        travelled = _progress(way, lengths, position, travelled)
        left = float(lengths[-1] - travelled)
        gap = float(np.linalg.norm(goal[:2] - position))
        turn = wrap(goal[2] - yaw)
        if gap < 0.012 and abs(turn) < 0.03:
            return None
        if gap + 0.2 * abs(turn) + left < best - 0.01:
            best, best_time = gap + 0.2 * abs(turn) + left, now.time
        as_good = gap < _AS_GOOD[0] and abs(turn) < _AS_GOOD[1]
        if now.time - best_time > (1.0 if as_good else 3.0):
            if as_good:
                return None
            return np.asarray([position + 0.35 * _unit(way[-1] - position)])
        ahead = _carrot(space, way, lengths, travelled, position)
        to = goal[:2] - position if left < 0.08 else ahead - position
        rest_of_way = max(gap if left < 0.3 else left, 1e-6)
        speed = min(now.robot.base_speed[0], float(np.sqrt(2.0 * _BRAKING * rest_of_way)), 3.0 * rest_of_way)
        heading = float(np.arctan2(to[1], to[0])) if left > 0.5 else float(goal[2])
        off = wrap(heading - yaw)
        if left > 0.5 and abs(off) > 0.6:
            speed *= 0.45
        rate = float(np.clip(2.5 * off, -now.robot.base_speed[2], now.robot.base_speed[2]))
        if float(np.hypot(*now.T_be[:2, 3])) > now.robot.footprint + _STRETCHED and (left > 0.5 or abs(turn) > 0.6):
            speed, rate = 0.0, 0.0
            best_time = now.time
        bars = _bars(now, position, to)
        if bars is not None:
            barred_since = barred_since if barred_since is not None else now.time
            speed = 0.0
            if now.time - barred_since > 0.8:
                return None if as_good else bars
        else:
            barred_since = None
        wanted = speed * _unit(to)
        change = wanted - velocity
        velocity = velocity + change * min(1.0, _RAMP / max(float(np.linalg.norm(change)), 1e-9))
        turning += float(np.clip(rate - turning, -_TURN_RAMP, _TURN_RAMP))
        c, s = np.cos(yaw), np.sin(yaw)
        base = (c * velocity[0] + s * velocity[1], -s * velocity[0] + c * velocity[1], turning)
        yield Command(
            phase=phase,
            base=base,
            twist_b=_fold(now, now.time - start),
            look_at_w=look_at_w if look_at_w is not None and left < 1.0 else _road(position, to),
        )
        if now.time - start > 60.0:
            raise GiveUpError("Driving there takes too long.")


def _fold(now: Situation, since: float) -> Array:
    """Twist that brings the hand to its carrying pose as seen from the base: up before in, and gently at first."""
    target = rest(now)
    if now.T_we[2, 3] < target[2, 3] - 0.12:
        target[:2, 3] = now.T_we[:2, 3]
    ease = min(1.0, 0.15 + 1.5 * since)
    return twist_towards(now, target, 0.35 * ease, 1.0 * ease)


def _road(position: Array, to: Array) -> Array:
    """The point of the floor that one looks at while driving."""
    return np.array([*(position + 1.6 * _unit(to)), 0.3])


def _unit(v: Array) -> Array:
    return v / max(float(np.linalg.norm(v)), 1e-9)


def _progress(way: Array, lengths: Array, position: Array, travelled: float) -> float:
    """How far along the way the base is: the nearest point of it, not behind and not far ahead of the last one."""
    steps = np.arange(travelled, min(travelled + 0.4, lengths[-1]) + 1e-9, 0.02)
    points = np.array([_point_at(way, lengths, s) for s in steps])
    return float(steps[int(np.argmin(np.linalg.norm(points - position, axis=1)))])


def _carrot(space: ClearanceMap, way: Array, lengths: Array, travelled: float, position: Array) -> Array:
    """The point (x, y) of the way to steer at: as far ahead as can be driven to straight, so that no corner is cut."""
    for lookahead in (_LOOKAHEAD, 0.2, 0.12):
        ahead = _point_at(way, lengths, min(travelled + lookahead, lengths[-1]))
        if space.sees(position, ahead):
            return ahead
    return _point_at(way, lengths, min(travelled + 0.06, lengths[-1]))


def _point_at(way: Array, lengths: Array, s: float) -> Array:
    return np.array([np.interp(s, lengths, way[:, 0]), np.interp(s, lengths, way[:, 1])])


def _bars(now: Situation, position: Array, to: Array) -> Array | None:
    """Points (n, 2) of the map seen by the safety scanners that the base would strike on its next stretch, if there
    are such.
    """
    points = _scanned(now)
    relative = points - position
    direction = _unit(to)
    reach = min(float(np.linalg.norm(to)), 0.25)
    along = relative @ direction
    beside = relative @ np.array([-direction[1], direction[0]])
    distance = np.hypot(along - np.clip(along, 0.0, reach), beside)
    near = (along > 0.05) & (distance < now.robot.footprint - _TOUCH)
    return points[near] if int(near.sum()) >= 2 else None


def _scanned(now: Situation) -> Array:
    """Points (n, 2) of the map that the safety scanners met lately."""
    found = [np.zeros((0, 2))]
    for name in _SCANNERS:
        frame = now.observation.frames.get(name)
        if frame is not None and frame.T_bs is not None and now.time - frame.stamp <= 0.5:
            points = frame.data[:, :3] @ frame.T_bs[:3, :3].T + frame.T_bs[:3, 3]
            found.append((points @ now.T_wb[:3, :3].T + now.T_wb[:3, 3])[:, :2])
    return np.concatenate(found)

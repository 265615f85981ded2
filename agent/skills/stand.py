"""Where to stand to work on a thing: free floor beside it, in its room, from where the arm reaches it well."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from yanshi.agent.skills.drive import free_space
from yanshi.agent.skills.grasp import wrap
from yanshi.agent.skills.navigation import ClearanceMap
from yanshi.agent.skills.script import Situation

__all__ = ["BEST_REACH", "effort", "reachable", "stands"]

Array = NDArray[Any]
BEST_REACH = 0.56
"""Distance from the base centre at which the arm works best [m]."""
_REACHES = (0.46, 0.51, 0.56, 0.61, 0.66, 0.71, 0.76)


@dataclass(frozen=True, slots=True)
class _Candidate:
    pose_w: Array
    cost: float


def reachable(now: Situation, base_w: Array, poses_w: Sequence[Array]) -> float:
    """Whether the arm can take up all the hand poses (4, 4) of the map from a base pose (x, y, yaw).

    Returns:
        The least distance to a joint limit [rad] over the poses, or -1 when one cannot be reached.
    """
    x, y, yaw = base_w
    c, s = np.cos(yaw), np.sin(yaw)
    T_bw = np.linalg.inv(np.array([[c, -s, 0.0, x], [s, c, 0.0, y], [0.0, 0.0, 1.0, 0.0], [0.0, 0.0, 0.0, 1.0]]))
    margin, start = np.inf, None
    for T_we in poses_w:
        start = now.kinematics.solve(T_bw @ T_we, start)
        if start is None:
            return -1.0
        margin = min(margin, now.kinematics.margin(start))
    return float(margin)


def effort(now: Situation, base_w: Array, poses_w: Sequence[Array]) -> float:
    """How far the arm must bend for the hand poses (4, 4) of the map from a base pose (x, y, yaw): the greatest
    angle [rad] of a
    joint from its home posture, more near a joint limit; infinite when a pose cannot be reached.
    """
    x, y, yaw = base_w
    c, s = np.cos(yaw), np.sin(yaw)
    T_bw = np.linalg.inv(np.array([[c, -s, 0.0, x], [s, c, 0.0, y], [0.0, 0.0, 1.0, 0.0], [0.0, 0.0, 0.0, 1.0]]))
    most, start = 0.0, None
    for T_we in poses_w:
        start = now.kinematics.solve(T_bw @ T_we, start)
        if start is None:
            return np.inf
        most = max(
            most, float(np.abs(start - now.kinematics.home).max()) + 3.0 * max(0.0, 0.3 - now.kinematics.margin(start))
        )
    return most


def stands(
    now: Situation,
    point_w: Array,
    poses: Callable[[Array], Sequence[Array]],
    *,
    headings: Sequence[float] | None = None,
    aside: float = 0.0,
    reach: float = BEST_REACH,
    tries: int = 14,
) -> list[Array]:
    """Base poses (x, y, yaw) from which to work on a point of the map, best first; at most three.

    Args:
        now: the situation.
        point_w: (3,) the point to work on [m].
        poses: the hand poses (4, 4) of the map that must be reachable, given the base pose (x, y, yaw); none when
            it will not do.
        headings: which ways the robot may face there [rad]; None for any.
        aside: how far the point should lie to the left of the robot's middle [m].
        reach: the distance of the point from the base centre that is liked best [m].
        tries: how many candidates are checked with inverse kinematics; those without hand poses do not count.
    """
    space = free_space(now)
    room = next((room for room in now.floor_plan.rooms if room.contains(point_w)), None)
    here = space.nearest_free(now.base_w)
    candidates = []
    for heading in headings if headings is not None else np.arange(-np.pi, np.pi, np.pi / 12):
        c, s = np.cos(heading), np.sin(heading)
        for away in _REACHES:
            spot = point_w[:2] - np.array([c * away - s * aside, s * away + c * aside])
            if not space.is_free(spot) or (room is not None and not room.contains(spot)):
                continue
            if here is None or not space.connected(here, spot):
                continue
            cost = (
                3.0 * abs(reach - BEST_REACH)
                + 0.25 * float(np.linalg.norm(spot - now.base_w[:2]))
                + 0.5 * _tightness(space, spot)
            )
            cost += 0.05 * abs(wrap(heading - now.base_w[2]))
            candidates.append(_Candidate(np.array([spot[0], spot[1], wrap(float(heading))]), cost))
    candidates.sort(key=lambda candidate: candidate.cost)
    found: list[tuple[float, Array]] = []
    for candidate in _spread(candidates)[: 5 * tries]:
        hands = poses(candidate.pose_w)
        if not hands:
            continue
        tries -= 1
        bend = effort(now, candidate.pose_w, hands)
        if np.isfinite(bend):
            found.append((candidate.cost + 0.5 * max(0.0, bend - 1.5), candidate.pose_w))
        if len(found) == 3 or tries == 0:
            break
    return [pose_w for _, pose_w in sorted(found, key=lambda item: item[0])]


def _tightness(space: ClearanceMap, spot: Array) -> float:
    """0 with room to spare … 1 right beside an obstacle."""
    return float(np.clip(1.0 - (space.clearance[space.cell(spot)] - space.radius) / 0.06, 0.0, 1.0))


def _spread(candidates: list[_Candidate]) -> list[_Candidate]:
    """The candidates in order, those much like an earlier one moved to the end."""
    first: list[_Candidate] = []
    later: list[_Candidate] = []
    for candidate in candidates:
        alike = any(
            float(np.linalg.norm(candidate.pose_w[:2] - other.pose_w[:2])) < 0.07
            and abs(wrap(candidate.pose_w[2] - other.pose_w[2])) < 0.2
            for other in first
        )
        (later if alike else first).append(candidate)
    return first + later

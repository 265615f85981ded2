"""What stands around the robot, as its range senses have found it: a small map of voxels that moves along."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from yanshi.agent.shield.body import Body
from yanshi.agent.shield.kernels import BINS, survey
from yanshi.agent.shield.map_kernels import WINDOW, add_points, clear_box, depth_points, see_through
from yanshi.contracts import Frame, Observation

__all__ = ["Obstacles", "Posture"]

Array = NDArray[Any]
CAPACITY = 4096
RADIUS = 1.15
"""What is farther from the base is not kept [m]."""
_LOWEST, _HIGHEST = 0.05, 1.6
"""Heights [m] between which points are obstacles: below it is the floor, a door sill or noise."""
_OWN = 0.04
"""What is sensed nearer than this to the robot is the robot itself [m]."""
_STRIDE = 5
"""Every fifth pixel of a depth image along and across, others in the next: 5 cm apart at 1 m."""
_BEHIND = 0.10
_MANY = 1000
_SPARSE = 4
"""Of a LiDAR scan of many points every fourth one is taken, others from the next."""
_NOTHING = np.zeros((2, 3))
_HELD = np.array([[-0.13, -0.13, -0.07], [0.13, 0.13, 0.22]])
"""Where what the hand holds is, in the tool's frame [m]."""


@dataclass(frozen=True, slots=True)
class Posture:
    """Where the robot and its parts were at one moment."""

    stamp: float
    base_o: Array
    """(3,) odometry: x, y [m], yaw [rad]."""
    where: tuple[Array, Array]
    """Centres (ng, 3) and axes (ng, 3, 3) of its shapes in the base frame."""
    hulls: tuple[Array, Array, Array, Array]
    """Centres (m, 3) in the base frame, radii, first and one past the last shape of each body."""
    T_be: Array
    """(4, 4) end effector in the base."""
    holds: bool
    """Whether the fingers close on something."""


class Obstacles:
    """A map of what LiDARs, scanners and depth cameras met lately, in the odometry frame.

    Each control step takes in every small frame and at most one large one, so that no step takes long. The robot does
    not see itself, nor what it holds.
    """

    def __init__(self, body: Body, memory: float) -> None:
        self._body = body
        self._memory = memory
        self._scratch = np.zeros((4 * CAPACITY, 4), np.float32)
        self.nearest = np.zeros((len(body.shapes[0]), BINS, 4))
        """(ng, BINS, 4): distance [m] from each shape to what is nearest, by direction, and the way there."""
        self._history: deque[Posture] = deque(maxlen=16)
        self.clear()

    def clear(self) -> None:
        """Know nothing."""
        self._voxels = (
            np.zeros((CAPACITY, 8)),
            np.zeros(CAPACITY, np.int64),
            np.zeros(1, np.int64),
            np.full(WINDOW**3, -1, np.int32),
        )
        """Records (x, y, z, stamp, hits, i, j, k), the slot of each, how many there are, and the record of a slot."""
        self._seen: dict[str, float] = {}
        self._turn = 0
        self._history.clear()

    @property
    def points_o(self) -> Array:
        """(n, 3) the middles of the occupied voxels in the odometry frame [m]."""
        return self._voxels[0][: self._voxels[2][0], :3].copy()

    def update(self, observation: Observation, posture: Posture) -> None:
        """Take in what is new."""
        if posture.holds and self._history and not self._history[-1].holds:
            clear_box(self._voxels, posture.base_o, posture.T_be, _HELD)
        self._history.append(posture)
        waiting: Frame | None = None
        for frame in observation.frames.values():
            if frame.T_bs is None or frame.modality not in ("lidar", "depth"):
                continue
            if frame.stamp <= self._seen.get(frame.name, -np.inf):
                continue
            if frame.modality == "lidar" and len(frame.data) < _MANY:
                self._take(frame)
            elif waiting is None or self._seen.get(frame.name, -np.inf) < self._seen.get(waiting.name, -np.inf):
                waiting = frame
        if waiting is not None:
            self._take(waiting)

    def survey(self, reach: Array) -> None:
        """Find what is near each part of the robot; forget what is too old, too far, or where the robot is.

        Args:
            reach: (4,) how near a point must be to base, arm, hand and column to count [m]; 0 where nothing counts.
        """
        posture = self._history[-1]
        body = (self._body.shapes, posture.where, posture.hulls)
        now = (posture.stamp, self._memory, RADIUS + 0.1)
        survey(self._voxels, posture.base_o, now, reach, body, self.nearest)

    def missing(self, now: float, age: float) -> bool:
        """Whether a range sense that has spoken before is silent for longer than `age` [s]."""
        return any(now - stamp > age for stamp in self._seen.values())

    def _take(self, frame: Frame) -> None:
        """Put the points of one frame into the map, as seen from where the robot was then."""
        self._seen[frame.name] = frame.stamp
        then, base_o = self._at(frame.stamp)
        T_bs = np.asarray(frame.T_bs, dtype=float)
        points, which = frame.data, (0, len(frame.data), 1)
        self._turn = (self._turn + 7) % (_STRIDE * _STRIDE)
        if frame.modality == "depth":
            if frame.K is None:
                return
            intrinsics = (frame.K[0, 0], frame.K[1, 1], frame.K[0, 2], frame.K[1, 2])
            see_through(self._voxels, frame.data, intrinsics, T_bs, base_o, _BEHIND)
            grid = (_STRIDE, *divmod(self._turn, _STRIDE))
            points, which = self._scratch, (0, depth_points(frame.data, intrinsics, grid, 2.0, self._scratch), 1)
        elif len(points) > _MANY:
            which = (self._turn % _SPARSE, len(points), _SPARSE)
        box = _HELD if then.holds else _NOTHING
        own = (self._body.shapes, then.where, then.hulls, _OWN, then.T_be, box)
        add_points(self._voxels, points, which, (T_bs, base_o, frame.stamp), own, (RADIUS, _LOWEST, _HIGHEST))

    def _at(self, stamp: float) -> tuple[Posture, Array]:
        """The posture nearest to a moment, and the odometry (3,) then, between the two readings around it."""
        before = after = self._history[-1]
        for posture in reversed(self._history):
            before, after = posture, before
            if before.stamp <= stamp:
                break
        nearest = after if after.stamp - stamp < stamp - before.stamp else before
        span = after.stamp - before.stamp
        if span <= 0.0 or stamp <= before.stamp:
            return nearest, before.base_o
        share = min(1.0, (stamp - before.stamp) / span)
        change = after.base_o - before.base_o
        change[2] = (change[2] + np.pi) % (2.0 * np.pi) - np.pi
        return nearest, before.base_o + share * change

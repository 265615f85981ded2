"""The faces of the walls of a floor plan, and which of them a measured point is on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from yanshi.contracts import Array, Room

CORNER = 0.05
"""How far beyond its end [m] a point may be along a wall and still be on it."""


@dataclass(frozen=True, slots=True)
class OnWall:
    """The points of a scan that are on walls."""

    index: Array
    """(k,) which points."""
    distance: Array
    """(k,) in front of (positive) or behind the face [m]."""
    normal: Array
    """(k, 2) unit normal of the face, into the room."""


class Walls:
    """The four faces of every room, which is a rectangle. Doorways need no note: behind one there is another room."""

    def __init__(self, rooms: Sequence[Room]) -> None:
        faces = []
        for room in rooms:
            low, high = np.asarray(room.low_w, dtype=float), np.asarray(room.high_w, dtype=float)
            for axis in (0, 1):
                for side, at in ((1.0, low[axis]), (-1.0, high[axis])):
                    faces.append((axis, side, at, low[1 - axis], high[1 - axis]))
        table = np.array(faces, dtype=float).reshape(-1, 5)
        self._axis = table[:, 0].astype(np.intp)
        self._side, self._at, self._low, self._high = table[:, 1:].T
        self._normal = np.zeros((len(table), 2))
        self._normal[np.arange(len(table)), self._axis] = self._side

    def nearest(self, points_w: Array, eye_w: Array, gate: float) -> OnWall:
        """The nearest face of each point, where there is one within reach that shows its front.

        Args:
            points_w: (n, 2) [m].
            eye_w: (2,) from where they were measured [m].
            gate: farthest distance [m].
        """
        if not len(self._axis):
            return OnWall(np.zeros(0, np.intp), np.zeros(0), np.zeros((0, 2)))
        across, along = points_w[:, self._axis], points_w[:, 1 - self._axis]
        distance = (across - self._at) * self._side
        shows = (eye_w[self._axis] - self._at) * self._side > 0.0
        on = (along > self._low - CORNER) & (along < self._high + CORNER) & (np.abs(distance) < gate) & shows
        best = np.where(on, np.abs(distance), np.inf).argmin(axis=1)
        index = np.flatnonzero(on[np.arange(len(points_w)), best])
        face = best[index]
        return OnWall(index, distance[index, face], self._normal[face])

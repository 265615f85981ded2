"""Ways for a round, holonomic base: A* on the inflated occupancy grid, and the path pulled straight.

Cost of a way = its length, made dearer close to obstacles, so that the base keeps to the middle of doors where it can.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt, label

from yanshi.contracts import OccupancyGrid

__all__ = ["ClearanceMap", "shortest_path"]

Array = NDArray[Any]
_SQRT2 = float(np.sqrt(2.0))
_COMFORT = 0.15
"""Beyond this much room on every side [m], more is no better."""
_DEARNESS = 1.5
"""How much dearer a metre is right beside an obstacle."""


@dataclass(frozen=True)
class ClearanceMap:
    """An occupancy grid as the base feels it: how far each cell is from the nearest obstacle."""

    grid: OccupancyGrid
    radius: float
    """Least distance that the base centre must keep from anything occupied [m]."""

    @cached_property
    def clearance(self) -> Array:
        """(ny, nx) distance from each cell centre to the nearest occupied cell's edge, about [m]."""
        padded = np.pad(self.grid.occupied, 1, constant_values=True)
        distance = distance_transform_edt(~padded)[1:-1, 1:-1] * self.grid.resolution
        return np.asarray(np.maximum(distance - 0.5 * self.grid.resolution, 0.0))

    @cached_property
    def free(self) -> Array:
        """(ny, nx) bool: where the base centre may be."""
        return np.asarray(self.clearance >= self.radius)

    @cached_property
    def weight(self) -> Array:
        """(ny, nx) what a metre costs in each cell; infinite where the base may not be."""
        lack = np.clip(1.0 - (self.clearance - self.radius) / _COMFORT, 0.0, 1.0)
        return np.where(self.free, 1.0 + _DEARNESS * lack, np.inf)

    @cached_property
    def islands(self) -> Array:
        """(ny, nx) int: the number of the connected free area a cell belongs to, 0 where it is not free."""
        return np.asarray(label(self.free)[0])

    def cell(self, point_w: Array) -> tuple[int, int]:
        """The cell (j, i) of a point (x, y) [m], moved onto the grid when it is outside."""
        i, j = np.floor((np.asarray(point_w[:2]) - self.grid.origin_w) / self.grid.resolution).astype(int)
        ny, nx = self.grid.occupied.shape
        return int(np.clip(j, 0, ny - 1)), int(np.clip(i, 0, nx - 1))

    def point(self, cell: tuple[int, int]) -> Array:
        """The centre (x, y) of a cell [m]."""
        return np.asarray(self.grid.origin_w + (np.array([cell[1], cell[0]]) + 0.5) * self.grid.resolution)

    def is_free(self, point_w: Array) -> bool:
        """Whether the base centre may be at a point (x, y) [m]."""
        j, i = self.cell(point_w)
        inside = np.all(point_w[:2] >= self.grid.origin_w) and np.all(
            point_w[:2] <= self.grid.origin_w + np.array(self.grid.occupied.shape[::-1]) * self.grid.resolution
        )
        return bool(inside and self.free[j, i])

    def nearest_free(self, point_w: Array, within: float = 1.0) -> Array | None:
        """The free point (x, y) nearest to a point, or None when there is none within a distance [m]."""
        if self.is_free(point_w):
            return np.asarray(point_w[:2], dtype=float)
        cells = np.argwhere(self.free)
        if not len(cells):
            return None
        points = self.grid.origin_w + (cells[:, ::-1] + 0.5) * self.grid.resolution
        distance = np.linalg.norm(points - point_w[:2], axis=1)
        k = int(np.argmin(distance))
        return np.asarray(points[k]) if distance[k] <= within else None

    def connected(self, a_w: Array, b_w: Array) -> bool:
        """Whether the base can get from one free point to another."""
        a, b = self.islands[self.cell(a_w)], self.islands[self.cell(b_w)]
        return bool(a != 0 and a == b)

    def sees(self, a_w: Array, b_w: Array) -> bool:
        """Whether the base can drive straight from one point (x, y) to another."""
        a, b = np.asarray(a_w[:2], dtype=float), np.asarray(b_w[:2], dtype=float)
        n = max(2, int(np.ceil(np.linalg.norm(b - a) / (0.5 * self.grid.resolution))) + 1)
        points = a + np.linspace(0.0, 1.0, n)[:, None] * (b - a)
        cells = np.floor((points - self.grid.origin_w) / self.grid.resolution).astype(int)
        if np.any(cells < 0) or np.any(cells >= np.array(self.free.shape[::-1])):
            return False
        return bool(self.free[cells[:, 1], cells[:, 0]].all())

    def way(self, start_w: Array, goal_w: Array) -> Array | None:
        """A smoothed way (n, 2) [m] from start to goal, or None when there is none.

        A start in the forbidden margin (pushed there, or beside furniture that was just opened) first leaves it by
        the shortest line.
        """
        start = self.nearest_free(start_w)
        if start is None or not self.is_free(goal_w):
            return None
        cells = shortest_path(self.weight, self.cell(start), self.cell(goal_w))
        if cells is None:
            return None
        points = self.grid.origin_w + (np.array(cells)[:, ::-1] + 0.5) * self.grid.resolution
        points = np.vstack([start[None], points[1:-1], np.asarray(goal_w[:2], dtype=float)[None]])
        straight = self._pulled(points)
        if np.linalg.norm(start - start_w[:2]) > 1e-6:
            straight = np.vstack([np.asarray(start_w[:2], dtype=float)[None], straight])
        return straight

    def _pulled(self, points: Array) -> Array:
        """Drop every point that a straight line can pass by without coming nearer to things than the way did."""
        kept = [0]
        while kept[-1] < len(points) - 1:
            a = kept[-1]
            b = a + 1
            for step in (32, 16, 8, 4, 2, 1):
                while b + step < len(points) and self._as_roomy(points, a, b + step):
                    b += step
            kept.append(b)
        return np.asarray(points[kept])

    def _as_roomy(self, points: Array, a: int, b: int) -> bool:
        if not self.sees(points[a], points[b]):
            return False
        n = max(2, int(np.linalg.norm(points[b] - points[a]) / self.grid.resolution) + 1)
        line = points[a] + np.linspace(0.0, 1.0, n)[:, None] * (points[b] - points[a])
        cells = np.floor((line - self.grid.origin_w) / self.grid.resolution).astype(int)
        straight = float(self.weight[cells[:, 1], cells[:, 0]].mean() * np.linalg.norm(points[b] - points[a]))
        legs = np.linalg.norm(np.diff(points[a : b + 1], axis=0), axis=1)
        cells = np.floor((points[a : b + 1] - self.grid.origin_w) / self.grid.resolution).astype(int)
        weights = self.weight[cells[:, 1], cells[:, 0]]
        return straight <= float((legs * 0.5 * (weights[:-1] + weights[1:])).sum()) * 1.02


def shortest_path(weight: Array, start: tuple[int, int], goal: tuple[int, int]) -> list[tuple[int, int]] | None:
    """A* over the eight neighbours of each cell; corners of forbidden cells are not cut.

    Args:
        weight: (ny, nx) cost of a unit of length in each cell, at least 1; infinite where forbidden. A step costs
        its length times the mean
            weight of its two cells.
        start: cell (j, i).
        goal: cell (j, i).

    Returns:
        Cells from start to goal, both included, of least cost; None when the goal cannot be reached.
    """
    ny, nx = weight.shape
    width = nx + 2
    padded = np.full((ny + 2, width), np.inf)
    padded[1:-1, 1:-1] = weight
    cost: list[float] = padded.ravel().tolist()
    source, target = (start[0] + 1) * width + start[1] + 1, (goal[0] + 1) * width + goal[1] + 1
    infinity = float("inf")
    if cost[source] == infinity or cost[target] == infinity:
        return None
    rows, columns = np.divmod(np.arange(padded.size), width)
    dj, di = np.abs(rows - (goal[0] + 1)), np.abs(columns - (goal[1] + 1))
    ahead: list[float] = (np.maximum(dj, di) + (_SQRT2 - 1.0) * np.minimum(dj, di)).tolist()
    straight = (1, -1, width, -width)
    diagonal = ((1 + width, 1, width), (1 - width, 1, -width), (-1 + width, -1, width), (-1 - width, -1, -width))
    best = [infinity] * len(cost)
    came = [-1] * len(cost)
    done = bytearray(len(cost))
    best[source] = 0.0
    queue = [(ahead[source], source)]
    while queue:
        _, here = heapq.heappop(queue)
        if done[here]:
            continue
        if here == target:
            break
        done[here] = 1
        so_far, here_cost = best[here], 0.5 * cost[here]
        for move in straight:
            there = here + move
            total = so_far + here_cost + 0.5 * cost[there]
            if total < best[there]:
                best[there] = total
                came[there] = here
                heapq.heappush(queue, (total + ahead[there], there))
        for move, a, b in diagonal:
            there = here + move
            total = so_far + _SQRT2 * (here_cost + 0.5 * cost[there])
            if total < best[there] and cost[here + a] != infinity and cost[here + b] != infinity:
                best[there] = total
                came[there] = here
                heapq.heappush(queue, (total + ahead[there], there))
    else:
        return None
    cells = [target]
    while cells[-1] != source:
        cells.append(came[cells[-1]])
    return [(k // width - 1, k % width - 1) for k in reversed(cells)]

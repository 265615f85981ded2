"""Where there is something and where there is nothing, from rays: log odds in voxels over the cells of the floor plan.

The update is that of OctoMap (Hornung et al. 2013, "OctoMap: an efficient probabilistic 3D mapping framework based on
octrees"), in a grid as large as the home, so that time and memory are bounded beforehand. It has layers because a ray
that passes over a box says nothing of the box; the map from above is what they say together.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from yanshi.contracts import Array, OccupancyGrid
from yanshi.errors import ContractError
from yanshi.perception.mapping.ray_kernels import apply_marks, mark_rays


@dataclass(frozen=True, kw_only=True)
class OccupancyConfig:
    """How sure one ray is, and what lies in the way of a robot."""

    heights: tuple[float, float] = (0.08, 1.40)
    """Lower is the floor and its noise, higher is over the robot [m]."""
    layer: float = 0.1
    """Height of a voxel [m]; its sides are those of the floor plan's cells."""
    hit: float = 0.85
    passed: float = -0.2
    """What a scan adds to log odds. OctoMap's -0.4 would wear away table tops, which fill their voxels in part."""
    bounds: tuple[float, float] = (-2.0, 2.5)
    """Of log odds: what is gone is forgotten after five scans that look through it."""
    occupied_from: float = 1.6
    """Log odds: two hits."""
    free_to: float = -0.2
    """Log odds: one scan that looks through it."""


class OccupancyMap:
    """The voxels over one grid."""

    def __init__(self, grid: OccupancyGrid, config: OccupancyConfig | None = None) -> None:
        """An empty map of the cells of `grid`. Raises: ContractError if they have no size."""
        self.config = config or OccupancyConfig()
        low, high = self.config.heights
        if grid.resolution <= 0.0 or not high > low:
            raise ContractError(f"Expected cells and heights of a size, got {grid.resolution} m and {low} to {high} m.")
        layers = max(1, round((high - low) / self.config.layer))
        self._grid = grid
        self._origin = np.array([*np.asarray(grid.origin_w, dtype=float), low])
        self._size = np.array([grid.resolution, grid.resolution, (high - low) / layers])
        self.log_odds: Array = np.zeros((layers, *grid.occupied.shape), dtype=np.float32)
        """(nz, ny, nx) of being occupied; 0 where nothing is known."""
        self._marks = np.zeros(self.log_odds.shape, dtype=np.uint8)

    def clear(self) -> None:
        """Forget everything."""
        self.log_odds[:] = 0.0

    def add(self, points_w: Array, eye_w: Array, farthest: float = np.inf) -> None:
        """Take in the rays of one scan.

        Args:
            points_w: (n, 3) where they ended [m]; those that are not finite are left out.
            eye_w: (3,) from where they were sent [m].
            farthest: of rays that are longer [m] only the beginning counts, up to there.
        """
        points = np.asarray(points_w, dtype=np.float64)
        eye = np.asarray(eye_w, dtype=np.float64)
        ways = points[np.isfinite(points).all(axis=1)] - eye
        length = np.linalg.norm(ways, axis=1)
        ways, length = ways[length > 0.0], length[length > 0.0]
        share = np.minimum(1.0, farthest / length)
        ends = (eye + share[:, None] * ways - self._origin) / self._size
        mark_rays(self._marks, ends, share >= 1.0, (eye - self._origin) / self._size)
        c = self.config
        apply_marks(self._marks, self.log_odds, (c.passed, c.hit), c.bounds)

    @property
    def occupied(self) -> Array:
        """(ny, nx) bool: cells with something at any height."""
        found: Array = self.log_odds.max(axis=0) >= self.config.occupied_from
        return found

    @property
    def free(self) -> Array:
        """(ny, nx) bool: cells that were looked through at some height, and in which nothing was met."""
        found: Array = (self.log_odds.min(axis=0) <= self.config.free_to) & ~self.occupied
        return found

    @property
    def grid(self) -> OccupancyGrid:
        """The occupied cells, on the grid of the floor plan."""
        return OccupancyGrid(
            occupied=self.occupied, resolution=self._grid.resolution, origin_w=np.asarray(self._grid.origin_w)
        )

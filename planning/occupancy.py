"""Where the base cannot go, as believed: the map's walls and furniture, doors as they were last seen, obstacles
sensed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from yanshi.contracts import Entity, OccupancyGrid
from yanshi.planning.relations import opened, rotation

Array = NDArray[Any]


def believed_grid(
    plan: OccupancyGrid, sensed: OccupancyGrid | None, doors: Iterable[Entity], openings: Mapping[str, float]
) -> OccupancyGrid:
    """The map's grid with sensed obstacles and with each door leaf where it was last seen.

    A door of which nothing has been seen is taken to be as the map's grid has it.
    """
    occupied = plan.occupied.copy()
    if sensed is not None:
        occupied |= resample(sensed, plan)
    for door in doors:
        if door.name not in openings:
            continue
        occupied &= ~_under(door, plan, 0.0)
        occupied |= _under(door, plan, openings[door.name])
    return replace(plan, occupied=occupied)


def resample(grid: OccupancyGrid, like: OccupancyGrid) -> Array:
    """The occupied cells (ny, nx) of a grid, on the cells of another; free outside."""
    if grid.occupied.shape == like.occupied.shape and np.allclose(grid.origin_w, like.origin_w):
        return np.asarray(grid.occupied)
    x, y = cell_centers(like)
    i = np.floor((x - grid.origin_w[0]) / grid.resolution).astype(int)
    j = np.floor((y - grid.origin_w[1]) / grid.resolution).astype(int)
    ny, nx = grid.occupied.shape
    valid = ((j >= 0) & (j < ny))[:, None] & ((i >= 0) & (i < nx))[None]
    picked = grid.occupied[np.clip(j, 0, ny - 1)[:, None], np.clip(i, 0, nx - 1)[None]]
    return np.asarray(picked & valid)


def cell_centers(grid: OccupancyGrid) -> tuple[Array, Array]:
    """The x (nx,) and y (ny,) of the middles of cells [m]."""
    ny, nx = grid.occupied.shape
    return (
        grid.origin_w[0] + (np.arange(nx) + 0.5) * grid.resolution,
        grid.origin_w[1] + (np.arange(ny) + 0.5) * grid.resolution,
    )


def _under(door: Entity, grid: OccupancyGrid, opening: float) -> Array:
    """Cells (ny, nx) that a door leaf covers when it is so far open."""
    half = np.asarray(door.extent[:2], dtype=float) / 2
    corners = np.array([[1, 1, 0], [-1, 1, 0], [-1, -1, 0], [1, -1, 0]]) * np.append(half, 0.0)
    leaf = opened(door, corners, opening) @ rotation(door.yaw).T + door.position_w
    center = leaf[:, :2].mean(axis=0)
    along = (leaf[0, :2] - leaf[1, :2]) / max(float(np.linalg.norm(leaf[0, :2] - leaf[1, :2])), 1e-9)
    across = np.array([-along[1], along[0]])
    x, y = cell_centers(grid)
    dx, dy = x[None] - center[0], y[:, None] - center[1]
    margin = grid.resolution / 2
    inside_along = np.abs(dx * along[0] + dy * along[1]) <= half[0] + margin
    inside_across = np.abs(dx * across[0] + dy * across[1]) <= half[1] + margin
    return np.asarray(inside_along & inside_across)

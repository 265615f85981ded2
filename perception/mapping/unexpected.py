"""What a map has and the floor plan has not: a box on the floor, a chair that was moved."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import distance_transform_edt, label

from yanshi.contracts import Array, Entity, FloorPlan

STEPS = 24
"""Places of a moving part that are looked at."""


@dataclass(frozen=True, kw_only=True)
class UnexpectedConfig:
    """What counts."""

    margin: float = 0.15
    """Cells so near [m] to what the plan has are taken to be of it: walls are thick, things hang over edges."""
    least: int = 4
    """Cells that touch one another."""


class Unexpected:
    """Tells what is new from what one floor plan has.

    Where doors, drawers and flaps may be is left out: how far they are open is known by looking at them.
    """

    def __init__(self, plan: FloorPlan, config: UnexpectedConfig | None = None) -> None:
        self.config = config or UnexpectedConfig()
        grid = plan.grid
        known = np.array(grid.occupied, dtype=bool)
        ny, nx = known.shape
        x = grid.origin_w[0] + (np.arange(nx) + 0.5) * grid.resolution
        y = grid.origin_w[1] + (np.arange(ny) + 0.5) * grid.resolution
        for entity in plan.fixtures:
            if np.all(np.isfinite(entity.position_w)):
                known |= _footprint(entity, x[None], y[:, None])
        reach = distance_transform_edt(~known) * grid.resolution if known.any() else np.full(known.shape, np.inf)
        self._new: Array = reach > self.config.margin + 1e-9

    def of(self, occupied: Array) -> Array:
        """The cells (ny, nx) of a map that are new, of those that are occupied."""
        new = occupied & self._new
        groups, count = label(new, structure=np.ones((3, 3), dtype=bool))
        if not count:
            return np.asarray(new)
        large = np.bincount(groups.ravel()) >= self.config.least
        large[0] = False
        return np.asarray(large[groups])


def _footprint(entity: Entity, x: Array, y: Array) -> Array:
    """Where a thing of the map is, or may be: its box from above, and for a part that moves all that it sweeps."""
    center = np.asarray(entity.position_w[:2], dtype=float)
    joint = entity.articulation
    if joint is None:
        return _box(center, entity.yaw, entity.extent, x, y)
    swept = np.zeros(np.broadcast_shapes(x.shape, y.shape), dtype=bool)
    origin = entity.to_world(np.zeros(3))
    axis = entity.to_world(np.asarray(joint.axis_e, dtype=float)) - origin
    pivot = entity.to_world(np.asarray(joint.pivot_e, dtype=float))[:2]
    for value in np.linspace(0.0, joint.limit, STEPS):
        if joint.kind == "slide":
            swept |= _box(center + value * axis[:2], entity.yaw, entity.extent, x, y)
        else:
            turn = value * float(axis[2])
            c, s = np.cos(turn), np.sin(turn)
            turned = pivot + np.array([[c, -s], [s, c]]) @ (center - pivot)
            swept |= _box(turned, entity.yaw + turn, entity.extent, x, y)
    return swept


def _box(center: Array, yaw: float, extent: Array, x: Array, y: Array) -> Array:
    """The cells with middles x (1, nx), y (ny, 1) [m] that an upright box covers."""
    c, s = np.cos(yaw), np.sin(yaw)
    dx, dy = x - center[0], y - center[1]
    along, across = 0.5 * float(extent[0]), 0.5 * float(extent[1])
    return np.asarray((np.abs(c * dx + s * dy) <= along) & (np.abs(c * dy - s * dx) <= across))

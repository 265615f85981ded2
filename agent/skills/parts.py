"""Where the moving parts of furniture are: a drawer pulled out, a door ajar, seen from their articulation and
opening.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from yanshi.contracts import Entity, Region

__all__ = ["moved", "moved_direction", "outline", "swing"]

Array = NDArray[Any]


def swing(entity: Entity, value: float) -> tuple[Array, Array]:
    """Rotation (3, 3) and translation (3,) in the entity frame that take the closed part to a joint value [m or
    rad].
    """
    articulation = entity.articulation
    if articulation is None:
        return np.eye(3), np.zeros(3)
    axis = np.asarray(articulation.axis_e, dtype=float)
    if articulation.kind == "slide":
        return np.eye(3), axis * value
    x, y, z = axis
    K = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    R = np.eye(3) + np.sin(value) * K + (1.0 - np.cos(value)) * (K @ K)
    return R, articulation.pivot_e - R @ articulation.pivot_e


def moved(entity: Entity, point_e: Array, value: float) -> Array:
    """Where a point (3,) of the closed part is in the map [m] when its joint is at a value."""
    R, t = swing(entity, value)
    return entity.to_world(R @ np.asarray(point_e) + t)


def moved_direction(entity: Entity, direction_e: Array, value: float) -> Array:
    """A direction (3,) of the closed part in the map when its joint is at a value."""
    R, _ = swing(entity, value)
    return np.asarray(entity.to_world(R @ np.asarray(direction_e)) - entity.position_w)


def outline(entity: Entity, opening: float, spacing: float = 0.025) -> Array:
    """Points (n, 2) of the map [m] that a part covers on the floor beyond its furniture, when open by a fraction
    [0, 1].
    """
    articulation, handle = entity.articulation, entity.region("handle")
    if articulation is None or handle is None:
        return np.zeros((0, 2))
    value = opening * articulation.limit
    if articulation.kind == "slide":
        if opening < 0.05:
            return np.zeros((0, 2))
        reach = np.linspace(0.0, value, max(2, int(value / spacing) + 1))
        half = entity.extent[1] / 2.0
        across = np.linspace(-half, half, max(2, int(2 * half / spacing) + 1))
        side = np.cross([0.0, 0.0, 1.0], articulation.axis_e)
        center = handle.center_e - side * (handle.center_e @ side)
        points = [center + side * a + articulation.axis_e * r for r in reach for a in across]
        return np.array([entity.to_world(p)[:2] for p in points])
    pivot = np.asarray(articulation.pivot_e)
    edge = _edge(handle, pivot)
    along = np.linspace(0.0, 1.0, max(2, int(np.linalg.norm(edge - pivot) / spacing) + 1))
    panel = [pivot + a * (edge - pivot) for a in along]
    bars = [region.center_e for region in entity.regions if region.kind == "handle"]
    return np.array([moved(entity, point, value)[:2] for point in panel + bars])


def _edge(handle: Region, pivot: Array) -> Array:
    """The free edge of a hinged panel: a hand's breadth beyond its handle, as far from the panel's plane as the
    hinge.
    """
    arm = handle.center_e - pivot
    across = int(np.argmax(np.abs(arm[:2])))
    edge = pivot.copy()
    edge[across] = handle.center_e[across] + np.sign(arm[across]) * 0.08
    return np.asarray(edge)

"""Which geoms a camera cannot see, since they lie outside its pyramid of view: they need not be drawn."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import mujoco
import numpy as np
from numpy.typing import NDArray

from yanshi.contracts import Array

_HIDDEN_GROUP = 5
"""A group of geoms that is not drawn unless somebody asks for it."""


def outside(model: mujoco.MjModel, data: mujoco.MjData, scene: mujoco.MjvScene, aspect: float) -> NDArray[np.bool_]:
    """(ngeom,) whether the bounding sphere of a geom lies wholly beside, above, below or behind the scene's camera.

    `aspect` is width by height of the picture. Planes have no end, and so are never outside. Of a camera whose view is
    not a pyramid about its axis, nothing is said to be.
    """
    left, right = scene.camera
    if left.orthographic or left.frustum_width > 0.0:
        return np.zeros(model.ngeom, dtype=np.bool_)
    eye_w = 0.5 * (left.pos + right.pos).astype(np.float64)
    forward, up = left.forward.astype(np.float64), left.up.astype(np.float64)
    offset = data.geom_xpos - eye_w
    radius = np.where(model.geom_rbound > 0.0, model.geom_rbound, np.inf)
    depth = offset @ forward
    beyond: NDArray[np.bool_] = depth < -radius
    rise = float(left.frustum_top) / float(left.frustum_near)
    for axis, slope in ((up, rise), (np.cross(forward, up), rise * aspect)):
        beyond |= np.abs(offset @ axis) - depth * slope > radius * np.hypot(1.0, slope)
    return beyond


@contextmanager
def hidden(model: mujoco.MjModel, geoms: Array) -> Iterator[None]:
    """While inside, `geoms` (ngeom,) bool are in a group that is not drawn."""
    kept = model.geom_group[geoms]
    model.geom_group[geoms] = _HIDDEN_GROUP
    try:
        yield
    finally:
        model.geom_group[geoms] = kept

"""Rays by analytic intersection with primitives, drawn like a picture: each geom only into the pixels it can cover.

The rays of a LiDAR are a regular grid of angles, so what a geom can cover is a rectangle of that grid, found from its
oriented box. Inside it, every ray meets the geom in closed form. Nothing is built beforehand, so moving bodies cost
nothing. Geoms without a closed form (meshes, height fields) are left to `mj_multiRay` and merged.
"""

from __future__ import annotations

import math

import mujoco
import numpy as np

from yanshi.contracts import Array
from yanshi.envs.senses.patterns import Grid
from yanshi.envs.senses.range_kernels import BOX, CAPSULE, CYLINDER, ELLIPSOID, PLANE, SPHERE, draw
from yanshi.envs.senses.raycast import Hits, MultiRay


class RangeImage:
    """A `Raycaster`."""

    def __init__(self, model: mujoco.MjModel, seen: Array, grid: Grid) -> None:
        """Cast into the geoms that `seen` (ngeom,) bool says."""
        closed = np.isin(model.geom_type, (PLANE, SPHERE, CAPSULE, ELLIPSOID, CYLINDER, BOX))
        geoms = np.flatnonzero(seen & closed).astype(np.int32)
        kinds = model.geom_type[geoms].astype(np.int32)
        self._geoms = (geoms, kinds, _half_extents(kinds, model.geom_size[geoms]))
        elevations = np.array(grid.elevations)
        full_turn = abs(grid.columns * grid.step - 2.0 * np.pi) < 1e-6 * grid.step
        self._grid = (
            np.array([math.remainder(grid.azimuth, 2.0 * np.pi), grid.step, float(full_turn)]),
            elevations,
            np.stack((np.cos(grid.azimuths), np.sin(grid.azimuths))),
            np.stack((np.cos(elevations), np.sin(elevations))),
        )
        self._shape = (len(elevations), grid.columns)
        rest = seen & ~closed
        self._rest = MultiRay(model, rest, grid) if rest.any() else None

    def cast(self, data: mujoco.MjData, origin_w: Array, rotation_w: Array, reach: float) -> Hits:
        """See `Raycaster`."""
        distance, geom, cosine = np.full(self._shape, reach), np.full(self._shape, -1, np.int32), np.empty(self._shape)
        poses = (data.geom_xpos, data.geom_xmat, np.ascontiguousarray(origin_w), np.ascontiguousarray(rotation_w))
        draw(self._geoms, poses, self._grid, (distance, geom, cosine))
        hits = Hits(distance.ravel(), geom.ravel(), cosine.ravel())
        if self._rest is not None:
            _merge(hits, self._rest.cast(data, origin_w, rotation_w, reach))
        return hits


def _half_extents(kinds: Array, sizes: Array) -> Array:
    """(n, 3) half extents of the geoms' boxes, from MuJoCo's sizes; of a plane, 0 where it has no end."""
    out = sizes.astype(np.float64)
    sphere, capsule, cylinder = kinds == SPHERE, kinds == CAPSULE, kinds == CYLINDER
    out[sphere] = sizes[sphere, :1]
    out[capsule] = np.column_stack((sizes[capsule, 0], sizes[capsule, 0], sizes[capsule, 0] + sizes[capsule, 1]))
    out[cylinder] = sizes[cylinder][:, [0, 0, 1]]
    return out


def _merge(hits: Hits, other: Hits) -> None:
    """Take over into `hits` what `other` met nearer."""
    nearer = (other.geom >= 0) & ((hits.geom < 0) | (other.distance < hits.distance))
    hits.distance[nearer] = other.distance[nearer]
    hits.geom[nearer] = other.geom[nearer]
    hits.cosine[nearer] = other.cosine[nearer]

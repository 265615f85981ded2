"""Rays by analytic intersection with primitives, drawn like a picture: each geom only into the pixels it can cover.

The rays of a LiDAR are a regular grid of angles, so what a geom can cover is a rectangle of that grid, found from its
oriented box. Inside it, every ray meets the geom in closed form. Nothing is built beforehand, so moving bodies cost
nothing. Geoms without a closed form (meshes, height fields) are left to `mj_multiRay` and merged.

Needs numba (``pip install 'yanshi[lidar]'``).
"""
# mypy: disable-error-code="no-untyped-def, untyped-decorator"

from __future__ import annotations

import math

import mujoco
import numpy as np
from numba import njit

from yanshi.contracts import Array
from yanshi.envs.senses.patterns import Grid
from yanshi.envs.senses.primitives import BOX, CAPSULE, CYLINDER, ELLIPSOID, FAST, PLANE, SPHERE, incidence, meet
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
        _draw(self._geoms, poses, self._grid, (distance, geom, cosine))
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


@njit(**FAST)
def _draw(geoms, poses, grid, image):
    """Draw every geom into the range image, then find the angle at which each ray meets what it meets."""
    ids, kinds, sizes = geoms
    distance, hit, _ = image
    width, reach = distance.shape[1], distance[0, 0]
    near = np.empty(width)
    centers, eyes, axes = np.empty((len(ids), 3)), np.empty((len(ids), 3)), np.empty((len(ids), 3, 3))
    for g in range(len(ids)):
        _place(ids[g], poses, centers[g], eyes[g], axes[g])
        seen, row0, row1, col0, col1 = _window(kinds[g], sizes[g], centers[g], axes[g], grid, reach)
        if seen:
            _fill(
                g,
                (kinds[g], sizes[g], eyes[g], axes[g]),
                (row0, row1, col0, min(col1, width)),
                grid,
                (distance, hit, near),
            )
            if col1 > width:
                # Past the seam of a full turn a window goes on at the first column.
                _fill(
                    g,
                    (kinds[g], sizes[g], eyes[g], axes[g]),
                    (row0, row1, 0, col1 - width),
                    grid,
                    (distance, hit, near),
                )
    _shade(geoms, eyes, axes, grid, image)


@njit(**FAST)
def _place(index, poses, center, eye, axes):
    """Find a geom in the sensor frame (center, its axes as columns) and the sensor in the geom's frame (eye)."""
    positions, rotations, origin, turn = poses
    for i in range(3):
        center[i] = 0.0
        for k in range(3):
            center[i] += turn[k, i] * (positions[index, k] - origin[k])
        for j in range(3):
            axes[i, j] = 0.0
            for k in range(3):
                axes[i, j] += turn[k, i] * rotations[index, 3 * k + j]
    for j in range(3):
        eye[j] = -(axes[0, j] * center[0] + axes[1, j] * center[1] + axes[2, j] * center[2])


@njit(**FAST)
def _window(kind, size, center, axes, grid, reach):
    """Whether a geom can be seen, and in which rows [row0, row1) and columns [col0, col1) of the grid at most."""
    _, elevations, columns, _ = grid
    rows, width = len(elevations), columns.shape[1]
    if kind == PLANE:
        return True, 0, rows, 0, width
    radius = np.sqrt(size[0] ** 2 + size[1] ** 2 + size[2] ** 2)
    if center[0] ** 2 + center[1] ** 2 + center[2] ** 2 > (reach + radius) ** 2:
        return False, 0, 0, 0, 0
    gap, ux, uy = _clearance(size, center, axes)
    if gap <= 1e-9:
        return True, 0, rows, 0, width
    low, high, far = 1e30, -1e30, 0.0
    for corner in range(8):
        x, y = center[0], center[1]
        for m in range(3):
            s = size[m] if corner & (1 << m) else -size[m]
            x += s * axes[0, m]
            y += s * axes[1, m]
        slope = (ux * y - uy * x) / (ux * x + uy * y)
        low, high, far = min(low, slope), max(high, slope), max(far, x * x + y * y)
    far = np.sqrt(far)
    rise = size[0] * abs(axes[2, 0]) + size[1] * abs(axes[2, 1]) + size[2] * abs(axes[2, 2])
    top, bottom = center[2] + rise, center[2] - rise
    row0 = np.searchsorted(elevations, np.arctan(bottom / (gap if bottom < 0.0 else far)) - 1e-9)
    row1 = np.searchsorted(elevations, np.arctan(top / (gap if top > 0.0 else far)) + 1e-9)
    heading = np.arctan2(uy, ux)
    col0, col1 = _columns(heading + np.arctan(low), heading + np.arctan(high), grid)
    return row0 < row1 and col0 < col1, row0, row1, col0, col1


@njit(**FAST)
def _clearance(size, center, axes):
    """How far off a box lies at least, and the horizontal direction (x, y) that shows it; 0 if it is all round."""
    gap, ux, uy = 0.0, 0.0, 0.0
    for k in range(-1, 3):
        x, y = (center[0], center[1]) if k < 0 else (axes[0, k], axes[1, k])
        length = np.sqrt(x * x + y * y)
        if length < 1e-6:
            continue
        x, y = x / length, y / length
        along = center[0] * x + center[1] * y
        if along < 0.0:
            x, y, along = -x, -y, -along
        for m in range(3):
            along -= size[m] * abs(axes[0, m] * x + axes[1, m] * y)
        if along > gap:
            gap, ux, uy = along, x, y
    return gap, ux, uy


@njit(**FAST)
def _columns(low, high, grid):
    """The columns [first, last) whose azimuths lie in [low, high]; in a full turn, last may go past the seam."""
    angles, _, columns, _ = grid
    width, period = columns.shape[1], 2.0 * np.pi / angles[1]
    begin, end = (low - angles[0]) / angles[1] - 1e-6, (high - angles[0]) / angles[1] + 1e-6
    if angles[2] > 0.0:
        first = int(np.ceil(begin))
        return first % width, first % width + int(np.floor(end)) + 1 - first
    first, last = width, 0
    for turn in range(-2, 3):
        a, b = max(int(np.ceil(begin + turn * period)), 0), min(int(np.floor(end + turn * period)) + 1, width)
        if a < b:
            first, last = min(first, a), max(last, b)
    return first, last


@njit(**FAST)
def _fill(g, geom, window, grid, image):
    """Draw geom number g into one window of the range image, row by row."""
    kind, size, eye, axes = geom
    row0, row1, col0, col1 = window
    _, _, columns, rows = grid
    distance, hit, near = image
    beam = np.empty((3, 3))
    for i in range(row0, row1):
        for k in range(3):
            beam[k, 0] = rows[0, i] * axes[0, k]
            beam[k, 1] = rows[0, i] * axes[1, k]
            beam[k, 2] = rows[1, i] * axes[2, k]
        meet(kind, eye, beam, size, columns, col0, col1, near)
        for j in range(col0, col1):
            if near[j] < distance[i, j]:
                distance[i, j] = near[j]
                hit[i, j] = g


@njit(**FAST)
def _shade(geoms, eyes, axes, grid, image):
    """Turn geom numbers into ids, find the cosines of incidence, and mark what met nothing."""
    ids, kinds, sizes = geoms
    _, _, columns, rows = grid
    distance, hit, cosine = image
    for i in range(distance.shape[0]):
        c, e = rows[0, i], rows[1, i]
        for j in range(distance.shape[1]):
            g = hit[i, j]
            if g < 0:
                distance[i, j] = -1.0
                cosine[i, j] = 0.0
                continue
            hit[i, j] = ids[g]
            x, y, t = c * columns[0, j], c * columns[1, j], distance[i, j]
            dx = x * axes[g, 0, 0] + y * axes[g, 1, 0] + e * axes[g, 2, 0]
            dy = x * axes[g, 0, 1] + y * axes[g, 1, 1] + e * axes[g, 2, 1]
            dz = x * axes[g, 0, 2] + y * axes[g, 1, 2] + e * axes[g, 2, 2]
            point = (eyes[g, 0] + t * dx, eyes[g, 1] + t * dy, eyes[g, 2] + t * dz)
            cosine[i, j] = incidence(kinds[g], sizes[g, 0], sizes[g, 1], sizes[g, 2], point, (dx, dy, dz))

"""The compiled part of `range_image`: which rays a geom can meet, and where it meets them, in closed form.

Every geom is intersected in its own frame, as MuJoCo defines it: about the origin, long axis z, `size` (3,) the half
extents of its box. Rays of a row are beam @ (cos azimuth, sin azimuth, 1), from `eye` (3,); where ray j first meets the
surface goes to ``near[j]``, 1e30 if nowhere. All kernels are in one file: numba's cache sees no changes in another.
"""
# mypy: disable-error-code="no-untyped-def, untyped-decorator"

from __future__ import annotations

from typing import Any

import mujoco
import numpy as np
from numba import njit

FAST: dict[str, Any] = {
    "cache": True,
    "nogil": True,
    "error_model": "numpy",
    "fastmath": {"nsz", "contract", "arcp", "nnan"},
}
"""How kernels are compiled: once per machine, without the interpreter's lock, free to fuse and vectorise."""

PLANE = int(mujoco.mjtGeom.mjGEOM_PLANE)
SPHERE = int(mujoco.mjtGeom.mjGEOM_SPHERE)
CAPSULE = int(mujoco.mjtGeom.mjGEOM_CAPSULE)
ELLIPSOID = int(mujoco.mjtGeom.mjGEOM_ELLIPSOID)
CYLINDER = int(mujoco.mjtGeom.mjGEOM_CYLINDER)
BOX = int(mujoco.mjtGeom.mjGEOM_BOX)


@njit(**FAST)
def draw(geoms, poses, grid, image):
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
        _meet(kind, eye, beam, size, columns, col0, col1, near)
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
            cosine[i, j] = _incidence(kinds[g], sizes[g, 0], sizes[g, 1], sizes[g, 2], point, (dx, dy, dz))


@njit(**FAST)
def _meet(kind, eye, beam, size, columns, col0, col1, near):
    """Fill ``near[col0:col1]`` with where the rays of a row meet a geom of a kind."""
    if kind == BOX:
        _box(eye, beam, size, columns, col0, col1, near)
    elif kind == PLANE:
        _plane(eye, beam, size, columns, col0, col1, near)
    elif kind == CYLINDER:
        _cylinder(eye, beam, size, columns, col0, col1, near)
    elif kind == CAPSULE:
        _capsule(eye, beam, size, columns, col0, col1, near)
    else:
        _ellipsoid(eye, beam, size, columns, col0, col1, near)


@njit(**FAST)
def _ray(beam, k, columns, j):
    """One coordinate of a ray in the geom's frame."""
    return beam[k, 0] * columns[0, j] + beam[k, 1] * columns[1, j] + beam[k, 2]


@njit(**FAST)
def _first(enter, leave):
    """Where a ray first meets the surface of a convex body that it is in from `enter` to `leave`; 1e30 if nowhere."""
    t = enter if enter >= 0.0 else leave
    return t if (enter <= leave) & (t >= 0.0) else 1e30


@njit(**FAST)
def _round(a, b, c):
    """Between which t the quadratic a t² + 2 b t + c is negative; never if the first is above the second."""
    disc = b * b - a * c
    root = np.sqrt(disc if disc > 0.0 else 0.0)
    miss = 0.0 if disc >= 0.0 else 1e30
    scale = 1.0 / (a if a > 1e-30 else 1e-30)
    return (-b - root) * scale + miss, (-b + root) * scale - miss


@njit(**FAST)
def _slab(o, d, h):
    """Between which t a ray is between the planes -h and h of one axis."""
    scale = 1.0 / (d if abs(d) > 1e-30 else 1e-30)
    middle, half = -o * scale, abs(h * scale)
    return middle - half, middle + half


@njit(**FAST)
def _max(a, b):
    return a if a > b else b


@njit(**FAST)
def _min(a, b):
    return a if a < b else b


@njit(**FAST)
def _box(eye, beam, size, columns, col0, col1, near):
    ox, oy, oz = eye
    hx, hy, hz = size
    for j in range(col0, col1):
        ax, bx = _slab(ox, _ray(beam, 0, columns, j), hx)
        ay, by = _slab(oy, _ray(beam, 1, columns, j), hy)
        az, bz = _slab(oz, _ray(beam, 2, columns, j), hz)
        near[j] = _first(_max(_max(ax, ay), az), _min(_min(bx, by), bz))


@njit(**FAST)
def _plane(eye, beam, size, columns, col0, col1, near):
    """Only its upper side is there, as in MuJoCo."""
    ox, oy, oz = eye
    hx = size[0] if size[0] > 0.0 else 1e30
    hy = size[1] if size[1] > 0.0 else 1e30
    for j in range(col0, col1):
        dz = _ray(beam, 2, columns, j)
        t = -oz / (dz if dz < -1e-15 else -1e-15)
        x, y = ox + t * _ray(beam, 0, columns, j), oy + t * _ray(beam, 1, columns, j)
        near[j] = t if (t >= 0.0) & (abs(x) <= hx) & (abs(y) <= hy) else 1e30


@njit(**FAST)
def _cylinder(eye, beam, size, columns, col0, col1, near):
    ox, oy, oz = eye
    radius, _, half = size
    rim = ox * ox + oy * oy - radius * radius
    for j in range(col0, col1):
        dx, dy = _ray(beam, 0, columns, j), _ray(beam, 1, columns, j)
        ar, br = _round(dx * dx + dy * dy, ox * dx + oy * dy, rim)
        az, bz = _slab(oz, _ray(beam, 2, columns, j), half)
        near[j] = _first(_max(ar, az), _min(br, bz))


@njit(**FAST)
def _capsule(eye, beam, size, columns, col0, col1, near):
    ox, oy, oz = eye
    radius = size[0]
    half = size[2] - radius
    rim = ox * ox + oy * oy - radius * radius
    for j in range(col0, col1):
        dx, dy, dz = _ray(beam, 0, columns, j), _ray(beam, 1, columns, j), _ray(beam, 2, columns, j)
        level = ox * dx + oy * dy
        ar, br = _round(dx * dx + dy * dy, level, rim)
        az, bz = _slab(oz, dz, half)
        enter, leave = _max(ar, az), _min(br, bz)
        miss = 0.0 if enter <= leave else 1e30
        top, bottom = oz - half, oz + half
        at, bt = _round(1.0, level + top * dz, rim + top * top)
        ab, bb = _round(1.0, level + bottom * dz, rim + bottom * bottom)
        near[j] = _first(_min(enter + miss, _min(at, ab)), _max(leave - miss, _max(bt, bb)))


@njit(**FAST)
def _ellipsoid(eye, beam, size, columns, col0, col1, near):
    """Also a sphere, as one with equal axes: the unit sphere when every axis is measured in its own radius."""
    sx, sy, sz = 1.0 / size[0], 1.0 / size[1], 1.0 / size[2]
    ox, oy, oz = eye[0] * sx, eye[1] * sy, eye[2] * sz
    outside = ox * ox + oy * oy + oz * oz - 1.0
    for j in range(col0, col1):
        dx, dy, dz = _ray(beam, 0, columns, j) * sx, _ray(beam, 1, columns, j) * sy, _ray(beam, 2, columns, j) * sz
        enter, leave = _round(dx * dx + dy * dy + dz * dz, ox * dx + oy * dy + oz * dz, outside)
        near[j] = _first(enter, leave)


@njit(**FAST)
def _incidence(kind, hx, hy, hz, point, ray):
    """|cos| of the angle between a ray and the surface normal at a point, both in the geom's frame."""
    x, y, z = point
    dx, dy, dz = ray
    if kind == PLANE:
        return abs(dz)
    if kind == BOX:
        qx, qy, qz = abs(x) - hx, abs(y) - hy, abs(z) - hz
        level = abs(dx) if qx >= qy else abs(dy)
        return level if _max(qx, qy) >= qz else abs(dz)
    if kind == CYLINDER:
        if abs(z) - hz > np.sqrt(x * x + y * y) - hx:
            return abs(dz)
        z = 0.0
    elif kind == CAPSULE:
        half = hz - hx
        z -= _min(_max(z, -half), half)
    else:
        x, y, z = x / (hx * hx), y / (hy * hy), z / (hz * hz)
    return abs(x * dx + y * dy + z * dz) / _max(np.sqrt(x * x + y * y + z * z), 1e-12)

"""Where rays meet boxes, planes, cylinders, capsules and ellipsoids: compiled closed forms, a row of rays at a time.

Every geom is in its own frame, as MuJoCo defines it: about the origin, long axis z, `size` (3,) the half extents of its
box. A row has rays beam @ (cos azimuth, sin azimuth, 1), from `eye` (3,); where ray j first meets the surface goes to
``near[j]``, 1e30 if nowhere.
"""
# mypy: disable-error-code="no-untyped-def, untyped-decorator"

from __future__ import annotations

from typing import Any

import mujoco
import numpy as np

from yanshi.errors import MissingDependencyError

try:
    from numba import njit
except ImportError as error:
    raise MissingDependencyError("numba", "lidar") from error

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
def meet(kind, eye, beam, size, columns, col0, col1, near):
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


@njit(inline="always", **FAST)
def _ray(beam, k, columns, j):
    """One coordinate of a ray in the geom's frame."""
    return beam[k, 0] * columns[0, j] + beam[k, 1] * columns[1, j] + beam[k, 2]


@njit(inline="always", **FAST)
def _first(enter, leave):
    """Where a ray first meets the surface of a convex body that it is in from `enter` to `leave`; 1e30 if nowhere."""
    t = enter if enter >= 0.0 else leave
    return t if (enter <= leave) & (t >= 0.0) else 1e30


@njit(inline="always", **FAST)
def _round(a, b, c):
    """Between which t the quadratic a t² + 2 b t + c is negative; never if the first is above the second."""
    disc = b * b - a * c
    root = np.sqrt(disc if disc > 0.0 else 0.0)
    miss = 0.0 if disc >= 0.0 else 1e30
    scale = 1.0 / (a if a > 1e-30 else 1e-30)
    return (-b - root) * scale + miss, (-b + root) * scale - miss


@njit(inline="always", **FAST)
def _slab(o, d, h):
    """Between which t a ray is between the planes -h and h of one axis."""
    scale = 1.0 / (d if abs(d) > 1e-30 else 1e-30)
    middle, half = -o * scale, abs(h * scale)
    return middle - half, middle + half


@njit(inline="always", **FAST)
def _max(a, b):
    return a if a > b else b


@njit(inline="always", **FAST)
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
        tube = _first(_max(ar, az), _min(br, bz))
        top, bottom = oz - half, oz + half
        at, bt = _round(1.0, level + top * dz, rim + top * top)
        ab, bb = _round(1.0, level + bottom * dz, rim + bottom * bottom)
        near[j] = _min(tube, _min(_first(at, bt), _first(ab, bb)))


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


@njit(inline="always", **FAST)
def incidence(kind, hx, hy, hz, point, ray):
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

"""The compiled part of `obstacles`: points that are sensed become voxels, and voxels that are seen through go.

Voxels lie in a window that moves with the robot: cell (i, j, k) is kept in slot (i mod n, j mod n, k mod n). Each holds
the mean of the points that fell into it, since single LiDAR points are off by centimetres.
"""
# mypy: disable-error-code="no-untyped-def, untyped-decorator"

from __future__ import annotations

from math import cos, floor, sin, sqrt
from typing import Any

import numpy as np
from numba import njit

from yanshi.agent.shield.kernels import COLUMN, forget, gap

COMPILED: dict[str, Any] = {"cache": True, "nogil": True, "error_model": "numpy"}
WINDOW = 64
"""Cells along each side of the window."""
CELL = 0.05
"""[m]."""
MEMORY_OF_MEAN = 8.0
"""Points that a voxel's mean looks back on."""


@njit(**COMPILED)
def depth_points(depth, intrinsics, grid, farthest, points):
    """Write every `stride`-th pixel of a depth image (H, W) [m] as x, y, z of the camera; returns how many.

    Args:
        depth: NaN where there is none.
        intrinsics: fx, fy, cx, cy [px].
        grid: stride and where it begins, row and column [px].
        farthest: points beyond are left out [m].
        points: (n, 4) float32, written.
    """
    fx, fy, cx, cy = intrinsics
    stride, row, column = grid
    count = 0
    for v in range(row, depth.shape[0], stride):
        for u in range(column, depth.shape[1], stride):
            z = depth[v, u]
            if z < farthest and count < len(points):  # False for NaN.
                points[count, 0], points[count, 1], points[count, 2] = (u - cx) / fx * z, (v - cy) / fy * z, z
                count += 1
    return count


@njit(**COMPILED)
def add_points(voxels, points, which, pose, own, window):
    """Put points into their voxels, but for those on the floor, on the robot, in its hand, or far away.

    Args:
        voxels: see `Obstacles`.
        points: (n, 4) float32 in the sensor frame [m].
        which: the first, one past the last, and the step from one to the next.
        pose: T_bs (4, 4), base_o (3,), stamp [s].
        own: shapes, their centres and axes, hulls, margin [m]; T_be (4, 4) and the box around the tool centre point
            that is the hand's own, low and high (2, 3) [m].
        window: radius, lowest and highest z of what is kept, in the base frame [m].
    """
    start, count, step = which
    T, base_o, stamp = pose
    shapes, (centers, frames), (hull_centers, hull_radii, first, last), margin, T_be, box = own
    _, kinds, sizes, _, _, bounds, roles = shapes
    radius, low, high = window
    c, s = cos(base_o[2]), sin(base_o[2])
    xx, xy, xz, x0 = T[0, 0], T[0, 1], T[0, 2], T[0, 3]
    yx, yy, yz, y0 = T[1, 0], T[1, 1], T[1, 2], T[1, 3]
    zx, zy, zz, z0 = T[2, 0], T[2, 1], T[2, 2], T[2, 3]
    hand_x, hand_y, hand_z = T_be[0, 3], T_be[1, 3], T_be[2, 3]
    least, most = np.full(3, 1e9), np.full(3, -1e9)
    for h in range(len(hull_radii)):
        if roles[first[h]] == COLUMN:
            continue
        for i in range(3):
            least[i] = min(least[i], hull_centers[h, i] - hull_radii[h] - margin)
            most[i] = max(most[i], hull_centers[h, i] + hull_radii[h] + margin)
    x_least, y_least, z_least, x_most, y_most, z_most = least[0], least[1], least[2], most[0], most[1], most[2]
    point = np.empty(3)
    for n in range(start, count, step):
        px, py, pz = float(points[n, 0]), float(points[n, 1]), float(points[n, 2])
        z = zx * px + zy * py + zz * pz + z0
        if z < low or z > high:
            continue
        x = xx * px + xy * py + xz * pz + x0
        y = yx * px + yy * py + yz * pz + y0
        if x * x + y * y > radius * radius:
            continue
        dx, dy, dz = x - hand_x, y - hand_y, z - hand_z
        if dx * dx + dy * dy + dz * dz < 0.09:
            a = T_be[0, 0] * dx + T_be[1, 0] * dy + T_be[2, 0] * dz
            b = T_be[0, 1] * dx + T_be[1, 1] * dy + T_be[2, 1] * dz
            d = T_be[0, 2] * dx + T_be[1, 2] * dy + T_be[2, 2] * dz
            if box[0, 0] < a < box[1, 0] and box[0, 1] < b < box[1, 1] and box[0, 2] < d < box[1, 2]:
                continue
        mine = False
        if x_least < x < x_most and y_least < y < y_most and z_least < z < z_most:
            point[0], point[1], point[2] = x, y, z
            for h in range(len(hull_radii)):
                ex, ey, ez = x - hull_centers[h, 0], y - hull_centers[h, 1], z - hull_centers[h, 2]
                if roles[first[h]] == COLUMN or ex * ex + ey * ey + ez * ez > (hull_radii[h] + margin) ** 2:
                    continue
                for g in range(first[h], last[h]):
                    ex, ey, ez = x - centers[g, 0], y - centers[g, 1], z - centers[g, 2]
                    if ex * ex + ey * ey + ez * ez < (bounds[g] + margin) ** 2:
                        mine = mine or gap(kinds[g], sizes[g], centers[g], frames[g], point)[0] < margin
        if not mine:
            _add(voxels, base_o[0] + c * x - s * y, base_o[1] + s * x + c * y, z, stamp)


@njit(**COMPILED)
def _add(voxels, x, y, z, stamp):
    records, cells, count, slots = voxels
    i, j, k = floor(x / CELL), floor(y / CELL), floor(z / CELL)
    cell = ((i & (WINDOW - 1)) * WINDOW + (j & (WINDOW - 1))) * WINDOW + (k & (WINDOW - 1))
    v = slots[cell]
    if v >= 0:
        record = records[v]
        if record[5] == i and record[6] == j and record[7] == k:
            record[4] += 1.0
            share = 1.0 / min(record[4], MEMORY_OF_MEAN)
            record[0] += share * (x - record[0])
            record[1] += share * (y - record[1])
            record[2] += share * (z - record[2])
            record[3] = stamp
            return
    else:
        if count[0] == len(records):
            return
        v = count[0]
        count[0] += 1
        cells[v], slots[cell] = cell, v
    record = records[v]
    record[0], record[1], record[2], record[3], record[4] = x, y, z, stamp, 1.0
    record[5], record[6], record[7] = i, j, k


@njit(**COMPILED)
def see_through(voxels, depth, intrinsics, T_bs, base_o, behind):
    """Forget voxels through which a depth image (H, W) sees: all around them it shows what is farther away.

    Args:
        voxels: see `Obstacles`.
        depth: [m], NaN where there is none.
        intrinsics: fx, fy, cx, cy [px].
        T_bs: (4, 4) camera in the base.
        base_o: (3,) base when the image was taken.
        behind: by how much it must be farther [m].
    """
    records, count = voxels[0], voxels[2]
    fx, fy, cx, cy = intrinsics
    c, s = cos(base_o[2]), sin(base_o[2])
    height, width = depth.shape
    v = 0
    while v < count[0]:
        dx, dy = records[v, 0] - base_o[0], records[v, 1] - base_o[1]
        x, y, z = c * dx + s * dy - T_bs[0, 3], -s * dx + c * dy - T_bs[1, 3], records[v, 2] - T_bs[2, 3]
        far = T_bs[0, 2] * x + T_bs[1, 2] * y + T_bs[2, 2] * z
        clear = False
        if far > 0.1:
            u = fx * (T_bs[0, 0] * x + T_bs[1, 0] * y + T_bs[2, 0] * z) / far + cx
            w = fy * (T_bs[0, 1] * x + T_bs[1, 1] * y + T_bs[2, 1] * z) / far + cy
            reach = int(0.5 * CELL * fx / far) + 1
            if reach <= u < width - reach and reach <= w < height - reach:
                clear = True
                for a in (-reach, 0, reach):
                    for b in (-reach, 0, reach):
                        clear = clear and depth[int(w) + a, int(u) + b] > far + behind
        if clear:
            forget(voxels, v)
        else:
            v += 1


@njit(**COMPILED)
def clear_box(voxels, base_o, T_be, box):
    """Forget the voxels in a box (2, 3) [m] around the tool centre point."""
    records, count = voxels[0], voxels[2]
    c, s = cos(base_o[2]), sin(base_o[2])
    v = 0
    while v < count[0]:
        dx, dy = records[v, 0] - base_o[0], records[v, 1] - base_o[1]
        x, y, z = c * dx + s * dy - T_be[0, 3], -s * dx + c * dy - T_be[1, 3], records[v, 2] - T_be[2, 3]
        inside = sqrt(x * x + y * y + z * z) < 1.0
        for i in range(3):
            along = T_be[0, i] * x + T_be[1, i] * y + T_be[2, i] * z
            inside = inside and box[0, i] < along < box[1, i]
        if inside:
            forget(voxels, v)
        else:
            v += 1

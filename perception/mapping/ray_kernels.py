"""The compiled part of `occupancy`: rays walk through voxels (Amanatides & Woo 1987, "A fast voxel traversal
algorithm for ray tracing").

All kernels are in one file: numba's cache sees no changes in another.
"""
# mypy: disable-error-code="no-untyped-def, untyped-decorator"

from __future__ import annotations

from math import floor
from typing import Any

from numba import njit

COMPILED: dict[str, Any] = {"cache": True, "nogil": True, "error_model": "numpy"}
NOTHING, PASSED, HIT = 0, 1, 2
FAR = 1e30


@njit(**COMPILED)
def mark_rays(marks, ends, met, eye):
    """Mark the voxels that rays end in, and those that they pass before.

    What one scan hits and passes counts as hit: beside an edge there is always a ray that goes by.

    Args:
        marks: (nz, ny, nx) uint8, `NOTHING` before; written.
        ends: (n, 3) where rays end, in voxels from the corner of voxel 0.
        met: (n,) whether there is something at the end.
        eye: (3,) where they begin, in voxels.
    """
    nz, ny, nx = marks.shape
    for n in range(len(ends)):
        if met[n]:
            i, j, k = floor(ends[n, 0]), floor(ends[n, 1]), floor(ends[n, 2])
            if 0 <= i < nx and 0 <= j < ny and 0 <= k < nz:
                marks[k, j, i] = HIT
    for n in range(len(ends)):
        dx, dy, dz = ends[n, 0] - eye[0], ends[n, 1] - eye[1], ends[n, 2] - eye[2]
        first, last = _within(eye[2], dz, nz)
        if first >= last:
            continue
        i = floor(eye[0] + first * dx)
        j = floor(eye[1] + first * dy)
        k = floor(eye[2] + first * dz)
        si, sj, sk = (1 if dx > 0 else -1), (1 if dy > 0 else -1), (1 if dz > 0 else -1)
        ti, di = _crossing(eye[0], dx, i)
        tj, dj = _crossing(eye[1], dy, j)
        tk, dk = _crossing(eye[2], dz, k)
        while True:
            # Where the ray leaves this voxel; the voxel in which it ends is not passed.
            leaves = min(ti, tj, tk)
            if leaves >= last and last >= 1.0:
                break
            if 0 <= i < nx and 0 <= j < ny and 0 <= k < nz and marks[k, j, i] == NOTHING:
                marks[k, j, i] = PASSED
            if leaves >= last:
                break
            if ti <= tj and ti <= tk:
                i += si
                ti += di
            elif tj <= tk:
                j += sj
                tj += dj
            else:
                k += sk
                tk += dk


@njit(**COMPILED)
def apply_marks(marks, log_odds, steps, bounds):
    """Add what was marked to the log odds, and clear the marks.

    Args:
        marks: (nz, ny, nx) uint8; cleared.
        log_odds: (nz, ny, nx) float32; changed.
        steps: what passing and hitting adds.
        bounds: lowest and highest log odds.
    """
    passed, hit = steps
    low, high = bounds
    flat, odds = marks.ravel(), log_odds.ravel()
    for n in range(len(flat)):
        if flat[n] == HIT:
            odds[n] = min(odds[n] + hit, high)
        elif flat[n] == PASSED:
            odds[n] = max(odds[n] + passed, low)
        flat[n] = NOTHING


@njit(**COMPILED)
def _within(start, way, count):
    """From which to which share of its way a ray is at heights in [0, count)."""
    if way == 0.0:
        return (0.0, 1.0) if 0.0 <= start < count else (1.0, 0.0)
    a, b = -start / way, (count - start) / way
    return max(0.0, min(a, b)), min(1.0, max(a, b))


@njit(**COMPILED)
def _crossing(start, way, index):
    """At which share of its way a ray leaves a voxel along one axis, and what one more voxel takes."""
    if way == 0.0:
        return FAR, FAR
    side = index + 1.0 if way > 0.0 else float(index)
    return (side - start) / way, abs(1.0 / way)

"""The compiled arithmetic of `checks`: which facts of one predicate are true, in each of n simulations.

Arrays come in plain tuples: ``places`` is (xpos (n, nbody, 3), xmat (n, nbody, 3, 3)) of a `Snapshot`; the other tuples
are tables with a row a fact, as the classes of `checks` collect them. Each kernel returns (n, facts) bool.

All kernels are in one file: numba's cache sees no changes in another.
"""
# mypy: disable-error-code="no-untyped-def, untyped-decorator"

from __future__ import annotations

from math import cos, hypot, inf, radians, sqrt
from typing import Any

import numpy as np
from numba import njit

SURFACE_TOLERANCE = 0.015
OPEN_FROM, CLOSED_TO = 0.7, 0.1
BESIDE_GAP, BESIDE_LEVEL = 0.12, 0.03
NEAR_DISTANCE, NEAR_ANGLE = 1.1, radians(60.0)

COMPILED: dict[str, Any] = {"cache": True, "nogil": True, "error_model": "numpy"}
"""Strict arithmetic, so that one simulation and many give the same bits."""


@njit(**COMPILED)
def within(xpos, tcp, bodies, reach):
    """Which bodies are nearer to the tool than they could be if the fingers held them."""
    out = np.empty((len(xpos), len(bodies)), dtype=np.bool_)
    for sim in range(len(xpos)):
        for row in range(len(bodies)):
            squared = 0.0
            for i in range(3):
                squared += (xpos[sim, bodies[row], i] - tcp[sim, i]) ** 2
            out[sim, row] = squared < reach[row] ** 2
    return out


@njit(**COMPILED)
def inside(places, count, table):
    """Whether the centre, or where `based` the bottom, of x is inside one of the regions of y; a row is one region."""
    fact, xs, ys, support, based, center, half = table
    xpos = places[0]
    out = np.zeros((len(xpos), count), dtype=np.bool_)
    for sim in range(len(xpos)):
        for row in range(len(xs)):
            point = xpos[sim, xs[row]].copy()
            if based[row]:
                point[2], _ = _heights(sim, places, xs[row], support[row])
            if _in_box(_local(sim, places, ys[row], point), center[row], half[row]):
                out[sim, fact[row]] = True
    return out


@njit(**COMPILED)
def stacked(places, table):
    """Whether x rests on the top of y."""
    xs, ys, support_x, support_y, half = table
    xpos = places[0]
    out = np.empty((len(xpos), len(xs)), dtype=np.bool_)
    for sim in range(len(xpos)):
        for row in range(len(xs)):
            low, _ = _heights(sim, places, xs[row], support_x[row])
            _, high = _heights(sim, places, ys[row], support_y[row])
            point = xpos[sim, xs[row]].copy()
            point[2] = xpos[sim, ys[row], 2]
            over = _in_box(_local(sim, places, ys[row], point), np.zeros(3), half[row])
            out[sim, row] = over and abs(low - high) <= SURFACE_TOLERANCE
    return out


@njit(**COMPILED)
def opened(qpos, table):
    """Whether parts are open, or closed."""
    address, limit, want_open = table
    out = np.empty((len(qpos), len(address)), dtype=np.bool_)
    for sim in range(len(qpos)):
        for row in range(len(address)):
            opening = qpos[sim, address[row]] / limit[row]
            out[sim, row] = opening >= OPEN_FROM if want_open[row] else opening <= CLOSED_TO
    return out


@njit(**COMPILED)
def beside(places, table):
    """Whether x and y stand on one level with a small gap between their boxes, as seen from above."""
    xs, ys, half_x, half_y, support_x, support_y = table
    out = np.empty((len(places[0]), len(xs)), dtype=np.bool_)
    for sim in range(len(out)):
        for row in range(len(xs)):
            x, y = xs[row], ys[row]
            gap = min(
                _corner_gap(sim, places, (x, y), half_x[row], half_y[row]),
                _corner_gap(sim, places, (y, x), half_y[row], half_x[row]),
            )
            level = _heights(sim, places, x, support_x[row])[0] - _heights(sim, places, y, support_y[row])[0]
            out[sim, row] = x != y and gap <= BESIDE_GAP and abs(level) <= BESIDE_LEVEL
    return out


@njit(**COMPILED)
def near(places, base, table):
    """Whether the base stands within reach of a box and is turned towards its nearest point."""
    bodies, center, half = table
    xpos, xmat = places
    out = np.empty((len(xpos), len(bodies)), dtype=np.bool_)
    for sim in range(len(xpos)):
        for row in range(len(bodies)):
            body = bodies[row]
            nearest = _local(sim, places, body, xpos[sim, base]) - center[row]
            for i in range(3):
                nearest[i] = min(max(nearest[i], -half[row, i]), half[row, i]) + center[row, i]
            x, y = xpos[sim, body, 0] - xpos[sim, base, 0], xpos[sim, body, 1] - xpos[sim, base, 1]
            for i in range(3):
                x += xmat[sim, body, 0, i] * nearest[i]
                y += xmat[sim, body, 1, i] * nearest[i]
            distance = sqrt(x * x + y * y)
            along = x * xmat[sim, base, 0, 0] + y * xmat[sim, base, 1, 0]
            out[sim, row] = distance <= NEAR_DISTANCE and along >= cos(NEAR_ANGLE) * distance
    return out


@njit(**COMPILED)
def in_room(xpos, bodies, low, high):
    """Whether bodies are within rectangles of the map."""
    out = np.ones((len(xpos), len(bodies)), dtype=np.bool_)
    for sim in range(len(xpos)):
        for row in range(len(bodies)):
            for i in range(2):
                out[sim, row] &= low[row, i] <= xpos[sim, bodies[row], i] <= high[row, i]
    return out


@njit(**COMPILED)
def _local(sim, places, body, point):
    """A point (3,) of the map in the frame of a body."""
    offset, axes = point - places[0][sim, body], places[1][sim, body]
    local = np.zeros(3)
    for i in range(3):
        for j in range(3):
            local[j] += axes[i, j] * offset[i]
    return local


@njit(**COMPILED)
def _in_box(point, center, half):
    within_all = True
    for i in range(3):
        within_all &= abs(point[i] - center[i]) <= half[i]
    return within_all


@njit(**COMPILED)
def _heights(sim, places, body, support):
    """Heights [m] of the lowest and the highest hull point (K, 3) of a body."""
    down = places[1][sim, body, 2]
    low, high = inf, -inf
    for k in range(len(support)):
        height = down[0] * support[k, 0] + down[1] * support[k, 1] + down[2] * support[k, 2]
        low, high = min(low, height), max(high, height)
    origin = places[0][sim, body, 2]
    return origin + low, origin + high


@njit(**COMPILED)
def _corner_gap(sim, places, bodies, half_a, half_b):
    """Least distance [m] from the corners of the footprint of one body to that of another, both taken as upright."""
    a, b = bodies
    xpos, xmat = places
    (ax, ay), (bx, by) = _heading(xmat[sim, a]), _heading(xmat[sim, b])
    x0, y0 = xpos[sim, a, 0] - xpos[sim, b, 0], xpos[sim, a, 1] - xpos[sim, b, 1]
    gap = inf
    for i in (-1.0, 1.0):
        for j in (-1.0, 1.0):
            u, v = i * half_a[0], j * half_a[1]
            x, y = x0 + ax * u - ay * v, y0 + ay * u + ax * v
            along, across = abs(bx * x + by * y) - half_b[0], abs(bx * y - by * x) - half_b[1]
            gap = min(gap, hypot(max(along, 0.0), max(across, 0.0)))
    return gap


@njit(**COMPILED)
def _heading(axes):
    """Horizontal direction of the x axis."""
    x, y = axes[0, 0], axes[1, 0]
    length = max(sqrt(x * x + y * y), 1e-9)
    return x / length, y / length

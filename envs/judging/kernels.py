"""The compiled arithmetic of `rewards` and `state_vector`, in each of n simulations.

Arrays come in plain tuples: ``places`` is (xpos (n, nbody, 3), xmat (n, nbody, 3, 3), tcp (n, 3)) of a `Snapshot`. All
kernels are in one file: numba's cache sees no changes in another.
"""
# mypy: disable-error-code="no-untyped-def, untyped-decorator"

from __future__ import annotations

from math import sqrt
from typing import Any

import numpy as np
from numba import njit

FACTS = 6
"""How many facts an observation has room for."""

COMPILED: dict[str, Any] = {"cache": True, "nogil": True, "error_model": "numpy"}
"""Strict arithmetic, so that one simulation and many give the same bits."""


@njit(**COMPILED)
def shape(values, places, held, reaches, parts):
    """Raise the values (n, facts) of facts that are not true to how far they are from it, see `rewards`.

    Args:
        values: 1 where a fact is true, else 0.
        places: where everything is.
        held: (n, rows) whether the thing of each row is held.
        reaches: tables with a row for each shaped fact: its column, its thing and where that is gripped, the weight of
            reaching it, whether it is to be moved, and if so where to: the body and the point in its frame.
        parts: qpos (n, nq), and tables with a row for each part to be opened or closed: its row above, where in qpos
            its joint is, the value there when open, and whether it is to be opened.
    """
    columns, things, grips, weights, moved, goals, points = reaches
    qpos, rows, addresses, limits, opens = parts
    xpos, xmat, tcp = places
    worth = np.empty(len(columns))
    for sim in range(len(values)):
        for row in range(len(columns)):
            thing, goal = things[row], goals[row]
            worth[row] = weights[row] / (1.0 + 5.0 * _distance(xpos[sim], xmat[sim], thing, grips[row], tcp[sim]))
            if moved[row]:
                away = _distance(xpos[sim], xmat[sim], goal, points[row], xpos[sim, thing])
                worth[row] += 0.2 * held[sim, row] + 0.45 / (1.0 + 5.0 * away)
        for part in range(len(rows)):
            opened = min(max(qpos[sim, addresses[part]] / limits[part], 0.0), 1.0)
            worth[rows[part]] += 0.55 * (opened if opens[part] else 1.0 - opened)
        for row in range(len(columns)):
            values[sim, columns[row]] = max(values[sim, columns[row]], worth[row])


@njit(**COMPILED)
def approach(values, xpos, base, columns, things):
    """Raise the values of ``near`` facts, by the distance of the base from the thing."""
    for sim in range(len(values)):
        for row in range(len(columns)):
            offset = xpos[sim, things[row]] - xpos[sim, base]
            away = sqrt(offset[0] ** 2 + offset[1] ** 2 + offset[2] ** 2)
            values[sim, columns[row]] = max(values[sim, columns[row]], 0.9 / (1.0 + away))


@njit(**COMPILED)
def _distance(xpos, xmat, body, point, target):
    """From a point (3,) in the frame of a body to one in the map [m]."""
    squared = 0.0
    for i in range(3):
        place = xpos[body, i]
        for j in range(3):
            place += xmat[body, i, j] * point[j]
        squared += (place - target[i]) ** 2
    return sqrt(squared)


@njit(**COMPILED)
def observe(constant, now, facts, copied, bodies, starts):
    """State observations (n, size) float32, in the order of the table of `state_vector`.

    Args:
        constant: what does not change, and the bounds of everything, (size,) each.
        now: qpos, qvel, xpos, xmat, tcp, tcp_mat of a `Snapshot`.
        facts: (n, facts) which are true.
        copied: where in the observation, and from where in qpos, with what divisor, and from where in qvel, numbers go.
        bodies: of the things in their slots.
        starts: the body of the base; where its pose goes, or -1; where the tool's pose, the places and the axes of the
            things, and the facts begin.
    """
    template, bound = constant
    qpos, qvel, xpos, xmat, tcp, tcp_mat = now
    into_qpos, from_qpos, unit, into_qvel, from_qvel = copied
    base, pose, tool, places, turns, true = starts
    out = np.empty((len(facts), len(template)), np.float32)
    for sim in range(len(out)):
        row, axes = out[sim], xmat[sim, base]
        for k in range(len(row)):
            row[k] = template[k]
        for k in range(len(into_qpos)):
            row[into_qpos[k]] = qpos[sim, from_qpos[k]] / unit[k]
        for k in range(len(into_qvel)):
            row[into_qvel[k]] = qvel[sim, from_qvel[k]]
        if pose >= 0:
            row[pose], row[pose + 1] = xpos[sim, base, 0], xpos[sim, base, 1]
            row[pose + 2], row[pose + 3] = axes[1, 0], axes[0, 0]
        _write(row, tool, axes, tcp[sim] - xpos[sim, base])
        _write(row, tool + 3, axes, tcp_mat[sim, :, 0])
        _write(row, tool + 6, axes, tcp_mat[sim, :, 2])
        for slot in range(len(bodies)):
            turn = xmat[sim, bodies[slot]]
            _write(row, places + 3 * slot, axes, xpos[sim, bodies[slot]] - tcp[sim])
            _write(row, turns + 6 * slot, axes, turn[:, 0])
            _write(row, turns + 6 * slot + 3, axes, turn[:, 2])
        for k in range(min(facts.shape[1], FACTS)):
            row[true + k] = facts[sim, k]
        for k in range(len(row)):
            row[k] = min(max(row[k], -bound[k]), bound[k])
    return out


@njit(**COMPILED)
def _write(row, start, axes, vector):
    """A vector (3,) of the map, in the base frame."""
    for j in range(3):
        row[start + j] = axes[0, j] * vector[0] + axes[1, j] * vector[1] + axes[2, j] * vector[2]

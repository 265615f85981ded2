"""The compiled part of `instances`: groups are founded one after the other, each by the surest vote that is left."""
# mypy: disable-error-code="no-untyped-def, untyped-decorator"

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

COMPILED: dict[str, Any] = {"cache": True, "nogil": True, "error_model": "numpy"}


@njit(**COMPILED)
def grouped(away, order, radii, stretch, up, weight, limits):
    """Groups founded by the surest votes that are left.

    Args:
        away: (P, 3) votes [m].
        order: (P,) int, the surest first.
        radii: (P,) within which other votes agree with each [m].
        stretch: (P,) by how much more a distance along `up` counts.
        up: (3,) unit vector, or nought.
        weight: (P,) of each vote in its group's centre.
        limits: least votes in a group, how often a centre is moved to the mean of its votes, groups that are tried.

    Returns:
        (P,) int: the group of each, -2 where it was too small, -1 for what nobody came to; and the groups' centres
        (n, 3) and radii (n,) [m].
    """
    least, rounds, most = limits
    count = len(away)
    owner = np.full(count, -1)
    centers, sizes = np.zeros((most, 3)), np.zeros(most)
    member, before = np.zeros(count, dtype=np.bool_), np.zeros(count, dtype=np.bool_)
    groups = 0
    tried = 0
    for first in order:
        if owner[first] != -1:
            continue
        if tried == most:
            break
        tried += 1
        center = away[first].copy()
        before[:] = False
        before[first] = True
        size = 1
        for _ in range(rounds):
            found = 0
            total = 0.0
            mean = np.zeros(3)
            for k in range(count):
                member[k] = False
                if owner[k] != -1:
                    continue
                x, y, z = away[k, 0] - center[0], away[k, 1] - center[1], away[k, 2] - center[2]
                raised = stretch[first] * (x * up[0] + y * up[1] + z * up[2])
                x, y, z = x + raised * up[0], y + raised * up[1], z + raised * up[2]
                if x * x + y * y + z * z <= radii[first] ** 2:
                    member[k] = True
                    found += 1
                    total += weight[k]
                    for i in range(3):
                        mean[i] += weight[k] * away[k, i]
            if not found:
                break
            size = found
            before[:] = member
            center[:] = mean / total
        whole = size >= least
        for k in range(count):
            if before[k]:
                owner[k] = groups if whole else -2
        if whole:
            centers[groups] = center
            sizes[groups] = radii[first]
            groups += 1
    return owner, centers[:groups], sizes[:groups]

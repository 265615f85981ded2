"""The compiled geometry and mathematics of the shield.

Arrays come in plain tuples, as `Body` and `Shield` make them; everything is in the base frame unless its name ends in
``_o`` (odometry frame). Commands are normalised: 1 is the robot's greatest speed in a channel.

A constraint is a row ``a · z <= b`` on the command z of base (3) and tool (6). The command that is nearest to the wish
and keeps every row is found by Hildreth's method (1957). A bound is at least 0, so that standing still keeps them all,
and a wish that the method has not quite mended is slowed down as a whole; only where the robot's own parts are too near
already, or the arm's way home leads there, a little is asked back (`PUSHED_BACK`).
"""
# mypy: disable-error-code="no-untyped-def, untyped-decorator"

from __future__ import annotations

from math import cos, sin, sqrt
from typing import Any

import numpy as np
from numba import njit

SPHERE, CAPSULE, CYLINDER, BOX = 0, 1, 2, 3
FAR = 1e9
BINS = 11
"""Directions in which the nearest obstacle of a shape is kept: eight around, above, below, and what is right below."""
COLUMN = 3
"""The role of the upright cylinder in which a mobile base stands: no part of the body, but nothing may come into it."""
BESIDE = 0.04
"""A point is right below a shape if it lies below its outline grown by this [m]."""
DEEP = -0.05
"""A point deeper inside the column is above the base and not beside it [m]."""
SWEEPS = 40
PUSHED_BACK = 0.03
"""How fast the tool may be asked to go back [m/s, rad/s]."""
INSIDE = 1e-4
"""A projection aims this far inside each row [m/s, rad/s]: in finitely many sweeps it is no more exact than that."""
RETURN = 2.0
"""How fast to go back, for each metre or radian too near [1/s]."""
COMPILED: dict[str, Any] = {"cache": True, "nogil": True, "error_model": "numpy"}


@njit(**COMPILED)
def place(tree, values, poses):
    """Forward kinematics: fill `poses` (origins, axes, pivots, directions of joints) for joint values (nj,)."""
    parent, offset, turn, joint, slide, axis, anchor = tree
    origins, axes, pivots, directions = poses
    rotated = np.empty((3, 3))
    for b in range(1, len(parent)):
        p, j = parent[b], joint[b]
        for i in range(3):
            origins[b, i] = origins[p, i]
            for k in range(3):
                origins[b, i] += axes[p, i, k] * offset[b, k]
                rotated[i, k] = 0.0
                for m in range(3):
                    rotated[i, k] += axes[p, i, m] * turn[b, m, k]
        if j < 0:
            axes[b] = rotated
            continue
        for i in range(3):
            directions[b, i], pivots[b, i] = 0.0, origins[b, i]
            for k in range(3):
                directions[b, i] += rotated[i, k] * axis[b, k]
                pivots[b, i] += rotated[i, k] * anchor[b, k]
        if slide[b]:
            for i in range(3):
                origins[b, i] += directions[b, i] * values[j]
            axes[b] = rotated
            continue
        c, s = cos(values[j]), sin(values[j])
        ux, uy, uz = directions[b]
        for k in range(3):
            x, y, z = rotated[0, k], rotated[1, k], rotated[2, k]
            along = (ux * x + uy * y + uz * z) * (1.0 - c)
            axes[b, 0, k] = c * x + s * (uy * z - uz * y) + along * ux
            axes[b, 1, k] = c * y + s * (uz * x - ux * z) + along * uy
            axes[b, 2, k] = c * z + s * (ux * y - uy * x) + along * uz
        for i in range(3):
            origins[b, i] = pivots[b, i]
            for k in range(3):
                origins[b, i] -= axes[b, i, k] * anchor[b, k]


@njit(**COMPILED)
def hull_centers(hulls, poses, centers):
    """Place the balls round the bodies: `centers` (m, 3), written; see `Body.hulls`."""
    owners, middles = hulls[0], hulls[1]
    for h in range(len(owners)):
        for i in range(3):
            centers[h, i] = poses[0][owners[h], i]
            for k in range(3):
                centers[h, i] += poses[1][owners[h], i, k] * middles[h, k]


@njit(**COMPILED)
def settle(shapes, poses, where):
    """Place the shapes with their bodies: centres (ng, 3) and axes (ng, 3, 3)."""
    bodies, _, _, offsets, turns, _, _ = shapes
    centers, frames = where
    for g in range(len(bodies)):
        origin, axes = poses[0][bodies[g]], poses[1][bodies[g]]
        for i in range(3):
            centers[g, i] = origin[i]
            for k in range(3):
                centers[g, i] += axes[i, k] * offsets[g, k]
                frames[g, i, k] = 0.0
                for m in range(3):
                    frames[g, i, k] += axes[i, m] * turns[g, m, k]


@njit(**COMPILED)
def gap(kind, size, center, frame, point):
    """Distance [m] from the surface of a shape to a point (negative inside), and the way out there (x, y, z)."""
    dx, dy, dz = point[0] - center[0], point[1] - center[1], point[2] - center[2]
    x = frame[0, 0] * dx + frame[1, 0] * dy + frame[2, 0] * dz
    y = frame[0, 1] * dx + frame[1, 1] * dy + frame[2, 1] * dz
    z = frame[0, 2] * dx + frame[1, 2] * dy + frame[2, 2] * dz
    inside = 0.0
    if kind == BOX:
        ox, oy, oz = abs(x) - size[0], abs(y) - size[1], abs(z) - size[2]
        inside = max(ox, oy, oz)
        if inside <= 0.0:
            ox, oy, oz = 1.0 if ox == inside else 0.0, 1.0 if oy == inside else 0.0, 1.0 if oz == inside else 0.0
        else:
            ox, oy, oz = max(ox, 0.0), max(oy, 0.0), max(oz, 0.0)
        ox, oy, oz = ox if x > 0 else -ox, oy if y > 0 else -oy, oz if z > 0 else -oz
    elif kind == CYLINDER:
        rho = sqrt(x * x + y * y)
        out, up = rho - size[0], abs(z) - size[1]
        inside = max(out, up)
        if inside <= 0.0:
            out, up = (1.0, 0.0) if out >= up else (0.0, 1.0)
        else:
            out, up = max(out, 0.0), max(up, 0.0)
        ox, oy = (out * x / rho, out * y / rho) if rho > 1e-9 else (out, 0.0)
        oz = up if z > 0 else -up
    else:
        half = size[1] if kind == CAPSULE else 0.0
        ox, oy, oz = x, y, z - min(max(z, -half), half)
    length = sqrt(ox * ox + oy * oy + oz * oz)
    if length < 1e-9:
        ox, oy, oz, length = 1.0, 0.0, 0.0, 1.0 if inside < 0.0 else 1e-9
    distance = length - size[0] if kind < CYLINDER else (inside if inside <= 0.0 else length)
    if length <= 1e-9:
        length = 1.0
    ox, oy, oz = ox / length, oy / length, oz / length
    return (
        distance,
        frame[0, 0] * ox + frame[0, 1] * oy + frame[0, 2] * oz,
        frame[1, 0] * ox + frame[1, 1] * oy + frame[1, 2] * oz,
        frame[2, 0] * ox + frame[2, 1] * oy + frame[2, 2] * oz,
    )


@njit(**COMPILED)
def differential(chain, poses, joints, gains, out):
    """Jᵀ (n, 6) of the tool, the joint rates (n, 6) that a unit twist makes, and those of the posture term (n,).

    It is the law of the motor level: damped least squares, and in the null space a way home.
    """
    bodies, _, tool, offset, home, slides = chain
    origins, axes, pivots, directions = poses
    jacobian, inverse, drift, tcp = out
    damping, posture_gain = gains
    n = len(bodies)
    for i in range(3):
        tcp[i] = origins[tool, i]
        for k in range(3):
            tcp[i] += axes[tool, i, k] * offset[k]
    for k in range(n):
        d, p = directions[bodies[k]], pivots[bodies[k]]
        x, y, z = tcp[0] - p[0], tcp[1] - p[1], tcp[2] - p[2]
        turning = 0.0 if slides[k] else 1.0
        moment = (d[1] * z - d[2] * y, d[2] * x - d[0] * z, d[0] * y - d[1] * x)
        for i in range(3):
            jacobian[k, i] = moment[i] if turning else d[i]
            jacobian[k, 3 + i] = turning * d[i]
    factor = np.zeros((6, 6))
    for i in range(6):
        for j in range(i + 1):
            for k in range(n):
                factor[i, j] += jacobian[k, i] * jacobian[k, j]
        factor[i, i] += damping
    for i in range(6):
        for j in range(i + 1):
            for m in range(j):
                factor[i, j] -= factor[i, m] * factor[j, m]
            factor[i, j] = sqrt(factor[i, i]) if i == j else factor[i, j] / factor[j, j]
    for k in range(n):
        row = inverse[k]
        for i in range(6):
            row[i] = jacobian[k, i]
            for m in range(i):
                row[i] -= factor[i, m] * row[m]
            row[i] /= factor[i, i]
        for i in range(5, -1, -1):
            for m in range(i + 1, 6):
                row[i] -= factor[m, i] * row[m]
            row[i] /= factor[i, i]
    for k in range(n):
        drift[k] = posture_gain * (home[k] - joints[k])
    twist = np.zeros(6)
    for i in range(6):
        for k in range(n):
            twist[i] += jacobian[k, i] * drift[k]
    for k in range(n):
        for i in range(6):
            drift[k] -= inverse[k, i] * twist[i]


@njit(**COMPILED)
def allowed_speed(room, braking, reaction):
    """The greatest speed [m/s] from which one stops within `room` [m], braking after a reaction time; 0 without room:
    v t + v² / 2a = room.
    """
    if room <= 0.0:
        return 0.0
    return braking * (sqrt(reaction * reaction + 2.0 * room / braking) - reaction)


@njit(**COMPILED)
def returning_speed(room, braking, reaction):
    """As `allowed_speed`; without room, how fast to go back: what is known of the motors is not exact, and without it
    small errors add up.
    """
    return RETURN * room if room < 0.0 else allowed_speed(room, braking, reaction)


@njit(**COMPILED)
def _outline(kind, size, frame, extent):
    """Half extents (3,) of the upright box round a shape [m]."""
    for i in range(3):
        if kind == BOX:
            extent[i] = abs(frame[i, 0]) * size[0] + abs(frame[i, 1]) * size[1] + abs(frame[i, 2]) * size[2]
        else:
            extent[i] = size[0] + (abs(frame[i, 2]) * size[1] if kind != SPHERE else 0.0)


@njit(**COMPILED)
def _far_side(kind, size, center, frame):
    """How far a shape reaches from the axis of the base [m]."""
    around, long = size[0], size[1]
    if kind == BOX:
        around, long = sqrt(size[0] ** 2 + size[1] ** 2 + size[2] ** 2), 0.0
    elif kind == SPHERE:
        long = 0.0
    lean = sqrt(frame[0, 2] ** 2 + frame[1, 2] ** 2)
    return sqrt(center[0] ** 2 + center[1] ** 2) + around + long * lean


@njit(**COMPILED)
def survey(voxels, base_o, now, reach, body, nearest):
    """Find what is near each shape, and forget what is too old, too far or inside the robot.

    Args:
        voxels: see `Obstacles`.
        base_o: x, y, yaw of the base.
        now: time, memory [s], radius of what is kept [m].
        reach: how near a point must be to count, for each role [m]; 0 where nothing counts.
        body: shapes, where, hulls (centres (m, 3), radii (m,), first and last shape (m,)).
        nearest: (ng, BINS, 4) distance [m] and way out towards the nearest point, written.
    """
    records, _, count, _ = voxels
    stamp, memory, radius = now
    (_, kinds, sizes, _, _, bounds, roles), (centers, frames), (hull_centers, hull_radii, first, last) = body
    c, s = cos(base_o[2]), sin(base_o[2])
    nearest[:, :, 0] = FAR
    point = np.empty(3)
    least, most = np.full(3, 1e9), np.full(3, -1e9)
    n, column = len(hull_radii), -1.0
    ranges = np.empty(n)
    for h in range(n):
        role = roles[first[h]]
        span = reach[role]
        ranges[h] = (hull_radii[h] + span) ** 2 if span > 0.0 else -1.0
        if span > 0.0 and (role == 0 or role == COLUMN):
            for g in range(first[h], last[h]):
                column = max(column, _far_side(kinds[g], sizes[g], centers[g], frames[g]) + span)
        elif span > 0.0:
            for k in range(3):
                least[k] = min(least[k], hull_centers[h, k] - hull_radii[h] - span)
                most[k] = max(most[k], hull_centers[h, k] + hull_radii[h] + span)
    column = column * column if column > 0.0 else -1.0
    extents = np.zeros((len(kinds), 3))
    for g in range(len(kinds)):
        if roles[g] > 0:
            _outline(kinds[g], sizes[g], frames[g], extents[g])
    x_least, y_least, z_least, x_most, y_most, z_most = least[0], least[1], least[2], most[0], most[1], most[2]
    x_o, y_o = base_o[0], base_o[1]
    i = 0
    while i < count[0]:
        dx, dy = records[i, 0] - x_o, records[i, 1] - y_o
        px, py, pz = c * dx + s * dy, -s * dx + c * dy, records[i, 2]
        keep = stamp - records[i, 3] <= memory and dx * dx + dy * dy <= radius * radius
        by_base = dx * dx + dy * dy < column
        by_arm = x_least < px < x_most and y_least < py < y_most and z_least < pz < z_most
        if (by_base or by_arm) and keep and records[i, 4] > 1.0:
            for h in range(n):
                if not (by_base if roles[first[h]] == 0 or roles[first[h]] == COLUMN else by_arm):
                    continue
                x, y, z = px - hull_centers[h, 0], py - hull_centers[h, 1], pz - hull_centers[h, 2]
                if x * x + y * y + z * z > ranges[h]:
                    continue
                point[0], point[1], point[2] = px, py, pz
                for g in range(first[h], last[h]):
                    x, y, z = point[0] - centers[g, 0], point[1] - centers[g, 1], point[2] - centers[g, 2]
                    range_ = bounds[g] + reach[roles[g]]
                    if x * x + y * y + z * z > range_ * range_:
                        continue
                    distance, ox, oy, oz = gap(kinds[g], sizes[g], centers[g], frames[g], point)
                    if roles[g] == COLUMN:
                        if distance < DEEP:
                            continue
                    elif distance < -0.01:
                        keep = False
                        break
                    elif roles[g] > 0:
                        below = centers[g, 2] - extents[g, 2] - pz
                        beside = abs(x) < extents[g, 0] + BESIDE and abs(y) < extents[g, 1] + BESIDE
                        if beside and 0.0 < below < min(nearest[g, 10, 0], reach[roles[g]]):
                            down = nearest[g, 10]
                            down[0], down[1], down[2], down[3] = below, 0.0, 0.0, -1.0
                    where = 8 if oz > 0.0 else 9
                    if abs(oz) <= 0.8:
                        where = (1 if ox > 0.0 else 0) + (2 if oy > 0.0 else 0) + (4 if abs(ox) > abs(oy) else 0)
                    best = nearest[g, where]
                    if distance < best[0] and distance < reach[roles[g]]:
                        best[0], best[1], best[2], best[3] = distance, ox, oy, oz
                if not keep:
                    break
        if keep:
            i += 1
        else:
            forget(voxels, i)


@njit(**COMPILED)
def forget(voxels, i):
    """Take one voxel out; the last one takes its place."""
    records, cells, count, slots = voxels
    last = count[0] - 1
    slots[cells[i]] = -1
    if i != last:
        records[i] = records[last]
        cells[i] = cells[last]
        slots[cells[i]] = i
    count[0] = last


@njit(**COMPILED)
def point_row(rows, bodies, chain, poses, motion, point, way, kind):
    """Write a row that bounds how fast a point of the robot goes along a direction.

    Args:
        rows: coefficients (r, m), bounds (r,), reasons (r,), count (1,).
        bodies: the body that carries the point, and another whose motion is taken off, or -1.
        chain: see `Body.chain`.
        poses: see `place`.
        motion: inverse (n, 6), drift (n,), scale (m,), whether the robot drives.
        point: (3,) [m].
        way: (3,) unit vector.
        kind: bound [m/s], reason, and whose part counts: the base's, the arm's.
    """
    coefficients, bounds, reasons, count = rows
    inverse, drift, scale, drives = motion
    _, _, pivots, directions = poses
    bound, reason, with_base, with_arm = kind
    index = count[0]
    if index >= len(bounds):
        return
    row = coefficients[index]
    row[:] = 0.0
    start = 0
    if drives:
        start = 3
        if with_base:
            row[0], row[1], row[2] = way[0], way[1], way[1] * point[0] - way[0] * point[1]
    if with_arm:
        joint_bodies, moved, slides = chain[0], chain[1], chain[5]
        for k in range(len(joint_bodies)):
            sign = 1.0 if moved[bodies[0], k] else 0.0
            if bodies[1] >= 0 and moved[bodies[1], k]:
                sign -= 1.0
            if sign == 0.0:
                continue
            d, p = directions[joint_bodies[k]], pivots[joint_bodies[k]]
            x, y, z = point[0] - p[0], point[1] - p[1], point[2] - p[2]
            rate = way[0] * (d[1] * z - d[2] * y) + way[1] * (d[2] * x - d[0] * z) + way[2] * (d[0] * y - d[1] * x)
            if slides[k]:
                rate = way[0] * d[0] + way[1] * d[1] + way[2] * d[2]
            rate *= sign
            bound -= rate * drift[k]
            for i in range(6):
                row[start + i] += rate * inverse[k, i]
    norm = 0.0
    for i in range(len(row)):
        row[i] *= scale[i]
        norm += row[i] * row[i]
    if norm < 1e-10:
        return
    bounds[index], reasons[index] = max(bound, -PUSHED_BACK), reason
    count[0] += 1


@njit(**COMPILED)
def project(rows, wish, active):
    """Bring `wish` (m,) to the nearest command a hair inside every row, by Hildreth's method; mark rows that bind."""
    coefficients, bounds, _, count = rows
    n, m = count[0], len(wish)
    active[:n] = 0.0
    norms = np.empty(n)
    for r in range(n):
        norms[r] = 0.0
        for i in range(m):
            norms[r] += coefficients[r, i] ** 2
    for _ in range(SWEEPS):
        worst = 0.0
        for r in range(n):
            excess = INSIDE - bounds[r]
            for i in range(m):
                excess += coefficients[r, i] * wish[i]
            step = max(-active[r], excess / norms[r])
            if step != 0.0:
                active[r] += step
                for i in range(m):
                    wish[i] -= step * coefficients[r, i]
                worst = max(worst, abs(step) * sqrt(norms[r]))
        if worst < 1e-5:
            break


@njit(**COMPILED)
def slow_down(rows, command):
    """Slow a command down until it keeps every row that stillness keeps; returns the row that bound, or -1.

    Rows of the base alone slow the base alone, so that the arm can leave what the base stands against.
    """
    base, binding = len(command) - 6, -1
    for of_base in (True, False):
        share, end = 1.0, base if of_base else len(command)
        for r in range(rows[3][0]):
            row, bound = rows[0][r], max(rows[1][r], 0.0)
            speed = 0.0
            for i in range(len(command)):
                if of_base and i >= base and row[i] != 0.0:
                    speed = 0.0
                    break
                speed += row[i] * command[i]
            if speed * share > bound + 1e-9:
                share, binding = bound / speed, r
        for i in range(end):
            command[i] *= share
    return binding

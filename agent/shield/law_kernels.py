"""The compiled law of the shield: how fast a command may change, which rows it must keep, and what becomes of it.

A command z is normalised: base x, y, yaw (if there is one), then the tool's linear and angular velocity. `found` marks
the reasons that came up, by their place in `REASONS`.
"""
# mypy: disable-error-code="no-untyped-def, untyped-decorator"

from __future__ import annotations

from math import inf, isfinite, sqrt
from typing import Any

import numpy as np
from numba import njit

from yanshi.agent.shield.kernels import (
    COLUMN,
    FAR,
    PUSHED_BACK,
    allowed_speed,
    gap,
    point_row,
    project,
    returning_speed,
    slow_down,
)

COMPILED: dict[str, Any] = {"cache": True, "nogil": True, "error_model": "numpy"}
SPEED, ACCELERATION, JERK, JOINT_SPEED, JOINT_ACCELERATION, JOINT_LIMIT = 2, 3, 4, 5, 6, 7
WORKSPACE, SELF_COLLISION, ARM_OBSTACLE, BASE_OBSTACLE, CONTACT_FORCE, PERSON, BLIND = 8, 9, 10, 11, 12, 13, 15
"""Places in `REASONS`."""
ALTERED = 1e-3
"""A command that changes by less is the same: it is below what the motors resolve."""


@njit(**COMPILED)
def _share(change, before, most, jerk):
    """The greatest share in [0, 1] of a change of speed for which acceleration and jerk keep their bounds, and which
    of them binds.

    Args:
        change: of velocity [m/s], (k,).
        before: the change in the step before, (k,).
        most: greatest length of a change [m/s].
        jerk: greatest difference to the change before [m/s]; to stop changing is always allowed.
    """
    a, b, c = 0.0, 0.0, -jerk * jerk
    for i in range(len(change)):
        a += change[i] * change[i]
        b -= change[i] * before[i]
        c += before[i] * before[i]
    if a < 1e-18:
        return 1.0, 0
    share, why = 1.0, 0
    if a > most * most:
        share, why = most / sqrt(a), ACCELERATION
    # |s change - before|² <= jerk²: a s² + 2 b s + c <= 0.
    root = b * b - a * c
    if root < 0.0:
        return 0.0, JERK
    low, high = (-b - sqrt(root)) / a, (-b + sqrt(root)) / a
    if high < share:
        share, why = high, JERK
    if share < max(low, 0.0) - 1e-12:
        return 0.0, JERK
    return share, why


@njit(**COMPILED)
def _brakes(wish, last):
    """Whether a velocity is the last one made smaller, within 25° of its direction."""
    a, b, c = 0.0, 0.0, 0.0
    for i in range(len(wish)):
        a += wish[i] * wish[i]
        b += wish[i] * last[i]
        c += last[i] * last[i]
    return a <= c and b >= 0.9 * sqrt(a * c)


@njit(**COMPILED)
def ease(wish, last, change, groups, dt, found):
    """Bound speed, acceleration and jerk of groups of channels, each as one vector, so that directions are kept.

    To brake is always allowed, at once.

    Args:
        wish: (m,) command in SI units, changed.
        last: (m,) what was given in the step before.
        change: (m,) how that differed from the one before it.
        groups: (g, 5): first channel, one past the last, greatest speed, acceleration and jerk.
        dt: [s].
        found: (r,) reasons, marked.
    """
    for g in range(len(groups)):
        low, high = int(groups[g, 0]), int(groups[g, 1])
        speed = 0.0
        for i in range(low, high):
            speed += wish[i] * wish[i]
        speed = sqrt(speed)
        if speed > groups[g, 2] * (1.0 + 1e-6):
            wish[low:high] *= groups[g, 2] / speed
            found[SPEED] = True
        if _brakes(wish[low:high], last[low:high]):
            continue
        share, why = _share(
            wish[low:high] - last[low:high], change[low:high], groups[g, 3] * dt, groups[g, 4] * dt * dt
        )
        if share < 1.0:
            for i in range(low, high):
                wish[i] = last[i] + share * (wish[i] - last[i])
            found[why] = True


@njit(**COMPILED)
def _hurry(inverse, twist, fastest):
    """How many times too fast the fastest joint goes, at least 1, at a twist (6,)."""
    hurry = 1.0
    for k in range(len(inverse)):
        rate = 0.0
        for i in range(6):
            rate += inverse[k, i] * twist[i]
        hurry = max(hurry, abs(rate) / fastest[k])
    return hurry


@njit(**COMPILED)
def _keeps(wish, last, change, groups, first, dt):
    """Whether the tool's twist (6,) brakes, or keeps acceleration and jerk, in each of the groups that are its."""
    for g in range(len(groups)):
        low, high = int(groups[g, 0]) - first, int(groups[g, 1]) - first
        if low < 0 or high > 6 or _brakes(wish[low:high], last[low:high]):
            continue
        share, _ = _share(wish[low:high] - last[low:high], change[low:high], groups[g, 3] * dt, groups[g, 4] * dt * dt)
        if share < 1.0 - 1e-9:
            return False
    return True


@njit(**COMPILED)
def ease_joints(speed, given, change, groups, arm, spread, dt, found):
    """Bound speed, acceleration and jerk of the arm's joints, as the tool's twist will make them.

    A joint may always slow down. What is left of the twist still keeps the tool's own bounds; where both cannot be
    kept, the tool goes on as in the step before, slower where its joints demand that.

    Args:
        speed: (m,) command in SI units, of which the tool's twist is changed.
        given: (m,) what was given in the step before.
        change: (m,) how that differed from the one before it.
        groups: see `ease`.
        arm: where the twist begins in a command; joint rates (n, 6) of a unit twist; (3, n) greatest speed,
            acceleration, jerk; (n,) change of the joint rates in the step before.
        spread: over how long joints spread a change of speed [s].
        dt: [s].
        found: (r,) reasons, marked.
    """
    first, inverse, limits, rates = arm
    wish, last = speed[first : first + 6], given[first : first + 6]
    share, altered = 1.0, False
    one, before = np.empty(1), np.empty(1)
    for k in range(len(inverse)):
        one[0], rate = 0.0, 0.0
        for i in range(6):
            one[0] += inverse[k, i] * (wish[i] - last[i])
            rate += inverse[k, i] * wish[i]
        if abs(rate) <= abs(rate - one[0]) and rate * (rate - one[0]) >= 0.0:
            continue  # It slows down.
        before[0] = rates[k]
        part, _ = _share(one, before, limits[1, k] * spread, limits[2, k] * spread * spread)
        share = min(share, part)
    if share < 1.0:
        found[JOINT_ACCELERATION] = altered = True
        for i in range(6):
            wish[i] = last[i] + share * (wish[i] - last[i])
    hurry = _hurry(inverse, wish, limits[0])
    if hurry > 1.0:
        found[JOINT_SPEED] = altered = True
        wish /= hurry
    if altered and not _keeps(wish, last, change[first : first + 6], groups, first, dt):
        wish[:] = last / _hurry(inverse, last, limits[0])


@njit(**COMPILED)
def joint_rows(rows, joints, limits, motion, law):
    """Keep joints from their limits: q̇ must be what stops before them.

    Args:
        rows: see `point_row`.
        joints: (n,) positions.
        limits: low, high and greatest rates, (n,) each.
        motion: see `point_row`.
        law: margin, braking, reaction.
    """
    coefficients, bounds, reasons, count = rows
    inverse, drift, scale, _ = motion
    low, high, fastest = limits
    margin, braking, reaction = law
    start = coefficients.shape[1] - 6
    for k in range(len(joints)):
        for sign in (1.0, -1.0):
            room = high[k] - joints[k] if sign > 0.0 else joints[k] - low[k]
            if not isfinite(room):
                continue
            bound = returning_speed(room - margin, braking, reaction)
            if bound > fastest[k] or count[0] >= len(bounds):
                continue
            row = coefficients[count[0]]
            row[:] = 0.0
            norm = 0.0
            for i in range(6):
                row[start + i] = sign * inverse[k, i] * scale[start + i]
                norm += row[start + i] ** 2
            if norm < 1e-10:
                continue
            bounds[count[0]], reasons[count[0]] = max(bound - sign * drift[k], -PUSHED_BACK), JOINT_LIMIT
            count[0] += 1


@njit(**COMPILED)
def obstacle_rows(rows, nearest, body, where, motion, law):
    """Keep every part of the robot from what is near it, by what arm and base can brake.

    Args:
        rows: see `point_row`.
        nearest: see `survey`.
        body: shapes, chain, poses.
        where: centres and axes of the shapes.
        motion: see `point_row`.
        law: margins of base, arm, hand and of what the base carries, how fast the hand may touch aside and below,
            braking of arm and base, reaction.
    """
    shapes, chain, poses = body
    bodies, roles, bounds = shapes[0], shapes[6], shapes[5]
    (base_margin, arm_margin, hand_margin, carry_margin), touch, arm_braking, base_braking, reaction = law
    centers, _ = where
    drives = motion[3]
    point, way = np.empty(3), np.empty(3)
    for g in range(len(bodies)):
        fixed = roles[g] == 0 or roles[g] == COLUMN
        if fixed and not drives:
            continue
        margin = base_margin if fixed else (hand_margin if roles[g] == 2 else arm_margin)
        for k in range(nearest.shape[1]):
            distance = nearest[g, k, 0]
            if distance == FAR:
                continue
            for i in range(3):
                way[i] = nearest[g, k, 1 + i]
                point[i] = centers[g, i] + bounds[g] * way[i]
            room = distance - margin
            if drives:
                bound = allowed_speed(room if fixed else distance - carry_margin, base_braking, reaction)
                point_row(rows, (bodies[g], -1), chain, poses, motion, point, way, (bound, BASE_OBSTACLE, True, False))
            if not fixed:
                bound = allowed_speed(room, arm_braking, reaction)
                if roles[g] == 2:
                    bound = max(bound, touch[0] if k < nearest.shape[1] - 1 else touch[1])
                point_row(rows, (bodies[g], -1), chain, poses, motion, point, way, (bound, ARM_OBSTACLE, True, True))


@njit(**COMPILED)
def people_rows(rows, people, body, where, motion, law):
    """Keep every part of the robot from where people are believed to be, who are upright cylinders.

    Args:
        rows: see `point_row`.
        people: (p, 3) x, y in the base frame and radius [m].
        body: shapes, chain, poses.
        where: centres and axes of the shapes.
        motion: see `point_row`.
        law: margin, braking of arm and base, reaction.
    """
    shapes, chain, poses = body
    bodies, roles, sizes, bounds = shapes[0], shapes[6], shapes[2], shapes[5]
    margin, arm_braking, base_braking, reaction = law
    centers, _ = where
    drives = motion[3]
    point, way = np.empty(3), np.zeros(3)
    for p in range(len(people)):
        for g in range(len(bodies)):
            if roles[g] == 0 or (roles[g] == COLUMN and not drives):
                continue
            radius = sizes[g, 0] if roles[g] == COLUMN else bounds[g]
            dx, dy = people[p, 0] - centers[g, 0], people[p, 1] - centers[g, 1]
            away = sqrt(dx * dx + dy * dy)
            room = away - radius - people[p, 2] - margin
            if room > 1.0 or away < 1e-6:
                continue
            way[0], way[1] = dx / away, dy / away
            for i in range(3):
                point[i] = centers[g, i] + radius * way[i]
            if drives:
                bound = allowed_speed(room, base_braking, reaction)
                point_row(rows, (bodies[g], -1), chain, poses, motion, point, way, (bound, PERSON, True, False))
            if roles[g] != COLUMN:
                bound = allowed_speed(room, arm_braking, reaction)
                point_row(rows, (bodies[g], -1), chain, poses, motion, point, way, (bound, PERSON, True, True))


@njit(**COMPILED)
def self_rows(rows, body, where, motions, law):
    """Keep the parts of the robot from one another.

    Args:
        rows: see `point_row`.
        body: shapes, spheres, pairs, chain, poses.
        where: centres and axes of the shapes.
        motions: see `point_row`; of each kind of motion that must keep them apart.
        law: margin, braking, reaction, distance from which on nothing is done [m].
    """
    shapes, (owners, offsets, radii), pairs, chain, poses = body
    bodies, kinds, sizes, bounds = shapes[0], shapes[1], shapes[2], shapes[5]
    centers, frames = where
    margin, braking, reaction, reach = law
    point, way, at = np.empty(3), np.empty(3), -1
    for p in range(len(pairs)):
        s, g = pairs[p]
        if s != at:
            at = s
            origin, axes = poses[0][owners[s]], poses[1][owners[s]]
            for i in range(3):
                point[i] = origin[i]
                for k in range(3):
                    point[i] += axes[i, k] * offsets[s, k]
        dx, dy, dz = point[0] - centers[g, 0], point[1] - centers[g, 1], point[2] - centers[g, 2]
        if dx * dx + dy * dy + dz * dz > (bounds[g] + radii[s] + reach) ** 2:
            continue
        distance, ox, oy, oz = gap(kinds[g], sizes[g], centers[g], frames[g], point)
        distance -= radii[s]
        if distance > reach:
            continue
        way[0], way[1], way[2] = -ox, -oy, -oz
        bound = returning_speed(distance - margin, braking, reaction)
        kind = (bound, SELF_COLLISION, False, True)
        for motion in motions:
            point_row(rows, (owners[s], bodies[g]), chain, poses, motion, point, way, kind)


@njit(**COMPILED)
def _excess(rows, command):
    """By how much a command breaks the row that it breaks most; negative if it keeps them all."""
    coefficients, bounds, _, count = rows
    most = -inf
    for r in range(count[0]):
        excess = -bounds[r]
        for i in range(len(command)):
            excess += coefficients[r, i] * command[i]
        most = max(most, excess)
    return most


@njit(**COMPILED)
def protect(command, wish, rows, active, found):
    """Bring a command (m,) to the nearest that keeps every row, and mark why; returns whether it had to change.

    `wish` (m,) is left as the command was. Where the rows ask back more than can be given, none is asked.
    """
    bounds, reasons, count = rows[1], rows[2], rows[3]
    wish[:] = command
    if _excess(rows, command) <= 1e-9:
        return False
    project(rows, command, active)
    if _excess(rows, command) > ALTERED:
        command[:] = wish
        for r in range(count[0]):
            bounds[r] = max(bounds[r], 0.0)
        project(rows, command, active)
    for i in range(len(command)):
        command[i] = min(max(command[i], -1.0), 1.0)
    slow_down(rows, command)
    furthest = 0.0
    for i in range(len(command)):
        furthest = max(furthest, abs(command[i] - wish[i]))
    if furthest <= ALTERED:
        return False
    for r in range(count[0]):
        if active[r] > 1e-9:
            found[reasons[r]] = True
    return True


@njit(**COMPILED)
def beside_people(people, centers, shapes, drives, law):
    """The greatest speed of the tool over the floor [m/s], infinite where nobody is near.

    Args:
        people: (p, 3) x, y in the base frame and radius [m].
        centers: (ng, 3) of the robot's shapes.
        shapes: see `Body`; the arm, the hand and the column of the base count.
        drives: whether the robot can come nearer by driving.
        law: distance, speed, braking of base and of arm, reaction.
    """
    distance, speed, base_braking, arm_braking, reaction = law
    sizes, bounds, roles = shapes[2], shapes[5], shapes[6]
    braking = base_braking if drives else arm_braking
    greatest = inf
    for p in range(len(people)):
        nearest = inf
        for g in range(len(roles)):
            if roles[g] == 0:
                continue
            radius = sizes[g, 0] if roles[g] == COLUMN else bounds[g]
            x, y = centers[g, 0] - people[p, 0], centers[g, 1] - people[p, 1]
            nearest = min(nearest, sqrt(x * x + y * y) - radius - people[p, 2])
        room = max(0.0, nearest - distance)
        above = braking * reaction
        greatest = min(greatest, max(speed, sqrt(above * above + speed * speed + 2.0 * braking * room) - above))
    return greatest

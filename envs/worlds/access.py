"""Whether the robot can get to where it has to work: a plan in which it cannot is drawn anew."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from yanshi.contracts import Room
from yanshi.envs.worlds.catalog import kind
from yanshi.envs.worlds.scene import FixtureSpec, Wall
from yanshi.errors import WorldError

CELL = 0.05
"""[m]"""
RADIUS = 0.33
"""Of the largest robot base, and some room to move [m]."""
_STAND = RADIUS + 0.05
"""Distance of the base from the front of what it works on [m]."""
_HEAD = 1.4


def check_access(
    rooms: Sequence[Room], walls: Sequence[Wall], fixtures: Sequence[FixtureSpec], start: Sequence[float]
) -> None:
    """Every piece of furniture and every switch must be reached from the start, with all doors open.

    Raises:
        WorldError: one cannot, or the start is not free.
    """
    low = np.min([room.low_w for room in rooms], axis=0)
    high = np.max([room.high_w for room in rooms], axis=0)
    nx, ny = np.ceil((high - low) / CELL).astype(int)
    x, y = low[0] + (np.arange(nx) + 0.5) * CELL, low[1] + (np.arange(ny) + 0.5) * CELL
    free = np.zeros((ny, nx), bool)
    for room in rooms:
        _fill(free, x, y, room.low_w - 0.06, room.high_w + 0.06, value=True)
    boxes = [(np.array(wall.low_w), np.array(wall.high_w)) for wall in walls]
    boxes += [box for box in map(_covered, fixtures) if box is not None]
    for box in boxes:
        _block(free, x, y, *box)

    def cell(point: NDArray[Any]) -> tuple[int, int]:
        i, j = np.clip(np.floor((point - low) / CELL).astype(int), 0, (nx - 1, ny - 1))
        return int(j), int(i)

    reached = _flood(free, *cell(np.array(start[:2])))
    for fixture in fixtures:
        for place in _work_places(fixture):
            row, column = cell(place)
            if not reached[row, column]:
                raise WorldError(f"The robot cannot get to '{fixture.name}'.")


def _fill(
    grid: NDArray[np.bool_], x: NDArray[Any], y: NDArray[Any], low: NDArray[Any], high: NDArray[Any], *, value: bool
) -> None:
    columns, rows = (x >= low[0]) & (x <= high[0]), (y >= low[1]) & (y <= high[1])
    grid[np.ix_(rows, columns)] = value


def _block(grid: NDArray[np.bool_], x: NDArray[Any], y: NDArray[Any], low: NDArray[Any], high: NDArray[Any]) -> None:
    """Take away the cells within the radius of a rectangle."""
    beyond_x = np.maximum(np.maximum(low[0] - x, x - high[0]), 0.0)
    beyond_y = np.maximum(np.maximum(low[1] - y, y - high[1]), 0.0)
    grid &= beyond_x[None, :] ** 2 + beyond_y[:, None] ** 2 > RADIUS**2


def _covered(fixture: FixtureSpec) -> tuple[NDArray[Any], NDArray[Any]] | None:
    """The corners (2,) of the floor that a fixture covers, if any; a door covers where its leaf stands when open."""
    form = kind(fixture.kind)
    forward = np.array([np.cos(fixture.yaw), np.sin(fixture.yaw)])
    across = np.array([-forward[1], forward[0]])
    half, center = form.extent / 2, fixture.position_w[:2]
    if form.category == "door":
        hinge = center - across * half[1]
        ends = np.array([hinge, hinge - forward * form.extent[1]])
        return ends.min(axis=0), ends.max(axis=0)
    if fixture.position_w[2] > 0.05 or form.extent[2] < 0.05:
        return None
    reach = np.abs(forward) * half[0] + np.abs(across) * half[1]
    return center - reach, center + reach


def _work_places(fixture: FixtureSpec) -> list[NDArray[Any]]:
    """Points (2,) of the floor from which a fixture is used, if it is."""
    form = kind(fixture.kind)
    used = form.affordances | {"open" for part in form.parts.values() if part.articulation is not None}
    on_furniture = 0.05 < fixture.position_w[2] < 0.95
    if form.category == "door" or on_furniture or not used:
        return []
    forward = np.array([np.cos(fixture.yaw), np.sin(fixture.yaw)])
    across = np.array([-forward[1], forward[0]])
    aside = max(0.0, form.extent[1] / 2 - 0.3)
    front = fixture.position_w[:2] + forward * (form.extent[0] / 2 + _STAND)
    return [front + across * offset for offset in ((-aside, 0.0, aside) if aside else (0.0,))]


def _flood(free: NDArray[np.bool_], row: int, column: int) -> NDArray[np.bool_]:
    """The free cells joined to one."""
    reached = np.zeros_like(free)
    reached[row, column] = free[row, column]
    count = -1
    while count != (count := int(reached.sum())):
        for _ in range(8):
            grown = reached.copy()
            grown[1:] |= reached[:-1]
            grown[:-1] |= reached[1:]
            grown[:, 1:] |= reached[:, :-1]
            grown[:, :-1] |= reached[:, 1:]
            reached = grown & free
    return reached

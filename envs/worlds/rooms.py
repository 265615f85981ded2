"""Rooms, doorways and walls of a home, as axis-aligned rectangles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from yanshi.contracts import Room
from yanshi.envs.worlds.scene import Wall

WALL = 0.10
"""Thickness of a wall [m]."""
Side = Literal["west", "east", "south", "north"]
SIDES: tuple[Side, ...] = ("west", "east", "south", "north")


@dataclass(frozen=True, slots=True)
class Rect:
    """An axis-aligned rectangle: least and greatest x and y [m]."""

    x0: float
    y0: float
    x1: float
    y1: float

    def overlaps(self, other: Rect) -> bool:
        """Whether the two share any area."""
        return self.x0 < other.x1 and other.x0 < self.x1 and self.y0 < other.y1 and other.y0 < self.y1

    def holds(self, other: Rect) -> bool:
        """Whether another lies inside."""
        return self.x0 <= other.x0 and self.y0 <= other.y0 and self.x1 >= other.x1 and self.y1 >= other.y1

    def grown(self, by: float) -> Rect:
        """Larger by so much on every side."""
        return Rect(self.x0 - by, self.y0 - by, self.x1 + by, self.y1 + by)

    def edge(self, side: Side) -> Edge:
        """One of its sides."""
        return {
            "west": Edge("x", self.x0, self.y0, self.y1),
            "east": Edge("x", self.x1, self.y0, self.y1),
            "south": Edge("y", self.y0, self.x0, self.x1),
            "north": Edge("y", self.y1, self.x0, self.x1),
        }[side]


@dataclass(frozen=True, slots=True)
class Edge:
    """A piece of the line x = at (or y = at), between two values of the other coordinate [m]."""

    axis: Literal["x", "y"]
    at: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Doorway:
    """An opening in the wall between two rooms."""

    edge: Edge
    """Its line, from jamb to jamb."""
    rooms: tuple[str, str]
    """The rooms on its lower and its upper side (west and east, or south and north)."""
    door: str | None = None
    """Name of the door in it, if it has one."""
    opens_up: bool = True
    """Whether the door swings to the upper side (east, north)."""

    @property
    def middle(self) -> tuple[float, float]:
        """x, y [m]."""
        along = (self.edge.low + self.edge.high) / 2
        return (self.edge.at, along) if self.edge.axis == "x" else (along, self.edge.at)

    def zone(self, depth: float = 1.0) -> Rect:
        """The floor on both sides that must stay free."""
        edge = self.edge
        if edge.axis == "x":
            return Rect(edge.at - depth, edge.low - 0.1, edge.at + depth, edge.high + 0.1)
        return Rect(edge.low - 0.1, edge.at - depth, edge.high + 0.1, edge.at + depth)


def room(name: str, outline: Rect) -> Room:
    """The room within the middle lines of its walls."""
    inner = outline.grown(-WALL / 2)
    return Room(name=name, low_w=np.array([inner.x0, inner.y0]), high_w=np.array([inner.x1, inner.y1]))


def walls(outlines: Sequence[Rect], doorways: Sequence[Doorway]) -> tuple[Wall, ...]:
    """The walls on all outlines, once where two rooms share one, with a gap at every doorway."""
    lines: dict[tuple[str, float], list[tuple[float, float]]] = {}
    for outline in outlines:
        for side in SIDES:
            edge = outline.edge(side)
            lines.setdefault((edge.axis, round(edge.at, 6)), []).append((edge.low, edge.high))
    result = []
    for (axis, at), pieces in sorted(lines.items()):
        for low, high in _merged(pieces):
            gaps = sorted(
                (d.edge.low, d.edge.high) for d in doorways if d.edge.axis == axis and abs(d.edge.at - at) < 1e-6
            )
            bounds = [low - WALL / 2]
            for gap in gaps:
                if low <= gap[0] and gap[1] <= high:
                    bounds += gap
            bounds.append(high + WALL / 2)
            for start, end in zip(bounds[::2], bounds[1::2], strict=True):
                across = (at - WALL / 2, at + WALL / 2)
                x, y = (across, (start, end)) if axis == "x" else ((start, end), across)
                result.append(Wall(low_w=(x[0], y[0]), high_w=(x[1], y[1])))
    return tuple(result)


def _merged(pieces: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    result: list[tuple[float, float]] = []
    for low, high in sorted(pieces):
        if result and low <= result[-1][1] + 1e-6:
            result[-1] = (result[-1][0], max(high, result[-1][1]))
        else:
            result.append((low, high))
    return result

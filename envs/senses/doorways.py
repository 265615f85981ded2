"""How sound gets from room to room: through doorways, round their edges, and, weakly, through closed doors.

From another room a sound is heard as if it came from the doorway. We take the shortest broken line from the source
through the openings to the listener. At each opening,

- of the clear sound the share cos²(θ/2) goes on, where the line bends by θ; what is lost at a bend is not gone for low
  frequencies, which diffract: `OCCLUDED` of it goes on dull (low-passed);
- the closed part of a door lets `LEAK` through, dull.

Of several ways the loudest counts. Sound through walls is below all this and is left out; so are reflections in the
room of the source. See Kuttruff, "Room Acoustics", for the physics that this simplifies.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Protocol

import numpy as np

from yanshi.contracts import Array, Room
from yanshi.envs.senses.acoustics import OCCLUDED, Arrival

LEAK = 0.1
"""Amplitude that comes through a closed door: 20 dB less, as an inner door does."""
WALL_LEAK = 0.01
"""Amplitude that comes through the walls where no way leads: 40 dB less."""
THICKEST = 0.4
"""Rooms further apart than this do not share a wall [m]."""
NARROWEST = 0.3
"""A gap in a wall that is less wide is no doorway [m]."""
MOST_DOORS = 3
"""Ways through more doors are not heard."""
EDGE = 0.1
"""Sound keeps this far from the sides of an opening [m]."""
_SWEEPS = 4


@dataclass(frozen=True, kw_only=True)
class Doorway:
    """An opening in the wall between two rooms."""

    rooms: tuple[str, str]
    ends_w: Array
    """(2, 2) x, y of both sides of the opening [m]."""
    height: float
    """[m]."""

    @property
    def name(self) -> str:
        """Between what it is and where, in whole centimetres."""
        x, y = np.round(100.0 * self.ends_w.mean(axis=0)).astype(int).tolist()
        return f"{self.rooms[0]}|{self.rooms[1]}@{x},{y}"


class Wall(Protocol):
    """What is asked of a wall: its rectangle on the floor [m]."""

    @property
    def low_w(self) -> tuple[float, float]:
        """Least x, y."""

    @property
    def high_w(self) -> tuple[float, float]:
        """Greatest x, y."""


def openings(rooms: Sequence[Room], walls: Sequence[Wall], height: float) -> tuple[Doorway, ...]:
    """Where rooms that lie side by side are open to one another: what walls leave free of the line between them."""
    found = []
    for first, second in combinations(rooms, 2):
        for axis, along in ((0, 1), (1, 0)):
            lower, upper = sorted((first, second), key=lambda room, axis=axis: float(room.low_w[axis]))  # type: ignore[misc]
            line = 0.5 * (lower.high_w[axis] + upper.low_w[axis])
            if not -1e-6 <= upper.low_w[axis] - lower.high_w[axis] <= THICKEST:
                continue
            free = float(max(lower.low_w[along], upper.low_w[along]))
            end = float(min(lower.high_w[along], upper.high_w[along]))
            covered = sorted(
                (w.low_w[along], w.high_w[along]) for w in walls if w.low_w[axis] <= line <= w.high_w[axis]
            )
            for begin, stop in [*covered, (end, end)]:
                if min(begin, end) - free > NARROWEST:
                    ends = np.empty((2, 2))
                    ends[:, axis], ends[:, along] = line, (free, min(begin, end))
                    found.append(Doorway(rooms=(lower.name, upper.name), ends_w=ends, height=height))
                free = max(free, stop)
    return tuple(found)


def arrival(
    source_w: Array, source_room: str, listener_w: Array, listener_room: str, doorways: Sequence[tuple[Doorway, float]]
) -> Arrival:
    """The loudest way of a sound into the listener's room.

    Args:
        source_w: (3,) [m].
        source_room: Where it is.
        listener_w: (3,) [m].
        listener_room: Where that is.
        doorways: Each with how open it is, 0 closed … 1 open.
    """
    if source_room == listener_room:
        return Arrival(route=(), position_w=source_w)
    ways = [_through(source_w, listener_w, way) for way in _ways(source_room, listener_room, doorways)]
    if not ways:
        return Arrival(route=("wall",), position_w=source_w, clear=0.0, dull=WALL_LEAK)
    return max(ways, key=lambda way: _loudness(way, listener_w))


def _loudness(way: Arrival, listener_w: Array) -> float:
    distance = way.detour + float(np.linalg.norm(way.position_w - listener_w))
    return (way.clear + way.dull) / max(distance, 1e-3)


def _ways(
    start: str, end: str, doorways: Sequence[tuple[Doorway, float]], used: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[Doorway, float], ...]]:
    """Every way from room to room that enters no room twice, of at most `MOST_DOORS` doors."""
    if start == end:
        yield ()
    elif len(used) < MOST_DOORS:
        for doorway, opening in doorways:
            if start in doorway.rooms:
                beyond = doorway.rooms[1 - doorway.rooms.index(start)]
                if beyond not in used:
                    for rest in _ways(beyond, end, doorways, (*used, start)):
                        yield ((doorway, opening), *rest)


def _through(source_w: Array, listener_w: Array, way: Sequence[tuple[Doorway, float]]) -> Arrival:
    line = [source_w, *(np.append(d.ends_w.mean(axis=0), 0.5 * d.height) for d, _ in way), listener_w]
    for _ in range(_SWEEPS if len(way) > 1 else 1):
        for k, (doorway, _opening) in enumerate(way, start=1):
            line[k] = _crossing(line[k - 1], line[k + 1], doorway)
    legs = np.diff(np.array(line), axis=0)
    lengths = np.linalg.norm(legs, axis=1)
    directions = legs / np.maximum(lengths, 1e-9)[:, None]
    clear, dull = 1.0, 0.0
    for (_, opening), before, after in zip(way, directions[:-1], directions[1:], strict=True):
        straight = 0.5 + 0.5 * float(before @ after)
        closed = LEAK * (1.0 - opening)
        dull = dull * (opening + closed) + clear * (opening * OCCLUDED * (1.0 - straight) + closed)
        clear *= opening * straight
    return Arrival(
        route=tuple(d.name for d, _ in way),
        position_w=line[-2],
        detour=float(lengths[:-1].sum()),
        clear=clear,
        dull=dull,
    )


def _crossing(before: Array, after: Array, doorway: Doorway) -> Array:
    """(3,) where the shortest line between two points goes through an opening."""
    left, right = doorway.ends_w
    along = (right - left) / max(float(np.linalg.norm(right - left)), 1e-9)
    normal = np.array([-along[1], along[0]])
    a, b = abs(float((before[:2] - left) @ normal)), abs(float((after[:2] - left) @ normal))
    share = a / max(a + b, 1e-9)
    point = before + share * (after - before)
    width = float(np.linalg.norm(right - left))
    edge = min(EDGE, 0.5 * width)
    place = np.clip(float((point[:2] - left) @ along), edge, width - edge)
    return np.append(left + place * along, np.clip(point[2], 0.0, doorway.height))

"""Furniture along the walls of a room: drawn so that nothing overlaps and the floor before everything stays free."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from yanshi.envs.worlds.catalog import kind
from yanshi.envs.worlds.rooms import Rect, Side
from yanshi.envs.worlds.scene import FixtureSpec
from yanshi.errors import WorldError

FREE = 0.85
"""Depth of the floor that stays free before a piece of furniture [m]."""
_YAW: Mapping[Side, float] = {"west": 0.0, "east": np.pi, "south": np.pi / 2, "north": -np.pi / 2}
"""Direction that furniture with its back to a wall faces [rad]."""
_TRIES = 120


class Furnishing:
    """The furniture of one room, put down piece after piece."""

    def __init__(self, name: str, inner: Rect, keep_free: Sequence[Rect], rng: np.random.Generator) -> None:
        self.name, self.inner = name, inner
        self._rng = rng
        self._free = list(keep_free)
        self._solid: list[Rect] = []
        self.fixtures: list[FixtureSpec] = []

    def along_wall(
        self, pieces: Sequence[FixtureSpec], sides: Sequence[Side], free: float = FREE, gap: float = 0.0
    ) -> None:
        """Put a row of pieces, so far apart [m], against one of some walls.

        Raises:
            WorldError: there is no place for it.
        """
        widths = [float(kind(piece.kind).extent[1]) for piece in pieces]
        depths = [float(kind(piece.kind).extent[0]) for piece in pieces]
        for _ in range(_TRIES):
            side = sides[int(self._rng.integers(len(sides)))]
            edge = self.inner.edge(side)
            room_left = edge.high - edge.low - sum(widths) - gap * (len(pieces) - 1)
            if room_left < 0:
                continue
            start = edge.low + room_left * self._rng.random()
            starts = [start + sum(widths[:n]) + gap * n for n in range(len(pieces))]
            spots = [_against(side, self.inner, *place) for place in zip(starts, widths, depths, strict=True)]
            front = [_before(side, spot, free) for spot in spots]
            if self._fits(spots, front):
                for piece, spot in zip(pieces, spots, strict=True):
                    self._keep(piece, spot, _YAW[side])
                self._free += front
                return
        raise WorldError(f"No place for {', '.join(p.name for p in pieces)} in {self.name}.")

    def in_front_of(self, piece: FixtureSpec, other: str, gap: float, free: float = FREE) -> None:
        """Put a piece on the floor before another, facing the same way.

        Raises:
            WorldError: there is no place for it.
        """
        base = next(f for f in self.fixtures if f.name == other)
        form, theirs = kind(piece.kind), kind(base.kind)
        ahead = np.array([np.cos(base.yaw), np.sin(base.yaw)])
        center = base.position_w[:2] + ahead * (theirs.extent[0] / 2 + gap + form.extent[0] / 2)
        half = np.abs(np.array([[ahead[0], -ahead[1]], [ahead[1], ahead[0]]])) @ form.extent[:2] / 2
        spot = Rect(*(center - half), *(center + half))
        side = next(s for s, yaw in _YAW.items() if np.isclose(yaw, base.yaw))
        front = _before(side, spot, free)
        if not self.inner.holds(spot) or any(spot.overlaps(r) for r in self._solid) or not self.inner.holds(front):
            raise WorldError(f"No place for {piece.name} in {self.name}.")
        if any(front.overlaps(r) for r in self._solid):
            raise WorldError(f"No place for {piece.name} in {self.name}.")
        self._keep(piece, spot, base.yaw)
        self._free.append(front)

    def spot(self, radius: float) -> tuple[float, float]:
        """A free place on the floor for something round [m].

        Raises:
            WorldError: there is none.
        """
        for _ in range(_TRIES):
            x = self._rng.uniform(self.inner.x0 + radius, self.inner.x1 - radius)
            y = self._rng.uniform(self.inner.y0 + radius, self.inner.y1 - radius)
            if not any(Rect(x, y, x, y).grown(radius).overlaps(solid) for solid in self._solid):
                return float(x), float(y)
        raise WorldError(f"No free floor in {self.name}.")

    def keep_clear(self, floor: Rect) -> None:
        """Let no furniture stand on a piece of the floor."""
        self._free.append(floor)

    def reserve(self, spot: Rect) -> None:
        """Keep a piece of the floor for something else."""
        self._solid.append(spot)

    def _fits(self, spots: Sequence[Rect], front: Sequence[Rect]) -> bool:
        if not all(self.inner.holds(rect) for rect in front):
            return False
        blocked = [*self._solid, *self._free]
        return not any(s.overlaps(b) for s in spots for b in blocked) and not any(
            f.overlaps(s) for f in front for s in self._solid
        )

    def _keep(self, piece: FixtureSpec, spot: Rect, yaw: float) -> None:
        self._solid.append(spot)
        position = np.array([(spot.x0 + spot.x1) / 2, (spot.y0 + spot.y1) / 2, piece.position_w[2]])
        self.fixtures.append(replace(piece, position_w=position, yaw=yaw, room=self.name))


def _against(side: Side, inner: Rect, start: float, width: float, depth: float) -> Rect:
    """The floor under a piece with its back to a wall, from `start` along the wall."""
    return {
        "west": Rect(inner.x0, start, inner.x0 + depth, start + width),
        "east": Rect(inner.x1 - depth, start, inner.x1, start + width),
        "south": Rect(start, inner.y0, start + width, inner.y0 + depth),
        "north": Rect(start, inner.y1 - depth, start + width, inner.y1),
    }[side]


def _before(side: Side, spot: Rect, free: float) -> Rect:
    """The floor before a piece whose back is to a side."""
    return {
        "west": Rect(spot.x1, spot.y0, spot.x1 + free, spot.y1),
        "east": Rect(spot.x0 - free, spot.y0, spot.x0, spot.y1),
        "south": Rect(spot.x0, spot.y1, spot.x1, spot.y1 + free),
        "north": Rect(spot.x0, spot.y0 - free, spot.x1, spot.y0),
    }[side]

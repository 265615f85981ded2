"""The same home seen in a mirror or turned by quarters: eight plans out of one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from yanshi.contracts import Room
from yanshi.envs.worlds.scene import FixtureSpec, Wall


@dataclass(frozen=True, slots=True)
class Mirror:
    """A symmetry of the square grid: a (2, 2) matrix with one ±1 in each row and column."""

    matrix: NDArray[Any]

    @classmethod
    def draw(cls, rng: np.random.Generator) -> Mirror:
        """One of the eight."""
        matrix = np.diag(rng.choice([-1.0, 1.0], size=2))
        return cls(matrix[::-1] if rng.random() < 0.5 else matrix)

    def point(self, x: float, y: float) -> tuple[float, float]:
        """Where a point of the plan [m] comes to lie."""
        mapped = self.matrix @ (x, y)
        return float(mapped[0]), float(mapped[1])

    def yaw(self, yaw: float) -> float:
        """Where a direction [rad] comes to point."""
        mapped = self.matrix @ (np.cos(yaw), np.sin(yaw))
        return float(np.arctan2(mapped[1], mapped[0]))

    def box(self, low: NDArray[Any], high: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        """The corners of an axis-aligned box, in order."""
        a, b = self.matrix @ low, self.matrix @ high
        return np.minimum(a, b), np.maximum(a, b)

    def room(self, room: Room) -> Room:
        """A room, mirrored."""
        low, high = self.box(room.low_w, room.high_w)
        return replace(room, low_w=low, high_w=high)

    def wall(self, wall: Wall) -> Wall:
        """A wall, mirrored."""
        low, high = self.box(np.array(wall.low_w), np.array(wall.high_w))
        return replace(wall, low_w=(float(low[0]), float(low[1])), high_w=(float(high[0]), float(high[1])))

    def fixture(self, fixture: FixtureSpec) -> FixtureSpec:
        """A fixture at its mirrored place; it is not itself mirrored (a drawer on the left stays on the left)."""
        position = np.array([*self.point(*fixture.position_w[:2]), fixture.position_w[2]])
        return replace(fixture, position_w=position, yaw=self.yaw(fixture.yaw))

"""Where one has to look to say that nothing lies there: points on the surfaces and on the floors of the insides of
fixtures.
"""

from __future__ import annotations

from collections.abc import Mapping

import mujoco
import numpy as np

from yanshi.contracts import Array
from yanshi.envs.worlds.world import Thing

_GRID = 5
VIEWED_SHARE = 0.7
"""A surface counts as viewed when this share of its points is."""


class Surfaces:
    """The surfaces and insides of the fixtures of a world, each as a grid of points."""

    def __init__(self, things: Mapping[str, Thing]) -> None:
        """Lay points over every region ``on`` and ``in`` of everything but objects."""
        line = np.linspace(-0.9, 0.9, _GRID)
        grid = np.stack(np.meshgrid(line, line), axis=-1).reshape(-1, 2)
        regions = [
            (name, thing.body, region)
            for name, thing in things.items()
            if thing.entity.category != "object"
            for region in thing.entity.regions
            if region.kind in ("on", "in")
        ]
        self._names = [name for name, _, _ in regions]
        self._bodies = np.array([body for _, body, _ in regions], dtype=np.intp)
        self._points_e = np.empty((len(regions), len(grid), 3))
        for points, (_, _, region) in zip(self._points_e, regions, strict=True):
            points[:, :2] = region.center_e[:2] + grid * region.half[:2]
            points[:, 2] = region.center_e[2] - region.half[2]

    def points(self, data: mujoco.MjData) -> Array:
        """(n, 25, 3) of the map: the points of each surface [m]."""
        turn = data.xmat[self._bodies].reshape(-1, 3, 3)
        return np.asarray(np.matmul(self._points_e, turn.transpose(0, 2, 1)) + data.xpos[self._bodies, None])

    def viewed(self, seen: Array) -> set[str]:
        """Whose surface or inside is viewed, if of its points (n, 25) those marked are `seen`."""
        return {self._names[index] for index in np.flatnonzero(seen.mean(axis=1) >= VIEWED_SHARE)}

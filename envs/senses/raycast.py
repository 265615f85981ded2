"""Casting the rays of a LiDAR from one point into the world, the robot's own body left out."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Protocol

import mujoco
import numpy as np

from yanshi.contracts import Array
from yanshi.envs.senses.patterns import Grid


@dataclass(frozen=True, slots=True)
class Hits:
    """What each of N rays meets first."""

    distance: Array
    """(N,) [m]; -1 where nothing is met."""
    geom: Array
    """(N,) int32 geom id; -1 where nothing is met."""
    cosine: Array
    """(N,) of the angle of incidence, in [0, 1]; 1 is straight on. Meaningless where nothing is met."""


class Raycaster(Protocol):
    """Casts the rays of one grid into a fixed set of geoms of a model."""

    def cast(self, data: mujoco.MjData, origin_w: Array, rotation_w: Array, reach: float) -> Hits:
        """What the rays meet within `reach` [m] from `origin_w` (3,), with the grid turned by `rotation_w` (3, 3)."""


class MultiRay:
    """`mj_multiRay` on a private copy of the model in which geoms that are not wanted are in a group of their own.

    By itself `mj_multiRay` can leave out one body only; a robot has many.
    """

    def __init__(self, model: mujoco.MjModel, seen: Array, grid: Grid) -> None:
        """Cast into the geoms that `seen` (ngeom,) bool says."""
        self._model = copy.copy(model)
        self._model.geom_group[:] = np.where(seen, 0, 5)
        self._groups = np.array([1, 1, 1, 1, 1, 0], np.uint8)
        self._directions = grid.directions

    def cast(self, data: mujoco.MjData, origin_w: Array, rotation_w: Array, reach: float) -> Hits:
        """See `Raycaster`."""
        rays = self._directions @ rotation_w.T
        n = len(rays)
        distance, geom, normal = np.empty(n), np.empty(n, np.int32), np.empty((n, 3))
        mujoco.mj_multiRay(
            m=self._model,
            d=data,
            pnt=origin_w,
            vec=rays.ravel(),
            geomgroup=self._groups,
            flg_static=1,
            bodyexclude=-1,
            geomid=geom,
            dist=distance,
            normal=normal.ravel(),
            nray=n,
            cutoff=reach,
        )
        return Hits(distance, geom, np.abs(np.einsum("ij,ij->i", normal, rays)))

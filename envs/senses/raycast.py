"""Casting many rays from one point into the world, the robot's own body left out."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Protocol

import mujoco
import numpy as np

from yanshi.contracts import Array


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
    """Casts rays into a fixed set of geoms of a model."""

    def cast(self, data: mujoco.MjData, origin_w: Array, directions_w: Array, reach: float) -> Hits:
        """What rays from `origin_w` (3,) along unit vectors `directions_w` (N, 3) meet within `reach` [m]."""


class MultiRay:
    """`mj_multiRay` on a private copy of the model in which geoms that are not wanted are in a group of their own.

    `mj_multiRay` itself can leave out one body only; a robot has many.
    """

    def __init__(self, model: mujoco.MjModel, seen: Array) -> None:
        """Cast into the geoms that `seen` (ngeom,) bool says."""
        self._model = copy.copy(model)
        self._model.geom_group[:] = np.where(seen, 0, 5)
        self._groups = np.array([1, 1, 1, 1, 1, 0], np.uint8)

    def cast(self, data: mujoco.MjData, origin_w: Array, directions_w: Array, reach: float) -> Hits:
        """See `Raycaster`."""
        n = len(directions_w)
        distance, geom, normal = np.empty(n), np.empty(n, np.int32), np.empty((n, 3))
        rays, normals = directions_w.ravel(), normal.ravel()
        mujoco.mj_multiRay(self._model, data, origin_w, rays, self._groups, 1, -1, geom, distance, normals, n, reach)
        cosine = np.abs(np.einsum("ij,ij->i", normal, directions_w))
        return Hits(distance, geom, cosine)

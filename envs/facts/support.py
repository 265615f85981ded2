"""The hull of a body: the points that can touch a floor or carry something, by the support functions of its geoms."""

from __future__ import annotations

import mujoco
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_DIRECTIONS = 64


def sphere_directions(count: int) -> Floats:
    """Unit vectors (count + 6, 3): a Fibonacci lattice and the six axes."""
    index = np.arange(count) + 0.5
    z = 1.0 - 2.0 * index / count
    angle = np.pi * (1.0 + np.sqrt(5.0)) * index
    radius = np.sqrt(1.0 - z * z)
    lattice = np.stack([radius * np.cos(angle), radius * np.sin(angle), z], axis=1)
    return np.concatenate([lattice, np.eye(3), -np.eye(3)])


def support_points(model: mujoco.MjModel, body: int) -> Floats:
    """Hull points (K, 3) [m] of a body's colliding geoms in its frame: the farthest point along each of K directions.

    Corners of boxes are exact; of round geoms with radius r a direction between two of the lattice errs by less than
    0.08 r.
    """
    directions = sphere_directions(_DIRECTIONS)
    geoms = [g for g in range(model.ngeom) if model.geom_bodyid[g] == body]
    geoms = [g for g in geoms if model.geom_contype[g] or model.geom_conaffinity[g]] or geoms
    if not geoms:
        return np.zeros((len(directions), 3))
    rows = np.arange(len(directions))
    candidates = np.stack([_farthest(model, geom, directions) for geom in geoms])
    best = np.argmax(np.einsum("gkd,kd->gk", candidates, directions), axis=0)
    return np.asarray(candidates[best, rows])


def _farthest(model: mujoco.MjModel, geom: int, directions: Floats) -> Floats:
    """The farthest point of one geom along each direction (K, 3), in the body frame."""
    matrix = np.zeros(9)
    mujoco.mju_quat2Mat(matrix, model.geom_quat[geom])
    rotation = matrix.reshape(3, 3)
    local = directions @ rotation
    size = model.geom_size[geom]
    kind = model.geom_type[geom]
    if kind == mujoco.mjtGeom.mjGEOM_SPHERE:
        point = size[0] * local
    elif kind == mujoco.mjtGeom.mjGEOM_ELLIPSOID:
        scaled = local * size
        point = scaled * size / np.linalg.norm(scaled, axis=1, keepdims=True)
    elif kind == mujoco.mjtGeom.mjGEOM_BOX:
        point = np.where(local >= 0.0, size, -size)
    elif kind == mujoco.mjtGeom.mjGEOM_CYLINDER:
        flat = local[:, :2] / np.maximum(np.linalg.norm(local[:, :2], axis=1, keepdims=True), 1e-9)
        point = np.column_stack([size[0] * flat, np.where(local[:, 2] >= 0.0, size[1], -size[1])])
    elif kind == mujoco.mjtGeom.mjGEOM_CAPSULE:
        point = size[0] * local
        point[:, 2] += np.where(local[:, 2] >= 0.0, size[1], -size[1])
    elif kind == mujoco.mjtGeom.mjGEOM_MESH:
        mesh = model.geom_dataid[geom]
        start, count = model.mesh_vertadr[mesh], model.mesh_vertnum[mesh]
        vertices = model.mesh_vert[start : start + count]
        point = vertices[np.argmax(local @ vertices.T, axis=1)]
    else:
        point = np.where(local >= 0.0, model.geom_aabb[geom, 3:], -model.geom_aabb[geom, 3:])
    return np.asarray(point @ rotation.T + model.geom_pos[geom], dtype=np.float64)

"""Where the robot and its sensors are, as 4×4 transforms, and which bodies and geoms are the robot's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import mujoco
import numpy as np

from yanshi.contracts import Array
from yanshi.errors import WorldError

if TYPE_CHECKING:
    from yanshi.envs.robots import Robot

VISIBLE_GROUPS = 3
"""Geoms of groups 0, 1, 2 are what cameras and LiDARs see; higher groups are for collision or for people."""


def element(model: mujoco.MjModel, kind: mujoco.mjtObj, name: str) -> int:
    """The id of a named element. Raises: WorldError that lists what exists."""
    index = int(mujoco.mj_name2id(model, kind, name))
    if index < 0:
        word = kind.name.removeprefix("mjOBJ_").lower()
        count = {mujoco.mjtObj.mjOBJ_CAMERA: model.ncam, mujoco.mjtObj.mjOBJ_SITE: model.nsite}.get(kind, 0)
        names = [mujoco.mj_id2name(model, kind, i) for i in range(count)]
        existing = ", ".join(name for name in names if name)
        raise WorldError(f"The model has no {word} '{name}'." + (f" It has: {existing}." if existing else ""))
    return index


def pose(position: Array, rotation: Array) -> Array:
    """(4, 4) from a position (3,) and a rotation matrix (3, 3) or (9,)."""
    T = np.eye(4)
    T[:3, :3] = rotation.reshape(3, 3)
    T[:3, 3] = position
    return T


def inverse(T: Array) -> Array:
    """The inverse of a rigid transform (4, 4)."""
    out = np.eye(4)
    R = T[:3, :3].T
    out[:3, :3] = R
    out[:3, 3] = -R @ T[:3, 3]
    return out


def base_pose(data: mujoco.MjData, base: int) -> Array:
    """T_wb (4, 4) of the robot base frame: under body `base`, on the floor (z = 0)."""
    T = pose(data.xpos[base], data.xmat[base])
    T[2, 3] = 0.0
    return T


def site_in_base(data: mujoco.MjData, site: int, base: int) -> Array:
    """T_bs (4, 4) of a site."""
    to_base = data.xmat[base].reshape(3, 3).T
    offset = data.site_xpos[site] - data.xpos[base]
    offset[2] += data.xpos[base, 2]
    T = np.zeros((4, 4))
    T[:3, :3] = to_base @ data.site_xmat[site].reshape(3, 3)
    T[:3, 3] = to_base @ offset
    T[3, 3] = 1.0
    return T


def robot_geoms(model: mujoco.MjModel, robot: Robot) -> Array:
    """(ngeom,) bool: which geoms are the robot's own, on whatever body."""
    base = element(model, mujoco.mjtObj.mjOBJ_BODY, robot.base_body)
    if base == 0:
        raise WorldError("The robot's base must be a body of its own, not the world.")
    own: Array = model.body_rootid[model.geom_bodyid] == model.body_rootid[base]
    return own


def visible_geoms(model: mujoco.MjModel) -> Array:
    """(ngeom,) bool: which geoms light meets: of a visible group, and not wholly transparent."""
    material = model.geom_matid
    alpha = model.geom_rgba[:, 3].copy()
    alpha[material >= 0] = model.mat_rgba[material[material >= 0], 3]
    visible: Array = (model.geom_group < VISIBLE_GROUPS) & (alpha > 0.0)
    return visible

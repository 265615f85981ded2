"""Where the base cannot go, from the geometry of walls and furniture."""

from __future__ import annotations

from collections.abc import Sequence

import mujoco
import numpy as np

from yanshi.contracts import OccupancyGrid, Room

RESOLUTION = 0.05
"""[m] a cell."""
LOW, HIGH = 0.05, 1.4
"""Only what is between these heights is in the way of the robot [m]."""

_ROUND = (mujoco.mjtGeom.mjGEOM_CYLINDER, mujoco.mjtGeom.mjGEOM_CAPSULE, mujoco.mjtGeom.mjGEOM_SPHERE)


def occupancy(model: mujoco.MjModel, rooms: Sequence[Room], robot_body: str) -> OccupancyGrid:
    """The cells covered by static geometry at the height of the robot. Doors, drawers and movable things are left out.

    Args:
        model: the world.
        rooms: they and their walls are what the grid covers; outside of them everything is occupied.
        robot_body: root body of the robot, left out.
    """
    data = mujoco.MjData(model)
    mujoco.mj_kinematics(model, data)
    low = np.min([room.low_w for room in rooms], axis=0) - 0.2
    high = np.max([room.high_w for room in rooms], axis=0) + 0.2
    nx, ny = np.ceil((high - low) / RESOLUTION - 1e-9).astype(int)
    x = low[0] + (np.arange(nx) + 0.5) * RESOLUTION
    y = low[1] + (np.arange(ny) + 0.5) * RESOLUTION
    grid_x, grid_y = np.meshgrid(x, y)
    occupied = np.ones((ny, nx), bool)
    for room in rooms:
        inside = (grid_x > room.low_w[0] - 0.06) & (grid_x < room.high_w[0] + 0.06)
        occupied[inside & (grid_y > room.low_w[1] - 0.06) & (grid_y < room.high_w[1] + 0.06)] = False
    robot = model.body(robot_body).id
    for geom in range(model.ngeom):
        body = model.geom_bodyid[geom]
        solid = model.geom_contype[geom] or model.geom_conaffinity[geom]
        movable = model.body_weldid[body] != 0
        if (
            movable
            or not solid
            or model.body_rootid[body] == robot
            or model.geom_type[geom] == mujoco.mjtGeom.mjGEOM_PLANE
        ):
            continue
        turn = data.geom_xmat[geom].reshape(3, 3)
        center = data.geom_xpos[geom] + turn @ model.geom_aabb[geom, :3]
        half = model.geom_aabb[geom, 3:]
        rise = np.abs(turn[2]) @ half
        if center[2] - rise > HIGH or center[2] + rise < LOW:
            continue
        local = np.stack([grid_x - center[0], grid_y - center[1], np.zeros_like(grid_x)], axis=-1) @ turn
        if int(model.geom_type[geom]) in _ROUND and turn[2, 2] ** 2 > 0.999:
            occupied |= np.hypot(local[..., 0], local[..., 1]) <= half[0] + RESOLUTION / 2
        else:
            occupied |= np.all(np.abs(local[..., :2]) <= half[:2] + RESOLUTION / 2, axis=-1)
    return OccupancyGrid(occupied=occupied, resolution=RESOLUTION, origin_w=low)

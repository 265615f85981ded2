"""The shapes of moving furniture parts, as a catalogue of furniture gives them: what the map adds to the floor plan."""

from __future__ import annotations

import mujoco
import numpy as np

from yanshi.contracts import Array
from yanshi.envs.worlds.world import World

SMALLEST = 0.02
"""Boxes with no side longer than this [m], such as the posts of a handle, are left out."""


def part_shapes(world: World) -> dict[str, Array]:
    """Drawer or door → its boxes (k, 6) in its own frame: centre, half extents [m]. Read from the description of the
    furniture alone, not from where anything is.
    """
    model = world.model
    shapes: dict[str, Array] = {}
    for name, thing in world.entities.items():
        if thing.entity.articulation is None:
            continue
        boxes = [
            np.concatenate((model.geom_pos[geom], model.geom_size[geom]))
            for geom in thing.geoms
            if model.geom_type[geom] == mujoco.mjtGeom.mjGEOM_BOX
            and model.geom_size[geom].max() > SMALLEST
            and np.allclose(np.abs(model.geom_quat[geom]), (1.0, 0.0, 0.0, 0.0), atol=1e-6)
        ]
        if boxes:
            shapes[name] = np.array(boxes)
    return shapes

"""A new kind of object: one MJCF file. Its words, colours and sizes are in the file; see assets/teapot.xml."""

from pathlib import Path

import numpy as np

from yanshi.envs.robots import robot
from yanshi.envs.worlds.catalog import kind, register_kind
from yanshi.envs.worlds.compose import compose
from yanshi.envs.worlds.scene import Wanted
from yanshi.envs.worlds.tabletop import tabletop

register_kind(Path(__file__).parent / "assets" / "teapot.xml")
print("extent [m]:", kind("teapot").extent.round(3), "offers:", sorted(kind("teapot").affordances))

scene = tabletop(np.random.default_rng(0), objects=[Wanted(kind="teapot", color="blue")])
world = compose(scene, robot("panda"))
teapot = world.thing(scene.objects[0].item.name).entity
print(teapot.name, "stands at", teapot.position_w.round(3), "on the", scene.objects[0].support)

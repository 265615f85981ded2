"""Worlds: what is in them (catalog), where it stands (layout), and how they become models (compose)."""

from functools import partial

from yanshi.envs.worlds.compose import compose
from yanshi.envs.worlds.home import home
from yanshi.envs.worlds.scene import FixtureSpec, ObjectSpec, Placement, Scene, Wall, Wanted
from yanshi.envs.worlds.tabletop import tabletop
from yanshi.envs.worlds.world import Thing, World, register_world, world, worlds

__all__ = [
    "FixtureSpec", "ObjectSpec", "Placement", "Scene", "Thing", "Wall", "Wanted", "World", "compose", "home",
    "register_world", "tabletop", "world", "worlds",
]  # fmt: skip

register_world("tabletop", tabletop, "panda")
register_world(
    "home", partial(home, objects=(Wanted(kind="mug", color="red"),)), "mobile_panda"
)  # what guides speak of

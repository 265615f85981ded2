"""Tidy: put all the things of one colour in the basket."""

from __future__ import annotations

import numpy as np

from yanshi.contracts import Goal
from yanshi.envs.tasks.definition import Stage, Task, Words
from yanshi.envs.tasks.phrases import of_color
from yanshi.envs.wordings import imperative
from yanshi.envs.worlds.scene import Scene, Wanted
from yanshi.envs.worlds.tabletop import tabletop

COLORS = {
    "red": ("apple", "can", "cube", "toy_car", "mug", "ball"),
    "green": ("soap", "cube", "can", "sponge", "cup", "block"),
    "blue": ("cube", "mug", "sponge", "toy_car", "can", "block"),
    "yellow": ("lemon", "duck", "sponge", "cube", "block", "cup"),
}
"""Colour → kinds that have it, the gripper can take and the basket can hold."""
COUNT = 3


def draw(what: np.random.Generator, where: np.random.Generator) -> Scene:
    """A table with three things of one colour, two of others, and a basket."""
    color = str(what.choice(list(COLORS)))
    kinds = what.choice(COLORS[color], COUNT, replace=False)
    wanted = [Wanted(kind=str(kind), color=color, size="small" if kind in ("cup", "block") else None) for kind in kinds]
    return tabletop(
        what,
        objects=wanted,
        count=COUNT + 2,
        fixtures=["basket"],
        forbid=lambda item: item.attributes.get("color") == color,
        where=where,
    )


def goal(scene: Scene) -> Goal:
    """Every thing of that colour lies in the basket."""
    color = scene.objects[0].item.attributes["color"]
    return Goal.all(Goal.of("in", name, "basket") for name in of_color(scene, color))


def words(scene: Scene) -> Words:
    """The colour."""
    return {"color": scene.objects[0].item.attributes["color"]}


WORDINGS = imperative(
    "(put|place|collect|gather) (all the|all|every one of the) {color} (things|objects|items) (in|into) the basket",
    "(clear|tidy) (up|away) (all the|the) {color} (things|objects|items) into the basket",
    "put everything (that is {color}|{color}) (in|into) the basket",
)

TASK = Task(
    name="Tidy",
    summary="Put all the things of one colour in the basket.",
    world="tabletop",
    draw=draw,
    stages=(Stage(goal=goal, wordings=WORDINGS, words=words),),
    horizon_s=90.0,
)

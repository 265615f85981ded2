"""HomeTidy: throw all the things of one colour in the room into the bin."""

from __future__ import annotations

import numpy as np

from yanshi.contracts import Goal
from yanshi.envs.tasks.definition import Stage, Task, Words
from yanshi.envs.tasks.phrases import of_color
from yanshi.envs.tasks.tidy import COLORS
from yanshi.envs.wordings import imperative
from yanshi.envs.worlds.home import home
from yanshi.envs.worlds.scene import Scene, Wanted

COUNT = 2


def draw(what: np.random.Generator, where: np.random.Generator) -> Scene:
    """A home with two things of one colour in the kitchen, and none elsewhere."""
    color = str(what.choice(list(COLORS)))
    kinds = what.choice(COLORS[color], COUNT, replace=False)
    wanted = [Wanted(kind=str(kind), color=color, where="kitchen") for kind in kinds]
    return home(
        what,
        objects=wanted,
        start="kitchen",
        forbid=lambda item: item.attributes.get("color") == color,
        where=where,
    )


def goal(scene: Scene) -> Goal:
    """Every thing of that colour lies in the bin."""
    color = scene.objects[0].item.attributes["color"]
    return Goal.all(Goal.of("in", name, "bin") for name in of_color(scene, color))


def words(scene: Scene) -> Words:
    """The colour."""
    return {"color": scene.objects[0].item.attributes["color"]}


WORDINGS = imperative(
    "(put|throw|drop|toss) (all the|all|every one of the) {color} (things|objects|items) (in|into) the (bin|trash can)",
    "(throw away|bin) (all the|the) {color} (things|objects|items)",
    "(throw|put) everything (that is {color}|{color}) (in|into) the (bin|trash can)",
)

TASK = Task(
    name="HomeTidy",
    summary="Throw all the things of one colour into the bin.",
    world="home",
    draw=draw,
    stages=(Stage(goal=goal, wordings=WORDINGS, words=words),),
    horizon_s=240.0,
)

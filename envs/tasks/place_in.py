"""PlaceIn: put one thing in the basket."""

from __future__ import annotations

import numpy as np

from yanshi.contracts import Goal
from yanshi.envs.tasks.definition import Stage, Task, Words
from yanshi.envs.tasks.phrases import GRASPABLE, any_of, target, the
from yanshi.envs.wordings import imperative
from yanshi.envs.worlds.scene import Scene, Wanted
from yanshi.envs.worlds.tabletop import tabletop


def draw(what: np.random.Generator, where: np.random.Generator) -> Scene:
    """A table with a basket and things beside it."""
    return tabletop(what, objects=[Wanted(kind=any_of(what, GRASPABLE))], fixtures=["basket"], where=where)


def goal(scene: Scene) -> Goal:
    """It lies in the basket."""
    return Goal.of("in", target(scene), "basket")


def words(scene: Scene) -> Words:
    """What the two are called."""
    return {"target": the(target(scene)), "place": the("basket")}


WORDINGS = imperative(
    "(put|place|drop|stick) {target} (in|into|inside) {place}",
    "(pick up|take|grab) {target} and (put|drop|place) it (in|into) {place}",
    "move {target} (into|to) {place}",
)

TASK = Task(
    name="PlaceIn",
    summary="Put one thing in the basket.",
    world="tabletop",
    draw=draw,
    stages=(Stage(goal=goal, wordings=WORDINGS, words=words),),
    horizon_s=30.0,
)

"""Pick: lift one thing off the table."""

from __future__ import annotations

import numpy as np

from yanshi.contracts import Goal
from yanshi.envs.tasks.definition import Stage, Task, Words
from yanshi.envs.tasks.phrases import GRASPABLE, any_of, target, the
from yanshi.envs.wordings import imperative
from yanshi.envs.worlds.scene import Scene, Wanted
from yanshi.envs.worlds.tabletop import tabletop


def draw(what: np.random.Generator, where: np.random.Generator) -> Scene:
    """A table with one graspable thing among others."""
    return tabletop(what, objects=[Wanted(kind=any_of(what, GRASPABLE))], where=where)


def goal(scene: Scene) -> Goal:
    """It is in the hand, off the table."""
    return Goal.of("holding", target(scene))


def words(scene: Scene) -> Words:
    """What it is called."""
    return {"target": the(target(scene))}


WORDINGS = imperative(
    "(pick up|grab|take|lift|get hold of|get) {target}",
    "(pick|lift) {target} up",
    "(pick up|grab|take|lift) {target} (from|off) the table",
)

TASK = Task(
    name="Pick",
    summary="Lift one thing off the table.",
    world="tabletop",
    draw=draw,
    stages=(Stage(goal=goal, wordings=WORDINGS, words=words),),
    horizon_s=20.0,
)

"""Press: push a button."""

from __future__ import annotations

import numpy as np

from yanshi.contracts import Goal
from yanshi.envs.tasks.definition import Stage, Task, Words
from yanshi.envs.wordings import imperative
from yanshi.envs.worlds.scene import Scene
from yanshi.envs.worlds.tabletop import tabletop


def draw(what: np.random.Generator, where: np.random.Generator) -> Scene:
    """A table with a button."""
    return tabletop(what, count=4, fixtures=["button_box"], where=where)


def goal(scene: Scene) -> Goal:
    """Its lamp is on."""
    return Goal.of("powered", "button_box")


def words(scene: Scene) -> Words:
    """What it is called."""
    return {"button": "(the button|the red button|that button)"}


WORDINGS = imperative(
    "(press|push|hit|tap|press down|push down|press down on) {button}", "(turn on|switch on) the lamp with {button}"
)

TASK = Task(
    name="Press",
    summary="Push a button.",
    world="tabletop",
    draw=draw,
    stages=(Stage(goal=goal, wordings=WORDINGS, words=words),),
    horizon_s=15.0,
)

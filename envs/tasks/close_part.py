"""Close: push a drawer shut."""

from __future__ import annotations

import numpy as np

from yanshi.contracts import Goal
from yanshi.envs.tasks.definition import Stage, Task
from yanshi.envs.tasks.open_part import words
from yanshi.envs.wordings import imperative
from yanshi.envs.worlds.scene import Scene
from yanshi.envs.worlds.tabletop import tabletop


def draw(what: np.random.Generator, where: np.random.Generator) -> Scene:
    """A table with a chest whose drawer is open."""
    opening = float(what.uniform(0.75, 1.0))
    return tabletop(what, count=4, fixtures=["chest"], openings={"chest_drawer": opening}, where=where)


def goal(scene: Scene) -> Goal:
    """The drawer is shut."""
    return Goal.of("closed", "chest_drawer")


WORDINGS = imperative(
    "(close|shut|push shut|slide shut) {part}", "(push|slide) {part} (in|shut|closed)", "get {part} closed"
)

TASK = Task(
    name="Close",
    summary="Push a drawer shut.",
    world="tabletop",
    draw=draw,
    stages=(Stage(goal=goal, wordings=WORDINGS, words=words),),
    horizon_s=20.0,
)

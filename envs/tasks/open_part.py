"""Open: pull a drawer open."""

from __future__ import annotations

import numpy as np

from yanshi.contracts import Goal
from yanshi.envs.tasks.definition import Stage, Task, Words
from yanshi.envs.wordings import imperative
from yanshi.envs.worlds.scene import Scene
from yanshi.envs.worlds.tabletop import tabletop


def draw(what: np.random.Generator, where: np.random.Generator) -> Scene:
    """A table with a closed chest."""
    return tabletop(what, count=4, fixtures=["chest"], openings={"chest_drawer": 0.0}, where=where)


def goal(scene: Scene) -> Goal:
    """The drawer is open."""
    return Goal.of("open", "chest_drawer")


def words(scene: Scene) -> Words:
    """What it is called."""
    return {"part": "(the drawer|the chest drawer|the drawer of the chest)"}


WORDINGS = imperative(
    "(open|pull open|slide open) {part}", "(open|pull) {part} (all the way|up|out|fully)", "get {part} open"
)

TASK = Task(
    name="Open",
    summary="Pull a drawer open.",
    world="tabletop",
    draw=draw,
    stages=(Stage(goal=goal, wordings=WORDINGS, words=words),),
    horizon_s=25.0,
)

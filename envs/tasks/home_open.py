"""HomeOpen: open the cabinet's drawer or its door."""

from __future__ import annotations

import numpy as np

from yanshi.contracts import Goal
from yanshi.envs.tasks import open_part
from yanshi.envs.tasks.definition import Stage, Task, Words
from yanshi.envs.tasks.phrases import choice, the
from yanshi.envs.worlds.home import home
from yanshi.envs.worlds.scene import Scene

PARTS = ("cabinet_drawer", "cabinet_door")


def draw(what: np.random.Generator, where: np.random.Generator) -> Scene:
    """A home in which the cabinet is shut."""
    return home(what, openings=dict.fromkeys(PARTS, 0.0), where=where)


def part(scene: Scene) -> str:
    """Which part."""
    return choice(scene, PARTS)


def goal(scene: Scene) -> Goal:
    """It is open."""
    return Goal.of("open", part(scene))


def words(scene: Scene) -> Words:
    """What it is called."""
    return {"part": the(part(scene))}


TASK = Task(
    name="HomeOpen",
    summary="Open the cabinet's drawer or its door.",
    world="home",
    draw=draw,
    stages=(Stage(goal=goal, wordings=open_part.WORDINGS, words=words),),
    horizon_s=120.0,
)

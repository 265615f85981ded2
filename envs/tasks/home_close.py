"""HomeClose: shut the cabinet's drawer or its door."""

from __future__ import annotations

import numpy as np

from yanshi.contracts import Goal
from yanshi.envs.tasks import close_part
from yanshi.envs.tasks.definition import Stage, Task
from yanshi.envs.tasks.home_open import PARTS, part, words
from yanshi.envs.worlds.home import home
from yanshi.envs.worlds.scene import Scene


def draw(what: np.random.Generator, where: np.random.Generator) -> Scene:
    """A home in which the cabinet stands open."""
    return home(what, openings={name: float(what.uniform(0.75, 1.0)) for name in PARTS}, where=where)


def goal(scene: Scene) -> Goal:
    """It is shut."""
    return Goal.of("closed", part(scene))


TASK = Task(
    name="HomeClose",
    summary="Shut the cabinet's drawer or its door.",
    world="home",
    draw=draw,
    stages=(Stage(goal=goal, wordings=close_part.WORDINGS, words=words),),
    horizon_s=120.0,
)

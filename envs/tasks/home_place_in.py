"""HomePlaceIn: put a thing in the sink or in the bin."""

from __future__ import annotations

import numpy as np

from yanshi.contracts import Goal
from yanshi.envs.tasks import place_in
from yanshi.envs.tasks.definition import Stage, Task, Words
from yanshi.envs.tasks.phrases import GRASPABLE, any_of, choice, target, the
from yanshi.envs.worlds.home import home
from yanshi.envs.worlds.scene import Scene, Wanted

PLACES = ("sink", "bin")


def draw(what: np.random.Generator, where: np.random.Generator) -> Scene:
    """A home; the thing stands in the kitchen or the living room."""
    wanted = Wanted(kind=any_of(what, GRASPABLE), where=("counter", "cabinet", "table", "coffee_table"))
    return home(what, objects=[wanted], where=where)


def place(scene: Scene) -> str:
    """Where it should go."""
    return choice(scene, PLACES)


def goal(scene: Scene) -> Goal:
    """It lies in there."""
    return Goal.of("in", target(scene), place(scene))


def words(scene: Scene) -> Words:
    """What the two are called."""
    return {"target": the(target(scene)), "place": the(place(scene))}


TASK = Task(
    name="HomePlaceIn",
    summary="Put a thing in the sink or in the bin.",
    world="home",
    draw=draw,
    stages=(Stage(goal=goal, wordings=place_in.WORDINGS, words=words),),
    horizon_s=150.0,
)

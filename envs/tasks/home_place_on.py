"""HomePlaceOn: carry a thing to another piece of furniture in the same home."""

from __future__ import annotations

import numpy as np

from yanshi.contracts import Goal
from yanshi.envs.tasks import place_on
from yanshi.envs.tasks.definition import Stage, Task, Words
from yanshi.envs.tasks.phrases import GRASPABLE, any_of, choice, target, the
from yanshi.envs.worlds.home import home
from yanshi.envs.worlds.scene import Scene, Wanted

PLACES = ("counter", "table", "coffee_table", "desk", "nightstand")


def draw(what: np.random.Generator, where: np.random.Generator) -> Scene:
    """A home; the thing stands on one of the places."""
    return home(what, objects=[Wanted(kind=any_of(what, GRASPABLE), where=PLACES)], where=where)


def place(scene: Scene) -> str:
    """Where it should go."""
    return choice(scene, PLACES)


def accept(scene: Scene) -> bool:
    """It must not stand there already."""
    return scene.objects[0].support != place(scene)


def goal(scene: Scene) -> Goal:
    """It rests there."""
    return Goal.of("on", target(scene), place(scene))


def words(scene: Scene) -> Words:
    """What the two are called."""
    return {"target": the(target(scene)), "place": the(place(scene))}


TASK = Task(
    name="HomePlaceOn",
    summary="Carry a thing to another piece of furniture.",
    world="home",
    draw=draw,
    accept=accept,
    stages=(Stage(goal=goal, wordings=place_on.WORDINGS, words=words),),
    horizon_s=150.0,
)

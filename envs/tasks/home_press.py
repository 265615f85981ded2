"""HomePress: start the microwave, ring the bell or turn on the lamp by its button."""

from __future__ import annotations

import numpy as np

from yanshi.contracts import Goal
from yanshi.envs.tasks.definition import Stage, Task, Words
from yanshi.envs.tasks.phrases import choice
from yanshi.envs.wordings import imperative
from yanshi.envs.worlds.home import home
from yanshi.envs.worlds.scene import Scene

CONTROLS = {
    "microwave": "(the microwave|the microwave on the counter)",
    "button_box": "(the button on the desk|the red button|the desk button)",
}


def draw(what: np.random.Generator, where: np.random.Generator) -> Scene:
    """A home in which both are off."""
    return home(what, where=where)


def control(scene: Scene) -> str:
    """Which one."""
    return choice(scene, tuple(CONTROLS))


def goal(scene: Scene) -> Goal:
    """It is on."""
    return Goal.of("powered", control(scene))


def words(scene: Scene) -> Words:
    """What it is called."""
    return {"control": CONTROLS[control(scene)]}


WORDINGS = imperative(
    "(turn on|switch on|start|activate) {control}",
    "(turn|switch) {control} on",
    "(go to|walk to|drive to) {control} and (turn|switch) it on",
)

TASK = Task(
    name="HomePress",
    summary="Turn on the microwave, or the lamp on the desk, by its button.",
    world="home",
    draw=draw,
    stages=(Stage(goal=goal, wordings=WORDINGS, words=words),),
    horizon_s=120.0,
)

"""DarkRoom: the lights are off; find the switch and turn on the light."""

from __future__ import annotations

import numpy as np

from yanshi.contracts import Goal
from yanshi.envs.tasks.definition import Stage, Task, Words
from yanshi.envs.tasks.phrases import any_of, room
from yanshi.envs.wordings import imperative
from yanshi.envs.worlds.home import home
from yanshi.envs.worlds.scene import Scene


def draw(what: np.random.Generator, where: np.random.Generator) -> Scene:
    """A home without light."""
    return home(what, lights=False, start=any_of(what, ("kitchen", "living_room", "bedroom")), where=where)


def here(scene: Scene) -> str:
    """The room in which the robot starts."""
    return next(r.name for r in scene.rooms if r.contains(np.array(scene.start_w)))


def goal(scene: Scene) -> Goal:
    """That room is lit."""
    return Goal.of("powered", f"{here(scene)}_switch")


def words(scene: Scene) -> Words:
    """What the room is called."""
    return {"room": room(here(scene))}


WORDINGS = imperative(
    "(turn on|switch on) the (light|lights) in {room}",
    "(turn|switch) the (light|lights) (in|of) {room} on",
    "(find|go to) the (light switch|switch) (in|of) {room} and (press it|turn on the light|switch on the light)",
    "(press|push) the (light switch|switch) (in|of) {room}",
)

TASK = Task(
    name="DarkRoom",
    summary="The lights are off; find the switch and press it.",
    world="home",
    draw=draw,
    stages=(Stage(goal=goal, wordings=WORDINGS, words=words),),
    horizon_s=90.0,
)

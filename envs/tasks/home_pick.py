"""HomePick: find a thing in the home and lift it."""

from __future__ import annotations

import numpy as np

from yanshi.envs.tasks import pick
from yanshi.envs.tasks.definition import Stage, Task, Words
from yanshi.envs.tasks.phrases import GRASPABLE, any_of, target, the
from yanshi.envs.wordings import imperative
from yanshi.envs.worlds.home import home
from yanshi.envs.worlds.scene import Scene, Wanted


def draw(what: np.random.Generator, where: np.random.Generator) -> Scene:
    """A home; the thing is in the room where the robot starts."""
    room = any_of(what, ("kitchen", "living_room", "bedroom"))
    wanted = Wanted(kind=any_of(what, GRASPABLE), where=room)
    return home(what, objects=[wanted], start=room, where=where)


def words(scene: Scene) -> Words:
    """What it is called."""
    return {"target": the(target(scene))}


WORDINGS = imperative(
    "(find|look for) {target} and (pick it up|take it|grab it)",
    "(pick up|grab|take|lift|get) {target}",
    "(go and get|go get|fetch) {target}",
)

TASK = Task(
    name="HomePick",
    summary="Find a thing in the room and lift it.",
    world="home",
    draw=draw,
    stages=(Stage(goal=pick.goal, wordings=WORDINGS, words=words),),
    horizon_s=90.0,
)

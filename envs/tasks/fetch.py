"""Fetch: bring a thing from another room."""

from __future__ import annotations

import numpy as np

from yanshi.contracts import Goal
from yanshi.envs.tasks.definition import Stage, Task, Words
from yanshi.envs.tasks.phrases import GRASPABLE, any_of, room, target, the
from yanshi.envs.wordings import imperative
from yanshi.envs.worlds.home import home
from yanshi.envs.worlds.scene import Scene, Wanted

FROM = ("kitchen", "bedroom")
TO = "table"


def draw(what: np.random.Generator, where: np.random.Generator) -> Scene:
    """A home; the robot starts in the living room, the thing is in another."""
    wanted = Wanted(kind=any_of(what, GRASPABLE), where=any_of(what, FROM))
    return home(what, objects=[wanted], start="living_room", where=where)


def goal(scene: Scene) -> Goal:
    """It rests on the table in the living room."""
    return Goal.of("on", target(scene), TO)


def words(scene: Scene) -> Words:
    """What it is called, and the room where it is."""
    position = scene.objects[0].position_w
    origin = next(r.name for r in scene.rooms if r.contains(position))
    return {"target": the(target(scene)), "origin": room(origin), "place": the(TO)}


WORDINGS = imperative(
    "(bring|fetch|get) {target} from {origin} (to|and put it on) {place}",
    "go to {origin}, (pick up|get|take) {target} and (bring it to|put it on) {place}",
    "(fetch|get) {target} (out of|from) {origin} and (put|place|set) it on {place}",
)

TASK = Task(
    name="Fetch",
    summary="Bring a thing from another room to the table.",
    world="home",
    draw=draw,
    stages=(Stage(goal=goal, wordings=WORDINGS, words=words),),
    horizon_s=180.0,
)

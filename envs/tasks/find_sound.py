"""FindSound: something is ringing somewhere; go to it."""

from __future__ import annotations

import numpy as np

from yanshi.contracts import Goal
from yanshi.envs.tasks.definition import Stage, Task, Words
from yanshi.envs.tasks.phrases import any_of, target
from yanshi.envs.wordings import imperative
from yanshi.envs.worlds.catalog import kind
from yanshi.envs.worlds.home import home
from yanshi.envs.worlds.scene import Scene, Wanted

KINDS = ("phone", "alarm_clock", "radio", "kettle")
SOUNDS = {"ring": "ringing", "beep": "beeping", "buzz": "buzzing", "whistle": "whistling"}


def draw(what: np.random.Generator, where: np.random.Generator) -> Scene:
    """A home in which one thing sounds, in another room than the robot's."""
    start, elsewhere = what.permutation(("kitchen", "living_room", "bedroom"))[:2]
    wanted = Wanted(kind=any_of(what, KINDS), where=str(elsewhere), sounding=True)
    return home(what, objects=[wanted], start=str(start), where=where)


def goal(scene: Scene) -> Goal:
    """The robot stands before the thing that sounds."""
    return Goal.of("near", target(scene))


def words(scene: Scene) -> Words:
    """What it sounds like."""
    return {"sound": SOUNDS[kind(scene.objects[0].item.kind).sound or ""]}


WORDINGS = imperative(
    "(find|look for|go to|locate) (the thing that is|whatever is|what is) {sound}",
    "something is {sound}(,|:) (find|go to) it",
    "(find out|see) (what is|what keeps|which thing is) {sound}",
)

TASK = Task(
    name="FindSound",
    summary="Something sounds in another room; go to it.",
    world="home",
    draw=draw,
    stages=(Stage(goal=goal, wordings=WORDINGS, words=words),),
    horizon_s=120.0,
)

"""PlaceOn: put one thing on the mat."""

from __future__ import annotations

import numpy as np

from yanshi.contracts import Goal
from yanshi.envs.tasks.definition import Stage, Task, Words
from yanshi.envs.tasks.phrases import GRASPABLE, any_of, fixture_of_kind, target, the
from yanshi.envs.wordings import imperative
from yanshi.envs.worlds.scene import Scene, Wanted
from yanshi.envs.worlds.tabletop import tabletop


def draw(what: np.random.Generator, where: np.random.Generator) -> Scene:
    """A table with a coloured mat and things beside it."""
    return tabletop(what, objects=[Wanted(kind=any_of(what, GRASPABLE))], fixtures=["mat"], where=where)


def goal(scene: Scene) -> Goal:
    """It rests on the mat."""
    return Goal.of("on", target(scene), fixture_of_kind(scene, "mat"))


def words(scene: Scene) -> Words:
    """What the two are called."""
    return {"target": the(target(scene)), "place": the(fixture_of_kind(scene, "mat"))}


WORDINGS = imperative(
    "(put|place|set|lay) {target} (on|onto|on top of) {place}",
    "(pick up|take|grab) {target} and (put|place|set) it (on|down on) {place}",
    "move {target} (onto|to) {place}",
)

TASK = Task(
    name="PlaceOn",
    summary="Put one thing on the mat.",
    world="tabletop",
    draw=draw,
    stages=(Stage(goal=goal, wordings=WORDINGS, words=words),),
    horizon_s=30.0,
)

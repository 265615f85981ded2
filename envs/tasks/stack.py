"""Stack: put one block on top of another."""

from __future__ import annotations

import numpy as np

from yanshi.contracts import Goal
from yanshi.envs.tasks.definition import Stage, Task, Words
from yanshi.envs.tasks.phrases import any_of, target, the
from yanshi.envs.wordings import imperative
from yanshi.envs.worlds.scene import Scene, Wanted
from yanshi.envs.worlds.tabletop import tabletop

KINDS = ("block", "cube")


def draw(what: np.random.Generator, where: np.random.Generator) -> Scene:
    """A table with two blocks, the lower one at least as large."""
    upper = Wanted(kind=any_of(what, KINDS), size=any_of(what, ("small", "medium")))
    lower = Wanted(kind=any_of(what, KINDS), size=any_of(what, ("medium", "large")))
    return tabletop(what, objects=[upper, lower], count=5, fixtures=[], where=where)


def goal(scene: Scene) -> Goal:
    """The first rests on the second."""
    return Goal.of("on", target(scene, 0), target(scene, 1))


def words(scene: Scene) -> Words:
    """What the two are called."""
    return {"upper": the(target(scene, 0)), "lower": the(target(scene, 1))}


WORDINGS = imperative(
    "(stack|put|place|set) {upper} (on|on top of|onto|upon) {lower}",
    "(build|make) a (tower|stack|pile) (of|with|from) {upper} on {lower}",
    "(pick up|take|grab) {upper} and (stack|put|place) it (on|on top of) {lower}",
)

TASK = Task(
    name="Stack",
    summary="Put one block on top of another.",
    world="tabletop",
    draw=draw,
    stages=(Stage(goal=goal, wordings=WORDINGS, words=words),),
    horizon_s=30.0,
)

"""DarkPick: the light is off; find the one thing on the table without eyes, and take it."""

from __future__ import annotations

import numpy as np

from yanshi.contracts import Goal
from yanshi.envs.tasks.definition import Stage, Task, Words
from yanshi.envs.tasks.phrases import any_of, target
from yanshi.envs.wordings import imperative
from yanshi.envs.worlds.scene import Scene, Wanted
from yanshi.envs.worlds.tabletop import tabletop

KINDS = ("bottle", "can", "jar", "milk_carton", "mug", "tea_box")
"""Large enough to be met by several rays of a LiDAR."""


def draw(what: np.random.Generator, where: np.random.Generator) -> Scene:
    """A dark table with one thing on it."""
    return tabletop(what, objects=[Wanted(kind=any_of(what, KINDS))], count=1, fixtures=[], light=False, where=where)


def goal(scene: Scene) -> Goal:
    """It is in the hand."""
    return Goal.of("holding", target(scene))


def words(scene: Scene) -> Words:
    """Its kind: nobody sees its colour."""
    return {"kind": scene.objects[0].item.kind.replace("_", " ")}


WORDINGS = imperative(
    "(pick up|grab|take|get) the {kind}[ on the table| in the dark| in front of you]",
    "(find|feel for) the {kind} and (pick it up|take it|lift it)",
    "(pick up|take|grab) the {kind}(, it is dark| although it is dark| without light)",
)

TASK = Task(
    name="DarkPick",
    summary="Find the one thing on a dark table, and take it.",
    world="tabletop",
    draw=draw,
    stages=(Stage(goal=goal, wordings=WORDINGS, words=words),),
    horizon_s=25.0,
)

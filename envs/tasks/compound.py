"""Compound: take the thing of one colour and shape beside one number; every other thing misses a condition."""

from __future__ import annotations

import numpy as np

from yanshi.contracts import Goal
from yanshi.envs.tasks.definition import Stage, Task, Words
from yanshi.envs.tasks.phrases import apart, target
from yanshi.envs.wordings import imperative
from yanshi.envs.worlds.scene import Scene, Wanted
from yanshi.envs.worlds.tabletop import tabletop

COLORS = {"red": ("apple", "ball"), "yellow": ("ball", "duck"), "green": ("apple", "ball")}
"""Colour → two round kinds that have it."""
TILE, MEANT, WRONG_PLACE, WRONG_COLOR, WRONG_SHAPE = range(5)


def draw(what: np.random.Generator, where: np.random.Generator) -> Scene:
    """Two numbers, the thing that is meant, and three that are not."""
    color, other = what.choice(list(COLORS), 2, replace=False)
    first, second = what.permutation(COLORS[str(color)])
    number, elsewhere = what.choice(10, 2, replace=False)
    wanted = [
        Wanted(kind="tile", digit=int(number)),
        Wanted(kind=str(first), color=str(color), size="small" if first != "apple" else None, beside=TILE),
        Wanted(kind=str(second), color=str(color), size="small" if second != "apple" else None),
        Wanted(kind="ball", color=str(other), size="small"),
        Wanted(kind="cube", color=str(color), size="small"),
        Wanted(kind="tile", digit=int(elsewhere)),
    ]
    return tabletop(what, objects=wanted, count=len(wanted), fixtures=[], where=where)


def accept(scene: Scene) -> bool:
    """Only the thing that is meant may be of that colour and shape beside that number."""
    return apart(scene, TILE, WRONG_PLACE, 0.2)


def goal(scene: Scene) -> Goal:
    """It is in the hand."""
    return Goal.of("holding", target(scene, MEANT))


def words(scene: Scene) -> Words:
    """Its colour, and the number beside it."""
    item, tile = scene.objects[MEANT].item, scene.objects[TILE].item
    return {"color": item.attributes["color"], "number": tile.attributes["digit"]}


WORDINGS = imperative(
    "(pick up|grab|take|lift|get) the {color} round (thing|object|one) (beside|next to|by) the number {number}",
    "(pick up|grab|take) the (thing|object) that is {color}, round(,|) and (beside|next to) the number {number}",
    "(find|look for) the round {color} (thing|object) (beside|next to|near) the {number} and pick it up",
)

TASK = Task(
    name="Compound",
    summary="Take the thing of one colour and shape that stands beside one number.",
    world="tabletop",
    draw=draw,
    accept=accept,
    stages=(Stage(goal=goal, wordings=WORDINGS, words=words),),
    horizon_s=25.0,
)

"""LookAlikes: of two things that differ in size alone, take the one that was meant."""

from __future__ import annotations

import numpy as np

from yanshi.contracts import Goal
from yanshi.envs.tasks.definition import Stage, Task, Words
from yanshi.envs.tasks.phrases import any_of, choice, target
from yanshi.envs.wordings import imperative
from yanshi.envs.worlds.catalog import kind
from yanshi.envs.worlds.scene import Scene, Wanted
from yanshi.envs.worlds.tabletop import tabletop

KINDS = ("ball", "block", "cube", "cup", "duck", "mug", "toy_car")
WORDS = ("(larger|bigger|large|big)", "(smaller|littler|small|little)")


def draw(what: np.random.Generator, where: np.random.Generator) -> Scene:
    """A table with a large and a small thing of one kind and colour."""
    name = any_of(what, KINDS)
    color = any_of(what, kind(name).colors)
    pair = [Wanted(kind=name, color=color, size=size) for size in ("large", "small")]
    return tabletop(what, objects=pair, count=5, fixtures=[], where=where)


def meant(scene: Scene) -> int:
    """Which of the two is meant: 0 the larger, 1 the smaller."""
    return int(choice(scene, ("0", "1")))


def goal(scene: Scene) -> Goal:
    """That one is in the hand."""
    return Goal.of("holding", target(scene, meant(scene)))


def words(scene: Scene) -> Words:
    """Which one, its colour and kind."""
    item = scene.objects[0].item
    return {"size": WORDS[meant(scene)], "thing": f"{item.attributes['color']} {item.kind.replace('_', ' ')}"}


WORDINGS = imperative(
    "(pick up|grab|take|lift|get) the {size} {thing}",
    "(pick up|grab|take|lift) the {size} of the two {thing}s",
    "(pick|lift) the {size} {thing} up",
)

TASK = Task(
    name="LookAlikes",
    summary="Of two things that differ in size alone, take the one that was meant.",
    world="tabletop",
    draw=draw,
    stages=(Stage(goal=goal, wordings=WORDINGS, words=words),),
    horizon_s=20.0,
)

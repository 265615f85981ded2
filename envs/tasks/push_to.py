"""PushTo: slide a thing onto the mat."""

from __future__ import annotations

import numpy as np

from yanshi.envs.tasks.definition import Stage, Task
from yanshi.envs.tasks.phrases import any_of
from yanshi.envs.tasks.place_on import goal, words
from yanshi.envs.wordings import imperative
from yanshi.envs.worlds.scene import Scene, Wanted
from yanshi.envs.worlds.tabletop import tabletop

KINDS = ("block", "cube", "milk_carton", "mug", "soap", "sponge", "tea_box", "toy_car", "can")
"""What slides and does not roll or tip over at a touch."""


def draw(what: np.random.Generator, where: np.random.Generator) -> Scene:
    """A table with few things and a mat."""
    return tabletop(what, objects=[Wanted(kind=any_of(what, KINDS))], count=3, fixtures=["mat"], where=where)


WORDINGS = imperative(
    "(push|slide|shove|nudge) {target} (to|onto|over to|on to) {place}",
    "(push|slide|shove) {target} (across the table|over) (to|onto) {place}",
)

TASK = Task(
    name="PushTo",
    summary="Slide one thing onto the mat.",
    world="tabletop",
    draw=draw,
    stages=(Stage(goal=goal, wordings=WORDINGS, words=words),),
    horizon_s=30.0,
)

"""Chain: five instructions in one episode without a reset, stopped at the first that fails (the rule of CALVIN)."""

from __future__ import annotations

import numpy as np

from yanshi.contracts import Goal
from yanshi.envs.tasks import close_part, open_part, place_in, place_on, press
from yanshi.envs.tasks.definition import Stage, Task, Words
from yanshi.envs.tasks.phrases import fixture_of_kind, target, the
from yanshi.envs.worlds.scene import Scene, Wanted
from yanshi.envs.worlds.tabletop import tabletop

STORED, MOVED = range(2)
KINDS = ("cube", "lemon", "soap", "sponge", "duck")
"""Flat enough for the drawer to close over."""


def draw(what: np.random.Generator, where: np.random.Generator) -> Scene:
    """A table with a closed chest, a button, a mat and two things to move."""
    stored, moved = what.choice(KINDS, 2, replace=False)
    wanted = [Wanted(kind=str(stored), size="small" if stored in ("cube", "duck") else None), Wanted(kind=str(moved))]
    return tabletop(
        what,
        objects=wanted,
        count=3,
        fixtures=["chest", "button_box", "mat"],
        openings={"chest_drawer": 0.0},
        where=where,
    )


def store_goal(scene: Scene) -> Goal:
    """The first thing lies in the drawer."""
    return Goal.of("in", target(scene, STORED), "chest_drawer")


def store_words(scene: Scene) -> Words:
    """What the thing and the drawer are called."""
    return {"target": the(target(scene, STORED)), "place": open_part.words(scene)["part"]}


def move_goal(scene: Scene) -> Goal:
    """The second thing rests on the mat."""
    return Goal.of("on", target(scene, MOVED), fixture_of_kind(scene, "mat"))


def move_words(scene: Scene) -> Words:
    """What the thing and the mat are called."""
    return {"target": the(target(scene, MOVED)), "place": the(fixture_of_kind(scene, "mat"))}


TASK = Task(
    name="Chain",
    summary="Open a drawer, put a thing in it, close it, press a button, put another thing on the mat.",
    world="tabletop",
    draw=draw,
    stages=(
        Stage(goal=open_part.goal, wordings=open_part.WORDINGS, words=open_part.words),
        Stage(goal=store_goal, wordings=place_in.WORDINGS, words=store_words),
        Stage(goal=close_part.goal, wordings=close_part.WORDINGS, words=open_part.words),
        Stage(goal=press.goal, wordings=press.WORDINGS, words=press.words),
        Stage(goal=move_goal, wordings=place_on.WORDINGS, words=move_words),
    ),
    horizon_s=40.0,
)

"""What a task is: what is there, what is wanted, and how people ask for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from yanshi.contracts import Goal
from yanshi.envs.registration import register_environment
from yanshi.envs.wordings import Grammar, Split
from yanshi.envs.worlds.scene import Scene
from yanshi.errors import InputError, UnknownNameError, WorldError

_TRIES, _TRIES_OF_ONE = 100, 10

Words = Mapping[str, str]
Draw = Callable[[np.random.Generator, np.random.Generator], Scene]


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One instruction of a task."""

    goal: Callable[[Scene], Goal]
    """What it wants of a scene."""
    wordings: Grammar
    """How it is said."""
    words: Callable[[Scene], Words]
    """What the placeholders of `wordings` stand for in a scene."""


@dataclass(frozen=True, kw_only=True)
class Task:
    """A task, declared. Environment, reward, demonstrations, plans, language and benchmark follow from it."""

    name: str
    """In CamelCase: ``Pick`` gives ``yanshi/Pick-v0``."""
    summary: str
    """One line."""
    world: str
    """``tabletop`` or ``home``."""
    draw: Draw
    """Draws a scene from two sources of chance: what there is, and where it is. What was asked for comes first in
    `Scene.objects`."""
    stages: tuple[Stage, ...]
    """One instruction, or several that follow each other in one episode without a reset, until the first that fails."""
    horizon_s: float
    """Time allowed for each stage [s]."""
    accept: Callable[[Scene], bool] | None = None
    """Whether a drawn scene will do; others are drawn again."""

    def scene(self, rng: np.random.Generator, where: np.random.Generator | None = None) -> Scene:
        """Draw a scene from `rng`.

        Args:
            rng: says what there is.
            where: says where it is; so the same state of `rng` gives the same things, and the same compiled model, in
                other places. None: `rng` says that too.

        Raises:
            WorldError: no scene that will do was found.
        """
        seed = int(rng.integers(2**31))
        fault = "none was accepted"
        for attempt in range(1, _TRIES + 1):
            if where is None and attempt % _TRIES_OF_ONE == 0:
                seed = int(rng.integers(2**31))
            try:
                scene = replace(self.draw(np.random.default_rng(seed), rng if where is None else where), seed=seed)
            except WorldError as error:
                fault = str(error)
                continue
            if self.accept is None or self.accept(scene):
                return scene
        raise WorldError(f"Task '{self.name}': no scene found in {_TRIES} draws; last: {fault}")

    def goal(self, scene: Scene, stage: int = 0) -> Goal:
        """What is wanted."""
        return self.stages[stage].goal(scene)

    def instruction(self, scene: Scene, rng: np.random.Generator, split: Split = "train", stage: int = 0) -> str:
        """How somebody might ask for it; ``heldout`` wordings are never used for training."""
        chosen = self.stages[stage]
        return chosen.wordings.say(chosen.words(scene), rng, split)


_TASKS: dict[str, Task] = {}


def register_task(task: Task) -> None:
    """Make a task known by its name, also to Gymnasium. Raises: InputError where the name is taken."""
    if task.name in _TASKS:
        raise InputError(f"Task '{task.name}' is already registered.")
    _TASKS[task.name] = task
    register_environment(task.name)


def task(name: str) -> Task:
    """The registered task of that name. Raises: UnknownNameError."""
    if name not in _TASKS:
        raise UnknownNameError("task", name, _TASKS)
    return _TASKS[name]


def tasks() -> tuple[str, ...]:
    """Names of the registered tasks, in the order in which they were registered."""
    return tuple(_TASKS)

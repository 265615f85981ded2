"""A composed world: the model, what its bodies are, and what the robot is told of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import mujoco
import numpy as np
from numpy.typing import NDArray

from yanshi.contracts import Entity, FloorPlan
from yanshi.envs.worlds.scene import Scene
from yanshi.errors import InputError, UnknownNameError

if TYPE_CHECKING:
    from yanshi.envs.robots import Robot


@dataclass(frozen=True, slots=True, kw_only=True)
class Thing:
    """An entity and where it is in the model."""

    entity: Entity
    """The truth at the start."""
    kind: str
    """Its file in the catalogue; for a part its name there (``drawer``)."""
    body: int
    geoms: tuple[int, ...]
    """Its own geoms, with those of its button and without those of its drawers and doors."""
    joint: int | None = None
    """The free joint of an object, or the joint that opens a part or door."""
    button: int | None = None
    """The joint of its button."""
    sound: str | None = None
    """Waveform label if it can sound: ring, beep, whistle, buzz, hum, voice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """A scene made into a model, with a robot in it. Body names are entity names."""

    name: str
    seed: int
    scene: Scene
    robot: Robot
    model: mujoco.MjModel = field(repr=False)
    entities: Mapping[str, Thing] = field(repr=False)
    floor_plan: FloorPlan = field(repr=False)
    qpos0: NDArray[Any] = field(repr=False)
    """(nq,) the start."""

    def thing(self, name: str) -> Thing:
        """The thing of a name.

        Raises:
            UnknownNameError: there is none.
        """
        if name not in self.entities:
            raise UnknownNameError("entity", name, self.entities)
        return self.entities[name]


Draw = Callable[[np.random.Generator], Scene]
_WORLDS: dict[str, tuple[Draw, str]] = {}


def register_world(name: str, draw: Draw, robot: str) -> None:
    """Makes a world known by name.

    Args:
        name: what it is called on the command line.
        draw: makes a scene from a random generator.
        robot: name of the robot that is put into it unless another is asked for.

    Raises:
        InputError: there is such a world already.
    """
    if name in _WORLDS:
        raise InputError(f"World '{name}' exists already.")
    _WORLDS[name] = (draw, robot)


def worlds() -> tuple[str, ...]:
    """Names of the worlds there are, sorted."""
    return tuple(sorted(_WORLDS))


def default_robot(name: str) -> Robot:
    """The robot that is put into a world unless another is asked for.

    Raises:
        UnknownNameError: there is no such world.
    """
    from yanshi.envs.robots import robot as robot_of_name

    if name not in _WORLDS:
        raise UnknownNameError("world", name, _WORLDS)
    return robot_of_name(_WORLDS[name][1])


def world(name: str, seed: int, robot: Robot | None = None) -> World:
    """The world of a name, drawn from a seed: the same seed, the same world.

    Raises:
        UnknownNameError: there is no such world.
    """
    from yanshi.envs.robots import robot as robot_of_name
    from yanshi.envs.worlds.compose import compose

    if name not in _WORLDS:
        raise UnknownNameError("world", name, _WORLDS)
    draw, default = _WORLDS[name]
    scene = replace(draw(np.random.default_rng(seed)), seed=seed)
    return compose(scene, robot or robot_of_name(default))

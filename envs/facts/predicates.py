"""What each fact means, as a check over arrays of many simulations of one model at once.

The definitions (distances in metres):

====================  =================================================================================================
``holding(x)``        both finger pads touch x, and nothing but the robot carries it
``on(x, y)``          x is not held, its bottom is within 0.015 of a surface of y, its base centre inside that surface;
                      where y is an object without a surface, its top serves as one
``in(x, y)``          x is not held and its centre is inside a volume of y
``open(x)``           the part is at least 0.7 of its way open;  ``closed(x)``: at most 0.1
``beside(x, y)``      not held, bottoms within 0.03, horizontal gap between their boxes at most 0.12
``clear(x)``          no object is on x
``near(x)``           the base is within 1.1 of x and turned towards it within 60°; always true of a fixed arm
``in_room(x, r)``     x lies in the room;  ``robot_in(r)``: the base does
``powered(x)``        its switch is on;  ``sounding(x)``: it makes a sound;  ``lit(r)``: the light of the room is on
====================  =================================================================================================

``kind color size material shape digit`` (x, value) are attributes and never change. A `FactTable` groups facts by
predicate, so that checking ten costs about as much as checking one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import mujoco
import numpy as np
from numpy.typing import NDArray

from yanshi.contracts import Entity, Room
from yanshi.envs.facts.support import support_points
from yanshi.envs.robots import Robot
from yanshi.envs.worlds.world import Thing, World
from yanshi.errors import UnknownNameError
from yanshi.goals import Fact

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

ATTRIBUTES = ("color", "size", "material", "shape", "digit")
STATIC = frozenset({"kind", *ATTRIBUTES})
PREDICATES = (
    "holding", "on", "in", "open", "closed", "powered", "beside", "near", "in_room", "robot_in", "sounding", "lit",
    "clear",
)  # fmt: skip

GRASP_REACH = 0.04
"""Beyond its own radius and this distance from the tool centre point nothing can be between the pads."""


class Snapshot(Protocol):
    """The state of n simulations of one model; the arrays are live views."""

    xpos: Floats
    """(n, nbody, 3) body positions [m]."""
    xmat: Floats
    """(n, nbody, 3, 3) body orientations."""
    qpos: Floats
    """(n, nq)."""
    qvel: Floats
    """(n, nv)."""
    tcp: Floats
    """(n, 3) tool centre points [m]."""
    tcp_mat: Floats
    """(n, 3, 3) orientations of the tool."""

    def contacts(self, index: int) -> tuple[NDArray[np.int32], Floats]:
        """Geom pairs (ncon, 2) and normals (ncon, 3), from the first geom to the second, of one simulation."""
        ...

    def device(self, predicate: str, name: str) -> list[bool]:
        """Whether ``powered``, ``sounding`` or ``lit`` is true of a thing or room, in each of n simulations."""
        ...


@dataclass(frozen=True)
class Anatomy:
    """What a compiled world says of its things, in the form that the checks need."""

    model: mujoco.MjModel
    robot: Robot
    things: Mapping[str, Thing]
    rooms: Mapping[str, Room]
    support: Mapping[str, Floats]
    """Hull points (K, 3) of each object in its body frame [m]."""
    pads: tuple[int, int]
    robot_geoms: Bools
    """(ngeom,) which geoms belong to the robot."""
    base: int
    """Body of the robot base."""
    base_pose: Floats
    """(4,) where it starts: x, y [m], sin yaw, cos yaw."""

    @classmethod
    def of(cls, world: World) -> Anatomy:
        """Read a world."""
        model, robot = world.model, world.robot
        base = int(model.body(robot.base_body).id)
        root = model.body_rootid[base]
        x, y, yaw = world.scene.start_w
        left, right = (int(model.geom(name).id) for name in robot.finger_pads[:2])
        objects = {n: t for n, t in world.entities.items() if t.entity.category == "object"}
        return cls(
            model=model,
            robot=robot,
            things=world.entities,
            rooms={room.name: room for room in world.floor_plan.rooms},
            support={name: support_points(model, thing.body) for name, thing in objects.items()},
            pads=(left, right),
            robot_geoms=model.body_rootid[model.geom_bodyid] == root,
            base=base,
            base_pose=np.array([x, y, np.sin(yaw), np.cos(yaw)]),
        )

    @property
    def objects(self) -> tuple[str, ...]:
        """Names of the movable objects."""
        return tuple(self.support)

    def entity(self, name: str) -> Entity:
        """The entity as it was at the start. Raises: UnknownNameError."""
        if name not in self.things:
            raise UnknownNameError("entity", name, self.things)
        return self.things[name].entity

    def body(self, name: str) -> int:
        """Its body. Raises: UnknownNameError."""
        self.entity(name)
        return self.things[name].body

    def static(self, fact: Fact) -> bool:
        """Whether an attribute fact is true."""
        entity = self.entity(fact.args[0])
        if fact.predicate == "kind":
            return entity.label == fact.args[1]
        return entity.attributes.get(fact.predicate) == fact.args[1]

"""The truth: facts, entities and goals read from a simulation.

Environments, data generation and evaluation may ask it; an agent never. `predicates` says what each fact means.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from yanshi.contracts import Entity, Held, WorldState
from yanshi.envs.facts.goal_check import GoalCheck
from yanshi.envs.facts.predicates import ATTRIBUTES, Anatomy, Floats
from yanshi.envs.facts.table import FactTable
from yanshi.envs.simulation import Simulation
from yanshi.goals import Fact, Goal


class LiveSnapshot:
    """A `Snapshot` of one simulation: views of its arrays, so that it need not be made anew after a step."""

    def __init__(self, sim: Simulation) -> None:
        data, model = sim.data, sim.model
        site = model.site(sim.robot.tcp_site).id
        self.xpos: Floats = data.xpos[None]
        self.xmat: Floats = data.xmat.reshape(1, model.nbody, 3, 3)
        self.qpos: Floats = data.qpos[None]
        self.qvel: Floats = data.qvel[None]
        self.tcp: Floats = data.site_xpos[None, site]
        self.tcp_mat: Floats = data.site_xmat[site].reshape(1, 3, 3)
        self._sim = sim

    def contacts(self, index: int) -> tuple[NDArray[np.int32], Floats]:
        """Geom pairs (ncon, 2) and normals (ncon, 3) of the contacts."""
        contact = self._sim.data.contact
        return contact.geom, contact.frame[:, :3]

    def device(self, predicate: str, name: str) -> list[bool]:
        """Whether ``powered``, ``sounding`` or ``lit`` is true of a thing or room."""
        return [self._sim.devices.true(predicate, name)]


class Oracle:
    """Reads one simulation. Cheap to make; what it needs is compiled when first asked for."""

    def __init__(self, sim: Simulation) -> None:
        self._sim = sim
        self._now = LiveSnapshot(sim)
        self._single: dict[Fact, FactTable] = {}
        self._goals: dict[Goal, GoalCheck] = {}

    @cached_property
    def anatomy(self) -> Anatomy:
        """The world in the form that the checks need."""
        return Anatomy.of(self._sim.world)

    @cached_property
    def _everything(self) -> FactTable:
        """Every fact that could be true in this world, attributes apart."""
        return FactTable(self.anatomy, tuple(_candidates(self.anatomy)))

    @cached_property
    def _attributes(self) -> frozenset[Fact]:
        found = set()
        for name, thing in self.anatomy.things.items():
            found.add(Fact("kind", (name, thing.entity.label)))
            for attribute in ATTRIBUTES:
                value = thing.entity.attributes.get(attribute)
                if value is not None:
                    found.add(Fact(attribute, (name, value)))
        return frozenset(found)

    def facts(self) -> frozenset[Fact]:
        """Every true fact."""
        table = self._everything
        values = table(self._now)[0]
        return self._attributes | {fact for fact, value in zip(table.facts, values, strict=True) if value}

    def among(self, names: Collection[str], predicates: Collection[str]) -> dict[Fact, bool]:
        """Whether each changeable fact with one of `predicates`, and only `names` as arguments, is true now."""
        names, everything = frozenset(names), self._everything
        columns = [i for i, f in enumerate(everything.facts) if f.predicate in predicates and names.issuperset(f.args)]
        values = everything(self._now)[0]
        return {everything.facts[column]: bool(values[column]) for column in columns}

    def true(self, fact: Fact) -> bool:
        """Whether a fact is true now. Raises: UnknownNameError for names that do not exist in this world."""
        if fact not in self._single:
            self._single[fact] = FactTable(self.anatomy, (fact,))
        return bool(self._single[fact](self._now)[0, 0])

    def holds(self, goal: Goal) -> bool:
        """Whether a goal is met now. Raises: UnknownNameError for names that do not exist in this world."""
        return bool(self._check(goal)(self._now)[0][0])

    def progress(self, goal: Goal) -> float:
        """The part of the goal's conditions that are met, in [0, 1]."""
        check = self._check(goal)
        return float(check.score(check(self._now)[1].astype(np.float64))[0])

    def _check(self, goal: Goal) -> GoalCheck:
        if goal not in self._goals:
            self._goals[goal] = GoalCheck(self.anatomy, goal)
        return self._goals[goal]

    def entities(self) -> Mapping[str, Entity]:
        """Every entity as it is now."""
        data = self._sim.data
        found = {}
        for name, thing in self.anatomy.things.items():
            entity = thing.entity
            if entity.category == "object":
                yaw, extent = upright_box(
                    data.xmat[thing.body].reshape(3, 3), np.asarray(entity.extent), entity.attributes.get("shape", "")
                )
                position = data.xpos[thing.body].copy()
                room = next((room.name for room in self.anatomy.rooms.values() if room.contains(position)), None)
                entity = replace(entity, position_w=position, yaw=yaw, extent=extent, room=room)
            found[name] = replace(entity, last_seen=self._sim.time)
        return found

    def opening(self, name: str) -> float | None:
        """How far a part is open, 0 closed … 1; None of a thing that does not open. Raises: UnknownNameError."""
        articulation, joint = self.anatomy.entity(name).articulation, self.anatomy.things[name].joint
        if articulation is None or joint is None:
            return None
        value = self._sim.data.qpos[self._sim.model.jnt_qposadr[joint]] / articulation.limit
        return float(np.clip(value, 0.0, 1.0))

    def openings(self) -> Mapping[str, float]:
        """How far each part is open: 0 closed … 1."""
        found = {name: self.opening(name) for name in self.anatomy.things}
        return {name: opening for name, opening in found.items() if opening is not None}

    def base_pose_w(self) -> NDArray[np.float64]:
        """Robot base (3,): x, y [m], yaw [rad]."""
        return body_pose(self._sim, self.anatomy.base)

    def state(self) -> WorldState:
        """All of it as a belief: what a perfect observer would know."""
        now = self._sim.time
        plan = self._sim.world.floor_plan
        return WorldState(
            stamp=now,
            base_pose_w=self.base_pose_w(),
            entities=self.entities(),
            facts={fact: Held(value=True, stamp=now, provenance="map") for fact in self.facts()},
            plan_of_home=plan,
            grid=plan.grid,
            openings=self.openings(),
            viewed={fixture.name: now for fixture in plan.fixtures},
        )


def body_pose(sim: Simulation, body: int) -> NDArray[np.float64]:
    """x, y [m] and yaw [rad] (3,) of a body in the map."""
    position, rotation = sim.data.xpos[body], sim.data.xmat[body]
    return np.array([position[0], position[1], np.arctan2(rotation[3], rotation[0])])


def upright_box(
    rotation: NDArray[np.float64], extent: NDArray[np.float64], shape: str = ""
) -> tuple[float, NDArray[np.float64]]:
    """Yaw [rad] and size (3,) [m] of the upright box around a thing of a size that is turned by `rotation` (3, 3).

    The yaw is that of the first of the thing's axes that is not the one pointing up or down. A thing whose `shape` is
    ``cylinder`` (about z) or ``round`` is as wide however it has rolled; others are taken to be boxes.
    """
    upward = int(np.argmax(np.abs(rotation[2])))
    level = 1 if upward == 0 else 0
    yaw = float(np.arctan2(rotation[1, level], rotation[0, level]))
    c, s = np.cos(yaw), np.sin(yaw)
    turn = np.array([[c, s, 0.0], [-s, c, 0.0], [0.0, 0.0, 1.0]])
    along = np.abs(turn @ rotation) * extent
    if shape == "round":
        return yaw, np.sqrt(np.sum(along**2, axis=1))
    if shape == "cylinder":
        return yaw, np.hypot(along[:, 0], along[:, 1]) + along[:, 2]
    return yaw, np.sum(along, axis=1)


def _candidates(anatomy: Anatomy) -> list[Fact]:
    """Every changeable fact that could be true."""
    things = anatomy.things
    objects = anatomy.objects
    facts = []
    for name, thing in things.items():
        offers, entity = thing.entity.affordances, thing.entity
        facts.append(Fact("near", (name,)))
        facts += [Fact("in_room", (name, room)) for room in anatomy.rooms]
        if entity.articulation is not None:
            facts += [Fact("open", (name,)), Fact("closed", (name,))]
        if "press" in offers:
            facts.append(Fact("powered", (name,)))
        if "sound" in offers:
            facts.append(Fact("sounding", (name,)))
        for kind in ("on", "in"):
            if entity.region(kind) is not None:
                facts += [Fact(kind, (x, name)) for x in objects if x != name]
    for x in objects:
        facts += [Fact("holding", (x,)), Fact("clear", (x,))]
        for y in objects:
            if x != y:
                facts.append(Fact("beside", (x, y)))
                if things[y].entity.region("on") is None:
                    facts.append(Fact("on", (x, y)))
    facts += [Fact(predicate, (room,)) for room in anatomy.rooms for predicate in ("robot_in", "lit")]
    return facts

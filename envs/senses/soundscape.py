"""Which things of a simulation sound, from where, and what stands between them and a listener.

The border between MuJoCo and `acoustics`: positions, open doors and obstacles are read from the simulation here, and
only here.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import mujoco
import numpy as np

from yanshi.contracts import Array, Entity, FloorPlan, Room
from yanshi.envs.senses.acoustics import Arrival, Knot, Shoebox
from yanshi.envs.senses.doorways import Doorway, arrival
from yanshi.envs.senses.frames import robot_geoms

if TYPE_CHECKING:
    from yanshi.envs.senses.sensor import Simulated

CEILING = 2.4
"""Height of a room where the floor plan does not say [m]."""
SPREAD = 0.1
"""Sounding things are about this large: obstacles are probed by rays to points so far around their centre [m]."""
MOST_HITS = 16
"""Things that a ray goes through before it counts as free."""


class Thing(Protocol):
    """What is asked of a thing in the world."""

    @property
    def entity(self) -> Entity:
        """What it is."""

    @property
    def body(self) -> int:
        """Its body."""

    @property
    def geoms(self) -> tuple[int, ...]:
        """Its geoms."""

    @property
    def joint(self) -> int | None:
        """What moves it as a part."""

    @property
    def sound(self) -> str | None:
        """Which waveform it makes."""


class House(Protocol):
    """What is asked of the world."""

    @property
    def floor_plan(self) -> FloorPlan:
        """Rooms and doors."""

    @property
    def entities(self) -> Mapping[str, Thing]:
        """Things by name."""


class SoundMakers(Protocol):
    """What is asked of the devices."""

    @property
    def sounding(self) -> Collection[str]:
        """Names of the things that sound now."""


@dataclass(frozen=True, kw_only=True)
class Acoustics:
    """How rooms sound."""

    order: int = 1
    """Greatest number of reflections by image sources."""
    absorption: float = 0.3
    """Share of energy that floor, walls and ceiling take at each reflection; 0.3 is a furnished room."""
    air: bool = True
    """Whether air takes away high frequencies."""
    occlusion: bool = True
    """Whether things in the way are looked for."""


class Soundscape:
    """Where sounds are and how they reach a listener."""

    def __init__(self, sim: Simulated, house: House, acoustics: Acoustics) -> None:
        """Learn the rooms, the doors and what can stand in the way."""
        model, plan = sim.model, house.floor_plan
        self.acoustics = acoustics
        self._house = house
        self._rooms = {room.name: _shoebox(room, acoustics.absorption) for room in plan.rooms}
        self._doors = [
            (_doorway(fixture, plan.rooms), house.entities[fixture.name])
            for fixture in plan.fixtures
            if fixture.category == "door"
        ]
        root = model.body_rootid[model.geom_bodyid]
        free = np.isin(root, model.jnt_bodyid[model.jnt_type == mujoco.mjtJoint.mjJNT_FREE])
        solid = (model.geom_contype != 0) | (model.geom_conaffinity != 0)
        self._blocks = solid & ~free & ~robot_geoms(model, sim.robot)
        self._root = root
        self._tops = {name: _top_geom(sim, thing) for name, thing in house.entities.items() if thing.sound}
        self._hit = np.zeros(1, dtype=np.int32)

    def label(self, name: str) -> str | None:
        """Which waveform a thing makes; None if it makes none."""
        return self._house.entities[name].sound

    def position(self, sim: Simulated, name: str) -> Array:
        """(3,) where the sound of a thing comes from: the middle of its topmost part [m]."""
        geom = self._tops.get(name)
        if geom is None:
            return np.array(sim.data.xpos[self._house.entities[name].body])
        return np.array(sim.data.geom_xpos[geom])

    def arrival(self, sim: Simulated, source_w: Array, listener_w: Array) -> Arrival:
        """By which doorways a sound comes to a listener, and how much of it is left."""
        if not self._rooms:
            return Arrival(position_w=source_w)
        doorways = [(doorway, self._opening(sim, thing)) for doorway, thing in self._doors]
        return arrival(source_w, self._room(source_w), listener_w, self._room(listener_w), doorways)

    def knot(self, sim: Simulated, source_w: Array, microphones_w: Array, thing: str | None = None) -> Knot:
        """How a sound from a point (3,) comes to microphones (M, 3) now; `thing` makes it, so is not in its own way."""
        center = microphones_w.mean(axis=0)
        way = self.arrival(sim, source_w, center)
        in_line = way.route[-1] if way.route and way.route[-1] in self._house.entities else thing
        blocked = self.occlusion(sim, way.position_w, center, in_line) if self.acoustics.occlusion else 0.0
        room = self._rooms.get(self._room(center))
        return Knot(time=sim.time, arrival=way, microphones_w=microphones_w, room=room, occlusion=blocked)

    def occlusion(self, sim: Simulated, source_w: Array, listener_w: Array, thing: str | None = None) -> float:
        """The share of rays from the listener to points around the source that something solid stops, [0, 1].

        Walls, doors and furniture stop sound; movable objects, the robot itself and the thing that sounds do not.
        """
        line = source_w - listener_w
        side = np.array([-line[1], line[0], 0.0])
        side *= SPREAD / max(float(np.linalg.norm(side)), 1e-9)
        up = np.array([0.0, 0.0, SPREAD])
        own = -1 if thing is None else int(sim.model.body_rootid[self._house.entities[thing].body])
        ends = (source_w, source_w + side, source_w - side, source_w + up, source_w + 2.0 * up)
        return sum(self._stopped(sim, listener_w, end, own) for end in ends) / len(ends)

    def _stopped(self, sim: Simulated, start: Array, end: Array, own_root: int) -> bool:
        vector = end - start
        reached = 0.0
        for _ in range(MOST_HITS):
            step = mujoco.mj_ray(sim.model, sim.data, start + reached * vector, vector, None, True, -1, self._hit)
            geom = int(self._hit[0])
            reached += step
            if geom < 0 or reached >= 1.0:
                return False
            if self._blocks[geom] and (own_root <= 0 or self._root[geom] != own_root):
                return True
            reached += 1e-4
        return False

    def _room(self, point: Array) -> str:
        """The room a point is in, or the nearest."""

        def away(name: str) -> float:
            box = self._rooms[name]
            return float(np.linalg.norm(np.maximum(0.0, np.maximum(box.low_w - point, point - box.high_w))))

        return min(self._rooms, key=away, default="")

    def _opening(self, sim: Simulated, door: Thing) -> float:
        articulation = door.entity.articulation
        if door.joint is None or articulation is None:
            return 1.0
        value = float(sim.data.qpos[sim.model.jnt_qposadr[door.joint]])
        return float(np.clip(value / articulation.limit, 0.0, 1.0))


def _shoebox(room: Room, absorption: float) -> Shoebox:
    return Shoebox(low_w=np.append(room.low_w, 0.0), high_w=np.append(room.high_w, CEILING), absorption=absorption)


def _doorway(door: Entity, rooms: tuple[Room, ...]) -> Doorway:
    """The opening that a door closes: as wide as the door's box is, between the two rooms nearest to it."""
    half = 0.5 * max(door.extent[0], door.extent[1])
    along = np.array([half, 0.0, 0.0]) if door.extent[0] > door.extent[1] else np.array([0.0, half, 0.0])
    ends = door.to_world(np.stack([-along, along]))[:, :2]
    center = ends.mean(axis=0)
    gap = {
        r.name: float(np.linalg.norm(np.maximum(0.0, np.maximum(r.low_w - center, center - r.high_w)))) for r in rooms
    }
    first, second = sorted(gap, key=lambda name: gap[name])[:2]
    return Doorway(name=door.name, rooms=(first, second), ends_w=ends, height=float(door.extent[2]))


def _top_geom(sim: Simulated, thing: Thing) -> int | None:
    """The geom of a thing whose centre is highest now; None if it has none of its own."""
    return max(thing.geoms, key=lambda geom: (float(sim.data.geom_xpos[geom, 2]), -geom), default=None)

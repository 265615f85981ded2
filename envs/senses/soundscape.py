"""Which things of a simulation sound, from where, and what stands between them and a listener.

The border between MuJoCo and `acoustics`: positions, open doors and obstacles are read from the simulation here, and
only here.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import mujoco
import numpy as np

from yanshi.contracts import Array, Entity, FloorPlan, Room
from yanshi.envs.senses.acoustics import Arrival, Knot, Shoebox
from yanshi.envs.senses.doorways import Doorway, Wall, arrival, openings
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


class Walled(Protocol):
    """What is asked of the scene."""

    @property
    def walls(self) -> Sequence[Wall]:
        """Between rooms."""


class House(Protocol):
    """What is asked of the world."""

    @property
    def scene(self) -> Walled:
        """Where walls are."""

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
        doors = [house.entities[fixture.name] for fixture in plan.fixtures if fixture.category == "door"]
        self._doorways = [
            (doorway, next((door for door in doors if _hangs_in(door.entity, doorway)), None))
            for doorway in openings(plan.rooms, house.scene.walls, CEILING)
        ]
        self._leaves = {doorway.name: leaf for doorway, leaf in self._doorways if leaf is not None}
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
        doorways = [(doorway, _openness(sim, leaf)) for doorway, leaf in self._doorways]
        return arrival(source_w, self._room(source_w), listener_w, self._room(listener_w), doorways)

    def knot(self, sim: Simulated, source_w: Array, microphones_w: Array, thing: str | None = None) -> Knot:
        """How a sound from a point (3,) comes to microphones (M, 3) now; `thing` makes it, so is not in its own way."""
        center = microphones_w.mean(axis=0)
        way = self.arrival(sim, source_w, center)
        maker = self._leaves.get(way.route[-1]) if way.route else self._house.entities[thing] if thing else None
        blocked = self.occlusion(sim, way.position_w, center, maker) if self.acoustics.occlusion else 0.0
        room = self._rooms.get(self._room(center))
        return Knot(time=sim.time, arrival=way, microphones_w=microphones_w, room=room, occlusion=blocked)

    def occlusion(self, sim: Simulated, source_w: Array, listener_w: Array, maker: Thing | None = None) -> float:
        """The share of rays from the listener to points around the source that something solid stops, [0, 1].

        Walls, doors and furniture stop sound; movable objects, the robot itself and the thing `maker` that sounds (or
        the door leaf that it sounds past, which counts by its opening) do not.
        """
        line = source_w - listener_w
        side = np.array([-line[1], line[0], 0.0])
        side *= SPREAD / max(float(np.linalg.norm(side)), 1e-9)
        up = np.array([0.0, 0.0, SPREAD])
        own = -1 if maker is None else int(sim.model.body_rootid[maker.body])
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


def _shoebox(room: Room, absorption: float) -> Shoebox:
    return Shoebox(low_w=np.append(room.low_w, 0.0), high_w=np.append(room.high_w, CEILING), absorption=absorption)


def _hangs_in(door: Entity, doorway: Doorway) -> bool:
    """Whether a door, when closed, is in a doorway."""
    middle = doorway.ends_w.mean(axis=0)
    return float(np.linalg.norm(door.position_w[:2] - middle)) < 0.5 * float(
        np.linalg.norm(np.ptp(doorway.ends_w, axis=0))
    )


def _openness(sim: Simulated, door: Thing | None) -> float:
    """How open a doorway is, 0 to 1."""
    if door is None or door.joint is None or door.entity.articulation is None:
        return 1.0
    value = float(sim.data.qpos[sim.model.jnt_qposadr[door.joint]])
    return float(np.clip(value / door.entity.articulation.limit, 0.0, 1.0))


def _top_geom(sim: Simulated, thing: Thing) -> int | None:
    """The geom of a thing whose centre is highest now; None if it has none of its own."""
    return max(thing.geoms, key=lambda geom: (float(sim.data.geom_xpos[geom, 2]), -geom), default=None)

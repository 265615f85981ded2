"""Buttons and switches that do something: a press toggles a light, a sound, or whether a thing is on."""

from __future__ import annotations

from typing import Protocol

import mujoco
import numpy as np
from numpy.typing import NDArray

from yanshi.envs.worlds.world import World
from yanshi.errors import UnknownNameError

_DOWN, _UP = 0.6, 0.3
"""A button counts as pressed beyond the first share of its travel, and as let go below the second."""
_GLOW = (1.0, 0.82, 0.35, 1.0)


class Positions(Protocol):
    """The state of one simulation, as far as buttons go: an MjData, or a row of a Batch."""

    qpos: NDArray[np.float64]


class Devices:
    """What is lit, on and sounding, and the buttons that change it.

    Every button toggles once when it goes down. A room's switch toggles the room's light; the button of a thing that
    can sound toggles its sound; any other button toggles whether its owner is on. A person's calling has no button.
    """

    def __init__(self, world: World, model: mujoco.MjModel | None = None) -> None:
        """Remember what there is.

        Args:
            world: whose buttons.
            model: the model that is simulated, whose lights are switched; None is the world's own.
        """
        self._world = world
        self._model = world.model if model is None else model
        owners = [name for name, thing in world.entities.items() if thing.button is not None]
        joints = [world.entities[name].button for name in owners]
        self._owners = tuple(owners)
        self._address = np.array([self._model.jnt_qposadr[j] for j in joints], dtype=np.intp)
        travel = np.array([self._model.jnt_range[j, 1] for j in joints])
        self._high, self._low = _DOWN * travel, _UP * travel
        self._feel(np.zeros(len(owners), bool))
        self._bound: Positions | None = None
        self._drives = {f.name: f.drives for f in world.scene.fixtures if f.drives is not None}
        self._sounds = {name for name, thing in world.entities.items() if thing.sound is not None}
        self._lamps = {
            name: [g for g in thing.geoms if self._model.geom(g).name.endswith("_lamp")]
            for name, thing in world.entities.items()
            if thing.button is not None
        }
        self._glow = {g: self._model.geom_rgba[g].copy() for lamps in self._lamps.values() for g in lamps}
        self._material = {g: int(self._model.geom_matid[g]) for g in self._glow}
        self._lit: set[str] = set()
        self._powered: set[str] = set()
        self._sounding: set[str] = set()
        self._restore()

    @property
    def lit(self) -> frozenset[str]:
        """Rooms whose light is on."""
        return frozenset(self._lit)

    @property
    def powered(self) -> frozenset[str]:
        """Things and controls that are on; a room's switch is on while the room is lit."""
        return frozenset(self._powered | {name for name, room in self._drives.items() if room in self._lit})

    @property
    def sounding(self) -> frozenset[str]:
        """Things that sound."""
        return frozenset(self._sounding)

    def true(self, predicate: str, name: str) -> bool:
        """Whether ``lit(room)``, ``powered(x)`` or ``sounding(x)`` holds.

        Raises:
            UnknownNameError: it is none of these predicates.
        """
        if predicate == "lit":
            return name in self._lit
        if predicate == "powered":
            return name in self._powered or self._drives.get(name) in self._lit
        if predicate == "sounding":
            return name in self._sounding
        raise UnknownNameError("device state", predicate, ("lit", "powered", "sounding"))

    def reset(self, data: Positions) -> None:
        """Back to the start of the scene; buttons are taken as they are in `data`."""
        self._bind(data)
        self._feel(self._qpos[self._address] > self._high)
        self._restore()

    def step(self, data: Positions) -> None:
        """Notice what was pressed since the last call."""
        if data is not self._bound:
            self._bind(data)
        down = self._qpos[self._address] > self._threshold
        if down.tobytes() != self._felt:
            pressed = np.flatnonzero(down & ~self._down)
            self._feel(down)
            for index in pressed:
                self.press(self._owners[index])

    def _bind(self, data: Positions) -> None:
        """Keep the view of qpos; making it anew costs as much as looking at the buttons."""
        self._bound, self._qpos = data, data.qpos

    def _feel(self, down: NDArray[np.bool_]) -> None:
        self._down, self._felt = down, down.tobytes()
        self._threshold = np.where(down, self._low, self._high)

    def press(self, name: str) -> None:
        """Do what the button of an entity does.

        Raises:
            UnknownNameError: it has none.
        """
        if name not in self._owners:
            raise UnknownNameError("button", name, self._owners)
        if name in self._drives:
            room = self._drives[name]
            self._light(room, room not in self._lit)
        elif name in self._sounds:
            self._power(name, name not in self._sounding)
            self._sounding ^= {name}
        else:
            self._power(name, name not in self._powered)

    def _restore(self) -> None:
        scene = self._world.scene
        self._sounding = set(scene.sounding)
        self._powered = {name for name in scene.sounding if name in self._owners}
        for room in scene.rooms:
            self._light(room.name, scene.lights.get(room.name, True))
        for name in self._owners:
            self._power(name, name in self._powered)

    def _light(self, room: str, on: bool) -> None:
        (self._lit.add if on else self._lit.discard)(room)
        self._model.light(f"{room}_light").active = on

    def _power(self, name: str, on: bool) -> None:
        (self._powered.add if on else self._powered.discard)(name)
        for geom in self._lamps[name]:
            self._model.geom_matid[geom] = -1 if on else self._material[geom]
            self._model.geom_rgba[geom] = _GLOW if on else self._glow[geom]

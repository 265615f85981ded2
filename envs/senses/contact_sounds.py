"""What is heard when things hit: short bursts of the damped modes of what was struck (modal synthesis).

A new contact between two bodies that came together fast enough rings the smaller of the two. Each material has its
modes; a smaller thing sounds higher. See van den Doel and Pai, "The sounds of physical shapes", Presence 7 (1998).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import mujoco
import numpy as np

from yanshi.contracts import Array
from yanshi.envs.senses.waveforms import pascals
from yanshi.envs.senses.wavetable import Wavetable

if TYPE_CHECKING:
    from yanshi.envs.senses.sensor import Simulated
    from yanshi.envs.senses.soundscape import House


@dataclass(frozen=True)
class Impact:
    """Two things have just hit one another."""

    time: float
    """[s]."""
    position_w: Array
    """(3,) [m]."""
    speed: float
    """At which they came together [m/s]."""
    table: Wavetable
    """What is heard."""
    gain: float
    """How loud, times the table's level."""
    bodies: tuple[int, int]


@dataclass(frozen=True)
class Material:
    """How a piece of 10 cm rings."""

    pitch: float
    """Of the lowest mode [Hz]."""
    ratios: tuple[float, ...]
    """Of the modes to the lowest."""
    decay: float
    """Of the lowest mode to 1/e [s]; higher ones fade in inverse proportion."""
    hardness: float
    """Strength of each mode over the one below."""


MATERIALS = {
    "wood": Material(330.0, (1.0, 2.57, 4.95, 8.1), 0.030, 0.6),
    "plastic": Material(450.0, (1.0, 2.1, 3.6, 5.8), 0.020, 0.55),
    "metal": Material(900.0, (1.0, 1.51, 2.32, 3.9, 5.3), 0.150, 0.8),
    "ceramic": Material(1300.0, (1.0, 1.72, 2.66, 3.9), 0.060, 0.75),
    "glass": Material(1700.0, (1.0, 1.63, 2.41, 3.5), 0.090, 0.8),
    "soft": Material(110.0, (1.0, 1.9, 3.1), 0.025, 0.35),
}
"""Materials that are not here sound like wood."""
ALIASES = {
    "steel": "metal", "porcelain": "ceramic", "stone": "ceramic", "cloth": "soft", "fabric": "soft", "rubber": "soft",
    "foam": "soft", "sponge": "soft", "food": "soft", "fruit": "soft", "paper": "soft", "cardboard": "soft",
    "wax": "soft", "leather": "soft",
}  # fmt: skip
QUIETEST_SPEED = 0.2
"""Contacts that close more slowly make no sound [m/s]."""
LEVEL_AT_1_M_S = 72.0
"""dB SPL at 1 m of a contact at 1 m/s, as the root mean square of its first 30 ms."""
REST = 0.06
"""Two bodies that have just hit do not sound again for this long [s]."""
_SIZES = (0.03, 0.06, 0.12, 0.3, 1.0)


@lru_cache(maxsize=32)
def contact_table(material: str, size: float, rate: float) -> Wavetable:
    """The sound of a thing of a material and size [m] that is struck, ready to be read at any time."""
    return Wavetable(contact_burst(material, size, rate), rate, periodic=False)


def contact_burst(material: str, size: float, rate: float) -> Array:
    """(n,) the sound of a thing of a material and size [m] that is struck, at `LEVEL_AT_1_M_S` [Pa at 1 m]."""
    made_of = MATERIALS[ALIASES.get(material, material) if ALIASES.get(material, material) in MATERIALS else "wood"]
    duration = 8.0 * made_of.decay + 0.02
    t = np.arange(round(duration * rate)) / rate
    sound = np.zeros_like(t)
    pitch = float(np.clip(made_of.pitch * (0.1 / size) ** 0.5, 60.0, 3500.0))
    for k, ratio in enumerate(made_of.ratios):
        frequency = pitch * ratio
        if frequency < 6800.0:
            sound += made_of.hardness**k * np.exp(-t * ratio / made_of.decay) * np.sin(2 * np.pi * frequency * t)
    sound *= (1.0 - np.exp(-t / 0.0006)) * np.clip((duration - t) / 0.01, 0.0, 1.0)
    loud = float(np.sqrt(np.mean(sound[: round(0.03 * rate)] ** 2)))
    return np.asarray(sound * (pascals(LEVEL_AT_1_M_S) / loud))


class ContactSounds:
    """Notices impacts, once a tick."""

    def __init__(self, model: mujoco.MjModel, house: House, rate: float) -> None:
        """Learn what each body is made of and how large it is."""
        self._rate = rate
        self._nbody = model.nbody
        self._flies = np.asarray(model.body_dofnum == 6)
        self._geom_body = np.asarray(model.geom_bodyid, dtype=np.int64)
        self._material = ["wood"] * model.nbody
        self._size = np.full(model.nbody, 1.0)
        for body in range(1, model.nbody):
            geoms = np.flatnonzero(self._geom_body == body)
            if len(geoms):
                self._size[body] = 2.0 * float(np.max(model.geom_rbound[geoms]))
        for thing in house.entities.values():
            self._material[thing.body] = thing.entity.attributes.get("material", "wood")
        self.reset()

    def reset(self) -> None:
        """Forget what touched; what touches at the first tick is not new."""
        self._touching: Array | None = None
        self._before: _Motion | None = None
        self._last: dict[int, float] = {}

    def collect(self, sim: Simulated) -> list[Impact]:
        """The impacts since the last call."""
        data = sim.data
        now = _Motion(sim)
        bodies = np.sort(self._geom_body[data.contact.geom], axis=1) if data.ncon else np.zeros((0, 2), dtype=np.int64)
        pairs = bodies[:, 0] * self._nbody + bodies[:, 1]
        touching = np.unique(pairs)
        impacts = []
        if self._touching is not None and self._before is not None:
            for pair in np.setdiff1d(touching, self._touching, assume_unique=True).tolist():
                impact = self._impact(sim, int(np.flatnonzero(pairs == pair)[0]), self._before, now)
                if impact is not None and impact.time - self._last.get(pair, -np.inf) > REST:
                    self._last[pair] = impact.time
                    impacts.append(impact)
        self._touching, self._before = touching, now
        return impacts

    def _impact(self, sim: Simulated, contact: int, before: _Motion, now: _Motion) -> Impact | None:
        """What a new contact sounds like; None if it was too gentle.

        By the tick the bodies have met already, so the speed is that of the tick before; the time of the impact is the
        time they then needed to come together.
        """
        geoms = sim.data.contact.geom[contact]
        position = np.array(sim.data.contact.pos[contact])
        normal = np.array(sim.data.contact.frame[contact][:3])
        first, second = (int(self._geom_body[g]) for g in geoms)
        approach, gap = before.closing(now, position, normal, (first, second))
        roots = sim.model.body_rootid[[first, second]]
        pull = float(abs(sim.model.opt.gravity @ normal)) if self._flies[roots].any() else 0.0
        speed = float(np.sqrt(approach**2 + 2.0 * pull * max(gap, 0.0)))
        needed = np.clip(2.0 * gap / max(approach + speed, 1e-9), 0.0, now.time - before.time)
        if approach <= 0.0 or speed < QUIETEST_SPEED:
            return None
        body = min((b for b in (first, second) if b), key=lambda b: self._size[b])
        other = second if body == first else first
        size = min(_SIZES, key=lambda s: abs(np.log(s / self._size[body])))
        soft = "soft" in (ALIASES.get(self._material[other]), self._material[other])
        table = contact_table("soft" if soft else self._material[body], size, self._rate)
        return Impact(before.time + float(needed), position, speed, table, speed, (first, second))


class _Motion:
    """Where all bodies are and how they move at a moment."""

    def __init__(self, sim: Simulated) -> None:
        data = sim.data
        self.time = sim.time
        self._position = data.xpos.copy()
        self._rotation = data.xmat.reshape(-1, 3, 3).copy()
        self._twist = data.cvel.copy()
        self._origin = data.subtree_com[sim.model.body_rootid]

    def closing(self, later: _Motion, point: Array, normal: Array, bodies: tuple[int, int]) -> tuple[float, float]:
        """How two bodies that touch later, at `point`, come together now along `normal` (from the first to the second).

        Returns:
            Closing speed [m/s], and the distance [m] that is left between the two places that will touch.
        """
        place, velocity = [], []
        for body in bodies:
            local = later._rotation[body].T @ (point - later._position[body])
            place.append(self._position[body] + self._rotation[body] @ local)
            turn, shift = self._twist[body, :3], self._twist[body, 3:]
            velocity.append(shift + np.cross(turn, place[-1] - self._origin[body]))
        return float((velocity[0] - velocity[1]) @ normal), float((place[1] - place[0]) @ normal)

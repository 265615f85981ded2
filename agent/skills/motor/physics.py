"""What differs in the physics of an episode: mass, friction, and a push of the thing or of the arm."""

from __future__ import annotations

import mujoco
import numpy as np

from yanshi.agent.skills.motor.perturbation import Perturbation
from yanshi.envs.clock import CONTROL_DT
from yanshi.envs.simulation import Simulation
from yanshi.envs.worlds.world import Thing, World

__all__ = ["Disturbance"]

_PUSH_STEPS = 2
"""A push lasts so many control steps."""
_PUSH_BEFORE = 3.0
"""It comes before this time [s]."""
_PUSHED = 0.5
"""Probability of a push in an episode that has any."""
_ARM_FORCE = 60.0
"""Force on the hand for each m/s that a push would give to a thing [N s/m]."""


class Disturbance:
    """Sets up the physics of one episode, and pushes when it is time.

    Args:
        sim: whose model is changed; where the thing has been before does not matter.
        world: what the model was made of.
        target: the thing that the manoeuvre is about.
        fault: how great the faults are.
        rng: draws them.
    """

    def __init__(
        self, sim: Simulation, world: World, target: Thing, fault: Perturbation, rng: np.random.Generator
    ) -> None:
        self._sim = sim
        model, ideal, body = sim.model, world.model, target.body
        mass, friction = (_factor(rng, *bounds) for bounds in (fault.mass, fault.friction))
        self.mass, self.friction = mass, friction
        movable = target.entity.category == "object"
        self._body = body if movable else None
        pads = [model.geom(name).id for name in world.robot.finger_pads]
        model.geom_friction[:] = ideal.geom_friction
        model.geom_friction[[*pads, *target.geoms], 0] *= friction
        if movable:
            changed = model.body_mass[body] != ideal.body_mass[body] * mass
            model.body_mass[body] = ideal.body_mass[body] * mass
            model.body_inertia[body] = ideal.body_inertia[body] * mass
            if changed:
                mujoco.mj_setConst(model, sim.data)
        angle, pushed, on_arm, at = rng.uniform(0, 2 * np.pi), rng.random(), rng.random() < 0.5, rng.random()
        self._at = int(at * _PUSH_BEFORE / CONTROL_DT) if fault.push > 0.0 and pushed < _PUSHED else -1
        speed = fault.push * rng.uniform(0.5, 1.0)
        if on_arm or not movable:
            self._pushed = int(model.site_bodyid[model.site(world.robot.tcp_site).id])
            size = _ARM_FORCE * speed
        else:
            self._pushed = body
            size = float(model.body_mass[body]) * speed / (_PUSH_STEPS * CONTROL_DT)
            size += float(model.body_mass[body]) * 9.81 * 0.5  # what friction takes
        self._force = size * np.array([np.cos(angle), np.sin(angle), 0.0])
        self._count = 0

    def step(self) -> None:
        """Once before every control step."""
        if self._at < 0:
            return
        applied = self._sim.data.xfrc_applied[self._pushed, :3]
        if self._at <= self._count < self._at + _PUSH_STEPS:
            applied[:] = self._force
        elif self._count == self._at + _PUSH_STEPS:
            applied[:] = 0.0
        self._count += 1


def _factor(rng: np.random.Generator, low: float, high: float) -> float:
    """A factor, log-uniform."""
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))

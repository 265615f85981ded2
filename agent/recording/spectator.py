"""A camera outside the robot that follows it, for pictures that people look at. The agent never sees through it."""

from __future__ import annotations

from dataclasses import dataclass

import mujoco
import numpy as np
from numpy.typing import NDArray

from yanshi.envs.senses.rendering import FAST, Quality, Renderer
from yanshi.envs.simulation import Simulation

NICE = Quality(samples=4)
"""Smooth edges, at three times the price; shadows and reflections cost more than they show."""


@dataclass(frozen=True, kw_only=True)
class Shot:
    """Where the camera stands, from the point it looks at."""

    distance: float
    """[m]."""
    azimuth: float
    """[deg] from the direction in which the robot faces; the camera looks along it."""
    elevation: float
    """[deg], negative looks down."""
    height: float
    """Of the point looked at [m]."""
    ahead: float
    """How far in front of the base the point lies [m]."""


FIXED_ARM = Shot(distance=1.75, azimuth=152.0, elevation=-28.0, height=0.62, ahead=0.42)
FOLLOW = Shot(distance=3.1, azimuth=38.0, elevation=-50.0, height=0.7, ahead=0.3)
GLIDE, TURN = 0.9, 3.9
"""Time constants with which the camera goes after the robot's place and direction [s]."""


class Spectator:
    """Draws a simulation from outside."""

    def __init__(self, sim: Simulation, size: tuple[int, int] = (864, 486)) -> None:
        self._sim = sim
        self._size = size
        self._shot = FOLLOW if sim.robot.base_joints else FIXED_ARM
        self._base = sim.model.body(sim.robot.base_body).id
        self._renderers: dict[Quality, Renderer] = {}
        self._target: NDArray[np.float64] | None = None
        self._heading = 0.0
        self._stamp = 0.0

    def picture(self, *, draft: bool = False) -> NDArray[np.uint8]:
        """The scene now, (H, W, 3). The camera glides after the robot as time goes by.

        A draft has the rough edges that nobody sees in a moving picture.
        """
        quality = FAST if draft else NICE
        if quality not in self._renderers:
            self._renderers[quality] = Renderer(self._sim.model, quality, self._size)
        rotation = self._sim.data.xmat[self._base].reshape(3, 3)
        wanted = self._sim.data.xpos[self._base] + self._shot.ahead * rotation[:, 0]
        wanted[2] = self._shot.height
        heading = float(np.arctan2(rotation[1, 0], rotation[0, 0]))
        if self._target is None:
            self._target, self._heading = wanted, heading
        passed, self._stamp = max(self._sim.time - self._stamp, 0.0), self._sim.time
        behind = float(np.arctan2(np.sin(heading - self._heading), np.cos(heading - self._heading)))
        self._target = self._target + (1.0 - np.exp(-passed / GLIDE)) * (wanted - self._target)
        self._heading += (1.0 - np.exp(-passed / TURN)) * behind
        camera = mujoco.MjvCamera()
        camera.lookat[:] = self._target
        camera.distance, camera.azimuth = self._shot.distance, np.degrees(self._heading) + self._shot.azimuth
        camera.elevation = self._shot.elevation
        return self._renderers[quality].picture(self._sim.data, camera, *self._size)

    def close(self) -> None:
        """Free the GL contexts."""
        while self._renderers:
            self._renderers.popitem()[1].close()

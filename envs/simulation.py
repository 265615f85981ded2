"""One world in motion: physics, the robot's motors, the devices of the house, and the senses, each when it is due."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Self

import mujoco
import numpy as np
from numpy.typing import NDArray

from yanshi.contracts import Frame, Observation
from yanshi.envs.clock import CONTROL_DT, PHYSICS_DT, STEPS_PER_CONTROL, STEPS_PER_TICK, TICKS_PER_CONTROL
from yanshi.envs.control import MotorControl
from yanshi.envs.devices import Devices
from yanshi.envs.senses.proprioception import Proprioceptor
from yanshi.errors import InputError, WorldError

if TYPE_CHECKING:
    from yanshi.envs.senses.sensor import Timed
    from yanshi.envs.worlds.world import World

__all__ = ["Simulation"]


class Simulation:
    """A world, its robot and the robot's senses, stepped by actions.

    The trajectory depends on the world and the actions alone: not on the seed, and not on which senses are read. After
    a step, positions in ``data.qpos`` are those of `time`; what MuJoCo derives of them (``xpos``, ``site_xpos``, …) is
    one physics step (2 ms) older, for every sense alike.

    `model` is a copy of the world's, since devices switch its lights. `world` may be exchanged between episodes for one
    with the same model (the same things in other places).

    Args:
        world: what is there.
        sensors: senses, polled every 20 ms; with none, a control step is a single call of ``mj_step``.
        seed: of noise and drift, until `reset` is given another.
    """

    def __init__(self, world: World, sensors: Sequence[Timed] = (), seed: int = 0) -> None:
        names = [sensor.name for sensor in sensors]
        if len(set(names)) < len(names):
            raise InputError(f"sensors: expected different names, got {', '.join(names)}.")
        if abs(world.model.opt.timestep - PHYSICS_DT) > 1e-12:
            came = world.model.opt.timestep
            raise WorldError(f"World '{world.name}': expected timestep {PHYSICS_DT} s, got {came} s.")
        self.world = world
        self.robot = world.robot
        self.model = copy.copy(world.model)
        self.data = mujoco.MjData(self.model)
        self.devices = Devices(world, self.model)
        self.sensors = tuple(sensors)
        self._control = MotorControl(self.model, self.robot)
        self._proprioceptor = Proprioceptor(self.model, self.robot)
        self._frames: dict[str, Frame] = {}
        self._world_of_devices = world
        self._seeds = np.random.default_rng(seed)
        self.reset(seed)

    @property
    def time(self) -> float:
        """Simulated time since the reset [s]."""
        return float(self.data.time)

    def reset(self, seed: int | None = None) -> Observation:
        """Begin again from the world's start.

        Args:
            seed: of noise and drift; without one, the next of a series begun by the constructor's seed.
        """
        seed = int(self._seeds.integers(2**31)) if seed is None else seed
        mujoco.mj_resetData(self.model, self.data)
        self.data.qpos[:] = self.world.qpos0
        mujoco.mj_forward(self.model, self.data)
        self.devices.reset(self.data)
        if self._world_of_devices is not self.world:
            self.devices = Devices(self.world, self.model)
            self._world_of_devices = self.world
        self._control.reset(self.data)
        self._proprioceptor.reset(seed, self.data)
        self._frames.clear()
        for sensor in self.sensors:
            sensor.reset(seed)
        self._poll()
        return self.observe()

    def step(self, action: NDArray[np.floating]) -> None:
        """Advance by one control step of 40 ms.

        Args:
            action: (nu,) in [-1, 1], see `Robot`.

        Raises:
            InputError: the action has the wrong shape or is not finite.
            WorldError: the physics diverged.
        """
        data = self.data
        before = data.time
        self._control.apply(data, action)
        if self.sensors:
            for _ in range(TICKS_PER_CONTROL):
                mujoco.mj_step(self.model, data, STEPS_PER_TICK)
                self._poll()
            self._proprioceptor.read(data)
        else:
            mujoco.mj_step(self.model, data, STEPS_PER_CONTROL)
        self.devices.step(data)
        if data.time < before + 0.5 * CONTROL_DT:  # MuJoCo starts again from time 0 when a state is not finite.
            raise WorldError(f"World '{self.world.name}': the physics diverged at {before:.2f} s.")

    def observe(self) -> Observation:
        """The newest frame of each sense, and proprioception."""
        felt = self._proprioceptor.read(self.data)
        return Observation(stamp=self.time, frames=dict(self._frames), proprioception=felt)

    def close(self) -> None:
        """Close the senses."""
        for sensor in self.sensors:
            sensor.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _poll(self) -> None:
        for sensor in self.sensors:
            frame = sensor.poll(self)
            if frame is not None:
                self._frames[frame.name] = frame

"""Many simulations of one layout at once: ``gymnasium.make_vec("yanshi/Pick-v0", 16, "vector_entry_point")``."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import mujoco
import numpy as np
from gymnasium.utils import seeding
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from mujoco.batch import Batch
from numpy.typing import NDArray

from yanshi.envs import tasks
from yanshi.envs.clock import CONTROL_DT, STEPS_PER_CONTROL
from yanshi.envs.control import MotorControl
from yanshi.envs.devices import Devices
from yanshi.envs.facts.predicates import Bools, Floats
from yanshi.envs.gym_env import action_space
from yanshi.envs.judging.referee import Referee, RewardKind
from yanshi.envs.judging.state_vector import state_space
from yanshi.envs.layouts import base_world, rearranged
from yanshi.envs.robots import Robot
from yanshi.envs.wordings import Split
from yanshi.envs.worlds.world import World, default_robot
from yanshi.errors import InputError, WorldError

Info = dict[str, Any]


class Fields:
    """The state of all simulations of a batch, under the names that MjData has."""

    def __init__(self, batch: Batch) -> None:
        self.qpos: Floats = batch.bind("qpos")
        self.qvel: Floats = batch.bind("qvel")
        self.ctrl: Floats = batch.bind("ctrl")
        self.xpos: Floats = batch.bind("xpos")
        self.xmat: Floats = batch.bind("xmat")
        self.xaxis: Floats = batch.bind("xaxis")
        self.xanchor: Floats = batch.bind("xanchor")
        self.site_xpos: Floats = batch.bind("site_xpos")
        self.site_xmat: Floats = batch.bind("site_xmat")


class Row:
    """The positions of one simulation of a batch."""

    def __init__(self, fields: Fields, index: int) -> None:
        self.qpos: Floats = fields.qpos[index]


class BatchSnapshot:
    """A `Snapshot` of all simulations of a batch."""

    def __init__(self, batch: Batch, world: World, devices: Sequence[Devices]) -> None:
        model = world.model
        site = model.site(world.robot.tcp_site).id
        count = batch.nsim
        self.xpos: Floats = batch.bind("xpos")
        self.xmat: Floats = batch.bind("xmat").reshape(count, model.nbody, 3, 3)
        self.qpos: Floats = batch.bind("qpos")
        self.qvel: Floats = batch.bind("qvel")
        self.tcp: Floats = batch.bind("site_xpos")[:, site]
        self.tcp_mat: Floats = batch.bind("site_xmat")[:, site].reshape(count, 3, 3)
        self._batch, self._devices = batch, devices
        self._scratch = mujoco.MjData(model)

    def contacts(self, index: int) -> tuple[NDArray[np.int32], Floats]:
        """Geom pairs (ncon, 2) and normals (ncon, 3) of the contacts of one simulation."""
        contact = self._batch.get_data(index, self._scratch).contact
        return contact.geom, contact.frame[:, :3]

    def device(self, predicate: str, name: str) -> list[bool]:
        """Whether ``powered``, ``sounding`` or ``lit`` is true of a thing or room."""
        return [devices.true(predicate, name) for devices in self._devices]


class YanshiVectorEnv(VectorEnv[Any, Any, Any]):
    """One task in many simulations of one model, on all cores. Observations are the state vectors of `YanshiEnv`.

    Each simulation goes through exactly the states that a `YanshiEnv` with the same layout and seed goes through. An
    episode that has ended begins anew in the next step, whose action is ignored (``AutoresetMode.NEXT_STEP``).
    """

    metadata = {"render_modes": [], "autoreset_mode": AutoresetMode.NEXT_STEP}  # noqa: RUF012 (as Gymnasium declares it)

    def __init__(
        self,
        task: str | tasks.Task,
        num_envs: int = 1,
        *,
        reward: RewardKind = "dense",
        layout: int = 0,
        robot: Robot | None = None,
        threads: int = 0,
    ) -> None:
        """Make `num_envs` simulations of a task.

        Args:
            task: the task, or the name of a registered one.
            num_envs: how many.
            reward: ``dense`` or ``sparse``, see `yanshi.envs.judging.referee.Referee`.
            layout: what there is in all of them.
            robot: another than the world's own.
            threads: 0 for as many as there are cores.

        Raises:
            UnknownNameError: there is no such task.
            InputError: another reward than those, or no simulation.
        """
        if reward not in ("dense", "sparse"):
            raise InputError(f"reward: expected 'dense' or 'sparse', got {reward!r}.")
        if num_envs < 1:
            raise InputError(f"num_envs: expected at least 1, got {num_envs}.")
        self.task = tasks.task(task) if isinstance(task, str) else task
        self.robot = robot or default_robot(self.task.world)
        self.num_envs, self.layout = num_envs, layout
        self._world = base_world(self.task, layout, self.robot)
        self._batch = Batch(self._world.model, num_envs, threads, persistent=True)
        self._fields = Fields(self._batch)
        self._rows = [Row(self._fields, index) for index in range(num_envs)]
        self._control = MotorControl(self._world.model, self.robot, num_envs)
        lamps = copy.copy(self._world.model)
        self._devices = [Devices(self._world, lamps) for _ in range(num_envs)]
        self._now = BatchSnapshot(self._batch, self._world, self._devices)
        self._referee = Referee(self.task, self._world, reward, num_envs)
        self._time: Floats = self._batch.bind("time")
        self._rngs = [np.random.default_rng() for _ in range(num_envs)]
        self._split: Split = "train"
        self._ended = np.zeros(num_envs, dtype=np.bool_)
        self._stage = np.zeros(num_envs, dtype=np.intp)
        self._worlds = [self._world] * num_envs
        self.instructions = np.full(num_envs, "", dtype=object)
        """(num_envs,) what is asked of each."""
        self.single_observation_space = state_space(self.robot)
        self.single_action_space = action_space(self.robot)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)

    def reset(
        self, *, seed: int | Sequence[int | None] | None = None, options: Info | None = None
    ) -> tuple[NDArray[np.float32], Info]:
        """Begin an episode in every simulation; number i is seeded with seed + i, or with the i-th of a sequence."""
        seeds = [seed + i for i in range(self.num_envs)] if isinstance(seed, int) else seed
        if seeds is not None and len(seeds) != self.num_envs:
            raise InputError(f"seed: expected {self.num_envs} seeds, got {len(seeds)}.")
        for index, one in enumerate(seeds or [None] * self.num_envs):
            if one is not None or self._np_random is None:
                self._rngs[index], _ = seeding.np_random(one)
        self._np_random = self._rngs[0]
        self._split = (options or {}).get("split", "train")
        everyone = np.ones(self.num_envs, dtype=np.bool_)
        self._begin(everyone)
        self._ended[:] = False
        return self._referee.observe(self._now), self._info(~everyone)

    def step(self, actions: NDArray[np.float32]) -> tuple[NDArray[np.float32], Floats, Bools, Bools, Info]:
        """Advance every simulation by 40 ms, or begin it anew where its episode has ended."""
        begun = self._ended.copy()
        going = ~begun
        if begun.any():
            self._begin(begun)
        before = self._time.copy()
        self._control.apply(self._fields, actions, going)
        self._batch.step(None if going.all() else going, nstep=STEPS_PER_CONTROL)
        if np.any(self._time[going] < before[going] + 0.5 * CONTROL_DT):
            raise WorldError(f"World '{self._world.name}': the physics diverged.")
        for index in np.flatnonzero(going):
            self._devices[index].step(self._rows[index])
        verdict = self._referee.judge(self._now)
        if begun.any():
            self._referee.reset(begun)
        success, timeout = verdict.success & going, verdict.timeout & going
        self._ended = success | timeout
        return verdict.observation, np.where(begun, 0.0, verdict.reward), success, timeout, self._info(success)

    def _begin(self, which: Bools) -> None:
        """New episodes in some simulations."""
        self._batch.reset(which, stage=mujoco.mjtStage.mjSTAGE_NONE)
        for index in np.flatnonzero(which):
            rng = self._rngs[index]
            world = rearranged(self._world, self.task, self.layout, rng)
            rng.integers(2**31)  # the seed that a YanshiEnv gives its senses
            self._worlds[index] = world
            self._rows[index].qpos[:] = world.qpos0
            self.instructions[index] = self.task.instruction(world.scene, rng, self._split)
        self._batch.forward(which)
        for index in np.flatnonzero(which):
            self._devices[index].reset(self._rows[index])
        self._control.reset(self._fields, which)
        self._referee.reset(which)
        self._stage[which] = 0

    def _info(self, success: Bools) -> Info:
        for index in np.flatnonzero(self._referee.stage != self._stage):
            self._stage[index] = stage = int(self._referee.stage[index])
            scene, rng = self._worlds[index].scene, self._rngs[index]
            self.instructions[index] = self.task.instruction(scene, rng, self._split, stage)
        all_of_them = np.ones(self.num_envs, dtype=np.bool_)
        return {
            "is_success": success.copy(),
            "_is_success": all_of_them,
            "instruction": self.instructions.copy(),
            "_instruction": all_of_them,
        }

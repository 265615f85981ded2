"""The tasks as Gymnasium environments: ``gymnasium.make("yanshi/Pick-v0")``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import gymnasium
import mujoco
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from yanshi.envs import tasks
from yanshi.envs.clock import CONTROL_DT
from yanshi.envs.judging.referee import Referee, RewardKind
from yanshi.envs.judging.state_vector import state_space
from yanshi.envs.layouts import base_world, rearranged
from yanshi.envs.oracle import LiveSnapshot
from yanshi.envs.robots import Robot
from yanshi.envs.sense_space import SenseSpace
from yanshi.envs.senses.rendering import Renderer
from yanshi.envs.senses.suite import SENSES, sensor_suite
from yanshi.envs.simulation import Simulation
from yanshi.envs.wordings import Split
from yanshi.envs.worlds.compose import compose
from yanshi.envs.worlds.world import World, default_robot
from yanshi.errors import InputError

Info = dict[str, Any]


def action_space(robot: Robot) -> spaces.Box:
    """The space of a robot's actions, see `Robot`."""
    return spaces.Box(-1.0, 1.0, (len(robot.action_names),), np.float32)


class YanshiEnv(gymnasium.Env[Any, Any]):
    """One task.

    An action is described in `yanshi.envs.robots.Robot`, a state observation in `yanshi.envs.judging.state_vector`,
    one of the senses in `yanshi.envs.sense_space`. ``observations="state"`` gives a flat float32 vector of true
    positions, for learning skills; ``"senses"`` a dict of the newest reading of each sense and of proprioception and
    nothing else, which is what an agent is given. The instruction is in ``info["instruction"]`` and in `instruction`;
    ``info["is_success"]`` is True in the step in which the goal is met, which ends the episode. When its time is up
    the episode is truncated.
    """

    metadata = {"render_modes": ["rgb_array"], "render_fps": round(1 / CONTROL_DT)}  # noqa: RUF012 (as Gymnasium declares it)

    def __init__(
        self,
        task: str | tasks.Task,
        *,
        observations: Literal["state", "senses"] = "state",
        reward: RewardKind = "dense",
        layout: int | None = None,
        robot: Robot | None = None,
        senses: Sequence[str] = tuple(SENSES),
        render_mode: str | None = None,
    ) -> None:
        """Make the environment of a task.

        Args:
            task: the task, or the name of a registered one.
            observations: what is observed.
            reward: ``dense`` or ``sparse``, see `yanshi.envs.judging.referee.Referee`.
            layout: None draws everything from the seed of each reset; a number fixes what there is, and so the compiled
                model, and only the places of the objects are drawn.
            robot: another than the world's own.
            senses: which there are with ``observations="senses"``.
            render_mode: None or ``rgb_array``.

        Raises:
            UnknownNameError: there is no such task or sense.
            InputError: an option has another value than those named here.
        """
        for name, value, allowed in (
            ("observations", observations, ("state", "senses")),
            ("reward", reward, ("dense", "sparse")),
            ("render_mode", render_mode, (None, "rgb_array")),
        ):
            if value not in allowed:
                raise InputError(f"{name}: expected one of {allowed}, got {value!r}.")
        self.task = tasks.task(task) if isinstance(task, str) else task
        self.robot = robot or default_robot(self.task.world)
        self.render_mode = render_mode
        self.layout = layout
        self.instruction = ""
        self.sim: Simulation | None = None
        self._reward = reward
        self._senses = tuple(senses) if observations == "senses" else ()
        self._renderer: Renderer | None = None
        self._world: World | None = None
        self._sense_space = SenseSpace(self._probe()) if observations == "senses" else None
        self.observation_space = self._sense_space.space if self._sense_space else state_space(self.robot)
        self.action_space = action_space(self.robot)

    def reset(self, *, seed: int | None = None, options: Info | None = None) -> tuple[Any, Info]:
        """Begin an episode. ``options={"split": "heldout"}`` takes the instruction from the wordings held out."""
        super().reset(seed=seed)
        split: Split = (options or {}).get("split", "train")
        world = self._draw()
        sim = self._simulation(world)
        self.instruction = self.task.instruction(world.scene, self.np_random, split)
        self._split: Split = split
        self._now = LiveSnapshot(sim)
        self._referee.reset()
        self._stage = 0
        info = {"is_success": False, "instruction": self.instruction}
        return self._observe(sim), info

    def step(self, action: NDArray[np.float32]) -> tuple[Any, float, bool, bool, Info]:
        """Advance by 40 ms. Returns: observation, reward, whether achieved, whether out of time, info."""
        sim = self.sim
        if sim is None:
            raise InputError("step: call reset first.")
        sim.step(np.asarray(action))
        verdict = self._referee.judge(self._now)
        observation = verdict.observation[0] if self._sense_space is None else self._sense_space.read(sim.observe())
        success = bool(verdict.success[0])
        info = {"is_success": success, "instruction": self._current_instruction()}
        return observation, float(verdict.reward[0]), success, bool(verdict.timeout[0]), info

    def _current_instruction(self) -> str:
        stage = int(self._referee.stage[0])
        if stage != self._stage:
            self._stage = stage
            assert self._world is not None
            self.instruction = self.task.instruction(self._world.scene, self.np_random, self._split, stage)
        return self.instruction

    def _draw(self) -> World:
        """The world of the next episode, and who judges it."""
        if self.layout is None:
            self._world = compose(self.task.scene(self.np_random), self.robot)
            self._referee = Referee(self.task, self._world, self._reward)
        else:
            if self._world is None:
                self._world = base_world(self.task, self.layout, self.robot)
                self._referee = Referee(self.task, self._world, self._reward)
            self._world = rearranged(self._world, self.task, self.layout, self.np_random)
        return self._world

    def _simulation(self, world: World) -> Simulation:
        seed = int(self.np_random.integers(2**31))
        if self.sim is not None and self.sim.world.model is world.model:
            self.sim.world = world
            self.sim.reset(seed)
        else:
            self.close()
            self.sim = Simulation(world, sensor_suite(self._senses, self.robot), seed)
        return self.sim

    def _probe(self) -> Simulation:
        """A simulation to learn the shapes of the readings from."""
        scene = self.task.scene(np.random.default_rng(self.layout or 0))
        return Simulation(compose(scene, self.robot), sensor_suite(self._senses, self.robot))

    def _observe(self, sim: Simulation) -> Any:
        if self._sense_space is None:
            return self._referee.observe(self._now)[0]
        return self._sense_space.read(sim.observe())

    def render(self) -> NDArray[np.uint8] | None:
        """A picture (480, 640, 3) uint8 of the robot at work, from outside."""
        if self.render_mode is None or self.sim is None:
            return None
        if self._renderer is None:
            self._renderer = Renderer(self.sim.model)
        camera = mujoco.MjvCamera()
        base = self.sim.data.body(self.robot.base_body)
        forward = base.xmat.reshape(3, 3)[:, 0]
        camera.lookat[:] = base.xpos + 0.4 * forward
        camera.lookat[2] = 0.6
        camera.distance, camera.elevation = 2.0, -30.0
        camera.azimuth = np.degrees(np.arctan2(forward[1], forward[0])) + 140.0
        picture: NDArray[np.uint8] = self._renderer.view(self.sim.data, camera, 640, 480).rgb
        return np.ascontiguousarray(picture)

    def close(self) -> None:
        """Free the renderer and the senses."""
        if self._renderer is not None:
            self._renderer.close()
            self._renderer = None
        if self.sim is not None:
            self.sim.close()
            self.sim = None

"""The training environment of a manoeuvre: a Gymnasium environment that begins where planning ends.

Every episode goes through the same values as an agent at work: belief and observation in, features, an action in the
frame of the aim, motor control. The belief is simulated (`estimate`), the physics and the thing are perturbed, and the
oracle judges. With the same seed an episode has the same start, faults, noise and pushes, whatever acts in it, so that
several policies can be compared in pairs.

Each environment has a model of its own, because mass and friction differ from episode to episode (`mujoco.batch` runs
many simulations of one model). What rests, sleeps, which makes a step 4.5 times as fast.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import gymnasium
import mujoco
import numpy as np
from numpy.typing import NDArray

from yanshi.agent.skills.motion import rotation_vector
from yanshi.agent.skills.motor.action import ACTION, action_of
from yanshi.agent.skills.motor.aim import Aim
from yanshi.agent.skills.motor.estimate import NoisyEstimate
from yanshi.agent.skills.motor.features import FEATURES, FeatureReader
from yanshi.agent.skills.motor.guiding import Sight, steer
from yanshi.agent.skills.motor.judges import Judge, Moment, Truth
from yanshi.agent.skills.motor.manoeuvre import Manoeuvre
from yanshi.agent.skills.motor.memory import SHIFT, TURNED
from yanshi.agent.skills.motor.perturbation import Perturbation, perturbation
from yanshi.agent.skills.motor.physics import Disturbance
from yanshi.agent.skills.motor.reflexes import REFLEXES
from yanshi.agent.skills.motor.residual import Control, asked
from yanshi.agent.skills.motor.starts import Start, kinematics_of, layout_world
from yanshi.agent.skills.script import Command, GiveUpError, Script, Situation, motor_action
from yanshi.contracts import Entity, WorldState
from yanshi.envs.clock import CONTROL_DT
from yanshi.envs.oracle import Oracle, upright_box
from yanshi.envs.senses.sensor import Timed
from yanshi.envs.senses.touch import Touch, WristForce
from yanshi.envs.simulation import Simulation
from yanshi.errors import InputError

__all__ = ["PRIVILEGED", "MotorEnv"]

Array = NDArray[Any]
Info = dict[str, Any]
PRIVILEGED = 12
_RATE = 1.0 / CONTROL_DT
_DENSE, _DISCOUNT = 0.3, 0.995
"""What all of a manoeuvre's worth is worth beside success, and the discount of the potential."""
_SETTLING = 4
"""Control steps before an episode, in which motors and grip take up their loads."""
_APPROACH, _ARRIVED, _MISSES = 25, 0.002, 0.01
"""Control steps, at most, in which the hand comes over where the thing is believed to be, how near to what it takes for
that [m], and how far at most that is off, as the end of a flight may be [m]."""


class _Stage:
    """A layout's simulation, its oracle, and a belief of it in which nothing is uncertain."""

    def __init__(self, task: str, layout: int) -> None:
        self.world = layout_world(task, layout)
        self.sim = Simulation(self.world, [Timed(Touch(), _RATE), Timed(WristForce(), _RATE)])
        self.sim.model.opt.enableflags |= int(mujoco.mjtEnableBit.mjENBL_SLEEP)
        self.oracle = Oracle(self.sim)


class MotorEnv(gymnasium.Env[NDArray[np.float32], NDArray[np.float32]]):
    """One manoeuvre. Observations are those of `features`, actions those of `action`, or corrections (`residual`).

    The reward is 1 on success, and besides, what comes nearer to it is worth a little: γ Φ(s') - Φ(s) with Φ from the
    manoeuvre's `worth` (Ng et al. 1999). Φ is 0 at an end in vain; after a success it stays, so that of two ways of
    succeeding the one that is worth more is learned.

    Args:
        manoeuvre: which.
        starts: where it may begin.
        severity: least and greatest severity of the faults; each episode draws its own in between.
        control: what the actions mean; without one, corrections where the manoeuvre has a reflex.
        lifelike: share of the episodes in which the belief errs as learned perception does, see `NoisyEstimate`.
    """

    metadata: dict[str, Any] = {"render_modes": []}  # noqa: RUF012 (as Gymnasium declares it)

    def __init__(
        self,
        manoeuvre: Manoeuvre,
        starts: Sequence[Start],
        severity: tuple[float, float] = (0.0, 0.0),
        control: Control | None = None,
        lifelike: float = 0.0,
    ) -> None:
        if not starts:
            raise InputError(f"MotorEnv({manoeuvre.name}): expected at least one start, got none.")
        self.manoeuvre, self.starts, self.severity, self.lifelike = manoeuvre, tuple(starts), severity, lifelike
        self.observation_space = gymnasium.spaces.Box(-3.0, 3.0, (FEATURES,), np.float32)
        self.action_space = gymnasium.spaces.Box(-1.0, 1.0, (ACTION,), np.float32)
        self._reflex = REFLEXES.get(manoeuvre.name)
        self.control: Control = control or ("direct" if self._reflex is None else "residual")
        self._stages: dict[tuple[str, int], _Stage] = {}
        self._states: dict[int, WorldState] = {}
        self._limit = round(manoeuvre.timeout / CONTROL_DT)

    def reset(self, *, seed: int | None = None, options: Info | None = None) -> tuple[NDArray[np.float32], Info]:
        """Begin an episode. Options: ``start`` (index), ``severity`` and ``lifelike`` (bool) where they shall not be
        drawn.
        """
        super().reset(seed=seed)
        options = options or {}
        rng, noise, faults = (np.random.default_rng(s) for s in self.np_random.integers(2**62, size=3))
        number = int(rng.integers(len(self.starts)))
        severity = float(rng.uniform(*self.severity))
        number = int(options.get("start", number))
        start = self.starts[number]
        self.drawn_severity = float(options.get("severity", severity))
        self.fault: Perturbation = perturbation(self.drawn_severity)
        where = (start.task, start.layout)
        if where not in self._stages:
            self._stages[where] = _Stage(*where)
        self._stage = stage = self._stages[where]
        self._focus = stage.world.thing(start.names[self.manoeuvre.focus])
        self._disturbance = Disturbance(stage.sim, stage.world, stage.world.thing(start.names[0]), self.fault, faults)
        stage.sim.world = replace(stage.world, qpos0=np.array(start.qpos))
        stage.sim.reset(int(noise.integers(2**31)))
        self._settle(start)
        self.now = Situation(stage.sim.robot, kinematics_of(stage.sim.robot), stage.world.floor_plan)
        self.now.gripper = start.gripper
        drawn = float(faults.spawn(1)[0].random()) < self.lifelike
        self._estimate = NoisyEstimate(noise, self.fault, bool(options.get("lifelike", drawn)))
        if number not in self._states:  # Nothing but the thing in focus is looked at again.
            self._states[number] = stage.oracle.state()
        self._world_state = self._states[number]
        self._truth_at_start = self._truth()
        self._sense()
        aim = self._true_aim = Aim.load(dict(start.aim))
        estimate = self.now.entity(aim.name)
        self.aim: Aim = self.manoeuvre.believed(aim, estimate, self._truth_at_start, self.now)
        self._approach(noise.spawn(1)[0])
        self._sense()
        reads = FeatureReader if self._reflex is None else self._reflex.reader
        self._reader = reads(self.now, self.aim, self.manoeuvre.timeout)
        self._judge: Judge = self.manoeuvre.judge(Truth(stage.sim, stage.oracle, start.names))
        self._script: Script | None = self.manoeuvre.script(self.now, self.aim, start.names)
        steps = self.fault.latency / CONTROL_DT
        delay = int(steps) + int(faults.random() < steps - int(steps))
        still = motor_action(self.now, Command(phase="wait"))
        self._queue: deque[Array] = deque([still] * delay)
        self._left = self._limit
        self._first_w = self._truth_at_start.position_w
        seen = self._observe()
        self._worth = self._potential()
        return seen, {"start": number}

    def step(self, action: NDArray[np.float32]) -> tuple[NDArray[np.float32], float, bool, bool, Info]:
        """Act as a policy for 40 ms."""
        action = np.asarray(action, dtype=float)
        if not np.all(np.isfinite(action)):
            raise InputError(f"MotorEnv: expected finite actions, got {action}.")
        self._reader.acted(action)
        reflex = self._reflex if self.control == "residual" else None
        return self._advance(asked(action, self._reader, self.now, self.aim, reflex))

    def privileged(self) -> NDArray[np.float32]:
        """(PRIVILEGED,) what a critic may know in training, and no policy ever does.

        0…2: error of the estimate in the aim's frame [0.02 m]; 3: of its yaw [0.1 rad]; 4…6: how far the thing has
        truly moved [0.1 m]; 7, 8: log of the factors of mass and friction; 9: latency [0.1 s]; 10: noise of the
        estimate [0.02 m]; 11: believed size over true size, less 1 [0.2].
        """
        truth, estimate, R = self._truth(), self.now.entity(self.aim.name), self._reader.T_wt[:3, :3]
        faults = self._disturbance
        values = np.concatenate([
            R.T @ (estimate.position_w - truth.position_w) / 0.02,
            [(estimate.yaw - truth.yaw) / 0.1],
            (truth.position_w - self._first_w) / 0.1,
            [np.log(faults.mass), np.log(faults.friction), self.fault.latency / 0.1, self.fault.position / 0.02,
             (self._estimate.ratio - 1.0) / 0.2],
        ])  # fmt: skip
        return np.asarray(np.clip(values, -5.0, 5.0), dtype=np.float32)

    def guided(self) -> Array | None:
        """(ACTION,) what would be right to do now by the truth, where the manoeuvre has a guide."""
        if self.control == "residual":
            return self._correction()
        command = self.manoeuvre.guide(self.now, self._true_aim, self._sight())
        return None if command is None else action_of(command, self._reader.T_wt, self.now)

    def _correction(self) -> Array:
        """(ACTION,) the correction that puts the hand's place, as it is believed to be, where it truly is."""
        sight, T_wt = self._sight(), self._reader.T_wt
        T_true = self._true_aim.hand_at(sight.thing, sight.value)
        move = T_wt[:3, :3].T @ (T_true[:3, 3] - T_wt[:3, 3]) / SHIFT
        turn = float(rotation_vector(T_wt[:3, :3].T @ T_true[:3, :3])[2]) / TURNED
        return np.asarray(np.clip([*move, turn, 0.0], -1.0, 1.0))

    def _sight(self) -> Sight:
        """The truth."""
        return Sight(self._truth(), self._joint(), self._reader.memory.missed)

    def _joint(self) -> float:
        """Joint value of a part as it is [m or rad]."""
        value = self._stage.oracle.opening(self._focus.entity.name)
        articulation = self._focus.entity.articulation
        return 0.0 if value is None or articulation is None else value * articulation.limit

    def _potential(self) -> float:
        return _DENSE * self.manoeuvre.worth(self.now, self._true_aim, self._sight(), self._truth_at_start)

    def shown(self) -> Array:
        """(ACTION,) what the script would do now; one that has ended keeps the hand where it is."""
        return action_of(self._command(), self._reader.T_wt, self.now)

    def step_script(self) -> tuple[NDArray[np.float32], float, bool, bool, Info]:
        """Act as the script for 40 ms: as it is, without the bounds of a policy's actions."""
        command = self._command()
        self._reader.acted(action_of(command, self._reader.T_wt, self.now))
        return self._advance(command)

    def _command(self) -> Command:
        if self._script is not None:
            try:
                return next(self._script)
            except (StopIteration, GiveUpError):
                self._script = None
        return Command(phase="done")

    def _advance(self, command: Command) -> tuple[NDArray[np.float32], float, bool, bool, Info]:
        self._queue.append(motor_action(self.now, command))
        self._disturbance.step()
        self._stage.sim.step(self._queue.popleft())
        self._sense()
        self._left -= 1
        moment = self._judge()
        success, lost = moment is Moment.DONE, moment is Moment.LOST
        late = self._left <= 0 and not success
        # The time is among the features, so that its end is an end of the task, not a cut.
        vain, seen, before = lost or late, self._observe(), self._worth
        self._worth = 0.0 if vain else self._potential()
        return seen, float(success) + _DISCOUNT * self._worth - before, success or vain, False, {"is_success": success}

    def _observe(self) -> NDArray[np.float32]:
        return self._reader.read(self.now)

    def _sense(self) -> None:
        """Belief and observation of this moment."""
        sim = self._stage.sim
        oracle, name = self._stage.oracle, self._focus.entity.name
        estimate = self._estimate.update(self._truth(), sim.time, oracle.opening(name))
        belief: WorldState = self._world_state.with_(
            stamp=sim.time,
            base_pose_w=oracle.base_pose_w(),
            entities={**self._world_state.entities, name: estimate},
            openings={**self._world_state.openings, name: self._estimate.opening},
        )
        self.now.update(belief, sim.observe())

    def _truth(self) -> Entity:
        """The thing as it is."""
        entity, data, body = self._focus.entity, self._stage.sim.data, self._focus.body
        if entity.category != "object":
            return entity
        yaw, extent = upright_box(
            data.xmat[body].reshape(3, 3), np.asarray(entity.extent), entity.attributes.get("shape", "")
        )
        return replace(entity, position_w=data.xpos[body].copy(), yaw=yaw, extent=extent)

    def _approach(self, rng: np.random.Generator) -> None:
        """Bring the hand where it might be if all had been planned by the estimate. Starts are drawn by the truth: a
        hand over the true place would give it away.
        """
        now, sim = self.now, self._stage.sim
        T_true = self._true_aim.hand_at(self._truth(), self._joint())
        target = self.aim.hand(now) @ np.linalg.inv(T_true) @ now.T_we
        target[:3, 3] += rng.uniform(-_MISSES, _MISSES, 3)
        for _ in range(_APPROACH):
            away = target[:3, 3] - now.T_we[:3, 3]
            if float(np.linalg.norm(away)) < _ARRIVED:
                break
            sim.step(motor_action(now, steer(now, target, 0.3, now.gripper, 10.0 * away)))
            now.update(now.belief, sim.observe())

    def _settle(self, start: Start) -> None:
        """Let the motors carry the arm and closed fingers press on what they hold, as they did when the start was
        drawn. A reset leaves both slack: without this, the wrist would feel some 30 N at first that no robot feels.
        """
        sim = self._stage.sim
        for _ in range(_SETTLING):
            sim.step(sim.robot.action(gripper=start.gripper))

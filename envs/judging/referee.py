"""Judging episodes: success, reward and state observation of a task's stages, for any number of simulations at once."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from yanshi.envs.clock import CONTROL_DT
from yanshi.envs.facts.goal_check import GoalCheck
from yanshi.envs.facts.predicates import Anatomy, Bools, Floats, Snapshot
from yanshi.envs.judging.rewards import DenseReward
from yanshi.envs.judging.state_vector import StateVector
from yanshi.envs.tasks.definition import Task
from yanshi.envs.worlds.world import World

RewardKind = Literal["dense", "sparse"]


class Verdict(NamedTuple):
    """What a step came to, of n simulations."""

    observation: NDArray[np.float32]
    """(n, size) state observations."""
    reward: Floats
    """(n,)."""
    success: Bools
    """(n,) the last stage is achieved."""
    timeout: Bools
    """(n,) the time of a stage has run out."""


class _Stage:
    """One goal: how it is checked, rewarded and observed."""

    def __init__(self, task: Task, world: World, anatomy: Anatomy, number: int) -> None:
        self.check = GoalCheck(anatomy, task.goal(world.scene, number))
        self.reward = DenseReward(anatomy, self.check)
        self.vector = StateVector(anatomy, self.check.facts)


class Referee:
    """Judges the stages of one task in one world.

    Of a task with several stages each has its own time, and the next begins when the one before is achieved. The
    episode ends with the last, or with the first whose time runs out. The dense reward of a step is the value of the
    present goal (see `rewards`) less 1, so in [-1, 0]: the sooner it is done, the higher the return. The sparse one
    is 1 for each stage achieved, else 0.
    """

    def __init__(self, task: Task, world: World, reward: RewardKind, count: int = 1) -> None:
        """Prepare for `count` simulations of `world`."""
        anatomy = Anatomy.of(world)
        self._stages = [_Stage(task, world, anatomy, number) for number in range(len(task.stages))]
        self._dense = reward == "dense"
        self._limit = round(task.horizon_s / CONTROL_DT)
        self.stage = np.zeros(count, dtype=np.intp)
        """(count,) which stage each simulation is in."""
        self._left = np.full(count, self._limit)

    def reset(self, which: slice | Bools = slice(None)) -> None:
        """Begin new episodes in some simulations."""
        self.stage[which] = 0
        self._left[which] = self._limit

    def observe(self, now: Snapshot) -> NDArray[np.float32]:
        """State observations (count, size)."""
        result: NDArray[np.float32] | None = None
        for number in np.unique(self.stage):
            stage = self._stages[number]
            part = stage.vector(now, stage.check(now)[1])
            result = part if result is None else np.where((self.stage == number)[:, None], part, result)
        assert result is not None
        return result

    def judge(self, now: Snapshot) -> Verdict:
        """After a step, of every simulation."""
        self._left -= 1
        if len(self._stages) == 1:
            stage = self._stages[0]
            met, facts = stage.check(now)
            reward = stage.reward(now, facts) - 1.0 if self._dense else met.astype(np.float64)
            timeout = self._left <= 0
            if np.count_nonzero(timeout):
                timeout &= ~met
            return Verdict(stage.vector(now, facts), reward, met, timeout)
        return self._judge_stages(now)

    def _judge_stages(self, now: Snapshot) -> Verdict:
        met = np.zeros(len(self.stage), dtype=np.bool_)
        reward = np.zeros(len(self.stage))
        for number in np.unique(self.stage):
            stage, mine = self._stages[number], self.stage == number
            met_here, facts = stage.check(now)
            met |= mine & met_here
            gain = stage.reward(now, facts) - 1.0 if self._dense else met_here.astype(np.float64)
            reward = np.where(mine, gain, reward)
        success = met & (self.stage == len(self._stages) - 1)
        timeout = (self._left <= 0) & ~met
        onwards = met & ~success
        self.stage[onwards] += 1
        self._left[onwards] = self._limit
        return Verdict(self.observe(now), reward, success, timeout)

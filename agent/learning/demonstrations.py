"""Demonstrations: a controller acts, noise pushes it off its path, and what it meant to do there is written down."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from yanshi.agent.learning.features import GOAL_KEYS, Floats, Observations, Parts, goal_size
from yanshi.agent.learning.policy import ActionRange
from yanshi.agent.learning.rollouts import Bools, Rollouts, VecEnvRollouts
from yanshi.agent.learning.steps import Cutter, Steps
from yanshi.errors import InputError

if TYPE_CHECKING:
    from stable_baselines3.common.vec_env import VecEnv

Controller = Callable[[Observations], Floats]
"""From a batch of observations, as the environment gives them, to actions (N, d_a) in the environment's unit."""

CHUNK = 25


@dataclass(frozen=True, slots=True)
class Demonstrations:
    """Whole episodes that a controller showed."""

    episodes: tuple[Steps, ...]
    success: Floats
    """(episodes,) whether each ended well, 0 or 1; NaN where the environment does not say."""

    def __len__(self) -> int:
        return len(self.episodes)

    @property
    def steps(self) -> Steps:
        """All of them, one after another."""
        return Steps.joined(list(self.episodes))


@dataclass(slots=True)
class NoisyController:
    """A controller whose actions are disturbed on their way to the environment.

    Noise injected into the demonstrator makes it show how to come back (Laskey et al. 2017, DART, arXiv:1703.09327).
    Its strength is drawn anew for each episode between 0 and `noise`, so that clean episodes are among them.
    """

    controller: Controller
    actions: ActionRange
    goals: bool
    noise: float
    """Standard deviation at most, in actions of [-1, 1]."""
    wandering: float = 0.05
    """Chance of a step to begin a stretch of random actions, at full strength of noise."""
    _strength: Floats = field(default_factory=lambda: np.zeros(0, dtype=np.float32))
    _left: Floats = field(default_factory=lambda: np.zeros(0, dtype=np.float32))
    _random: Floats = field(default_factory=lambda: np.zeros((0, 0), dtype=np.float32))

    def __call__(self, now: Parts, fresh: Bools, rng: np.random.Generator) -> tuple[Floats, Floats]:
        """What is done, and what was meant."""
        arrays = (now.observation, now.achieved, now.desired)
        seen = dict(zip(GOAL_KEYS, arrays, strict=True)) if self.goals else now.observation
        label = self.actions.from_env(self.controller(seen))
        if len(self._strength) != len(fresh):
            self._strength, self._left = np.zeros((2, len(fresh)), dtype=np.float32)
            self._random = np.zeros_like(label)
        self._strength = np.where(fresh, rng.random(len(fresh)), self._strength).astype(np.float32)
        self._left = np.where(fresh, 0, np.maximum(self._left - 1, 0))
        begins = (self._left == 0) & (rng.random(len(fresh)) < self.wandering * self._strength * (self.noise > 0))
        self._left = np.where(begins, rng.integers(2, 6, len(fresh)), self._left).astype(np.float32)
        self._random = np.where(begins[:, None], rng.uniform(-1, 1, label.shape), self._random).astype(np.float32)
        noisy = label + self.noise * self._strength[:, None] * rng.standard_normal(label.shape, dtype=np.float32)
        action = np.where((self._left > 0)[:, None], self._random, np.clip(noisy, -1.0, 1.0))
        return action.astype(np.float32), label


def record(
    env: VecEnv | Rollouts,
    controller: Controller,
    *,
    episodes: int,
    noise: float = 0.2,
    wandering: float = 0.05,
    only_successful: bool = False,
    seed: int = 0,
) -> Demonstrations:
    """Let a controller show whole episodes.

    Args:
        env: where; a `VecEnv` of Stable-Baselines3 or other rollouts.
        controller: sees observations only.
        episodes: how many to keep.
        noise: standard deviation of the injected noise at most, in actions of [-1, 1].
        wandering: chance of a step to begin 2 to 5 steps of one random action.
        only_successful: whether to drop episodes whose end the environment does not call a success.
        seed: of environments and noise.

    Raises:
        InputError: after ten times as many episodes there are still not enough successful ones.
    """
    rollouts: Rollouts = env if hasattr(env, "collect") else VecEnvRollouts(env)  # type: ignore[assignment]
    space = rollouts.action_space
    actions = ActionRange(space.low.astype(np.float32), space.high.astype(np.float32))
    goals = goal_size(rollouts.observation_space) > 0
    behaviour = NoisyController(controller, actions, goals, noise, wandering)
    rollouts.reset(seed)
    cutter = Cutter(rollouts.num_envs)
    kept: list[tuple[Steps, float]] = []
    seen = 0
    while len(kept) < episodes:
        for episode, success in cutter.cut(rollouts.collect(behaviour, CHUNK)):
            seen += 1
            if success == 1.0 or not only_successful:
                kept.append((episode, success))
        if seen >= 10 * episodes and len(kept) < episodes:
            raise InputError(f"demonstrations: expected {episodes} successful episodes, got {len(kept)} of {seen}.")
    shown, marks = zip(*kept[:episodes], strict=True)
    return Demonstrations(shown, np.array(marks, dtype=np.float32))

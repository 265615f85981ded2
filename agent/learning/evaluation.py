"""How often a policy succeeds, on episodes that nobody trained on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from yanshi.agent.learning.features import Floats, Parts, features
from yanshi.agent.learning.policy import Policy
from yanshi.agent.learning.rollouts import Bools, Rollouts


@dataclass(frozen=True, slots=True)
class Mode:
    """A policy that takes its most likely action."""

    policy: Policy

    def __call__(self, now: Parts, fresh: Bools, rng: np.random.Generator) -> tuple[Floats, Floats]:
        """The mode; nothing else is meant."""
        action = self.policy.squashed(features(now))
        return action, action


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Whole episodes of one policy."""

    success: Floats
    """(episodes,) 0 or 1 at the end of each; NaN where the environment does not say."""
    returns: Floats
    """(episodes,) the sum of its rewards."""

    @property
    def rate(self) -> float:
        """The share of successes."""
        return float(self.success.mean())


def evaluate(policy: Policy, rollouts: Rollouts, episodes: int, seed: int) -> Evaluation:
    """Run a policy's mode for `episodes` episodes, shared equally among the environments.

    Each environment gives a fixed number of episodes: to take the first that end would prefer the short ones.
    """
    quota = -(-episodes // rollouts.num_envs)
    rollouts.reset(seed)
    running = np.zeros(rollouts.num_envs)
    done: list[list[tuple[float, float]]] = [[] for _ in range(rollouts.num_envs)]
    while any(len(column) < quota for column in done):
        chunk = rollouts.collect(Mode(policy), 10)
        for t in range(len(chunk.reward)):
            running += chunk.reward[t] * chunk.valid[t]
            for env in np.flatnonzero(chunk.ended[t]):
                done[env].append((float(chunk.success[t, env]), running[env]))
                running[env] = 0.0
    rows = np.array([row for column in done for row in column[:quota]], dtype=np.float32)[:episodes]
    return Evaluation(rows[:, 0], rows[:, 1])

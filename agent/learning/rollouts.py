"""Who steps the simulators: experience comes in chunks of a fixed number of steps, from wherever they run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, VectorEnv
from numpy.typing import NDArray

from yanshi.agent.learning.features import Floats, Observations, Parts, features, goal_size, parts
from yanshi.agent.learning.policy import ActionRange, Policy
from yanshi.errors import InputError

if TYPE_CHECKING:
    from stable_baselines3.common.vec_env import VecEnv

Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Chunk:
    """T steps in each of N environments; arrays are (T, N, …)."""

    now: Parts
    action: Floats
    """(T, N, d_a) what was done, in [-1, 1]."""
    label: Floats
    """(T, N, d_a) what was meant: differs where noise was injected."""
    reward: Floats
    after: Parts
    """The observation that the step led to, before any reset."""
    terminal: Bools
    """The task has ended here, and not merely its time."""
    ended: Bools
    """The episode has ended here, for whatever reason."""
    valid: Bools
    """False for a step that only resets, as Gymnasium's vector environments take."""
    success: Floats
    """What the environment says of success, 0 or 1; NaN where it says nothing."""


class Behaviour(Protocol):
    """Whatever chooses actions."""

    def __call__(self, now: Parts, fresh: Bools, rng: np.random.Generator) -> tuple[Floats, Floats]:
        """Actions to take and actions that are meant, both (N, d_a) in [-1, 1].

        Args:
            now: the N observations.
            fresh: (N,) whether an episode has just begun.
            rng: for all that is random.
        """
        ...


@dataclass(frozen=True, slots=True)
class Exploring:
    """A policy that samples its actions."""

    policy: Policy

    def __call__(self, now: Parts, fresh: Bools, rng: np.random.Generator) -> tuple[Floats, Floats]:
        """Samples; nothing else is meant."""
        action = self.policy.squashed(features(now), rng)
        return action, action


@dataclass(frozen=True, slots=True)
class Uniform:
    """Actions from the whole range, before anything is known."""

    size: int
    """d_a"""

    def __call__(self, now: Parts, fresh: Bools, rng: np.random.Generator) -> tuple[Floats, Floats]:
        """Samples; nothing else is meant."""
        action = rng.uniform(-1.0, 1.0, (len(fresh), self.size)).astype(np.float32)
        return action, action


class Rollouts(Protocol):
    """A number of environments that step together."""

    num_envs: int
    observation_space: spaces.Space[Any]
    """Of one environment."""
    action_space: spaces.Box
    """Of one environment."""

    def reset(self, seed: int) -> None:
        """Begin an episode everywhere; the same seed brings the same experience."""
        ...

    def collect(self, behaviour: Behaviour, steps: int) -> Chunk:
        """Take `steps` steps in every environment."""
        ...

    def reward(self, achieved: Floats, desired: Floats) -> Floats:
        """(n,) what the environment pays for n achieved goals (n, d_g) where others (n, d_g) are desired."""
        ...

    def terminal(self, achieved: Floats, desired: Floats) -> Bools | None:
        """(n,) whether the task ends there; None where the environment cannot tell."""
        ...

    def close(self) -> None:
        """Let go of the environments."""
        ...


def rowwise(function: Callable[..., Any], achieved: Floats, desired: Floats) -> NDArray[Any]:
    """A goal function (achieved, desired, info) for n rows, whether or not its author thought of more than one."""
    infos = np.array([{} for _ in range(len(achieved))], dtype=object)
    if len(achieved) > 1:
        try:
            answer = np.asarray(function(achieved, desired, infos))
        except (ValueError, TypeError, IndexError, AttributeError):  # written for one row
            answer = np.zeros(())
        if answer.shape == (len(achieved),):
            return answer
    rows = (function(a, d, info) for a, d, info in zip(achieved, desired, infos, strict=True))
    return np.array([np.asarray(row).item() for row in rows])


class _Stepping:
    """What both kinds of local environments share: the loop."""

    def __init__(self, num_envs: int, observation_space: spaces.Space[Any], action_space: spaces.Space[Any]) -> None:
        goal_size(observation_space)
        if not isinstance(action_space, spaces.Box) or len(action_space.shape) != 1 or not action_space.is_bounded():
            raise InputError(f"action space: expected a flat Box with finite bounds, got {action_space}.")
        self.num_envs, self.observation_space, self.action_space = num_envs, observation_space, action_space
        self._range = ActionRange(action_space.low.astype(np.float32), action_space.high.astype(np.float32))
        self._rng = np.random.default_rng()
        self._now: Parts | None = None
        self._fresh = np.ones(num_envs, dtype=np.bool_)

    def collect(self, behaviour: Behaviour, steps: int) -> Chunk:
        """Take `steps` steps in every environment."""
        if self._now is None:
            self.reset(0)
        rows = []
        for _ in range(steps):
            now = self._now
            assert now is not None
            action, label = behaviour(now, self._fresh, self._rng)
            row, self._now = self._step(now, action, label)
            self._fresh = row.ended | ~row.valid
            rows.append(row)
        return stack(rows)

    def reset(self, seed: int) -> None:
        """Begin an episode everywhere; the same seed brings the same experience."""
        raise NotImplementedError

    def _step(self, now: Parts, action: Floats, label: Floats) -> tuple[Chunk, Parts]:
        raise NotImplementedError


class VecEnvRollouts(_Stepping):
    """Environments in a `VecEnv` of Stable-Baselines3."""

    def __init__(self, env: VecEnv) -> None:
        """Args: env: what to step; `close` closes it."""
        super().__init__(env.num_envs, env.observation_space, env.action_space)
        self._env = env
        self._goals = goal_size(env.observation_space) > 0
        self._tells_end = self._goals and env.has_attr("compute_terminated")

    def reset(self, seed: int) -> None:
        """Begin an episode everywhere; environment i is seeded with seed + i."""
        self._env.seed(seed)
        self._now = parts(self._env.reset())  # type: ignore[arg-type]
        self._fresh = np.ones(self.num_envs, dtype=np.bool_)
        self._rng = np.random.default_rng(seed)

    def _step(self, now: Parts, action: Floats, label: Floats) -> tuple[Chunk, Parts]:
        observations, rewards, dones, infos = self._env.step(self._range.to_env(action))
        following = parts(observations)  # type: ignore[arg-type]
        after = following
        terminal = np.zeros(self.num_envs, dtype=np.bool_)
        success = np.full(self.num_envs, np.nan, dtype=np.float32)
        if dones.any():
            after = Parts(following.observation.copy(), following.achieved.copy(), following.desired.copy())
            for index in np.flatnonzero(dones):
                last = parts(infos[index]["terminal_observation"])
                for field in fields(Parts):
                    getattr(after, field.name)[index] = getattr(last, field.name)
                terminal[index] = not infos[index].get("TimeLimit.truncated", False)
        for which, info in enumerate(infos):
            success[which] = info.get("is_success", info.get("success", np.nan))
        valid = np.ones(self.num_envs, dtype=np.bool_)
        row = Chunk(now, action, label, rewards.astype(np.float32), after, terminal, dones.copy(), valid, success)
        return row, following

    def reward(self, achieved: Floats, desired: Floats) -> Floats:
        """By the first environment's ``compute_reward``."""
        return rowwise(self._function("compute_reward"), achieved, desired).astype(np.float32)

    def terminal(self, achieved: Floats, desired: Floats) -> Bools | None:
        """By the first environment's ``compute_terminated``, which Gymnasium-Robotics has and others may lack."""
        if not self._tells_end:
            return None
        return rowwise(self._function("compute_terminated"), achieved, desired).astype(np.bool_)

    def _function(self, name: str) -> Callable[..., Any]:
        return lambda *args: self._env.env_method(name, *args, indices=[0])[0]

    def close(self) -> None:
        """Close the environments."""
        self._env.close()


class VectorEnvRollouts(_Stepping):
    """Environments in a vector environment of Gymnasium without goals, such as `YanshiVectorEnv`."""

    def __init__(self, env: VectorEnv[Any, Any, Any]) -> None:
        """Begin with nothing stepped.

        Args:
            env: what to step; `close` closes it.

        Raises:
            InputError: it resets in another way than in the step after the last.
        """
        super().__init__(env.num_envs, env.single_observation_space, env.single_action_space)
        if env.metadata.get("autoreset_mode") != AutoresetMode.NEXT_STEP:
            raise InputError(
                f"vector environment: expected the autoreset mode NEXT_STEP, got {env.metadata.get('autoreset_mode')}."
            )
        if goal_size(env.single_observation_space):
            raise InputError("vector environment: goals need compute_reward; bring a VecEnv of Stable-Baselines3.")
        self._env = env

    def reset(self, seed: int) -> None:
        """Begin an episode everywhere; environment i is seeded with seed + i."""
        observations, _ = self._env.reset(seed=seed)
        self._now = _copied(observations)
        self._fresh = np.ones(self.num_envs, dtype=np.bool_)
        self._rng = np.random.default_rng(seed)
        self._resetting = np.zeros(self.num_envs, dtype=np.bool_)

    def _step(self, now: Parts, action: Floats, label: Floats) -> tuple[Chunk, Parts]:
        observations, rewards, terminal, truncated, info = self._env.step(self._range.to_env(action))
        following = _copied(observations)
        ended = np.asarray(terminal | truncated)
        valid, self._resetting = ~self._resetting, ended.copy()
        said: Any = info.get("is_success", info.get("success", np.full(self.num_envs, np.nan)))
        success = np.asarray(said, dtype=np.float32)
        row = Chunk(
            now, action, label, np.asarray(rewards, np.float32), following, np.asarray(terminal), ended, valid, success
        )
        return row, following

    def reward(self, achieved: Floats, desired: Floats) -> Floats:
        """There are no goals: zeros."""
        return np.zeros(len(achieved), dtype=np.float32)

    def terminal(self, achieved: Floats, desired: Floats) -> Bools | None:
        """There are no goals."""
        return None

    def close(self) -> None:
        """Close the environments."""
        self._env.close()


def _copied(observations: Observations) -> Parts:
    """Parts that stay as they are when the environment writes its next observation into the same memory."""
    if isinstance(observations, Mapping):
        return parts({key: np.array(value) for key, value in observations.items()})
    return parts(np.array(observations))


def stack(rows: list[Chunk]) -> Chunk:
    """T rows of (N, …) as one chunk of (T, N, …)."""
    return _joined(rows, np.stack)


def side_by_side(chunks: list[Chunk]) -> Chunk:
    """Chunks of (T, N_i, …) as one of (T, Σ N_i, …)."""
    return _joined(chunks, lambda arrays: np.concatenate(arrays, axis=1))


def _joined(chunks: list[Chunk], join: Callable[[list[Any]], Any]) -> Chunk:
    def both(name: str) -> Any:
        values = [getattr(chunk, name) for chunk in chunks]
        if isinstance(values[0], Parts):
            return Parts(*(join([getattr(value, field.name) for value in values]) for field in fields(Parts)))
        return join(values)

    return Chunk(**{field.name: both(field.name) for field in fields(Chunk)})

"""Experience of a policy in training, gathered in this process or in several, with the same result.

An iteration is divided into parts, each a number of whole episodes with seeds of its own. Whoever takes a part, and in
whatever order, comes to the same; the parts are joined by their numbers.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from yanshi.agent.skills.motor.action import ACTION
from yanshi.agent.skills.motor.catalogue import manoeuvre
from yanshi.agent.skills.motor.environment import MotorEnv
from yanshi.agent.skills.motor.policy import Layers, MotorPolicy, forward
from yanshi.agent.skills.motor.rollouts import Demonstration, correct, demonstrate
from yanshi.agent.skills.motor.starts import load_starts

__all__ = ["Corrected", "Experience", "Field", "Here", "Part", "Shown", "Workers", "joined"]

Array = NDArray[Any]
F32 = NDArray[np.float32]


class Experience(NamedTuple):
    """Whole episodes, one after another: n steps in all."""

    features: F32
    """(n, FEATURES) before each step."""
    privileged: F32
    """(n, PRIVILEGED)."""
    actions: F32
    """(n, ACTION) before they were clipped."""
    rewards: F32
    """(n,)."""
    ends: F32
    """(n,) 1 with the last step of an episode."""
    outcomes: F32
    """(episodes, 2): success, severity."""


@dataclass(frozen=True, slots=True)
class Part:
    """A part of an iteration: act, exploring, until there are enough steps, and end the last episode."""

    layers: Layers
    spread: Array
    """(ACTION,) standard deviation of the exploration."""
    seed: tuple[int, ...]
    steps: int
    lasting: float = 0.0
    """Correlation of the exploration in one step with that in the step before: what is tried out, is tried for a
    while (Hollenstein et al. 2024, arXiv:2312.11091). Its spread stays the same."""

    def __call__(self, env: MotorEnv) -> Experience:
        """Do it."""
        rng = np.random.default_rng(self.seed)
        rows: list[tuple[F32, F32, Array, float, bool]] = []
        outcomes: list[tuple[float, float]] = []
        while len(rows) < self.steps:
            seen, _ = env.reset(seed=int(rng.integers(2**31)))
            ended, tried = False, rng.standard_normal(ACTION)
            while not ended:
                known = env.privileged()
                action = np.tanh(forward(self.layers, seen)) + self.spread * tried
                tried = self.lasting * tried + np.sqrt(1.0 - self.lasting**2) * rng.standard_normal(ACTION)
                before = seen
                seen, reward, ended, _, info = env.step(np.clip(action, -1.0, 1.0))
                rows.append((before, known, action, reward, ended))
            outcomes.append((float(info["is_success"]), env.drawn_severity))
        features, privileged, actions, rewards, ends = (
            np.array(column, dtype=np.float32) for column in zip(*rows, strict=True)
        )
        return Experience(features, privileged, actions, rewards, ends, np.array(outcomes, dtype=np.float32))


@dataclass(frozen=True, slots=True)
class Shown:
    """Demonstrations by the script, of some seeds."""

    seeds: tuple[int, ...]
    noise: float

    def __call__(self, env: MotorEnv) -> list[Demonstration]:
        """Show them: the script's actions are commands."""
        control, env.control = env.control, "direct"
        found = [demonstrate(env, seed, self.noise) for seed in self.seeds]
        env.control = control
        return found


@dataclass(frozen=True, slots=True)
class Corrected:
    """Episodes of a policy with what the truth says of each step, of some seeds."""

    layers: Layers
    seeds: tuple[int, ...]
    share: float
    noise: float

    def __call__(self, env: MotorEnv) -> list[Demonstration]:
        """Act, and be corrected."""
        policy = MotorPolicy(self.layers)
        return [correct(env, policy, seed, self.share, self.noise * (seed % 2)) for seed in self.seeds]


Job = Callable[[MotorEnv], Any]


class Field(Protocol):
    """Where jobs are done."""

    def map(self, jobs: Sequence[Job]) -> list[Any]:
        """What they come to, in their order."""
        ...


class Here:
    """In this process, one after another."""

    def __init__(self, env: MotorEnv) -> None:
        self.env = env

    def map(self, jobs: Sequence[Job]) -> list[Any]:
        """What they come to, in their order."""
        return [job(self.env) for job in jobs]


class Workers:
    """In processes of their own, which begin anew and inherit nothing.

    Args:
        name: of the manoeuvre.
        starts: file with where it may begin.
        severity: least and greatest of the faults.
        count: of processes.
        lifelike: share of the episodes in which the belief errs as learned perception does.
    """

    def __init__(
        self, name: str, starts: Path, severity: tuple[float, float], count: int, lifelike: float = 0.0
    ) -> None:
        self._pool = ProcessPoolExecutor(
            count, multiprocessing.get_context("spawn"), _set_up, (name, str(starts), severity, lifelike)
        )

    def map(self, jobs: Sequence[Job]) -> list[Any]:
        """What they come to, in their order."""
        return list(self._pool.map(_work, jobs))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown(cancel_futures=True)


_ENV: list[MotorEnv] = []
"""The environment of a worker's process."""


def _set_up(name: str, starts: str, severity: tuple[float, float], lifelike: float) -> None:
    _ENV[:] = [MotorEnv(manoeuvre(name), load_starts(Path(starts)), severity, lifelike=lifelike)]


def _work(job: Job) -> Any:
    return job(_ENV[0])


def joined(parts: Sequence[Experience]) -> Experience:
    """One after another."""
    return Experience(*(np.concatenate(column) for column in zip(*parts, strict=True)))

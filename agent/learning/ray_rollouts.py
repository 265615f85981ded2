"""Rollouts on the workers of a Ray cluster: the same interface, and with one worker the same experience."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from yanshi.agent.learning.features import Floats
from yanshi.agent.learning.rollouts import Behaviour, Bools, Chunk, Rollouts, side_by_side
from yanshi.errors import InputError, MissingDependencyError

APART = 100_003
"""Between the seeds of two workers, so that their environments never share one."""


class RayRollouts:
    """Environments of several workers as one set, worker after worker.

    What comes back does not depend on which worker is the faster: chunks are joined in the order of the workers.
    """

    def __init__(self, make: Callable[[], Rollouts], workers: int, address: str | None = None) -> None:
        """Start the workers.

        Args:
            make: makes the environments of one worker; sent to them, and called here once, to judge goals.
            workers: how many.
            address: of a running cluster, as `ray.init` takes it; None for one on this machine.

        Raises:
            MissingDependencyError: Ray is not installed.
            InputError: there is no worker.
        """
        if workers < 1:
            raise InputError(f"workers: expected at least 1, got {workers}.")
        try:
            import ray
        except ImportError as error:
            raise MissingDependencyError("ray", "cluster") from error
        if not ray.is_initialized():
            ray.init(address=address, include_dashboard=False, log_to_driver=False)
        self._ray: Any = ray
        remote = ray.remote(num_cpus=1)(_Worker)
        self._workers: list[Any] = [remote.remote(make) for _ in range(workers)]
        self._judge = make()
        self.num_envs = workers * self._judge.num_envs
        self.observation_space, self.action_space = self._judge.observation_space, self._judge.action_space

    def reset(self, seed: int) -> None:
        """Begin an episode everywhere; worker i is seeded with seed + i · `APART`."""
        self._ray.get([worker.reset.remote(seed + i * APART) for i, worker in enumerate(self._workers)])

    def collect(self, behaviour: Behaviour, steps: int) -> Chunk:
        """Take `steps` steps in every environment of every worker, all at the same time."""
        sent = self._ray.put(behaviour)
        chunks = self._ray.get([worker.collect.remote(sent, steps) for worker in self._workers])
        return side_by_side(cast(list[Chunk], chunks))

    def reward(self, achieved: Floats, desired: Floats) -> Floats:
        """By environments of this process."""
        return self._judge.reward(achieved, desired)

    def terminal(self, achieved: Floats, desired: Floats) -> Bools | None:
        """By environments of this process."""
        return self._judge.terminal(achieved, desired)

    def close(self) -> None:
        """End the workers and leave the cluster running."""
        for worker in self._workers:
            self._ray.kill(worker)
        self._judge.close()


class _Worker:
    """Lives in a process of Ray."""

    def __init__(self, make: Callable[[], Rollouts]) -> None:
        self._rollouts = make()

    def reset(self, seed: int) -> None:
        self._rollouts.reset(seed)

    def collect(self, behaviour: Behaviour, steps: int) -> Chunk:
        return self._rollouts.collect(behaviour, steps)

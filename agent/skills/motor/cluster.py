"""Experience of a policy in training from the workers of a Ray cluster, with the same result as in one process."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self

from yanshi.agent.skills.motor.catalogue import manoeuvre
from yanshi.agent.skills.motor.environment import MotorEnv
from yanshi.agent.skills.motor.gathering import Job
from yanshi.agent.skills.motor.starts import Start
from yanshi.errors import InputError, MissingDependencyError

__all__ = ["Cluster", "connect"]

_PATIENCE = 5.0
"""How long to wait for a cluster's port to answer [s]; Ray itself waits for more than a minute."""


def connect(address: str | None) -> Any:
    """Ray, in connection with a running cluster, or with one that it begins on this machine where there is no address.

    Raises:
        MissingDependencyError: Ray is not installed.
        InputError: there is no such cluster.
    """
    try:
        import ray
    except ImportError as error:
        raise MissingDependencyError("ray", "cluster") from error
    if not ray.is_initialized():
        try:
            _knock(address)
            ray.init(address=address, include_dashboard=False, log_to_driver=False)
        except (OSError, RuntimeError, ValueError) as error:
            reason = str(error).splitlines()[0]
            raise InputError(f"Ray: expected a running cluster at '{address}', there is none: {reason}") from error
    return ray


def _knock(address: str | None) -> None:
    """See whether anybody is there, where an address names a host and a port. Raises: OSError if nobody is."""
    host, _, port = (address or "").removeprefix("ray://").rpartition(":")
    if host and port.isdigit():
        socket.create_connection((host.strip("[]"), int(port)), _PATIENCE).close()


class Cluster:
    """A `Field` of actors, each of which takes the next job when it has done one.

    Args:
        name: of the manoeuvre.
        starts: where it may begin; they are sent to the workers.
        severity: least and greatest of the faults.
        count: of workers.
        address: of a running cluster, as `ray.init` takes it; None for one on this machine.
        lifelike: share of the episodes in which the belief errs as learned perception does.

    Raises:
        MissingDependencyError: Ray is not installed.
        InputError: there is no such cluster.
    """

    def __init__(
        self,
        name: str,
        starts: Sequence[Start],
        severity: tuple[float, float],
        count: int,
        address: str | None,
        lifelike: float = 0.0,
    ) -> None:
        ray = connect(address)
        self._ray = ray
        remote = ray.remote(num_cpus=1)(_Worker)
        known = ray.put(tuple(starts))
        self._workers = [remote.remote(name, known, severity, lifelike) for _ in range(count)]
        self._pool: Any = ray.util.ActorPool(self._workers)

    def map(self, jobs: Sequence[Job]) -> list[Any]:
        """What they come to, in their order."""
        return list(self._pool.map(lambda worker, job: worker.do.remote(job), jobs))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the workers and leave the cluster running."""
        for worker in self._workers:
            self._ray.kill(worker)


class _Worker:
    """Lives in a process of Ray."""

    def __init__(self, name: str, starts: tuple[Start, ...], severity: tuple[float, float], lifelike: float) -> None:
        self._env = MotorEnv(manoeuvre(name), starts, severity, lifelike=lifelike)

    def do(self, job: Job) -> Any:
        return job(self._env)

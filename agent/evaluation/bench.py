"""Many episodes, paired by seed, spread over processes, and resumed where they were left.

An episode is decided by its task, its seed and its agent alone: neither the number of workers nor the order changes it.
"""

from __future__ import annotations

import hashlib
import json
import multiprocessing
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from yanshi.agent.assignment import draw_assignment, told, understood
from yanshi.agent.episode import Outcome
from yanshi.agent.evaluation.judge import Judge
from yanshi.agent.executive import Limits
from yanshi.agent.extensions import load_extensions
from yanshi.agent.wiring import AgentConfig, build_agent, build_loop, simulate
from yanshi.envs.oracle import Oracle
from yanshi.errors import InputError, NotUnderstoodError, WorldError

PENDING_PER_WORKER = 2


@dataclass(frozen=True, kw_only=True)
class Job:
    """One episode to be run."""

    task: str
    seed: int
    config: AgentConfig

    @property
    def key(self) -> str:
        """What tells it apart from others in the same folder."""
        settings = json.dumps(asdict(self.config), sort_keys=True)
        return f"{self.task}/{self.seed}/{hashlib.sha256(settings.encode()).hexdigest()[:12]}"


@dataclass(frozen=True, kw_only=True)
class EpisodeResult:
    """What came of one episode."""

    key: str
    task: str
    seed: int
    success: bool
    ever: bool
    """Whether the goal held at any time of the last instruction."""
    claimed_success: bool
    progress: float
    stages: int
    """How many instructions in a row were carried out."""
    sim_seconds: float
    replans: int
    reason: str


def run_job(job: Job) -> EpisodeResult:
    """Run one episode from its seed."""
    assignment = draw_assignment(job.task, job.seed)
    with simulate(assignment.world, job.config) as sim:
        agent = build_agent(sim, job.config)
        judge = Judge(Oracle(sim), assignment.goals)
        knows = job.config.agent != "default"
        try:
            if knows:
                requests = told(assignment.instructions, assignment.goals)
            else:
                requests = understood(assignment.instructions, agent, sim.observe(), job.config.understanding)
            limits = Limits(horizon=assignment.horizon, step=assignment.horizon)
            outcome = build_loop(sim, agent, [judge]).run(requests, limits)
        except NotUnderstoodError as error:
            return _result(job, judge, None, " ".join(str(error).split()))
        except WorldError as error:
            return _result(job, judge, None, str(error))
    return _result(job, judge, outcome, outcome.reason)


def _result(job: Job, judge: Judge, outcome: Outcome | None, reason: str) -> EpisodeResult:
    achieved = judge.verdicts.index(False) if False in judge.verdicts else len(judge.verdicts)
    return EpisodeResult(
        key=job.key,
        task=job.task,
        seed=job.seed,
        success=judge.success and outcome is not None,
        ever=judge.ever,
        claimed_success=outcome is not None and outcome.claimed_success,
        progress=round(judge.progress, 6),
        stages=achieved,
        sim_seconds=0.0 if outcome is None else round(outcome.sim_seconds, 3),
        replans=0 if outcome is None else outcome.replans,
        reason=reason,
    )


def run_jobs(
    jobs: Sequence[Job], log: Path | None, workers: int = 1, tell: Callable[[EpisodeResult], None] = lambda result: None
) -> list[EpisodeResult]:
    """Run every job that `log` does not hold yet, and append each to it when it is over.

    Args:
        jobs: What is to be run.
        log: A JSONL file, one finished episode a line; None keeps nothing.
        workers: Processes; 1 runs everything in this one.
        tell: Is told of each episode as it ends, also of those that were in the log.

    Returns:
        The results in the order of `jobs`.
    """
    wanted = {job.key for job in jobs}
    done = {r.key: r for r in read_log(log) if r.key in wanted} if log is not None else {}
    for result in done.values():
        tell(result)
    missing = [job for job in jobs if job.key not in done]
    for result in _run(missing, workers):
        done[result.key] = result
        if log is not None:
            with log.open("a", encoding="utf-8") as file:
                file.write(json.dumps(asdict(result), ensure_ascii=False) + "\n")
        tell(result)
    return [done[job.key] for job in jobs]


def _run(jobs: Sequence[Job], workers: int) -> Iterator[EpisodeResult]:
    if workers <= 1:
        yield from map(run_job, jobs)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context, initializer=load_extensions) as pool:
        queue = iter(jobs)
        running: set[Future[EpisodeResult]] = set()
        try:
            while True:
                for job in queue:
                    running.add(pool.submit(run_job, job))
                    if len(running) >= PENDING_PER_WORKER * workers:
                        break
                if not running:
                    return
                finished, running = wait(running, return_when=FIRST_COMPLETED)
                yield from (future.result() for future in finished)
        finally:
            pool.shutdown(cancel_futures=True)


def read_log(log: Path) -> Iterable[EpisodeResult]:
    """The finished episodes in a log; a last line that was cut off is left out.

    Raises:
        InputError: The file is not such a log.
    """
    if not log.exists():
        return []
    lines = log.read_text(encoding="utf-8").splitlines(keepends=True)
    whole = [line for line in lines if line.endswith("\n")]
    if len(whole) < len(lines):
        log.write_text("".join(whole), encoding="utf-8")
    try:
        records: list[dict[str, Any]] = [json.loads(line) for line in whole]
        return [EpisodeResult(**record) for record in records]
    except (json.JSONDecodeError, TypeError) as error:
        raise InputError(
            f"'{log}' does not hold finished episodes ({error}); remove it or choose another --out."
        ) from error

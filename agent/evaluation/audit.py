"""Whether a task can be trusted: the oracle's agent must solve it, and agents that do not think must not.

The physics of a task is fingerprinted, so that an engine or a model that has changed is noticed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from yanshi.agent.assignment import draw_assignment
from yanshi.agent.evaluation.bench import EpisodeResult, Job, run_jobs
from yanshi.agent.wiring import AgentConfig, AgentName
from yanshi.envs.simulation import Simulation

FINGERPRINT_STEPS = 25
EXPERT_AT_LEAST = 0.95
RANDOM_AT_MOST = 0.1
DIGITS = 9
"""Decimals of the state that a fingerprint tells apart: the last bits differ from one processor to another."""


@dataclass(frozen=True, kw_only=True)
class Audit:
    """What an audit of one task found."""

    task: str
    expert: float
    """Share of episodes that the expert, who knows the truth, has solved."""
    nothing: float
    """Share of episodes in which the goal held at any time although nothing was done."""
    random: float
    """The same of random actions."""
    fingerprint: str

    @property
    def passed(self) -> bool:
        """Whether the task can be trusted."""
        return self.expert >= EXPERT_AT_LEAST and self.nothing == 0.0 and self.random <= RANDOM_AT_MOST


def audit_task(name: str, episodes: int, workers: int = 1) -> Audit:
    """Run the expert, the idle and the random agent on the same seeds."""
    expert = _episodes(name, "expert", episodes, workers)
    nothing = _episodes(name, "nothing", episodes, workers)
    rand = _episodes(name, "random", episodes, workers)
    return Audit(
        task=name,
        expert=_share([r.success for r in expert]),
        nothing=_share([r.ever for r in nothing]),
        random=_share([r.ever for r in rand]),
        fingerprint=fingerprint(name),
    )


def fingerprint(name: str, seed: int = 0) -> str:
    """Twelve hexadecimal digits of where a second of fixed motion leads in the task's world."""
    world = draw_assignment(name, seed).world
    rng = np.random.default_rng(seed)
    digest = hashlib.sha256()
    with Simulation(world) as sim:
        sim.reset(seed)
        digest.update(np.round(sim.data.qpos, DIGITS).tobytes())
        for _ in range(FINGERPRINT_STEPS):
            sim.step(rng.uniform(-0.3, 0.3, len(world.robot.action_names)).astype(np.float32))
        digest.update(np.round(sim.data.qpos, 4).tobytes())
    return digest.hexdigest()[:12]


def _episodes(name: str, agent: AgentName, episodes: int, workers: int) -> list[EpisodeResult]:
    jobs = [Job(task=name, seed=seed, config=AgentConfig(agent=agent, seed=seed)) for seed in range(episodes)]
    return run_jobs(jobs, None, workers)


def _share(values: Sequence[bool]) -> float:
    return sum(values) / max(len(values), 1)

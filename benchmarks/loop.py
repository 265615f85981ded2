"""Whole tasks from raw senses, beside oracle perception on the same episodes: what perception costs.

Everything else is the same: held-out wordings understood by the agent itself, the same belief, planner, skills and
seeds. What is required is to be within 5 points of the oracle. Episodes that are in the folder are not run again.

Usage: python benchmarks/loop.py [--episodes N] [--seed FIRST] [--workers N] [--suites home,tabletop] [--out DIR]
"""

from __future__ import annotations

import argparse
import os
import statistics
from collections.abc import Sequence
from pathlib import Path

from yanshi.agent.evaluation.bench import EpisodeResult, Job, run_jobs
from yanshi.agent.evaluation.statistics import paired_difference, wilson
from yanshi.agent.wiring import AgentConfig
from yanshi.envs.suites import suite

ARMS = ("learned", "oracle")


def share(results: Sequence[EpisodeResult]) -> str:
    """Successes, with a Wilson interval in percent."""
    good = sum(result.success for result in results)
    found = wilson(good, len(results))
    return f"{good} of {len(results)} [{100 * found.low:.0f}, {100 * found.high:.0f}]"


def table(name: str, found: dict[str, dict[str, list[EpisodeResult]]]) -> str:
    """Markdown: task → arm → its episodes in order of seed."""
    lines = [
        f"| {name} | raw senses | oracle perception | claimed, but not true | median s, raw | median s, oracle |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    every: dict[str, list[EpisodeResult]] = {arm: [] for arm in ARMS}
    for task, arms in found.items():
        seconds = [f"{statistics.median(r.sim_seconds for r in arms[arm]):.0f}" for arm in ARMS]
        shares = [f"{sum(r.success for r in arms[arm])} of {len(arms[arm])}" for arm in ARMS]
        lines.append(f"| {task} | {' | '.join(shares)} | {false_claims(arms['learned'])} | {' | '.join(seconds)} |")
        for arm in ARMS:
            every[arm] += arms[arm]
    both = " | ".join(share(every[arm]) for arm in ARMS)
    lines.append(f"| **all** | {both} | {false_claims(every['learned'])} | | |")
    less = paired_difference(*([float(r.success) for r in every[arm]] for arm in ARMS))
    lines.append(
        f"\nRaw senses less oracle: {100 * less.value:+.1f} [{100 * less.low:+.1f}, {100 * less.high:+.1f}] points."
    )
    lines += [f"- {r.task} {r.seed}: {r.reason}" for r in every["learned"] if not r.success]
    return "\n".join(lines)


def false_claims(results: Sequence[EpisodeResult]) -> int:
    """How often it was said to be done and was not."""
    return sum(result.claimed_success and not result.success for result in results)


def main() -> None:
    """Run and print a table of each suite."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--episodes", type=int, default=3)
    parser.add_argument("--seed", type=int, default=4000)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--suites", default="tabletop,home")
    parser.add_argument("--out", type=Path, default=Path("out/loop"))
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    for name in options.suites.split(","):
        jobs = {
            (task, arm, seed): Job(task=task, seed=seed, config=AgentConfig(perception=arm, seed=seed))
            for task in suite(name)
            for arm in ARMS
            for seed in range(options.seed, options.seed + options.episodes)
        }
        results = {r.key: r for r in run_jobs(list(jobs.values()), options.out / "episodes.jsonl", options.workers)}
        found: dict[str, dict[str, list[EpisodeResult]]] = {}
        for (task, arm, _), job in jobs.items():
            found.setdefault(task, {}).setdefault(arm, []).append(results[job.key])
        print(table(name, found), end="\n\n", flush=True)


if __name__ == "__main__":
    main()

"""Whether each sense is needed: the tasks of the suite `senses` with all senses, without their own, with the oracle.

The three see the same episodes (paired by seed), with raw senses alone but for the last, which shows what the task and
the skills allow. Without a sense an agent may still be lucky: of two look-alikes one is right. Episodes that are in the
folder already are not run again.

Usage: python benchmarks/ablation.py [--episodes N] [--seed FIRST] [--workers N] [--weights DIR] [--out DIR]
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from yanshi.agent.evaluation.bench import EpisodeResult, Job, run_jobs
from yanshi.agent.evaluation.statistics import wilson
from yanshi.agent.wiring import SENSES, AgentConfig

OWN: Mapping[str, tuple[str, ...]] = {
    "FindSound": ("audio",),
    "DarkRoom": ("lidar", "scan", "touch", "force"),
    "DarkPick": ("lidar", "touch", "force"),
    "LookAlikes": ("depth",),
    "Compound": ("rgb",),
}
"""Task → the senses that it is about."""


def share(results: Sequence[EpisodeResult]) -> str:
    good = sum(result.success for result in results)
    found = wilson(good, len(results))
    return f"{good} of {len(results)} [{100 * found.low:.0f}, {100 * found.high:.0f}]"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--episodes", type=int, default=5)
    parser.add_argument("--seed", type=int, default=1000)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--weights", default="")
    parser.add_argument("--out", type=Path, default=Path("out/ablation"))
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    seeds = range(options.seed, options.seed + options.episodes)
    jobs: dict[tuple[str, str], list[Job]] = {}
    for task, own in OWN.items():
        left = tuple(sense for sense in SENSES if sense not in own)
        arms = {
            "all": AgentConfig(perception="learned", weights=options.weights),
            "without": AgentConfig(perception="learned", weights=options.weights, senses=left),
            "oracle": AgentConfig(),
        }
        for arm, config in arms.items():
            configs = [replace(config, seed=seed) for seed in seeds]
            jobs[task, arm] = [Job(task=task, seed=c.seed, config=c) for c in configs]
    every = [job for arm in jobs.values() for job in arm]
    results = {r.key: r for r in run_jobs(every, options.out / "episodes.jsonl", options.workers)}
    print(f"Seeds {seeds[0]} to {seeds[-1]}; achieved, with 95 % Wilson intervals in %.\n")
    print("| task | without | all senses | without its own | oracle perception | claimed, but not true |")
    print("|---|---|---:|---:|---:|---:|")
    for task, own in OWN.items():
        found = {arm: [results[job.key] for job in jobs[task, arm]] for arm in ("all", "without", "oracle")}
        false = sum(r.claimed_success and not r.success for arm in found.values() for r in arm)
        cells = " | ".join(share(arm) for arm in found.values())
        print(f"| {task} | {', '.join(own)} | {cells} | {false} |")


if __name__ == "__main__":
    main()

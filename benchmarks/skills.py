"""What learning is worth: the script, its clone, the reflex that a policy corrects, and the guided and tuned policies.

The script is the expert of `yanshi run`; the clone imitates it; the reflex acts on the smoothed belief, uncorrected;
the guided policy corrects the reflex as the truth would, by supervised learning; the tuned one went on from there by
reinforcement. Every arm gets the same starts (layouts that were never trained on), faults, noise and pushes. Nominal is
the noise of the belief alone (1 cm, 3°, 50 ms); severity 2 is 2 cm, 6°, 100 ms, friction × 0.5…1.5, mass × 0.5…2,
believed size ± 20 % and a push in every second episode. Success with 95 % Wilson intervals; differences, tuned less the
other, with paired bootstrap intervals, in points.

Usage: python benchmarks/skills.py FOLDER [--skills pick,push] [--episodes 200] [--severity 0,2] [--first 1000000]

FOLDER holds a folder for each skill as `yanshi train skill` left it: NAME/NAME.safetensors and NAME/cloned.safetensors.
Starts on held-out layouts are drawn the first time and kept in NAME/held_out.jsonl.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from yanshi.agent.evaluation.statistics import paired_difference, wilson
from yanshi.agent.skills.motor.action import ACTION
from yanshi.agent.skills.motor.catalogue import manoeuvre
from yanshi.agent.skills.motor.environment import MotorEnv
from yanshi.agent.skills.motor.policy import MotorPolicy
from yanshi.agent.skills.motor.rollouts import Act, Trial, trials
from yanshi.agent.skills.motor.training import HELD_OUT, starts_of

ARMS = ("script", "cloned", "reflex", "guided", "tuned")


def measure(folder: Path, skill: str, severities: list[float], seeds: range) -> Iterator[dict[str, Any]]:
    """Success of each arm on each seed."""
    item = manoeuvre(skill)
    env = MotorEnv(item, starts_of(item, folder / skill / "held_out.jsonl", 32, 2, first=HELD_OUT))
    policies: dict[str, Act | None] = {
        "script": None,
        "reflex": lambda _: np.zeros(ACTION, np.float32),
        "cloned": MotorPolicy.load(folder / skill / "cloned.safetensors"),
        "guided": MotorPolicy.load(folder / skill / "guided.safetensors"),
        "tuned": MotorPolicy.load(folder / skill / f"{skill}.safetensors"),
    }
    for severity in severities:
        found: dict[str, list[Trial]] = {}
        for arm in ARMS:
            env.control = "direct" if arm == "cloned" else "residual"
            found[arm] = list(trials(env, policies[arm], seeds, severity))
            won = sum(run.success for run in found[arm])
            print(f"  {skill}, severity {severity:g}, {arm}: {won} of {len(seeds)}", flush=True)
        yield {
            "skill": skill,
            "severity": severity,
            "first_seed": seeds.start,
            "success": {arm: [int(run.success) for run in runs] for arm, runs in found.items()},
            "steps": {arm: [run.steps for run in runs] for arm, runs in found.items()},
        }


def table(rows: list[dict[str, Any]]) -> str:
    """Markdown."""
    lines = [
        "| skill | severity | episodes | "
        + " | ".join(ARMS)
        + " | "
        + " | ".join(f"tuned − {a}" for a in ARMS[:-1])
        + " |",
        "|---|" + "---:|" * (2 * len(ARMS) + 1),
    ]
    for row in rows:
        success = {arm: np.array(row["success"][arm], dtype=float) for arm in ARMS}
        cells = []
        for arm in ARMS:
            share = wilson(int(success[arm].sum()), len(success[arm]))
            cells.append(f"{share.value:.1%} [{share.low:.1%}, {share.high:.1%}]")
        for other in ARMS[:-1]:
            gain = paired_difference(success["tuned"].tolist(), success[other].tolist())
            cells.append(f"{100 * gain.value:+.1f} [{100 * gain.low:+.1f}, {100 * gain.high:+.1f}]")
        count = len(success["tuned"])
        lines.append(f"| {row['skill']} | {row['severity']:g} | {count} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--skills", default="pick")
    parser.add_argument("--episodes", type=int, default=200)
    parser.add_argument("--severity", default="0,2")
    parser.add_argument("--first", type=int, default=1_000_000)
    options = parser.parse_args()
    severities = [float(value) for value in options.severity.split(",")]
    seeds = range(options.first, options.first + options.episodes)
    rows: list[dict[str, Any]] = []
    for skill in options.skills.split(","):
        for row in measure(options.folder, skill, severities, seeds):
            rows.append(row)
            (options.folder / "skills.json").write_text(json.dumps(rows))
            print(table(rows[-1:]).splitlines()[-1], flush=True)
    print(table(rows))


if __name__ == "__main__":
    main()

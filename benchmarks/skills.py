"""What learning is worth: the script, its clone, the reflex that a policy corrects, and the guided and tuned policies.

The script is the expert of `yanshi run`; the clone imitates it; the reflex acts on the smoothed belief, uncorrected;
the guided policy corrects the reflex as the truth would, by supervised learning; the tuned one went on from there by
reinforcement. Every arm gets the same starts (layouts that were never trained on), faults, noise and pushes. Nominal is
the noise of the belief alone (1 cm, 3°, 50 ms); severity 2 is 2 cm, 6°, 100 ms, friction × 0.5…1.5, mass × 0.5…2,
believed size ± 20 % and a push in every second episode. With --lifelike the belief besides errs as learned perception
does (`yanshi.agent.skills.motor.estimate`). Success with 95 % Wilson intervals; differences, tuned less the
other, with paired bootstrap intervals, in points.

Usage: python benchmarks/skills.py FOLDER [--skills pick,push] [--episodes 100] [--severity 0,2]
           [--first 1000000,1100000,1200000] [--lifelike] [--arms script,tuned]

FOLDER holds a folder for each skill as `yanshi train skill` left it; an arm whose weights are missing is left out.
Starts on held-out layouts are drawn the first time and kept in NAME/held_out.jsonl, what was measured in
NAME/measured.json.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np

from yanshi.agent.evaluation.statistics import paired_difference, wilson
from yanshi.agent.skills.motor.action import ACTION
from yanshi.agent.skills.motor.catalogue import manoeuvre
from yanshi.agent.skills.motor.environment import MotorEnv
from yanshi.agent.skills.motor.policy import MotorPolicy
from yanshi.agent.skills.motor.rollouts import Act, trial
from yanshi.agent.skills.motor.training import HELD_OUT, starts_of

ARMS = ("script", "cloned", "reflex", "guided", "tuned")
Row = dict[str, Any]


class Bench:
    """Measures one skill, and remembers what it has measured.

    Args:
        folder: of the skill.
        skill: its name.
        lifelike: whether beliefs err as learned perception does.
    """

    def __init__(self, folder: Path, skill: str, lifelike: bool = False) -> None:
        self.folder, self.skill, self._manner = folder, skill, "lifelike " if lifelike else ""
        item = manoeuvre(skill)
        self._env = MotorEnv(
            item, starts_of(item, folder / "held_out.jsonl", 32, 2, first=HELD_OUT), lifelike=float(lifelike)
        )
        self._file = folder / "measured.json"
        self._known: dict[str, list[int]] = json.loads(self._file.read_text()) if self._file.is_file() else {}

    def row(self, severity: float, seeds: list[int], arms: list[str]) -> Row:
        """Success of each arm on each seed."""
        found = {}
        for arm in arms:
            weights = self.folder / f"{self.skill if arm == 'tuned' else arm}.safetensors"
            if arm in ("script", "reflex") or weights.is_file():
                found[arm] = self._arm(arm, weights, severity, seeds)
                print(f"  {self.skill}, severity {severity:g}, {arm}: {sum(found[arm])} of {len(seeds)}", flush=True)
        return {"skill": self.skill, "severity": severity, "success": found}

    def _arm(self, arm: str, weights: Path, severity: float, seeds: list[int]) -> list[int]:
        act: Act | None = None if arm == "script" else lambda _: np.zeros(ACTION, np.float32)
        mark = arm
        self._env.control = "residual"
        if arm not in ("script", "reflex"):
            policy = MotorPolicy.load(weights)
            act, mark = policy, f"{arm} {hashlib.sha256(weights.read_bytes()).hexdigest()[:12]}"
            self._env.control = policy.card.get("control", "direct")
        for seed in seeds:
            key = f"{self._manner}{mark} {severity:g} {seed}"
            if key not in self._known:
                run = trial(self._env, act, seed, severity)
                self._known[key] = [int(run.success), run.steps]
        self._file.write_text(json.dumps(self._known))
        return [self._known[f"{self._manner}{mark} {severity:g} {seed}"][0] for seed in seeds]


def table(rows: list[Row]) -> str:
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
        success, cells = row["success"], []
        count = len(next(iter(success.values())))
        for arm in ARMS:
            share = wilson(sum(success[arm]), count) if arm in success else None
            cells.append("" if share is None else f"{share.value:.1%} [{share.low:.1%}, {share.high:.1%}]")
        for other in ARMS[:-1]:
            cells.append("")
            if other in success and "tuned" in success:
                gain = paired_difference([float(v) for v in success["tuned"]], [float(v) for v in success[other]])
                cells[-1] = f"{100 * gain.value:+.1f} [{100 * gain.low:+.1f}, {100 * gain.high:+.1f}]"
        lines.append(f"| {row['skill']} | {row['severity']:g} | {count} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--skills", default="pick,push")
    parser.add_argument("--episodes", type=int, default=100, help="from each of the first seeds on")
    parser.add_argument("--severity", default="0,2")
    parser.add_argument("--first", default="1000000,1100000,1200000")
    parser.add_argument("--lifelike", action="store_true")
    parser.add_argument("--arms", default=",".join(ARMS), help="which to measure")
    options = parser.parse_args()
    arms = options.arms.split(",")
    if unknown := [arm for arm in arms if arm not in ARMS]:
        parser.error(f"--arms: unknown {', '.join(unknown)}; there are {', '.join(ARMS)}")
    seeds = [int(first) + k for first in options.first.split(",") for k in range(options.episodes)]
    rows: list[Row] = []
    for skill in options.skills.split(","):
        bench = Bench(options.folder / skill, skill, options.lifelike)
        for severity in map(float, options.severity.split(",")):
            rows.append(bench.row(severity, seeds, arms))
            print(table(rows[-1:]).splitlines()[-1], flush=True)
    print(table(rows))


if __name__ == "__main__":
    main()

"""How well shipped motor policies know how a run will end: expected calibration error of what they say of themselves.

Each policy runs from starts on layouts that were never trained on, at severities drawn from -1 (the belief is exact) to
2.5, in half of the runs with beliefs that err as learned perception does; what it gives for its chances before it
starts and at its end is held against how the run ended. Ten bins of equal width; 95 % bootstrap intervals over runs.
The Brier score is the mean squared error; the last column is that of one who always says how often runs end well.
Required: an error of 0.05.

Usage: python benchmarks/judgement.py FOLDER [SKILLS] [RUNS]

FOLDER/NAME/held_out.jsonl holds the starts, drawn the first time (as in `benchmarks/skills.py`).
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from yanshi.agent.skills.motor.calibration import calibration_error
from yanshi.agent.skills.motor.catalogue import manoeuvre
from yanshi.agent.skills.motor.environment import MotorEnv
from yanshi.agent.skills.motor.policy import MotorPolicy
from yanshi.agent.skills.motor.rollouts import trial
from yanshi.agent.skills.motor.skill_set import WEIGHTS
from yanshi.agent.skills.motor.training import HELD_OUT, starts_of

SEVERITY = (-1.0, 2.5)
LIFELIKE = 0.5
FIRST_SEED = 3_000_000


def measure(folder: Path, skill: str, count: int) -> str:
    """One row of the table."""
    item = manoeuvre(skill)
    env = MotorEnv(item, starts_of(item, folder / skill / "held_out.jsonl", 32, 2, first=HELD_OUT), lifelike=LIFELIKE)
    policy = MotorPolicy.load(WEIGHTS / f"{skill}.safetensors")
    env.control = policy.card.get("control", "direct")
    rng = np.random.default_rng(0)
    said, ended = [], []
    for number in range(count):
        run = trial(env, policy, FIRST_SEED + number, float(rng.uniform(*SEVERITY)), keep=True)
        last = run.first if run.features is None else run.features[-1]
        said.append((policy.chance_before(run.first), policy.chance_after(last)))
        ended.append(float(run.success))
    chances, outcomes = np.array(said), np.array(ended)
    picks = rng.integers(0, count, (1000, count))
    cells = []
    for k in range(2):
        error = calibration_error(chances[:, k], outcomes)
        low, high = np.percentile([calibration_error(chances[p, k], outcomes[p]) for p in picks], (2.5, 97.5))
        brier = float(np.mean((chances[:, k] - outcomes) ** 2))
        cells.append(f"{error:.3f} [{low:.3f}, {high:.3f}] | {brier:.3f}")
    blind = float(np.mean((outcomes.mean() - outcomes) ** 2))
    return f"| {skill} | {count} | {outcomes.mean():.1%} | {' | '.join(cells)} | {blind:.3f} |"


def main() -> None:
    folder = Path(sys.argv[1])
    skills = sys.argv[2].split(",") if len(sys.argv) > 2 else ["pick", "push"]
    count = int(sys.argv[3]) if len(sys.argv) > 3 else 800
    print("| skill | runs | ended well | error before | Brier | error at the end | Brier | Brier of the mere share |")
    print("|---|" + "---:|" * 7)
    for skill in skills:
        print(measure(folder, skill, count), flush=True)


if __name__ == "__main__":
    main()

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch")

from yanshi.agent.skills.motor.action import ACTION
from yanshi.agent.skills.motor.features import FEATURES
from yanshi.agent.skills.motor.judgement import calibrated, calibration_errors, with_outcome
from yanshi.agent.skills.motor.policy import MotorPolicy
from yanshi.agent.skills.motor.rollouts import Trial


def made_up_runs(count: int, seed: int) -> list[Trial]:
    """Runs that end well with a probability that the first feature says at the start, and the second at the end."""
    rng = np.random.default_rng(seed)
    runs = []
    for number in range(count):
        first, steps = rng.normal(size=FEATURES).astype(np.float32), int(rng.integers(5, 15))
        success = bool(rng.random() < 1.0 / (1.0 + np.exp(-2.0 * first[0])))
        seen = np.repeat(first[None], steps, axis=0)
        seen[:, 1] = np.linspace(0.0, 2.0 if success else -2.0, steps)
        runs.append(Trial(number, success, steps, first, seen))
    return runs


def test_chances_are_calibrated_and_grow_surer_towards_the_end() -> None:
    policy = MotorPolicy(((np.zeros((ACTION, FEATURES), np.float32), np.zeros(ACTION, np.float32)),))
    policy = calibrated(with_outcome(policy, made_up_runs(1500, 0)), made_up_runs(2000, 1))
    runs = made_up_runs(2000, 2)
    before, after = calibration_errors(policy, runs)
    assert before <= 0.05
    assert after <= 0.05
    ended_well = np.array([run.success for run in runs], dtype=float)
    at_start = np.array([policy.chance_before(run.first) for run in runs])
    at_end = np.array([policy.chance_after(run.features[-1]) for run in runs if run.features is not None])
    spread = [float(np.mean((chances - ended_well) ** 2)) for chances in (at_start, at_end)]  # Brier 1950
    assert spread[0] < 0.22  # a coin has 0.25
    assert spread[1] < 0.5 * spread[0]

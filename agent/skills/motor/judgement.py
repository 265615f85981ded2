"""A policy's knowledge of itself: a critic of its own runs, and how its odds become probabilities.

The critic learns from runs of the finished policy how they end (a Monte-Carlo value without discount, so that it is a
probability); isotonic regression on other runs makes it calibrated.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from yanshi.agent.skills.motor.calibration import Calibration, calibration_error
from yanshi.agent.skills.motor.features import FEATURES
from yanshi.agent.skills.motor.policy import MotorPolicy
from yanshi.agent.skills.motor.rollouts import Trial
from yanshi.agent.skills.motor.tuning import layers_of, network

__all__ = ["calibrated", "calibration_errors", "with_outcome"]

Array = NDArray[Any]
_HIDDEN = (32, 32)
_UPDATES = 800
_BATCH = 256
_DECAY = 0.1
"""Weight decay: there are few runs, and much stays the same in each, by which it could be known again …"""
_BLUR = 0.3
"""… for the same reason the normalised features are blurred by noise of this standard deviation."""
_LEAST_STD = 0.05


def with_outcome(policy: MotorPolicy, runs: Sequence[Trial], seed: int = 0) -> MotorPolicy:
    """The policy with a critic of its runs; `runs` must have kept their features."""
    rows = [np.concatenate([run.first[None], run.features]) for run in runs if run.features is not None]
    seen = np.concatenate(rows)
    ended_well = np.concatenate([
        np.full(len(row), float(run.success), np.float32) for row, run in zip(rows, runs, strict=True)
    ])  # fmt: skip
    # Every run counts the same, however long it was.
    weight = np.concatenate([np.full(len(row), 1.0 / len(row)) for row in rows])
    mean, std = seen.mean(axis=0), np.maximum(seen.std(axis=0), _LEAST_STD)
    torch.manual_seed(seed)
    net = network((FEATURES, *_HIDDEN, 1))
    steps = torch.optim.AdamW(net.parameters(), 1e-3, weight_decay=_DECAY)
    # Steps that shrink to nothing: where the last few take the critic shall not be a matter of chance.
    shrink = torch.optim.lr_scheduler.LinearLR(steps, 1.0, 0.0, _UPDATES)
    x, y = torch.as_tensor((seen - mean) / std, dtype=torch.float32), torch.as_tensor(ended_well)
    chances = torch.as_tensor(weight / weight.sum())
    for _ in range(_UPDATES):
        some = torch.multinomial(chances, _BATCH, replacement=True)
        blurred = x[some] + _BLUR * torch.randn(_BATCH, FEATURES)
        loss = torch.nn.functional.binary_cross_entropy_with_logits(net(blurred)[:, 0], y[some])
        steps.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        steps.step()
        shrink.step()
    return replace(policy, outcome=layers_of(net, mean, std))


def _odds(policy: MotorPolicy, runs: Sequence[Trial]) -> tuple[Array, Array, Array]:
    """Odds at the start and at the end of each run, and how it ended."""
    first = np.stack([run.first for run in runs])
    last = np.stack([run.first if run.features is None else run.features[-1] for run in runs])
    return policy.odds(first), policy.odds(last), np.array([run.success for run in runs], dtype=float)


def calibrated(policy: MotorPolicy, runs: Sequence[Trial]) -> MotorPolicy:
    """The policy with its odds made probabilities, on runs that its critic has not seen."""
    before, after, ended_well = _odds(policy, runs)
    return replace(policy, before=Calibration.fit(before, ended_well), after=Calibration.fit(after, ended_well))


def calibration_errors(policy: MotorPolicy, runs: Sequence[Trial]) -> tuple[float, float]:
    """Expected calibration error of the chances at the start and at the end, on yet other runs."""
    before, after, ended_well = _odds(policy, runs)
    assert policy.before is not None
    assert policy.after is not None
    return (
        calibration_error(policy.before(before), ended_well),
        calibration_error(policy.after(after), ended_well),
    )

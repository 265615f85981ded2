"""Runs of a manoeuvre in its training environment: demonstrations by the script, trials of any arm on given seeds."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from yanshi.agent.skills.motor.action import ACTION
from yanshi.agent.skills.motor.environment import MotorEnv
from yanshi.errors import InputError

__all__ = ["Act", "Demonstration", "Trial", "correct", "demonstrate", "trial", "trials"]

Array = NDArray[Any]
Act = Callable[[NDArray[np.float32]], Array]
"""Features (FEATURES,) → action (ACTION,)."""
_STRETCH = 10
"""Control steps after which it is drawn again who acts."""
_KEPT = 0.8
"""How much of the disturbance of one step remains in the next."""


@dataclass(frozen=True, slots=True)
class Demonstration:
    """One episode shown by the script, T steps."""

    features: NDArray[np.float32]
    """(T + 1, FEATURES)."""
    actions: NDArray[np.float32]
    """(T, ACTION) what was done."""
    labels: NDArray[np.float32]
    """(T, ACTION) what the script meant to do."""
    success: bool
    lost: bool
    """It ended because it could not succeed any more; else, without success, because the time was up."""


def demonstrate(env: MotorEnv, seed: int, noise: float) -> Demonstration:
    """Let the script show an episode, its actions disturbed so that it also shows how to recover (Laskey et al. 2017).

    Args:
        env: where.
        seed: of the episode and of the disturbance.
        noise: standard deviation of the disturbance, in units of actions; it lasts for several steps.
    """
    rng = np.random.default_rng([seed, 5])
    features = [env.reset(seed=seed)[0]]
    actions: list[NDArray[np.float32]] = []
    labels: list[NDArray[np.float32]] = []
    amount = noise * float(rng.random() < 0.75) * rng.uniform(0.3, 1.0)
    drift = np.zeros(ACTION)
    ended = lost = success = False
    while not ended:
        label = env.shown()
        drift = _KEPT * drift + np.sqrt(1.0 - _KEPT**2) * amount * rng.standard_normal(ACTION)
        drift[-1] = 0.0
        action = np.clip(label + drift, -1.0, 1.0).astype(np.float32)
        seen, _, terminated, truncated, info = env.step(action)
        features.append(seen)
        actions.append(action)
        labels.append(label.astype(np.float32))
        ended, success = terminated or truncated, bool(info["is_success"])
        lost = terminated and not success
    return Demonstration(np.stack(features), np.stack(actions), np.stack(labels), success, lost)


def correct(env: MotorEnv, act: Act, seed: int, share: float, noise: float) -> Demonstration:
    """Let a policy act and the guide say at every step what would have been right (Ross et al. 2011, DAgger).

    Args:
        env: where; its manoeuvre has a guide.
        act: the policy.
        seed: of the episode and of all that is random in it.
        share: of the stretches of steps in which the guide acts itself.
        noise: standard deviation of a disturbance of the actions.

    Raises:
        InputError: the manoeuvre has no guide.
    """
    rng = np.random.default_rng([seed, 6])
    features = [env.reset(seed=seed)[0]]
    actions: list[NDArray[np.float32]] = []
    labels: list[NDArray[np.float32]] = []
    drift, ended, success, lost, guided = np.zeros(ACTION), False, False, False, False
    while not ended:
        label = env.guided()
        if label is None:
            raise InputError(f"Manoeuvre '{env.manoeuvre.name}' has no guide.")
        if len(actions) % _STRETCH == 0:
            guided = bool(rng.random() < share)
        drift = _KEPT * drift + np.sqrt(1.0 - _KEPT**2) * noise * rng.standard_normal(ACTION)
        if env.control == "direct":
            drift[-1] = 0.0  # The fingers.
        action = np.clip((label if guided else act(features[-1])) + drift, -1.0, 1.0).astype(np.float32)
        seen, _, terminated, truncated, info = env.step(action)
        features.append(seen)
        actions.append(action)
        labels.append(label.astype(np.float32))
        ended, success = terminated or truncated, bool(info["is_success"])
        lost = terminated and not success
    return Demonstration(np.stack(features), np.stack(actions), np.stack(labels), success, lost)


@dataclass(frozen=True, slots=True)
class Trial:
    """How one run went."""

    seed: int
    success: bool
    steps: int
    first: NDArray[np.float32]
    """(FEATURES,) at the start."""
    features: NDArray[np.float32] | None = None
    """(T, FEATURES) of every step after an action, where they are kept."""


def trial(env: MotorEnv, act: Act | None, seed: int, severity: float, keep: bool = False) -> Trial:
    """Run a policy, or the script where there is none, on a seed."""
    first, _ = env.reset(seed=seed, options={"severity": severity})
    seen, kept, steps, ended, success = first, [], 0, False, False
    while not ended:
        if act is None:
            seen, _, terminated, truncated, info = env.step_script()
        else:
            seen, _, terminated, truncated, info = env.step(np.asarray(act(seen), dtype=np.float32))
        steps += 1
        if keep:
            kept.append(seen)
        ended, success = terminated or truncated, bool(info["is_success"])
    return Trial(seed, success, steps, first, np.stack(kept) if keep else None)


def trials(
    env: MotorEnv, act: Act | None, seeds: Sequence[int], severity: float, keep: bool = False
) -> Iterator[Trial]:
    """Runs on several seeds, one after another."""
    for seed in seeds:
        yield trial(env, act, seed, severity, keep)

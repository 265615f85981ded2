"""How sure a success rate is, and how sure a difference between two agents."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from yanshi.errors import InputError

Z95 = 1.959963984540054
"""97.5 % quantile of the normal distribution."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A value and the 95 % interval around it."""

    value: float
    low: float
    high: float


def wilson(successes: int, n: int) -> Interval:
    """The share of successes, with its 95 % score interval.

    Wilson (1927), "Probable inference, the law of succession, and statistical inference": unlike the textbook interval
    it stays within [0, 1] and does not shrink to nothing at 0 or n successes. For n = 0 it is all of [0, 1].

    Raises:
        InputError: `successes` is not between 0 and `n`.
    """
    if not 0 <= successes <= n:
        raise InputError(f"Expected 0 ≤ successes ≤ n, got {successes} of {n}.")
    if n == 0:
        return Interval(0.0, 0.0, 1.0)
    share = successes / n
    spread = Z95 * math.sqrt(share * (1 - share) / n + Z95**2 / (4 * n**2))
    middle = share + Z95**2 / (2 * n)
    scale = 1 + Z95**2 / n
    low = 0.0 if successes == 0 else (middle - spread) / scale
    high = 1.0 if successes == n else (middle + spread) / scale
    return Interval(share, low, high)


def paired_difference(a: Sequence[float], b: Sequence[float], *, draws: int = 10_000, seed: int = 0) -> Interval:
    """Mean of a - b over episodes of the same seeds, with its 95 % percentile bootstrap interval.

    Pairs are drawn together, so what a seed makes easy or hard for both cancels.

    Raises:
        InputError: The two are not of the same length, or empty.
    """
    if len(a) != len(b) or not a:
        raise InputError(f"Expected two results for each seed, got {len(a)} and {len(b)}.")
    difference = np.asarray(a, dtype=float) - np.asarray(b, dtype=float)
    rng = np.random.default_rng(seed)
    picks = rng.integers(0, len(difference), size=(draws, len(difference)))
    means = difference[picks].mean(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return Interval(float(difference.mean()), float(low), float(high))

"""Running mean and standard deviation of features, by which networks see numbers of about unit size."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from yanshi.agent.learning.features import Floats

SMALLEST_STD = 1e-3
"""What varies less than this (a finger that never moves) is not blown up."""


@dataclass(slots=True)
class Moments:
    """Count, mean and sum of squared deviations, merged batch by batch (Chan et al. 1979)."""

    mean: NDArray[np.float64]
    """(d,)"""
    squares: NDArray[np.float64]
    """(d,) Σ (x − mean)²"""
    count: float = 0.0

    @staticmethod
    def of_size(size: int) -> Moments:
        """Of nothing yet."""
        return Moments(np.zeros(size), np.zeros(size))

    def add(self, x: Floats) -> None:
        """Take in n vectors (n, d)."""
        if len(x) == 0:
            return
        wide = np.asarray(x, dtype=np.float64)
        total = self.count + len(wide)
        delta = wide.mean(axis=0) - self.mean
        self.squares = self.squares + wide.var(axis=0) * len(wide) + delta**2 * self.count * len(wide) / total
        self.mean = self.mean + delta * len(wide) / total
        self.count = total

    @property
    def std(self) -> Floats:
        """(d,) at least `SMALLEST_STD`; ones before anything has come."""
        if self.count == 0:
            return np.ones(len(self.mean), dtype=np.float32)
        return np.maximum(np.sqrt(self.squares / self.count), SMALLEST_STD).astype(np.float32)

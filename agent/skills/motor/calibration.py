"""From scores to probabilities that can be taken at their word: isotonic regression, and how far off it is.

Zadrozny & Elkan 2002: the best non-decreasing step function from scores to frequencies, by pooling adjacent violators.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Calibration", "calibration_error"]

Array = NDArray[Any]
_GROUP = 20
"""How many runs make a frequency."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """A non-decreasing map, linear between knots."""

    scores: tuple[float, ...]
    chances: tuple[float, ...]

    @classmethod
    def fit(cls, scores: Array, outcomes: Array) -> Calibration:
        """Fit to scores (n,) and what became of them (n,), 0 or 1.

        Neighbours are first taken together, so many that a frequency means something; half a success and half a failure
        are added to each group (Jeffreys), so that no chance is ever 0 or 1.
        """
        order = np.argsort(scores, kind="stable")
        groups = np.array_split(order, max(1, len(order) // _GROUP))
        blocks: list[tuple[float, float, float]] = []  # chance, weight, score
        for group in groups:
            chance = (float(np.sum(outcomes[group])) + 0.5) / (len(group) + 1.0)
            blocks.append((chance, float(len(group)), float(np.mean(scores[group]))))
            while len(blocks) > 1 and blocks[-2][0] >= blocks[-1][0]:
                last, before = blocks.pop(), blocks.pop()
                weight = before[1] + last[1]
                mixed = ((before[k] * before[1] + last[k] * last[1]) / weight for k in (0, 2))
                blocks.append((next(mixed), weight, next(mixed)))
        return cls(tuple(block[2] for block in blocks), tuple(block[0] for block in blocks))

    def __call__(self, score: Any) -> Array:
        """The probability of a score."""
        return np.asarray(np.interp(score, self.scores, self.chances))

    def dump(self) -> dict[str, Any]:
        """Plain numbers."""
        return {"scores": list(self.scores), "chances": list(self.chances)}

    @classmethod
    def load(cls, values: dict[str, Any]) -> Calibration:
        """From what `dump` made."""
        return cls(tuple(map(float, values["scores"])), tuple(map(float, values["chances"])))


def calibration_error(chances: Array, outcomes: Array, bins: int = 10) -> float:
    """Expected calibration error: the mean over bins of equal width of |mean chance - frequency|, weighted by count."""
    chances, outcomes = np.asarray(chances, dtype=float), np.asarray(outcomes, dtype=float)
    where = np.minimum((chances * bins).astype(int), bins - 1)
    gaps = [abs(chances[where == b].sum() - outcomes[where == b].sum()) for b in range(bins)]
    return float(np.sum(gaps) / max(len(chances), 1))

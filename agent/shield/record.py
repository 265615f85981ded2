"""What the shield did: one small record for every action that it changed, and how often each reason came up."""

from __future__ import annotations

import logging
from collections import Counter, deque
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

__all__ = ["REASONS", "Intervention", "Journal", "Reason"]

Reason = Literal[
    "not_finite", "range", "speed", "acceleration", "jerk", "joint_speed", "joint_acceleration", "joint_limit",
    "workspace", "self_collision", "arm_obstacle", "base_obstacle", "contact_force", "person", "stale", "blind",
]  # fmt: skip
REASONS: tuple[Reason, ...] = get_args(Reason)
"""Every reason for which an action may be changed."""

_LOG = logging.getLogger("yanshi.shield")
_QUIET = 1.0
"""A reason is logged anew when it did not come up for this long [s]."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Intervention:
    """An action that was changed."""

    stamp: float
    """Of the observation [s]."""
    reasons: tuple[Reason, ...]
    """Why, in the order in which they were found."""
    asked: NDArray[np.float32]
    """(nu,) as it came."""
    given: NDArray[np.float32]
    """(nu,) as it went to the motors."""

    def __str__(self) -> str:
        return f"{self.stamp:.2f} s: {', '.join(self.reasons)}"


class Journal:
    """The interventions of one episode."""

    def __init__(self, length: int = 1000) -> None:
        self.total = 0
        """How many actions were changed."""
        self.by_reason: Counter[Reason] = Counter()
        """For how many of them each reason held; an action may have several."""
        self.recent: deque[Intervention] = deque(maxlen=length)
        """The newest ones, oldest first."""
        self._last: dict[Reason, float] = {}

    def clear(self) -> None:
        """A new episode."""
        self.total = 0
        self.by_reason.clear()
        self.recent.clear()
        self._last.clear()

    def add(self, intervention: Intervention) -> None:
        """Count an intervention; the first of a series goes to the log."""
        self.total += 1
        self.recent.append(intervention)
        for reason in intervention.reasons:
            self.by_reason[reason] += 1
            last = self._last.get(reason)
            if last is None or not 0.0 <= intervention.stamp - last <= _QUIET:
                _LOG.info("shield at %.2f s: %s", intervention.stamp, reason.replace("_", " "))
            self._last[reason] = intervention.stamp

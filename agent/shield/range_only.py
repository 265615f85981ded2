"""The last word before the motors: actions are finite and in range, whatever produced them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from yanshi.contracts import Observation
from yanshi.errors import ContractError

POSITION_CHANNELS = frozenset({"gripper"})
"""Channels that hold a position target; in all others 0 means "do not move"."""


class RangeShield:
    """Refuses actions that are not finite and clips the others to [-1, 1].

    A refused action becomes zero motion: every velocity is 0 and the gripper keeps its last target, so that what it
    holds is not dropped.
    """

    def __init__(self, action_names: Sequence[str]) -> None:
        self._keep = np.array([name in POSITION_CHANNELS for name in action_names])
        self._last = np.zeros(len(action_names), dtype=np.float32)
        self.interventions = 0
        """How many actions were changed so far."""

    def filter(self, action: NDArray[np.float32], observation: Observation) -> NDArray[np.float32]:
        """The action that is applied, (nu,) float32 in [-1, 1]. Raises: ContractError if the shape is wrong."""
        if action.shape != self._last.shape:
            raise ContractError(f"Action: expected shape {self._last.shape}, got {action.shape}.")
        if np.all(np.isfinite(action)):
            safe = np.clip(action, -1.0, 1.0).astype(np.float32)
            changed = not np.array_equal(safe, action)
        else:
            safe = np.where(self._keep, self._last, np.float32(0.0))
            changed = True
        self.interventions += changed
        self._last = safe
        return safe

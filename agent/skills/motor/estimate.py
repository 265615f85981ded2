"""What an imperfect perception would believe of one thing: the simulated belief of the training environments.

The error of a position has two halves of equal variance: one stays for the whole episode (calibration, a view from one
side), the other wanders with a time constant of 0.3 s from picture to picture (10 Hz).

A lifelike belief has besides what learned perception shows in whole tasks: each side of a thing is wrong in its own
way, the stated covariance is smaller than it should be, and the hand hides the thing for a while, whose place then
grows uncertain as it does in the belief of an agent (`planning.association`).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from yanshi.agent.skills.motor.perturbation import NOMINAL, Perturbation
from yanshi.contracts import Entity
from yanshi.planning.association import UNSEEN_GROWTH

__all__ = ["PICTURE", "NoisyEstimate"]

PICTURE = 0.1
"""Seconds between pictures."""
_WANDER = 0.3
"""Time constant of the half of the error that wanders [s]."""
_KEPT = float(np.exp(-PICTURE / _WANDER))
_SIDES = 0.15
"""Of a lifelike belief: by which share each side may be off."""
_SURE = (0.25, 1.0)
"""… and how much of the true standard deviation it states, from … to, …"""
_SUREST = 0.002
"""… and at least [m]."""
_SEEN_FOR, _HIDDEN_FOR = 0.8, 0.5
"""… and for how long a thing is seen and hidden by turns, in the mean [s]."""


class NoisyEstimate:
    """The estimate of one entity's place, yaw and size in one episode.

    Args:
        rng: of the errors.
        fault: how great they are.
        lifelike: whether it errs as learned perception does.
    """

    def __init__(self, rng: np.random.Generator, fault: Perturbation, lifelike: bool = False) -> None:
        self._rng = rng
        self._std = np.array([fault.position, fault.position, 0.5 * fault.position, fault.angle])
        share = np.sqrt(0.5)
        self._fixed = share * self._std * rng.standard_normal(4)
        self._wandering = share * self._std * rng.standard_normal(4)
        self.ratio = float(rng.uniform(1.0 - fault.size, 1.0 + fault.size))
        """Believed size over true size."""
        # A belief may doubt more than it must: an oracle tells 1 cm of what it knows exactly.
        doubt = float(rng.spawn(1)[0].uniform()) * NOMINAL.position
        self._covariance = np.diag(np.maximum(self._std[:3], doubt) ** 2)
        self._sides = np.ones(3)
        self._hiding: np.random.Generator | None = None
        self._hidden_until = 0.0
        if lifelike:
            (life,) = rng.spawn(1)
            self._sides = life.uniform(1.0 - _SIDES, 1.0 + _SIDES, 3)
            self._covariance = np.diag(np.maximum(life.uniform(*_SURE) * self._std[:3], _SUREST) ** 2)
            self._hiding = life
        self._next = 0.0
        self._entity: Entity | None = None
        self.opening = 0.0
        """How far a part is believed to be open, 0 … 1."""

    def update(self, truth: Entity, stamp: float, opening: float | None = None) -> Entity:
        """The estimate at a time [s], of a thing that truly is `truth`: a new one when a picture is due.

        A part's opening, 0 … 1, is seen as well as its position: the error of the first axis counts, over half a metre.
        """
        due = self._entity is None or stamp >= self._next - 1e-9
        if due and self._hiding is not None and self._entity is not None:
            if stamp >= self._hidden_until and self._hiding.random() < PICTURE / _SEEN_FOR:
                self._hidden_until = stamp + self._hiding.exponential(_HIDDEN_FOR)
            due = stamp >= self._hidden_until
        if due:
            fresh = np.sqrt(0.5 * (1.0 - _KEPT**2)) * self._std * self._rng.standard_normal(4)
            self._wandering = _KEPT * self._wandering + fresh
            error = self._fixed + self._wandering
            self._next = (stamp if self._entity is None or self._hiding is not None else self._next) + PICTURE
            self.opening = 0.0 if opening is None else float(np.clip(opening + 2.0 * error[0], 0.0, 1.0))
            self._entity = replace(
                truth,
                position_w=truth.position_w + error[:3],
                yaw=truth.yaw + float(error[3]),
                extent=np.asarray(truth.extent) * self.ratio * self._sides,
                covariance=self._covariance,
                last_seen=stamp,
            )
        elif self._hiding is not None:
            assert self._entity is not None
            assert self._entity.last_seen is not None
            spread = UNSEEN_GROWTH * (stamp - self._entity.last_seen) * np.eye(3)
            self._entity = replace(self._entity, covariance=self._covariance + spread)
        assert self._entity is not None
        return self._entity

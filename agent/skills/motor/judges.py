"""Judges: how an episode stands by the truth."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Protocol

import numpy as np

from yanshi.contracts import Fact
from yanshi.envs.oracle import Oracle
from yanshi.envs.simulation import Simulation

__all__ = ["Brought", "Changed", "Judge", "Moment", "Truth"]

_ASTRAY = 0.35
"""An object that has gone farther than this from where it was [m] is lost, unless that is what is wanted."""
_FALLEN = 0.1
"""… or sunk by more than this [m]."""


class Moment(Enum):
    """How an episode stands."""

    GOING = "going"
    DONE = "done"
    LOST = "lost"
    """It cannot succeed any more: the thing has fallen off, say."""


@dataclass(frozen=True, slots=True)
class Truth:
    """What a judge may look at: the simulation, its oracle, and which entities it is about."""

    sim: Simulation
    oracle: Oracle
    names: tuple[str, ...]


class Judge(Protocol):
    """Says by the truth how an episode stands; made where it starts, called once a control step."""

    def __call__(self) -> Moment:
        """How it stands now."""
        ...


class Brought:
    """Done when a fact about an object has been true for some steps on end.

    Args:
        truth: of the episode; its first name is the object.
        fact: what shall become true.
        steps: for how many control steps.
        lifted: how much higher than at the start the object must be besides [m].
        astray: how far it may go [m].
        sunk: how far it may sink [m].
    """

    def __init__(
        self,
        truth: Truth,
        fact: Fact,
        *,
        steps: int,
        lifted: float | None = None,
        astray: float = 3.0 * _ASTRAY,
        sunk: float = _FALLEN,
    ) -> None:
        self._truth, self._fact, self._wanted, self._lifted = truth, fact, steps, lifted
        self._astray, self._sunk = astray, sunk
        self._body = truth.sim.world.thing(truth.names[0]).body
        self._start = truth.sim.data.xpos[self._body].copy()
        self._steps = 0

    def __call__(self) -> Moment:
        """How it stands now."""
        moved = self._truth.sim.data.xpos[self._body] - self._start
        if moved[2] < -self._sunk or float(np.hypot(moved[0], moved[1])) > self._astray:
            return Moment.LOST
        high = self._lifted is None or bool(moved[2] > self._lifted)
        self._steps = self._steps + 1 if high and self._truth.oracle.true(self._fact) else 0
        return Moment.DONE if self._steps >= self._wanted else Moment.GOING


class Changed:
    """Done when a fact is no longer as it was at the start, or, if `wanted` says how it shall be, is so."""

    def __init__(self, truth: Truth, fact: Fact, wanted: bool | None = None) -> None:
        self._truth, self._fact = truth, fact
        self._wanted = not truth.oracle.true(fact) if wanted is None else wanted

    def __call__(self) -> Moment:
        """How it stands now."""
        return Moment.DONE if self._truth.oracle.true(self._fact) == self._wanted else Moment.GOING

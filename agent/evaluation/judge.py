"""Compares what the agent says with what is so. Only recorders and benchmarks read it; the agent never does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from yanshi.agent.episode import Outcome, Request, Step
from yanshi.goals import Goal

LOOK_EVERY = 5
"""Turns between two looks at whether the goal happens to hold."""


class Truth(Protocol):
    """What the judge asks, such as `yanshi.envs.oracle.Oracle`."""

    def holds(self, goal: Goal) -> bool:
        """Whether a goal is met now."""

    def progress(self, goal: Goal) -> float:
        """The part of its conditions that are met [0, 1]."""


class Judge:
    """A subscriber that asks the oracle at the end of each instruction whether its goal holds."""

    def __init__(self, oracle: Truth, goals: Sequence[Goal]) -> None:
        """Check `goals`, one for each instruction, in the oracle's names."""
        self._oracle = oracle
        self._goals = tuple(goals)
        self._asked = 0
        self.verdicts: list[bool] = []
        """For each instruction that was begun, whether its goal held when it was over."""
        self.progress = 0.0
        """Share of the goals' conditions that were met when their instruction was over [0, 1]."""
        self.ever = False
        """Whether the goal of the last instruction held at any time."""
        self.claimed_success = False

    def on_start(self, requests: Sequence[Request]) -> None:
        """Nothing yet."""

    def on_step(self, step: Step) -> None:
        """Judge an instruction when the next one begins."""
        for event in step.events:
            if event.kind == "asked":
                if self._asked:
                    self._judge()
                self._asked += 1
        if self._asked == len(self._goals) and step.index % LOOK_EVERY == 0 and not self.ever:
            self.ever = self._oracle.holds(self._goals[-1])

    def on_end(self, outcome: Outcome) -> None:
        """Judge the last instruction that was begun."""
        self.claimed_success = outcome.claimed_success
        if self._asked:
            self._judge()

    @property
    def success(self) -> bool:
        """Whether every instruction was carried out."""
        return len(self.verdicts) == len(self._goals) and all(self.verdicts)

    def _judge(self) -> None:
        goal = self._goals[self._asked - 1]
        self.verdicts.append(self._oracle.holds(goal))
        self.progress += self._oracle.progress(goal) / len(self._goals)

"""Where others plug in to the loop: seven small protocols. `yanshi.agent.fakes` has a fake of each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from yanshi.agent.episode import Outcome, Request, Step
from yanshi.agent.skills.skill import SkillStep
from yanshi.contracts import Observation, Percept, Plan, SkillCall, Subtask, WorldState
from yanshi.goals import Goal


class Source(Protocol):
    """Where observations come from and actions go: MuJoCo, a log or a robot."""

    def observe(self) -> Observation:
        """The newest reading of every sense."""

    def apply(self, action: NDArray[np.float32]) -> None:
        """Carry out one action (nu,) in [-1, 1]; returns when the next observation is due."""


class Perception(Protocol):
    """What is made of an observation."""

    def perceive(self, observation: Observation) -> Percept:
        """The things, sounds and relations found in `observation`."""


class Tracker(Protocol):
    """Keeps the belief."""

    def reset(self) -> WorldState:
        """The belief before anything was sensed: what the map says."""

    def update(
        self, belief: WorldState, percept: Percept, observation: Observation, last: Subtask | None
    ) -> WorldState:
        """The belief after a percept; `last` is a step that has just ended, whose effects may be expected."""


class Planner(Protocol):
    """Decides what to do."""

    def plan(self, request: Request, belief: WorldState, observation: Observation) -> Plan:
        """A plan that reaches the goal; no steps if it is reached already. Raises: PlanningError if there is none."""

    def fault(self, goal: Goal, remaining: Sequence[Subtask], belief: WorldState, *, under_way: bool) -> str | None:
        """Why the steps that remain can no longer reach the goal from `belief`, or None if they still can.

        The first of them may be `under_way`: then it is taken to end well, and only what follows is doubted.
        """

    def reached(self, goal: Goal, belief: WorldState) -> bool:
        """Whether the goal is believed to be true."""


class Skills(Protocol):
    """Carries out one step at a time."""

    def start(self, call: SkillCall, belief: WorldState, observation: Observation) -> None:
        """Begin a skill; ends the one before."""

    def act(self, belief: WorldState, observation: Observation) -> SkillStep:
        """The next action of the skill that was started last. After it has ended: keep still."""


class Shield(Protocol):
    """Has the last word before the motors."""

    @property
    def interventions(self) -> int:
        """How many actions were changed so far."""

    def filter(self, action: NDArray[np.float32], observation: Observation) -> NDArray[np.float32]:
        """A safe action (nu,) in [-1, 1], as near to `action` as can be."""


class Subscriber(Protocol):
    """Is told everything and changes nothing: video, report, progress."""

    def on_start(self, requests: Sequence[Request]) -> None:
        """An episode begins; `requests` are to be carried out one after another."""

    def on_step(self, step: Step) -> None:
        """One turn of the loop has been made."""

    def on_end(self, outcome: Outcome) -> None:
        """The episode is over, or was interrupted."""

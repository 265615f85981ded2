"""The values that the loop hands out: what was asked, what happened in one turn, how it ended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from yanshi.contracts import Observation, Percept, Plan, SkillCall, Subtask, WorldState
from yanshi.goals import Goal

EventKind = Literal["asked", "planned", "started", "succeeded", "failed", "replanned", "finished"]
Trigger = Literal["start", "failure", "discovery", "change", "unfinished"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A step that did not work, as the planner is told of it."""

    call: SkillCall
    reason: str
    stamp: float
    """[s]."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is wanted of the planner: an instruction, what it was understood to mean, and what has gone wrong so far."""

    text: str
    goal: Goal
    thought: str = ""
    """How the words were understood."""
    failures: tuple[Failure, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something worth telling: a plan was made, a step began, a step failed."""

    kind: EventKind
    stamp: float
    """[s]."""
    text: str
    trigger: Trigger | None = None
    """Why a plan was made, for ``planned`` and ``replanned``."""
    call: SkillCall | None = None
    """The step it is about, for ``started``, ``succeeded`` and ``failed``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One turn of the loop, as subscribers are told of it."""

    index: int
    observation: Observation
    percept: Percept
    belief: WorldState
    plan: Plan | None
    """The plan being carried out, with the status of every step."""
    current: Subtask | None
    activity: str
    """What the running skill is doing, in a few words."""
    action: NDArray[np.float32] | None
    """(nu,) in [-1, 1], as applied; None in the last turn, when all is over."""
    events: tuple[Event, ...] = ()
    """What happened since the turn before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How an episode ended, as the agent itself knows it."""

    claimed_success: bool
    reason: str
    """Why it ended, one sentence."""
    subtasks: tuple[Subtask, ...]
    """Every step that was begun, in order, and then those of the last plan that never were."""
    thought: str
    """The last plan's thought."""
    planner: str
    """Who made the last plan: ``search``, ``library``, …"""
    replans: int
    """How many times a new plan replaced one that was being carried out."""
    completed: int
    """How many of the instructions were carried out, as the agent believes."""
    instructions: int
    sim_seconds: float
    planner_seconds: float
    """Wall-clock time spent thinking [s]."""
    interventions: int = 0
    """How many actions the shield changed."""
    interrupted: bool = False
    error: str | None = None
    """The exception that ended it, as ``ValueError: its message`` on one line; None if none did."""

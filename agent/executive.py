"""Carries a plan out: the life of each step, and when to think again.

A step goes PENDING → RUNNING → SUCCEEDED or FAILED. It has succeeded only when its skill says so *and* what it was
expected to bring about is not contradicted by what is seen. There is a new plan when a step fails, when something that
was looked for has been found, when the world has changed so that the rest of the plan can no longer work, and when the
plan is over but the goal is not believed to be reached.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from yanshi.agent.episode import Event, EventKind, Failure, Outcome, Request, Trigger
from yanshi.agent.interfaces import Planner, Skills
from yanshi.contracts import Held, Observation, Plan, Status, Subtask, WorldState
from yanshi.errors import PlanningError
from yanshi.goals import Fact

DISCOVERIES = frozenset({"look_for", "listen"})
"""Skills whose success is news: what was planned before it was made without knowing where the thing is."""
OBSERVED = frozenset({"seen", "heard", "felt", "map"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How long and how often to try."""

    horizon: float = 300.0
    """Seconds for each instruction."""
    step: float = 150.0
    """Seconds of one step."""
    replans: int = 10
    """New plans after something went wrong, for each instruction."""
    settle: float = 0.4
    """Seconds that the senses are given after a step before its effects are judged."""
    change_period: float = 0.4
    """Seconds between two looks at whether the rest of the plan still works; two in a row must say no."""


class Executive:
    """What the agent is at: the plan, the step of it that runs, and how it went so far."""

    def __init__(self, planner: Planner, skills: Skills, requests: Sequence[Request], limits: Limits) -> None:
        self._planner = planner
        self._skills = skills
        self._requests = list(requests)
        self._limits = limits
        self._at = 0
        self._index = 0
        self._events: list[Event] = []
        self._begun: list[Subtask] = []
        self._troubles = 0
        self._replans = 0
        self._planner_seconds = 0.0
        self._asked_at = 0.0
        self._ended_at: float | None = None
        self._suspicion: str | None = None
        self._checked_at = -np.inf
        self._reason: str | None = None
        self._claimed = False
        self.plan: Plan | None = None
        self.last: Subtask | None = None
        """The step that has just ended, for one turn: the tracker may expect its effects."""
        self.activity = ""

    @property
    def current(self) -> Subtask | None:
        """The step that runs."""
        if self.plan is None or self._index >= len(self.plan.subtasks):
            return None
        return self.plan.subtasks[self._index]

    @property
    def finished(self) -> bool:
        """Whether there is nothing more to do, for good or ill."""
        return self._reason is not None

    def take_events(self) -> tuple[Event, ...]:
        """What happened since this was last asked."""
        events, self._events = tuple(self._events), []
        return events

    def think(self, belief: WorldState, observation: Observation) -> None:
        """Judge the running step, plan anew where needed, start the next step. After it one runs, or all is over."""
        now = observation.stamp
        if now - self._asked_at >= self._limits.horizon:
            self._finish(now, False, f"Out of time: {self._limits.horizon:.0f} s have passed.")
            return
        if self.plan is None:
            self._ask(now)
            self._replan(belief, observation, "start")
        elif self._ended_at is not None and now - self._ended_at >= self._limits.settle:
            self._judge(belief, observation)
        elif self._ended_at is None:
            self._watch(belief, observation)
        while not self.finished and self.current is None:
            self._close_instruction(belief, observation)

    def act(self, belief: WorldState, observation: Observation) -> NDArray[np.float32]:
        """The running skill's next action (nu,). Its end is noted and judged when the senses have had time to look."""
        result = self._skills.act(belief, observation)
        self.last = None
        current = self.current
        if current is None:
            return result.action
        self.activity = result.phase if not result.note else f"{result.phase}: {result.note}".lstrip(": ")
        now = observation.stamp
        if self._ended_at is not None or current.started is None:
            return result.action
        if result.status is Status.SUCCEEDED:
            self._ended_at = now
            self.last = replace(current, status=Status.SUCCEEDED, ended=now)
        elif result.status is Status.FAILED:
            self._set(current, Status.FAILED, now, result.note or "the skill gave up")
        elif now - current.started > self._limits.step:
            self._set(current, Status.FAILED, now, f"took longer than {self._limits.step:.0f} s")
        return result.action

    def outcome(self, now: float, interventions: int, cut_short: BaseException | None = None) -> Outcome:
        """How it ended, or stands, at time `now` [s]; `cut_short` by what was raised before it was over, if by
        anything.
        """
        error = _in_words(cut_short) if isinstance(cut_short, Exception) else None
        interrupted = cut_short is not None and error is None
        pending = self.plan.subtasks[self._index :] if self.plan is not None else ()
        return Outcome(
            claimed_success=self._claimed,
            reason=_reason_of_end(interrupted, error) or self._reason or "Stopped before it was done.",
            subtasks=(*self._begun, *(s for s in pending if s.status is not Status.FAILED)),
            thought=self.plan.thought if self.plan else "",
            planner=self.plan.source if self.plan else "",
            replans=self._replans,
            completed=self._at,
            instructions=len(self._requests),
            sim_seconds=now,
            planner_seconds=self._planner_seconds,
            interventions=interventions,
            interrupted=interrupted,
            error=error,
        )

    # How a step ends.

    def _judge(self, belief: WorldState, observation: Observation) -> None:
        """After the senses have looked: has the step brought about what it should?"""
        current = self.current
        assert current is not None
        contradicted = [
            (fact, held) for fact, value in current.expects if (held := belief.facts.get(fact)) and held.value != value
        ]
        self._ended_at = None
        if contradicted:
            self._set(current, Status.FAILED, observation.stamp, "; ".join(_describe(*item) for item in contradicted))
            self._replan(belief, observation, "failure")
            return
        self._set(current, Status.SUCCEEDED, observation.stamp, "")
        self._index += 1
        if current.call.skill in DISCOVERIES:
            self._replan(belief, observation, "discovery")
        else:
            self._continue(belief, observation)

    def _watch(self, belief: WorldState, observation: Observation) -> None:
        """While a step runs: has it failed, or has the world changed under the plan?"""
        current = self.current
        if current is None:
            return
        if current.status is Status.FAILED:
            self._replan(belief, observation, "failure")
            return
        now = observation.stamp
        if now - self._checked_at < self._limits.change_period or self.plan is None:
            return
        self._checked_at = now
        fault = self._planner.fault(self.plan.goal, self.plan.subtasks[self._index :], belief, under_way=True)
        if fault is not None and self._suspicion is not None:
            self._set(current, Status.FAILED, now, f"the world has changed: {fault}")
            self._replan(belief, observation, "change")
        else:
            self._suspicion = fault

    def _set(self, subtask: Subtask, status: Status, now: float, note: str) -> None:
        """Write the end of the running step into the plan and tell it."""
        assert self.plan is not None
        ended = replace(subtask, status=status, ended=now, note=note)
        steps = (*self.plan.subtasks[: self._index], ended, *self.plan.subtasks[self._index + 1 :])
        self.plan = replace(self.plan, subtasks=steps)
        self._begun.append(ended)
        kind: EventKind = "succeeded" if status is Status.SUCCEEDED else "failed"
        self._tell(kind, now, note or str(subtask.call), call=ended)
        if status is Status.FAILED:
            request = self._requests[self._at]
            failure = Failure(call=subtask.call, reason=note, stamp=now)
            self._requests[self._at] = replace(request, failures=(*request.failures, failure))

    # How the next step begins.

    def _continue(self, belief: WorldState, observation: Observation) -> None:
        """Start the next step, if it can still work."""
        if self.current is None or self.plan is None:
            return
        fault = self._planner.fault(self.plan.goal, self.plan.subtasks[self._index :], belief, under_way=False)
        if fault is not None:
            self._tell("failed", observation.stamp, fault)
            self._replan(belief, observation, "change")
            return
        self._start(belief, observation)

    def _start(self, belief: WorldState, observation: Observation) -> None:
        current = self.current
        assert current is not None
        assert self.plan is not None
        running = replace(current, status=Status.RUNNING, started=observation.stamp)
        steps = (*self.plan.subtasks[: self._index], running, *self.plan.subtasks[self._index + 1 :])
        self.plan = replace(self.plan, subtasks=steps)
        self._suspicion, self._ended_at, self._checked_at = None, None, observation.stamp
        self._skills.start(running.call, belief, observation)
        self._tell("started", observation.stamp, str(running.call), call=running)

    def _replan(self, belief: WorldState, observation: Observation, trigger: Trigger) -> None:
        """Think, and start the first step of the new plan."""
        now = observation.stamp
        if trigger not in ("start", "discovery"):
            self._troubles += 1
            if self._troubles > self._limits.replans:
                self._finish(now, False, f"Gave up after {self._limits.replans} new plans: {self._last_trouble()}")
                return
        began = time.perf_counter()
        try:
            plan = self._planner.plan(self._requests[self._at], belief, observation)
        except PlanningError as error:
            self._finish(now, False, str(error))
            return
        finally:
            self._planner_seconds += time.perf_counter() - began
        self._replans += trigger != "start"
        self.plan, self._index = plan, 0
        steps = " → ".join(str(s.call) for s in plan.subtasks) or "nothing to do"
        self._tell("planned" if trigger == "start" else "replanned", now, steps, trigger=trigger)
        if plan.subtasks:
            self._start(belief, observation)

    def _close_instruction(self, belief: WorldState, observation: Observation) -> None:
        """The plan is over: go on to the next instruction, think again, or finish."""
        assert self.plan is not None
        now = observation.stamp
        if not self._planner.reached(self.plan.goal, belief):
            if self.plan.subtasks:
                self._tell("failed", now, "every step is done, but the goal is not seen to be reached")
                self._replan(belief, observation, "unfinished")
            else:
                self._finish(now, False, "The planner has nothing to do, but the goal is not seen to be reached.")
            return
        self._at += 1
        if self._at == len(self._requests):
            self._finish(now, True, "Every step is done and the goal is seen to be reached.")
            return
        self.plan, self._troubles = None, 0
        self._ask(now)
        self._replan(belief, observation, "start")

    def _ask(self, now: float) -> None:
        self._asked_at = now
        self._tell("asked", now, self._requests[self._at].text)

    def _finish(self, now: float, claimed: bool, reason: str) -> None:
        if self._running:
            current = self.current
            assert current is not None
            self._set(current, Status.FAILED, now, reason)
            self._index += 1
        self._claimed, self._reason = claimed, reason
        self._tell("finished", now, reason)

    @property
    def _running(self) -> bool:
        return self.current is not None and self.current.status is Status.RUNNING

    def _last_trouble(self) -> str:
        failures = self._requests[self._at].failures
        return f"{failures[-1].call}: {failures[-1].reason}." if failures else "the goal was never seen to be reached."

    def _tell(
        self, kind: EventKind, now: float, text: str, *, trigger: Trigger | None = None, call: Subtask | None = None
    ) -> None:
        skill = call.call if call is not None else None
        self._events.append(Event(kind=kind, stamp=now, text=text, trigger=trigger, call=skill))


def _in_words(error: Exception) -> str:
    """An exception on one line: its type, and its message if it has one."""
    return " ".join(f"{type(error).__name__}: {error}".split()).removesuffix(":")


def _reason_of_end(interrupted: bool, error: str | None) -> str | None:
    """Why it ended before it was over, one sentence."""
    if error is not None:
        return f"Ended by an error: {error.removesuffix('.')}."
    return "Interrupted." if interrupted else None


def _describe(fact: Fact, held: Held) -> str:
    seen = "seen" if held.provenance in OBSERVED else "believed"
    return f"{fact} is {seen} to be {str(held.value).lower()}"

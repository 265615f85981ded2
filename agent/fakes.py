"""A fake of each part of the loop: a world without physics, in which a step's expected facts come true.

For tests, for examples, and for trying one real part at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from yanshi.agent.episode import Outcome, Request, Step
from yanshi.agent.skills.skill import SkillStep
from yanshi.contracts import (
    Frame,
    Held,
    Observation,
    Percept,
    Plan,
    Proprioception,
    SkillCall,
    Status,
    Subtask,
    WorldState,
)
from yanshi.errors import PlanningError
from yanshi.goals import Fact, Goal

NU = 12
CONTROL_DT = 0.04


def fake_observation(stamp: float, frames: Mapping[str, Frame] | None = None) -> Observation:
    """An observation of a robot that stands still, at `stamp` [s]."""
    proprioception = Proprioception(
        joint_names=("joint1",),
        joint_positions=np.zeros(1),
        joint_velocities=np.zeros(1),
        odometry=np.zeros(3),
        base_velocity_b=np.zeros(3),
        T_be=np.eye(4),
        gripper_opening=0.08,
    )
    return Observation(stamp=stamp, frames=dict(frames or {}), proprioception=proprioception)


class FakeSource:
    """Facts that change when a skill ends; time goes on by one control step an action."""

    def __init__(self, facts: Mapping[Fact, bool] | None = None) -> None:
        self.facts = dict(facts or {})
        self.time = 0.0
        self.actions: list[NDArray[np.float32]] = []
        self.at: dict[float, Callable[[FakeSource], None]] = {}
        """What happens of itself: time [s] → a change."""

    def observe(self) -> Observation:
        """Nothing but the time."""
        return fake_observation(self.time)

    def apply(self, action: NDArray[np.float32]) -> None:
        """Remember the action; let time go on, and happen what is due."""
        self.actions.append(action)
        self.time = round(self.time + CONTROL_DT, 6)
        for due in [t for t in self.at if t <= self.time]:
            self.at.pop(due)(self)


class FakePerception:
    """Sees every fact of a `FakeSource`, true or false."""

    def __init__(self, source: FakeSource) -> None:
        self._source = source

    def perceive(self, observation: Observation) -> Percept:
        """All facts there are."""
        return Percept(stamp=observation.stamp, base_pose_w=np.zeros(3), facts=dict(self._source.facts), source="fake")


class FakeTracker:
    """Believes what was seen last."""

    def __init__(self) -> None:
        self.ended: list[Subtask] = []
        """The steps whose end it was told."""

    def reset(self) -> WorldState:
        """Nothing is known."""
        return WorldState(stamp=0.0, base_pose_w=np.zeros(3))

    def update(
        self, belief: WorldState, percept: Percept, observation: Observation, last: Subtask | None
    ) -> WorldState:
        """Put what was seen in the place of what was believed."""
        if last is not None:
            self.ended.append(last)
        seen = {fact: Held(value=value, stamp=percept.stamp) for fact, value in percept.facts.items()}
        return belief.with_(stamp=percept.stamp, base_pose_w=percept.base_pose_w, facts={**belief.facts, **seen})


@dataclass
class FakePlanner:
    """Hands out prepared plans, one after another; the last one again and again."""

    plans: Sequence[Sequence[Subtask]]
    faults: Callable[[Sequence[Subtask], WorldState], str | None] = lambda remaining, belief: None
    """What is wrong with the steps that follow the one under way."""
    requests: list[Request] = field(default_factory=list)

    def plan(self, request: Request, belief: WorldState, observation: Observation) -> Plan:
        """The next prepared plan."""
        self.requests.append(request)
        if not self.plans:
            raise PlanningError("No plan reaches the goal.")
        steps = self.plans[min(len(self.requests), len(self.plans)) - 1]
        return Plan(goal=request.goal, thought=f"thought {len(self.requests)}", subtasks=tuple(steps), source="fake")

    def fault(self, goal: Goal, remaining: Sequence[Subtask], belief: WorldState, *, under_way: bool) -> str | None:
        """What `faults` says, once the step under way has brought about what is expected of it."""
        if not under_way:
            return self.faults(remaining, belief)
        hoped = {fact: Held(value=value, provenance="expected") for fact, value in remaining[0].expects}
        return self.faults(remaining[1:], belief.with_(facts={**belief.facts, **hoped}))

    def reached(self, goal: Goal, belief: WorldState) -> bool:
        """Whether the goal is true of the belief."""
        return goal.holds(belief.true, belief.entities)


class FakeSkills:
    """Every skill takes `steps` turns and ends as `outcomes` says, by default with success.

    A success makes the facts in `effects` of its call true or false in the source.
    """

    def __init__(
        self,
        source: FakeSource,
        effects: Mapping[SkillCall, Mapping[Fact, bool]] | None = None,
        outcomes: Mapping[SkillCall, Sequence[Status]] | None = None,
        steps: int = 3,
    ) -> None:
        self._source = source
        self._effects = dict(effects or {})
        self._outcomes = {call: list(statuses) for call, statuses in (outcomes or {}).items()}
        self._steps = steps
        self._left = 0
        self._ended: Status | None = None
        self.started: list[SkillCall] = []

    def start(self, call: SkillCall, belief: WorldState, observation: Observation) -> None:
        """Begin to count."""
        self.started.append(call)
        self._left, self._ended = self._steps, None

    def act(self, belief: WorldState, observation: Observation) -> SkillStep:
        """Stand still until it ends."""
        self._left -= 1
        call = self.started[-1]
        if self._left <= 0 and self._ended is None:
            statuses = self._outcomes.get(call)
            self._ended = statuses.pop(0) if statuses else Status.SUCCEEDED
            if self._ended is Status.SUCCEEDED:
                self._source.facts.update(self._effects.get(call, {}))
        status = self._ended or Status.RUNNING
        return SkillStep(np.zeros(NU, dtype=np.float32), status, note="as told" if self._ended else "", phase="wait")


class FakeShield:
    """Lets everything through."""

    interventions = 0

    def filter(self, action: NDArray[np.float32], observation: Observation) -> NDArray[np.float32]:
        """The action itself."""
        return action


class FakeSubscriber:
    """Remembers everything it was told."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.steps: list[Step] = []
        self.outcome: Outcome | None = None

    def on_start(self, requests: Sequence[Request]) -> None:
        """Remember."""
        self.requests = list(requests)

    def on_step(self, step: Step) -> None:
        """Remember."""
        self.steps.append(step)

    def on_end(self, outcome: Outcome) -> None:
        """Remember."""
        self.outcome = outcome

"""Agents that do not think: one does nothing, one does anything. A task that they solve measures nothing."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from yanshi.agent.episode import Request
from yanshi.agent.skills.skill import SkillStep
from yanshi.contracts import Observation, Percept, Plan, SkillCall, Status, Subtask, WorldState
from yanshi.goals import Goal


class BlindPerception:
    """Looks at nothing."""

    def perceive(self, observation: Observation) -> Percept:
        """No detections."""
        return Percept(stamp=observation.stamp, base_pose_w=observation.proprioception.odometry, source="none")


class BlankTracker:
    """Believes nothing."""

    def reset(self) -> WorldState:
        """Nothing is known."""
        return WorldState(stamp=0.0, base_pose_w=np.zeros(3))

    def update(
        self, belief: WorldState, percept: Percept, observation: Observation, last: Subtask | None
    ) -> WorldState:
        """Only time goes on."""
        return belief.with_(stamp=percept.stamp)


class IdlePlanner:
    """Plans to wait, and never believes that anything was reached."""

    def plan(self, request: Request, belief: WorldState, observation: Observation) -> Plan:
        """One step that never ends."""
        waiting = Subtask(call=SkillCall("wait_for", ("the_end",)))
        return Plan(goal=request.goal, thought="", subtasks=(waiting,), source="none")

    def fault(self, goal: Goal, remaining: Sequence[Subtask], belief: WorldState, *, under_way: bool) -> str | None:
        """Nothing is ever wrong."""
        return None

    def reached(self, goal: Goal, belief: WorldState) -> bool:
        """Never."""
        return False


class StillSkills:
    """Every action is zero."""

    def __init__(self, nu: int) -> None:
        self._nu = nu

    def start(self, call: SkillCall, belief: WorldState, observation: Observation) -> None:
        """Nothing to prepare."""

    def act(self, belief: WorldState, observation: Observation) -> SkillStep:
        """Zero, (nu,)."""
        return SkillStep(np.zeros(self._nu, dtype=np.float32), Status.RUNNING)


class RandomSkills(StillSkills):
    """Every action is drawn uniformly from [-1, 1]."""

    def __init__(self, nu: int, seed: int) -> None:
        super().__init__(nu)
        self._rng = np.random.default_rng(seed)

    def act(self, belief: WorldState, observation: Observation) -> SkillStep:
        """Noise, (nu,)."""
        return SkillStep(self._rng.uniform(-1, 1, self._nu).astype(np.float32), Status.RUNNING)

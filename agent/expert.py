"""What the expert has in place of senses and a belief of its own: the truth, read from the oracle.

It shows whether a task can be done and how well the skills do it, apart from perception and thinking.
"""

from __future__ import annotations

import numpy as np

from yanshi.contracts import Fact, Held, Observation, Percept, Subtask, WorldState
from yanshi.envs.oracle import Oracle

REFRESH = 0.2
"""Seconds between two readings of every fact; the robot's own place is read at every turn."""


class TruthTracker:
    """A tracker whose belief is the oracle's state. What was expected and is not true is known to be false."""

    def __init__(self, oracle: Oracle) -> None:
        self._oracle = oracle
        self._expected: set[Fact] = set()

    def reset(self) -> WorldState:
        """All of it."""
        self._expected = set()
        return self._state()

    def update(
        self, belief: WorldState, percept: Percept, observation: Observation, last: Subtask | None
    ) -> WorldState:
        """All of it, as it is now."""
        if last is not None:
            self._expected |= {fact for fact, _ in last.expects}
        if last is None and percept.stamp - belief.stamp < REFRESH - 1e-9:
            return belief.with_(base_pose_w=self._oracle.base_pose_w())
        return self._state()

    def _state(self) -> WorldState:
        """The oracle's state, with what is off or silent and what should have come about and has not."""
        state = self._oracle.state()
        doubtful = self._expected.union(self._oracle.among(tuple(state.entities), ("powered", "sounding")))
        absent = {f: Held(value=False, stamp=state.stamp) for f in doubtful if f not in state.facts}
        return state.with_(facts={**state.facts, **absent})


class TruthPerception:
    """Says where the robot is, and that the rest is known anyway."""

    def __init__(self, oracle: Oracle) -> None:
        self._oracle = oracle

    def perceive(self, observation: Observation) -> Percept:
        """The base pose."""
        pose = np.asarray(self._oracle.base_pose_w())
        return Percept(stamp=observation.stamp, base_pose_w=pose, source="truth")

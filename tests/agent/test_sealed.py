"""The agent is given observations and percepts and nothing else: without the simulation it acts the same."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from yanshi.agent.assignment import draw_assignment, told
from yanshi.agent.baselines import BlindPerception
from yanshi.agent.episode import Outcome, Request, Step
from yanshi.agent.executive import Limits
from yanshi.agent.fakes import fake_observation
from yanshi.agent.loop import Loop
from yanshi.agent.shield import RangeShield
from yanshi.agent.skills.motor.skill_set import tuned_skills
from yanshi.agent.specimens import specimens
from yanshi.agent.wiring import AgentConfig, build_agent, build_loop, simulate
from yanshi.contracts import Observation, Percept
from yanshi.planning.belief import Tracker
from yanshi.planning.domain import Domain
from yanshi.planning.planner import SearchPlanner


class Tape:
    """Remembers what the agent was given and did, and plays it back as a source and a perception."""

    def __init__(self) -> None:
        self.observations: list[Observation] = []
        self.percepts: list[Percept] = []
        self.actions: list[np.ndarray] = []
        self.replayed: list[np.ndarray] = []

    def on_start(self, requests: Sequence[Request]) -> None: ...

    def on_step(self, step: Step) -> None:
        self.observations.append(step.observation)
        self.percepts.append(step.percept)
        if step.action is not None:
            self.actions.append(step.action)

    def on_end(self, outcome: Outcome) -> None: ...

    def observe(self) -> Observation:
        return self.observations[len(self.replayed)]

    def apply(self, action: np.ndarray) -> None:
        self.replayed.append(action)

    def perceive(self, observation: Observation) -> Percept:
        return self.percepts[len(self.replayed)]


@pytest.mark.slow
def test_the_agent_acts_the_same_without_the_simulation() -> None:
    assignment = draw_assignment("Pick", 1)
    requests = told(assignment.instructions, assignment.goals)
    robot, plan = assignment.world.robot, assignment.world.floor_plan
    tape = Tape()
    config = AgentConfig(agent="default", senses=("rgb", "touch"), seed=1)
    with simulate(assignment.world, config) as sim:
        build_loop(sim, build_agent(sim, config), [tape]).run(requests, Limits(horizon=20.0))
    del sim, assignment

    domain = Domain(mobile=bool(robot.base_joints))
    tracker = Tracker(plan, domain, specimens())
    loop = Loop(
        source=tape,
        perception=tape,
        tracker=tracker,
        planner=SearchPlanner(domain, tracker.mention),
        skills=tuned_skills(robot, plan),
        shield=RangeShield(robot.action_names),
    )
    loop.run(requests, Limits(horizon=20.0))
    assert len(tape.actions) > 50
    assert len(tape.replayed) == len(tape.actions)
    assert all(np.array_equal(a, b) for a, b in zip(tape.actions, tape.replayed, strict=True))


def test_the_baselines_see_nothing() -> None:
    percept = BlindPerception().perceive(fake_observation(1.0))
    assert percept.detections == ()
    assert percept.facts == {}

"""Learned perception: with any senses, without the simulation, and beside the truth."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import pytest

from yanshi.agent.assignment import Assignment, draw_assignment, told
from yanshi.agent.episode import Outcome, Request, Step
from yanshi.agent.executive import Limits
from yanshi.agent.interfaces import Perception, Source
from yanshi.agent.loop import Loop
from yanshi.agent.perceiving import LearnedPerception, learned_perception
from yanshi.agent.seeing.furniture import part_shapes
from yanshi.agent.seeing.yardstick import color_clusters
from yanshi.agent.shield import RangeShield
from yanshi.agent.skills.experts import expert_skills
from yanshi.agent.specimens import specimens, voices
from yanshi.agent.wiring import SENSES, AgentConfig, SimulatedSource, simulate
from yanshi.contracts import Array, FloorPlan, Observation
from yanshi.envs.oracle import body_pose
from yanshi.envs.robots import Robot
from yanshi.planning.belief import Tracker
from yanshi.planning.domain import Domain
from yanshi.planning.planner import SearchPlanner

Shapes = dict[str, Array]
SUBSETS = [subset for n in range(len(SENSES) + 1) for subset in combinations(SENSES, n)]


def perception(plan: FloorPlan, shapes: Shapes) -> LearnedPerception:
    """With the yardstick for an eye: it needs no weights."""
    return learned_perception(plan, shapes, objects=color_clusters(plan))


def sense_of(name: str) -> str:
    """Which of `SENSES` gives a frame."""
    word = {"wrist_force": "force", "scan_rear": "scan"}.get(name, name.rsplit("_", 1)[-1])
    return word if word in SENSES else name


@pytest.fixture(scope="module")
def home() -> tuple[list[Observation], FloorPlan, Shapes]:
    """The first second of a robot with every sense that stands in a home."""
    world = draw_assignment("HomePick", 0).world
    seen = []
    with simulate(world, AgentConfig(seed=0)) as sim:
        for _ in range(25):
            seen.append(sim.observe())
            sim.step(np.zeros(len(sim.robot.action_names), dtype=np.float32))
        shown = {sense_of(name) for name in seen[-1].frames}
    assert shown == set(SENSES)
    return seen, world.floor_plan, part_shapes(world)


@pytest.mark.parametrize("senses", SUBSETS, ids=lambda senses: "+".join(senses) or "none")
def test_any_sense_may_be_missing(home: tuple[list[Observation], FloorPlan, Shapes], senses: tuple[str, ...]) -> None:
    observations, plan, shapes = home
    eyes, tracker = perception(plan, shapes), Tracker(plan, Domain(mobile=True), specimens(), voices())
    belief = tracker.reset()
    detections = 0
    for observation in (observations[3], observations[24]):
        frames = {name: frame for name, frame in observation.frames.items() if sense_of(name) in senses}
        given = Observation(stamp=observation.stamp, frames=frames, proprioception=observation.proprioception)
        percept = eyes.perceive(given)
        belief = tracker.update(belief, percept, given)
        detections += sum(detection.sensor != "lidar" for detection in percept.detections)
        assert percept.source == "learned"
        assert np.isfinite(percept.base_pose_w).all()
    assert (detections > 0) == ("depth" in senses), (
        "a camera places things by depth alone; with it the furniture at least is seen"
    )


class Tape:
    """A source that remembers what was given, and plays it back."""

    def __init__(self) -> None:
        self.observations: list[Observation] = []
        self.actions: list[np.ndarray] = []
        self.places: list[Array] = []
        self.replayed: list[np.ndarray] = []

    def on_start(self, requests: Sequence[Request]) -> None: ...

    def on_step(self, step: Step) -> None:
        self.observations.append(step.observation)
        self.places.append(step.percept.base_pose_w)
        if step.action is not None:
            self.actions.append(step.action)

    def on_end(self, outcome: Outcome) -> None: ...

    def observe(self) -> Observation:
        return self.observations[len(self.replayed)]

    def apply(self, action: np.ndarray) -> None:
        self.replayed.append(action)


def run(
    tape: Tape, assignment_of: tuple[Robot, FloorPlan], perceives: Perception, source: Source,
    requests: Sequence[Request],
) -> Outcome:  # fmt: skip
    robot, plan = assignment_of
    domain = Domain(mobile=bool(robot.base_joints))
    tracker = Tracker(plan, domain, specimens(), voices())
    loop = Loop(
        source=source,
        perception=perceives,
        tracker=tracker,
        planner=SearchPlanner(domain, tracker.mention),
        skills=expert_skills(robot, plan),
        shield=RangeShield(robot.action_names),
        subscribers=[tape] if source is not tape else [],
    )
    return loop.run(requests, Limits(horizon=12.0))


@pytest.mark.slow
@pytest.mark.parametrize("task", ["Press", "HomePress"])
def test_the_agent_acts_the_same_without_the_simulation(task: str) -> None:
    assignment: Assignment | None = draw_assignment(task, 1)
    assert assignment is not None
    requests = told(assignment.instructions, assignment.goals)
    world = assignment.world
    known, shapes = (world.robot, world.floor_plan), part_shapes(world)
    tape = Tape()
    with simulate(world, AgentConfig(seed=1)) as sim:
        run(tape, known, perception(known[1], shapes), SimulatedSource(sim), requests)
        truth = body_pose(sim, sim.model.body(sim.robot.base_body).id)
    del sim, world, assignment

    again = Tape()
    again.observations = tape.observations
    run(again, known, perception(known[1], shapes), again, requests)
    assert len(tape.actions) > 50
    assert len(again.replayed) == len(tape.actions)
    assert all(np.array_equal(a, b) for a, b in zip(tape.actions, again.replayed, strict=True))
    assert np.hypot(*(tape.places[-1] - truth)[:2]) < 0.03, "it knows where it is"

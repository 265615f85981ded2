"""A simulation, its truth as a belief, and the experts: runs one skill after another."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from yanshi.agent.skills.experts import expert_skills
from yanshi.agent.skills.skill import SkillStep
from yanshi.contracts import Fact, SkillCall, Status, WorldState
from yanshi.envs.oracle import Oracle
from yanshi.envs.senses.suite import sensor_suite
from yanshi.envs.simulation import Simulation
from yanshi.envs.tasks import task
from yanshi.envs.worlds import World, compose
from yanshi.envs.worlds.world import default_robot


class Stage:
    """One world with its experts."""

    def __init__(self, world: World, senses: tuple[str, ...] = ()) -> None:
        self.sim = Simulation(world, sensor_suite(senses, world.robot))
        self.oracle = Oracle(self.sim)
        self.skills = expert_skills(world.robot, world.floor_plan)
        self.belief_of: Callable[[], WorldState] = self.oracle.state
        self.phases: list[str] = []

    def do(self, skill: str, *args: str, limit: float = 60.0) -> SkillStep:
        """Run a skill to its end, the belief made anew every fifth step as the expert agent does."""
        observation = self.sim.observe()
        belief = self.belief_of()
        self.skills.start(SkillCall(skill, args), belief, observation)
        self.phases = []
        end = self.sim.time + limit
        for k in range(10_000):
            if k % 5 == 0:
                belief = self.belief_of()
            else:
                belief = belief.with_(base_pose_w=self.oracle.base_pose_w())
            step = self.skills.act(belief, observation)
            self.phases.append(step.phase)
            if step.status is not Status.RUNNING or self.sim.time > end:
                break
            self.sim.step(step.action)
            observation = self.sim.observe()
        for _ in range(10):
            self.sim.step(step.action)
        return step

    def true(self, predicate: str, *args: str) -> bool:
        """The oracle's word on a fact."""
        return self.oracle.true(Fact(predicate, args))


def task_world(name: str, seed: int) -> tuple[World, tuple[str, ...]]:
    """A world of a task, and the arguments of the first fact of its goal."""
    rng = np.random.default_rng(seed)
    scene = task(name).scene(rng)
    goal = task(name).goal(scene)
    return compose(scene, default_robot(task(name).world)), next(goal.facts()).args


@pytest.fixture
def make_stage() -> type[Stage]:
    """A world → its stage."""
    return Stage


@pytest.fixture
def make_world() -> Callable[[str, int], tuple[World, tuple[str, ...]]]:
    """A task and a seed → its world, and the arguments of the first fact of its goal."""
    return task_world

"""The contract of skills, the shipped fake, and the checker, which must find faults."""

from __future__ import annotations

import numpy as np
import pytest

from yanshi.agent.skills.experts import expert_skills
from yanshi.agent.skills.skill import FakeSkill, SkillSet, SkillStep, check_skill
from yanshi.contracts import Observation, SkillCall, Status, WorldState
from yanshi.envs.oracle import Oracle
from yanshi.envs.simulation import Simulation
from yanshi.envs.worlds import world
from yanshi.errors import ContractError, UnknownNameError

CALLS = {
    "go_to": ("table",),
    "look_for": ("table",),
    "listen": (),
    "open": ("nothing_here",),
    "close": ("nothing_here",),
    "press": ("nothing_here",),
    "push": ("nothing_here", "table"),
    "place_on": ("nothing_here", "table"),
    "place_in": ("nothing_here", "table"),
    "wait_for": (),
    "say": ("hello",),
    "ask": ("which",),
}


@pytest.fixture(scope="module")
def scene() -> tuple[Simulation, WorldState, Observation]:
    sim = Simulation(world("tabletop", 1))
    return sim, Oracle(sim).state(), sim.observe()


def test_every_expert_keeps_the_contract(scene: tuple[Simulation, WorldState, Observation]) -> None:
    sim, belief, observation = scene
    skills = expert_skills(sim.robot, sim.world.floor_plan)
    thing = next(e.name for e in belief.entities.values() if "grasp" in e.affordances)
    calls = {**CALLS, "pick": (thing,)}
    assert set(skills.names) == set(calls)
    for name, args in calls.items():
        check_skill(skills.skills[name], SkillCall(name, args), belief, observation, len(sim.robot.action_names))


def test_unknown_skills_are_refused_by_name(scene: tuple[Simulation, WorldState, Observation]) -> None:
    sim, belief, observation = scene
    skills = expert_skills(sim.robot, sim.world.floor_plan)
    with pytest.raises(UnknownNameError, match=r"Unknown skill 'pik'. Did you mean 'pick'\?"):
        skills.start(SkillCall("pik", ("x",)), belief, observation)


def test_nothing_started_is_said(scene: tuple[Simulation, WorldState, Observation]) -> None:
    _, belief, observation = scene
    with pytest.raises(ContractError, match="call start"):
        SkillSet({}).act(belief, observation)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (SkillCall("pick", ("unicorn",)), "I know of no unicorn"),
        (SkillCall("pick", ()), "takes 1 argument"),
        (SkillCall("place_on", ("unicorn", "table")), "I do not hold unicorn"),
        (SkillCall("open", ("table",)), "has no handle"),
        (SkillCall("press", ("table",)), "has no button"),
    ],
)
def test_failures_are_said_in_words(
    scene: tuple[Simulation, WorldState, Observation], call: SkillCall, words: str
) -> None:
    sim, belief, observation = scene
    skills = expert_skills(sim.robot, sim.world.floor_plan)
    skills.start(call, belief, observation)
    step = skills.act(belief, observation)
    assert step.status is Status.FAILED
    assert words in step.note


def test_the_fake_ends_as_told(scene: tuple[Simulation, WorldState, Observation]) -> None:
    _, belief, observation = scene
    fake = FakeSkill("pick", nu=7, steps=2, outcome=Status.FAILED)
    fake.start(SkillCall("pick", ("x",)), belief, observation)
    statuses = [fake.act(belief, observation).status for _ in range(3)]
    assert statuses == [Status.RUNNING, Status.FAILED, Status.FAILED]
    check_skill(FakeSkill("pick", nu=7), SkillCall("pick", ("x",)), belief, observation, 7)


class _Faulty:
    """A skill with one fault."""

    name = "faulty"

    def __init__(self, step: SkillStep) -> None:
        self.step = step

    def start(self, call: SkillCall, belief: WorldState, observation: Observation) -> None:
        pass

    def act(self, belief: WorldState, observation: Observation) -> SkillStep:
        return self.step


@pytest.mark.parametrize(
    ("step", "words"),
    [
        (SkillStep(np.zeros(6, np.float32), Status.RUNNING), "shape"),
        (SkillStep(np.zeros(7), Status.RUNNING), "float32"),
        (SkillStep(np.full(7, np.nan, np.float32), Status.RUNNING), "finite"),
        (SkillStep(np.full(7, 2.0, np.float32), Status.RUNNING), "finite"),
        (SkillStep(np.zeros(7, np.float32), Status.PENDING), "PENDING"),
        (SkillStep(np.zeros(7, np.float32), Status.FAILED), "why it failed"),
        (SkillStep(np.zeros(7, np.float32), Status.RUNNING, success_estimate=1.5), "success estimate"),
    ],
)
def test_the_checker_finds_faults(
    scene: tuple[Simulation, WorldState, Observation], step: SkillStep, words: str
) -> None:
    _, belief, observation = scene
    with pytest.raises(ContractError, match=words):
        check_skill(_Faulty(step), SkillCall("faulty"), belief, observation, 7)

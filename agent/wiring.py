"""Puts the parts together: a simulation, an agent for it, and the loop that joins them.

This is the one place that knows of every folder. What an agent is given is said here: the default agent has the
observations, the floor plan and the robot's own description, and nothing else of the simulation.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from yanshi.agent.baselines import BlankTracker, BlindPerception, IdlePlanner, RandomSkills, StillSkills
from yanshi.agent.expert import TruthPerception, TruthTracker
from yanshi.agent.interfaces import Perception, Planner, Shield, Skills, Subscriber, Tracker
from yanshi.agent.loop import Loop
from yanshi.agent.seeing.furniture import part_shapes
from yanshi.agent.shield import RangeShield
from yanshi.agent.shield import Shield as FullShield
from yanshi.agent.skills.experts import expert_skills
from yanshi.agent.skills.motor.skill_set import tuned_skills
from yanshi.agent.specimens import specimens, voices
from yanshi.agent.weights import eye_file
from yanshi.contracts import Observation
from yanshi.envs.oracle import Oracle
from yanshi.envs.oracle_perception import OraclePerception
from yanshi.envs.robots import Robot
from yanshi.envs.senses.suite import SENSES as KNOWN_SENSES
from yanshi.envs.senses.suite import sensor_suite
from yanshi.envs.simulation import Simulation
from yanshi.envs.worlds.world import World
from yanshi.errors import InputError, MissingDependencyError, UnknownNameError
from yanshi.perception.mapping.mapper import Mapper
from yanshi.perception.mapping.surface import SurfaceMap
from yanshi.planning.belief import Tracker as BeliefTracker
from yanshi.planning.domain import Domain
from yanshi.planning.planner import SearchPlanner

AgentName = Literal["default", "expert", "nothing", "random"]
AGENTS: tuple[AgentName, ...] = ("default", "expert", "nothing", "random")
PERCEPTIONS = ("oracle", "learned")
PLANNERS = ("search",)
SHIELDS = ("range", "full")
UNDERSTANDINGS = ("retrieval", "model")
SKILLS = ("tuned", "scripted")
SENSES = ("rgb", "depth", "lidar", "scan", "audio", "touch", "force")
"""What a robot has unless it is told otherwise."""


@dataclass(frozen=True, kw_only=True)
class AgentConfig:
    """Which parts an agent is made of."""

    agent: AgentName = "default"
    """`default` senses, believes and plans; `expert` is told the truth; `nothing` and `random` do not think."""
    perception: str = "oracle"
    """Which perception the default agent has."""
    weights: str = ""
    """Of learned perception: the folder that `yanshi train senses` wrote; empty for those that are shipped."""
    planner: str = "search"
    """Which planner the default agent has."""
    understanding: str = "retrieval"
    """Who makes goals of words: `retrieval`, or `model`, a language model."""
    shield: str = "range"
    """What stands before the motors: `range` lets nothing through that is no number or out of range; `full` also keeps
    away from what is sensed, from people, and from the limits of the joints, and needs senses to do so."""
    skills: str = "tuned"
    """How the default agent moves: `tuned` uses the motor policies that are shipped, where there are any, and scripts
    elsewhere; `scripted` uses none."""
    senses: tuple[str, ...] = SENSES
    """Which senses the default agent has."""
    surface: bool = False
    """Whether learned perception fuses the surfaces of the home, too; it needs Open3D."""
    seed: int = 0
    """Of the random agent, of the senses' noise and of drift."""

    def __post_init__(self) -> None:
        if self.agent not in AGENTS:
            raise UnknownNameError("agent", self.agent, AGENTS)
        if self.perception not in PERCEPTIONS:
            raise UnknownNameError("perception", self.perception, PERCEPTIONS)
        if self.perception == "learned" and self.agent == "default":
            check_weights(self.weights)
        if self.planner not in PLANNERS:
            raise UnknownNameError("planner", self.planner, PLANNERS)
        if self.understanding not in UNDERSTANDINGS:
            raise UnknownNameError("understanding", self.understanding, UNDERSTANDINGS)
        if self.shield not in SHIELDS:
            raise UnknownNameError("shield", self.shield, SHIELDS)
        if self.skills not in SKILLS:
            raise UnknownNameError("skills", self.skills, SKILLS)
        for sense in self.senses:
            if sense not in KNOWN_SENSES:
                raise UnknownNameError("sense", sense, KNOWN_SENSES)


def check_weights(folder: str) -> None:
    """Raises: InputError if a folder (empty: the package) has no weights of an eye."""
    file = eye_file(Path(folder) if folder else None)
    if not file.is_file():
        raise InputError(f"Perception 'learned': no weights at {file}; to train some: yanshi train senses --out DIR.")


class SimulatedSource:
    """A simulation as the loop sees it: observations out, actions in."""

    def __init__(self, sim: Simulation) -> None:
        self._sim = sim

    def observe(self) -> Observation:
        """The newest frame of each sense, and proprioception."""
        return self._sim.observe()

    def apply(self, action: NDArray[np.float32]) -> None:
        """One control step."""
        self._sim.step(action)


@dataclass(frozen=True)
class Agent:
    """The parts of one agent."""

    perception: Perception
    tracker: Tracker
    planner: Planner
    skills: Skills
    shield: Shield
    mapper: Mapper | None = None
    """The map that learned perception makes."""


def simulate(world: World, config: AgentConfig) -> Simulation:
    """A simulation with the senses that the agent has; an agent that does not sense needs none, but for its shield."""
    sensing = config.agent == "default" or config.shield == "full"
    sensors = sensor_suite(config.senses, world.robot) if sensing else []
    sim = Simulation(world, sensors, config.seed)
    sim.reset(config.seed)
    return sim


def build_agent(sim: Simulation, config: AgentConfig) -> Agent:
    """The agent that `config` describes, for one simulation.

    Raises:
        MissingDependencyError: It fuses surfaces, and Open3D is not installed.
    """
    robot, plan = sim.robot, sim.world.floor_plan
    shield: Shield = RangeShield(robot.action_names) if config.shield == "range" else FullShield(robot)
    if config.agent in ("nothing", "random"):
        nu = len(robot.action_names)
        skills = StillSkills(nu) if config.agent == "nothing" else RandomSkills(nu, config.seed)
        return Agent(BlindPerception(), BlankTracker(), IdlePlanner(), skills, shield)
    domain, experts = Domain(mobile=_mobile(robot)), expert_skills(robot, plan)
    if config.agent == "expert":
        oracle = Oracle(sim)
        return Agent(TruthPerception(oracle), TruthTracker(oracle), SearchPlanner(domain), experts, shield)
    moving = tuned_skills(robot, plan) if config.skills == "tuned" else experts
    tracker = BeliefTracker(plan, domain, specimens(), voices())
    planner = SearchPlanner(domain, tracker.mention)
    if config.perception == "oracle":
        return Agent(OraclePerception(sim), tracker, planner, moving, shield)
    mapper = Mapper(plan, surface=SurfaceMap() if config.surface else None)
    return Agent(_learned(sim.world, config, mapper), tracker, planner, moving, shield, mapper)


def _learned(world: World, config: AgentConfig, mapper: Mapper) -> Perception:
    """Learned senses. They are given the world's map and nothing of the simulation.

    Raises:
        MissingDependencyError: Without torch.
    """
    if importlib.util.find_spec("torch") is None:
        raise MissingDependencyError("torch", "language")
    from yanshi.agent.perceiving import learned_perception  # loads torch

    weights = Path(config.weights) if config.weights else None
    return learned_perception(world.floor_plan, part_shapes(world), weights, mapper=mapper)


def build_loop(sim: Simulation, agent: Agent, subscribers: Sequence[Subscriber] = ()) -> Loop:
    """The loop of an agent in a simulation."""
    listening = (agent.shield,) if isinstance(agent.shield, FullShield) else ()
    return Loop(
        source=SimulatedSource(sim),
        perception=agent.perception,
        tracker=agent.tracker,
        planner=agent.planner,
        skills=agent.skills,
        shield=agent.shield,
        subscribers=(*subscribers, *listening),
    )


def _mobile(robot: Robot) -> bool:
    return bool(robot.base_joints)

"""What an episode is about: a world, what is said in it, and what is wanted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from yanshi.agent.episode import Request
from yanshi.agent.specimens import vocabulary
from yanshi.agent.wiring import Agent
from yanshi.contracts import Observation, WorldState
from yanshi.envs.robots import Robot
from yanshi.envs.tasks import task as task_of_name
from yanshi.envs.wordings import Split
from yanshi.envs.worlds import World, compose
from yanshi.envs.worlds.world import default_robot
from yanshi.goals import Goal
from yanshi.planning.embedding import shared_minilm
from yanshi.planning.understanding import RetrievalUnderstanding, Understanding


class Understands(Protocol):
    """Makes goals of words."""

    def understand(self, instruction: str, belief: WorldState) -> Understanding:
        """The goal that an instruction states. Raises: NotUnderstoodError."""


@dataclass(frozen=True, kw_only=True)
class Assignment:
    """One episode of a task."""

    world: World
    instructions: tuple[str, ...]
    """What is said, one after another."""
    goals: tuple[Goal, ...]
    """What each means, with true names. The evaluator knows them; an agent that has to understand words does not."""
    horizon: float
    """Seconds for each instruction."""


def draw_assignment(name: str, seed: int, robot: Robot | None = None, split: Split = "heldout") -> Assignment:
    """The episode of a task that a seed stands for. Raises: UnknownNameError if there is no such task."""
    task = task_of_name(name)
    rng = np.random.default_rng(seed)
    scene = task.scene(rng)
    stages = range(len(task.stages))
    return Assignment(
        world=compose(scene, robot or default_robot(task.world)),
        instructions=tuple(task.instruction(scene, rng, split, stage) for stage in stages),
        goals=tuple(task.goal(scene, stage) for stage in stages),
        horizon=task.horizon_s,
    )


def told(instructions: Sequence[str], goals: Sequence[Goal]) -> tuple[Request, ...]:
    """Requests of an agent that is told what the words mean."""
    return tuple(Request(text=text, goal=goal) for text, goal in zip(instructions, goals, strict=True))


def understood(
    instructions: Sequence[str], agent: Agent, observation: Observation, understanding: str = "retrieval"
) -> tuple[Request, ...]:
    """Requests as the agent understands the words, after a first look around.

    Args:
        instructions: what is said.
        agent: who is told.
        observation: what it senses first.
        understanding: `retrieval` or `model`.

    Raises:
        NotUnderstoodError: The words are not near enough to anything that can be wanted; offers the nearest three.
        MissingDependencyError: The sentence model is not installed.
        ModelError: The language model is not.
    """
    belief = first_look(agent, observation)
    retrieval = RetrievalUnderstanding(shared_minilm(), vocabulary())
    reader: Understands = retrieval
    if understanding == "model":
        from yanshi.agent.language.understanding import SHIPPED, ModelUnderstanding

        reader = ModelUnderstanding.from_pretrained(SHIPPED, retrieval)
    requests = []
    for text in instructions:
        meaning = reader.understand(text, belief)
        requests.append(Request(text=text, goal=meaning.goal, thought=meaning.thought))
    return tuple(requests)


def first_look(agent: Agent, observation: Observation) -> WorldState:
    """What the agent believes before it has moved."""
    percept = agent.perception.perceive(observation)
    return agent.tracker.update(agent.tracker.reset(), percept, observation, None)

"""What a skill is: a closed-loop policy from a call, a belief and an observation to an action, 25 times a second."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from yanshi.contracts import Observation, SkillCall, Status, WorldState
from yanshi.errors import ContractError, UnknownNameError

__all__ = ["FakeSkill", "Skill", "SkillSet", "SkillStep", "check_skill"]


@dataclass(frozen=True, slots=True)
class SkillStep:
    """One control step of a skill."""

    action: NDArray[Any]
    """(nu,) float32 in [-1, 1]; see `envs.robots.Robot.action_names`. Safe to apply whatever the status is."""
    status: Status
    """RUNNING, or how it ended."""
    note: str = ""
    """Why it failed, or what was done, in words."""
    phase: str = ""
    """Which part of the skill is under way, e.g. ``descend``."""
    success_estimate: float = 1.0
    """How likely the skill thinks it is to succeed [0, 1]."""


@runtime_checkable
class Skill(Protocol):
    """A closed-loop policy for one verb."""

    name: str

    def start(self, call: SkillCall, belief: WorldState, observation: Observation) -> None:
        """Begin anew with these arguments; whatever ran before is forgotten."""

    def act(self, belief: WorldState, observation: Observation) -> SkillStep:
        """The action for this control step."""


class SkillSet:
    """The skills of one robot, run one at a time."""

    def __init__(self, skills: Mapping[str, Skill]) -> None:
        self.skills = dict(skills)
        self._current: Skill | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """Which skills there are."""
        return tuple(sorted(self.skills))

    def start(self, call: SkillCall, belief: WorldState, observation: Observation) -> None:
        """Begin a skill.

        Raises:
            UnknownNameError: there is no such skill.
        """
        if call.skill not in self.skills:
            raise UnknownNameError("skill", call.skill, self.skills)
        self._current = self.skills[call.skill]
        self._current.start(call, belief, observation)

    def act(self, belief: WorldState, observation: Observation) -> SkillStep:
        """The action of the skill that was started last.

        Raises:
            ContractError: nothing was started.
        """
        if self._current is None:
            raise ContractError(
                "SkillSet.act: expected a started skill, got none; call start(call, belief, observation) first."
            )
        return self._current.act(belief, observation)


class FakeSkill:
    """A skill that stands still for some steps and then ends as it was told to. For tests of what runs skills."""

    def __init__(self, name: str, nu: int, steps: int = 3, outcome: Status = Status.SUCCEEDED) -> None:
        self.name = name
        self.nu = nu
        self.steps = steps
        self.outcome = outcome
        self.calls: list[SkillCall] = []
        self._left = 0

    def start(self, call: SkillCall, belief: WorldState, observation: Observation) -> None:
        """Remember the call and begin to count."""
        self.calls.append(call)
        self._left = self.steps

    def act(self, belief: WorldState, observation: Observation) -> SkillStep:
        """Stand still; end after `steps` steps."""
        self._left -= 1
        status = Status.RUNNING if self._left > 0 else self.outcome
        return SkillStep(
            np.zeros(self.nu, dtype=np.float32),
            status,
            note="" if status is Status.RUNNING else "as told",
            phase="wait",
        )


def check_skill(skill: Skill, call: SkillCall, belief: WorldState, observation: Observation, nu: int) -> None:
    """Check that a skill keeps the contract on one situation.

    Args:
        skill: the skill to check.
        call: what to start it with.
        belief: a belief in which it can be started.
        observation: the observation that belongs to the belief.
        nu: length of an action of the robot.

    Raises:
        ContractError: the name, an action or a status is not as `Skill` says.
    """
    if not isinstance(skill, Skill):
        raise ContractError(f"Expected a Skill with name, start() and act(), got {type(skill).__name__}.")
    if not skill.name:
        raise ContractError("Skill.name: expected a word, got an empty string.")
    first: list[NDArray[Any]] = []
    for _ in range(2):
        skill.start(call, belief, observation)
        step = skill.act(belief, observation)
        if step.action.shape != (nu,) or step.action.dtype != np.float32:
            raise ContractError(
                f"{skill.name}: expected an action of shape ({nu},) float32, "
                f"got {step.action.shape} {step.action.dtype}."
            )
        if not np.all(np.isfinite(step.action)) or np.abs(step.action).max(initial=0.0) > 1.0:
            raise ContractError(f"{skill.name}: expected finite actions in [-1, 1], got {step.action}.")
        if step.status is Status.PENDING:
            raise ContractError(f"{skill.name}: expected RUNNING, SUCCEEDED or FAILED from act(), got PENDING.")
        if not 0.0 <= step.success_estimate <= 1.0:
            raise ContractError(f"{skill.name}: expected a success estimate in [0, 1], got {step.success_estimate}.")
        if step.status is Status.FAILED and not step.note:
            raise ContractError(f"{skill.name}: expected a note that says why it failed, got none.")
        first.append(step.action)
    if not np.array_equal(first[0], first[1]):
        raise ContractError(
            f"{skill.name}: expected the same first action from the same start, got {first[0]} and {first[1]}."
        )

"""What a manoeuvre is to its training: tasks in which it occurs, the script that shows it, and how it is judged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from yanshi.agent.skills.motor.aim import Aim
from yanshi.agent.skills.motor.guiding import Sight
from yanshi.agent.skills.motor.judges import Judge, Truth
from yanshi.agent.skills.script import Command, Script, Situation
from yanshi.contracts import Entity, SkillCall
from yanshi.errors import InputError, UnknownNameError
from yanshi.goals import Goal

__all__ = ["Manoeuvre", "manoeuvre", "manoeuvres", "register_manoeuvre"]


class Manoeuvre(Protocol):
    """One kind of contact-rich work."""

    @property
    def name(self) -> str:
        """Of the manoeuvre, and of the file of its weights."""
        ...

    @property
    def tasks(self) -> Mapping[str, float]:
        """Tasks in which it occurs → which share of the starts comes from each."""
        ...

    @property
    def timeout(self) -> float:
        """Of one run [s]."""
        ...

    @property
    def phases(self) -> frozenset[str]:
        """The script's phases with which the manoeuvre may begin: what runs before them is planning's half."""
        ...

    @property
    def focus(self) -> int:
        """Which argument of the skill is the thing whose place is not well known."""
        ...

    def calls(self, goal: Goal) -> Sequence[SkillCall]:
        """The skills that lead there, for a task's goal; the manoeuvre occurs in the last."""
        ...

    def plan(self, now: Situation, call: SkillCall) -> Aim:
        """What the script works towards, at the moment when the manoeuvre begins.

        Raises:
            GiveUpError: there is nothing that it could work towards.
        """
        ...

    def believed(self, aim: Aim, entity: Entity, truth: Entity, now: Situation) -> Aim:
        """The aim that would have been planned, had the thing been believed to be as `entity` says."""
        ...

    def script(self, now: Situation, aim: Aim, names: tuple[str, ...]) -> Script:
        """The expert, from there on, with its retries; `names` are the arguments of the skill."""
        ...

    def guide(self, now: Situation, aim: Aim, sight: Sight) -> Command | None:
        """What would be right to do now, by the truth; None where nobody can tell better than the script.

        `aim` is the one that was planned by the truth.
        """
        ...

    def worth(self, now: Situation, aim: Aim, sight: Sight, first: Entity) -> float:
        """How near to success a state is, by the truth, 0 … 1; `first` is the thing as it was at the start.

        It helps reinforcement along; 0 everywhere is no help and no harm.
        """
        ...

    def judge(self, truth: Truth) -> Judge:
        """A judge for an episode that begins now."""
        ...


_MANOEUVRES: dict[str, Manoeuvre] = {}


def register_manoeuvre(item: Manoeuvre) -> None:
    """Make a manoeuvre known by its name. Raises: InputError where the name is taken."""
    if item.name in _MANOEUVRES:
        raise InputError(f"Manoeuvre '{item.name}' is already registered.")
    _MANOEUVRES[item.name] = item


def manoeuvres() -> tuple[str, ...]:
    """Names of those that are registered."""
    return tuple(_MANOEUVRES)


def manoeuvre(name: str) -> Manoeuvre:
    """The one of a name. Raises: UnknownNameError."""
    if name not in _MANOEUVRES:
        raise UnknownNameError("manoeuvre", name, _MANOEUVRES)
    return _MANOEUVRES[name]

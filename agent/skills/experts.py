"""The scripted experts of a robot, all together."""

from __future__ import annotations

from collections.abc import Callable

from yanshi.agent.skills.articulate import close, open_
from yanshi.agent.skills.go_to import go_to
from yanshi.agent.skills.kinematics import Kinematics
from yanshi.agent.skills.listen import listen
from yanshi.agent.skills.look import look_for
from yanshi.agent.skills.pick import pick
from yanshi.agent.skills.place import place_in, place_on
from yanshi.agent.skills.press import press
from yanshi.agent.skills.push import push
from yanshi.agent.skills.script import Script, ScriptedSkill, Situation
from yanshi.agent.skills.skill import SkillSet
from yanshi.agent.skills.speech import ask, say
from yanshi.agent.skills.wait import wait_for
from yanshi.contracts import FloorPlan
from yanshi.envs.robots import Robot

__all__ = ["expert_skills"]

_SCRIPTS: dict[str, tuple[Callable[..., Script], tuple[int, ...]]] = {
    "go_to": (go_to, (1,)),
    "look_for": (look_for, (1,)),
    "listen": (listen, (0, 1)),
    "pick": (pick, (1,)),
    "place_on": (place_on, (2,)),
    "place_in": (place_in, (2,)),
    "open": (open_, (1,)),
    "close": (close, (1,)),
    "press": (press, (1,)),
    "push": (push, (2,)),
    "wait_for": (wait_for, tuple(range(5))),
    "say": (say, tuple(range(1, 40))),
    "ask": (ask, tuple(range(1, 40))),
}
"""Skill → its script and how many arguments it takes."""


def expert_skills(robot: Robot, floor_plan: FloorPlan) -> SkillSet:
    """Scripted skills for a robot in a home.

    Args:
        robot: its description; the scripts use its kinematics and nothing else of the simulation.
        floor_plan: the map.
    """
    situation = Situation(robot, Kinematics(robot), floor_plan)
    return SkillSet({name: ScriptedSkill(name, situation, script, arity) for name, (script, arity) in _SCRIPTS.items()})

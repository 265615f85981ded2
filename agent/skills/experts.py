"""The scripted experts of a robot, all together."""

from __future__ import annotations

from yanshi.agent.skills.go_to import go_to
from yanshi.agent.skills.kinematics import Kinematics
from yanshi.agent.skills.pick import pick
from yanshi.agent.skills.place import place_in, place_on
from yanshi.agent.skills.script import ScriptedSkill, Situation
from yanshi.agent.skills.skill import SkillSet
from yanshi.contracts import FloorPlan
from yanshi.envs.robots import Robot

__all__ = ["expert_skills"]

_SCRIPTS = {
    "go_to": (go_to, (1,)),
    "pick": (pick, (1,)),
    "place_on": (place_on, (2,)),
    "place_in": (place_in, (2,)),
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

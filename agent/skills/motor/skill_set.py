"""Skills whose contact-rich part is learned where there are weights for it, and scripted where there are none."""

from __future__ import annotations

from pathlib import Path

from yanshi import sim_assets
from yanshi.agent.skills.experts import expert_skills
from yanshi.agent.skills.motor.learned import Learned
from yanshi.agent.skills.motor.policy import MotorPolicy
from yanshi.agent.skills.motor.reflexes import REFLEXES
from yanshi.agent.skills.motor.signs import SIGNS
from yanshi.agent.skills.script import ScriptedSkill
from yanshi.agent.skills.skill import SkillSet
from yanshi.contracts import FloorPlan
from yanshi.envs.robots import Robot
from yanshi.errors import InputError

__all__ = ["WEIGHTS", "learned_manoeuvres", "tuned_skills"]

WEIGHTS = Path(sim_assets.__file__).parent / "weights" / "skills"
"""What is shipped: ``NAME.safetensors`` and ``NAME.json``."""


def learned_manoeuvres(folder: Path = WEIGHTS) -> dict[str, Learned]:
    """The policies in a folder, by the name of their manoeuvre.

    Raises:
        InputError: a file there is not what it should be.
    """
    found = {}
    for name, signs in SIGNS.items():
        file = folder / f"{name}.safetensors"
        if file.is_file():
            policy = MotorPolicy.load(file)
            timeout = policy.card.get("timeout")
            if not isinstance(timeout, int | float) or timeout <= 0.0:
                raise InputError(f"Skill weights: {file.with_suffix('.json')}: expected a timeout, got {timeout!r}.")
            reflex = REFLEXES.get(name) if policy.card.get("control") == "residual" else None
            found[name] = Learned(policy, float(timeout), signs, reflex)
    return found


def tuned_skills(robot: Robot, floor_plan: FloorPlan, folder: Path = WEIGHTS) -> SkillSet:
    """Skills for a robot in a home.

    Args:
        robot: its description.
        floor_plan: the map.
        folder: where the weights are; manoeuvres without are scripted.

    Raises:
        InputError: a file there is not what it should be.
    """
    skills = expert_skills(robot, floor_plan)
    pick = skills.skills["pick"]
    assert isinstance(pick, ScriptedSkill)
    pick.situation.policies = learned_manoeuvres(folder)
    return skills

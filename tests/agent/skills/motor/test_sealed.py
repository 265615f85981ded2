"""What runs on a robot knows nothing of the simulation's truth, directly or by way of what it imports."""

from __future__ import annotations

import ast
from pathlib import Path

import yanshi

ROOT = Path(yanshi.__file__).parent
TRUTH = {"yanshi.envs.oracle", "yanshi.envs.simulation", "yanshi.agent.skills.motor.environment"}


def imported(module: str) -> set[str]:
    """Our modules that a module imports at its top."""
    file = ROOT.joinpath(*module.split(".")[1:]).with_suffix(".py")
    file = file if file.is_file() else file.with_suffix("") / "__init__.py"
    if not file.is_file():
        return set()
    body = ast.parse(file.read_text()).body
    found = {node.module for node in body if isinstance(node, ast.ImportFrom) and node.module}
    return {name for name in found if name.startswith("yanshi")}


def closure(module: str) -> set[str]:
    seen, left = set(), [module]
    while left:
        name = left.pop()
        if name not in seen:
            seen.add(name)
            left += imported(name)
    return seen


def test_skills_at_work_know_nothing_of_the_truth() -> None:
    reached = closure("yanshi.agent.skills.motor.skill_set")
    assert "yanshi.agent.skills.motor.features" in reached
    assert not reached & TRUTH
    assert closure("yanshi.agent.skills.motor.training") & TRUTH  # the search can find them

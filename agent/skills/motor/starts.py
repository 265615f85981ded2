"""Where a manoeuvre begins: states of the world in which the planning half of a skill has just done its part.

They come from running the scripted expert on a task up to there, are drawn once and kept in a file, plain JSON.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from yanshi.agent.skills.experts import expert_skills
from yanshi.agent.skills.kinematics import Kinematics
from yanshi.agent.skills.motor.manoeuvre import Manoeuvre
from yanshi.agent.skills.script import GiveUpError, ScriptedSkill, Situation
from yanshi.agent.skills.skill import SkillSet
from yanshi.contracts import SkillCall, Status
from yanshi.envs.layouts import base_world, rearranged
from yanshi.envs.oracle import Oracle
from yanshi.envs.robots import Robot
from yanshi.envs.simulation import Simulation
from yanshi.envs.tasks import task
from yanshi.envs.worlds.world import World, default_robot
from yanshi.errors import InputError

__all__ = ["Start", "draw_starts", "kinematics_of", "layout_world", "load_starts", "save_starts"]

_LIMIT = 60.0
"""An expert that takes longer than this to get there does not get there [s]."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """One state in which a manoeuvre begins."""

    task: str
    layout: int
    """Which things there are, see `yanshi.envs.layouts`."""
    names: tuple[str, ...]
    """The entities that it is about."""
    qpos: tuple[float, ...]
    """(nq,)."""
    gripper: float
    """Opening that the fingers were told to go to [m]."""
    aim: Mapping[str, Any]
    """What the script worked towards, by the truth; see `Aim.load`."""


@lru_cache(maxsize=512)
def layout_world(name: str, layout: int) -> World:
    """The world of a layout of a task."""
    item = task(name)
    return base_world(item, layout, default_robot(item.world))


@lru_cache(maxsize=8)
def kinematics_of(robot: Robot) -> Kinematics:
    """The robot's own body, made once."""
    return Kinematics(robot)


def draw_starts(item: Manoeuvre, name: str, layouts: Sequence[int], places: int) -> Iterator[Start]:
    """Starts from one task, `places` arrangements of each layout; those that the expert does not reach are left out.

    Raises:
        UnknownNameError: there is no such task.
    """
    for layout in layouts:
        world = layout_world(name, layout)
        goal = task(name).goal(world.scene)
        calls = tuple(item.calls(goal))
        for place in range(places):
            placed = rearranged(world, task(name), layout, np.random.default_rng([layout, 77, place]))
            with Simulation(placed) as sim:
                start = _run(item, sim, calls, (name, layout))
            if start is not None:
                yield start


def _run(item: Manoeuvre, sim: Simulation, calls: Sequence[SkillCall], where: tuple[str, int]) -> Start | None:
    """Run the experts up to where the last skill's manoeuvre begins."""
    oracle = Oracle(sim)
    skills = expert_skills(sim.robot, sim.world.floor_plan)
    for call in calls:
        belief, observation = oracle.state(), sim.observe()
        skills.start(call, belief, observation)
        for step in range(round(_LIMIT / 0.04)):
            if step % 5 == 0:
                belief = oracle.state()
            else:
                belief = belief.with_(base_pose_w=oracle.base_pose_w())
            done = skills.act(belief, observation)
            if call is calls[-1] and done.phase in item.phases:
                return _start(item, sim, call, where, _situation(skills))
            if done.status is not Status.RUNNING:
                break
            sim.step(done.action)
            observation = sim.observe()
        if done.status is not Status.SUCCEEDED:
            return None
    return None


def _situation(skills: SkillSet) -> Situation:
    """What the scripts of a set share."""
    skill = skills.skills["pick"]
    assert isinstance(skill, ScriptedSkill)
    return skill.situation


def _start(item: Manoeuvre, sim: Simulation, call: SkillCall, where: tuple[str, int], now: Situation) -> Start | None:
    try:
        aim = item.plan(now, call)
    except GiveUpError:
        return None
    return Start(
        task=where[0],
        layout=where[1],
        names=call.args,
        qpos=tuple(np.round(sim.data.qpos, 7).tolist()),
        gripper=now.gripper,
        aim=aim.dump(),
    )


def save_starts(starts: Sequence[Start], path: Path) -> None:
    """Write starts to a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(json.dumps(asdict(start)) for start in starts) + "\n")


def load_starts(path: Path) -> tuple[Start, ...]:
    """Read starts from a file.

    Raises:
        InputError: it is missing or holds something else.
    """
    if not path.is_file():
        raise InputError(f"Starts: there is no file {path}.")
    try:
        rows = [json.loads(line) for line in path.read_text().splitlines()]
        return tuple(Start(**row | {"names": tuple(row["names"]), "qpos": tuple(row["qpos"])}) for row in rows)
    except (ValueError, TypeError, KeyError) as error:
        raise InputError(f"Starts: {path} is no file of starts: {error}") from error

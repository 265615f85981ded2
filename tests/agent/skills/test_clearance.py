"""The hand is seen to pass, or not to pass, what the map tells of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from yanshi.agent.assignment import draw_assignment
from yanshi.agent.skills.clearance import way_is_clear
from yanshi.agent.skills.grasp import nominal_yaw
from yanshi.agent.skills.kinematics import Kinematics
from yanshi.agent.skills.motion import top_down
from yanshi.agent.skills.script import Situation
from yanshi.contracts import Status
from yanshi.envs.worlds import world

Make = Callable[..., Any]
HIGH = 1.0
"""A hand that flies at this height passes over counters and not over a fridge [m]."""


@pytest.fixture(scope="module")
def home() -> Situation:
    """What a robot knows of a home, without a belief."""
    built = world("home", 1)
    return Situation(built.robot, Kinematics(built.robot), built.floor_plan)


def before(now: Situation, name: str, ahead: float, beside: float = 0.0) -> tuple[Any, Any]:
    """A base pose before a piece of furniture and facing it, and its front in the map."""
    fixture = next(f for f in now.floor_plan.fixtures if f.name == name)
    front = fixture.extent[0] / 2.0
    base = fixture.to_world(np.array([front + ahead, beside, 0.0]))
    return np.array([base[0], base[1], fixture.yaw + np.pi]), fixture


def hand(base: Any, point: Any) -> Any:
    return top_down(point, nominal_yaw(base, point))


def test_over_a_counter_the_way_is_clear_and_into_a_fridge_it_is_not(home: Situation) -> None:
    base, counter = before(home, "counter", 0.35)
    place = counter.to_world(np.array([0.1, 0.0, counter.extent[2] + 0.1]))
    assert way_is_clear(home, base, hand(base, place), HIGH)
    base, fridge = before(home, "fridge", 0.35)
    place = fridge.to_world(np.array([fridge.extent[0] / 2.0 + 0.01, 0.0, 0.9]))
    assert not way_is_clear(home, base, hand(base, place), HIGH)
    drawn_back = fridge.to_world(np.array([fridge.extent[0] / 2.0 + 0.12, 0.0, 0.9]))
    assert way_is_clear(home, base, hand(base, drawn_back), HIGH)


def test_a_palm_along_a_wall_passes_and_one_across_it_does_not(home: Situation) -> None:
    bare = Situation(home.robot, home.kinematics, replace(home.floor_plan, fixtures=()))
    room = bare.floor_plan.rooms[0]
    y = float(0.5 * (room.low_w[1] + room.high_w[1]))
    base = np.array([room.low_w[0] + 0.6, y, np.pi])
    point = np.array([room.low_w[0] + 0.07, y, 0.6])
    assert way_is_clear(bare, base, top_down(point, np.pi / 2), HIGH)
    assert not way_is_clear(bare, base, top_down(point, 0.0), HIGH)


def test_a_sink_beside_the_fridge_is_reached(make_stage: Make) -> None:
    stage = make_stage(draw_assignment("HomePlaceIn", 46).world)
    thing = "blue_cube"
    for skill, *args in (("go_to", thing), ("pick", thing), ("go_to", "sink"), ("place_in", thing, "sink")):
        step = stage.do(skill, *args)
        assert step.status is Status.SUCCEEDED, step.note
    assert stage.true("in", thing, "sink")

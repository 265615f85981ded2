from __future__ import annotations

import pytest

from yanshi.contracts import SkillCall, WorldState
from yanshi.goals import Goal
from yanshi.planning.domain import Domain
from yanshi.planning.verify import verify

DOMAIN = Domain(mobile=True)


def calls(text: str) -> list[SkillCall]:
    """``go_to x; place_in x y`` as calls."""
    return [SkillCall(words[0], tuple(words[1:])) for words in (part.split() for part in text.split(";"))]


@pytest.mark.parametrize(
    ("plan", "complaint"),
    [
        ("pick red_mug", "step 1 pick(red_mug): needs near(red_mug), which is not the case"),
        (
            "go_to red_mug; go_to sink; pick red_mug",
            "step 3 pick(red_mug): needs near(red_mug), which step 2 go_to(sink) made false",
        ),
        (
            "go_to red_mug; pick red_mug; go_to blue_mug; pick blue_mug",
            "step 4 pick(blue_mug): needs hand_empty(), which step 2 pick(red_mug) made false",
        ),
        (
            "go_to red_mug; pick red_mug; go_to cabinet_drawer; place_in red_mug cabinet_drawer",
            "step 4 place_in(red_mug, cabinet_drawer): needs open(cabinet_drawer), which is not the case",
        ),
        ("go_to moon", "step 1 go_to(moon): moon is not known"),
        (
            "go_to red_mug; open red_mug",
            "step 2 open(red_mug): red_mug cannot be used so (open needs something for 'open')",
        ),
        ("fly red_mug", "Unknown skill 'fly'"),
        ("go_to red_mug; pick red_mug blue_mug", "pick takes 1 arguments"),
        ("go_to red_mug; pick red_mug", "the goal is not reached: in(red_mug, sink), which is not the case"),
    ],
)
def test_the_first_fault_is_told_as_a_counter_example(home: WorldState, plan: str, complaint: str) -> None:
    report = verify(DOMAIN, home, calls(plan), Goal.parse("in(red_mug, sink)"))
    assert not report.ok
    assert complaint in report.counter_example


def test_a_good_plan_has_no_fault(home: WorldState) -> None:
    plan = "go_to red_mug; pick red_mug; go_to sink; place_in red_mug sink"
    assert verify(DOMAIN, home, calls(plan), Goal.parse("in(red_mug, sink)")).ok


def test_a_fixed_arm_needs_not_go_anywhere(home: WorldState) -> None:
    assert verify(Domain(mobile=False), home, calls("pick red_mug; place_in red_mug sink")).ok
    assert not verify(Domain(mobile=False), home, calls("go_to red_mug")).ok


def test_pressing_twice_is_as_good_as_not_pressing(home: WorldState) -> None:
    goal = Goal.parse("powered(kitchen_switch) and lit(kitchen)")
    once = "go_to kitchen_switch; press kitchen_switch"
    assert verify(DOMAIN, home, calls(once), goal).ok
    assert not verify(DOMAIN, home, calls(f"{once}; press kitchen_switch"), goal).ok


def test_what_is_held_comes_along_into_another_room(home: WorldState) -> None:
    plan = "go_to red_mug; pick red_mug; go_to sink"
    assert verify(DOMAIN, home, calls(plan), Goal.parse("in_room(red_mug, kitchen) and robot_in(kitchen)")).ok

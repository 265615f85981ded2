"""Dangerous commands in the real simulation, whose contacts, joints and speeds are the judge."""

from __future__ import annotations

import pytest

from yanshi.agent.shield import RangeShield, Shield
from yanshi.agent.shield.dangers import COLLISIONS, FAMILIES, Danger, Verdict, dangers, face
from yanshi.errors import UnknownNameError

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("family", "harm", "reason"),
    [
        ("drive", "base or arm struck", "base_obstacle"),
        ("drive at a person", "base or arm struck", "person"),
        ("drive with the arm out", "base or arm struck", "base_obstacle"),
        ("arm into the table", "hand struck hard", "arm_obstacle"),
        ("not finite", "not finite at the motors", "not_finite"),
        ("stale", "hand struck hard", "stale"),
        ("joint limits", "struck itself", "joint_limit"),
        ("fast beside a person", "too fast beside a person", "person"),
    ],
)
def test_harm_that_would_be_done_is_not(family: str, harm: str, reason: str) -> None:
    danger = Danger(family, 0)
    assert harm in face(danger, None).harms
    with_shield = face(danger, Shield)
    assert not with_shield.harms
    assert reason in with_shield.reasons


def test_the_minimal_shield_sees_to_numbers_and_nothing_else() -> None:
    verdict = face(Danger("not finite", 0), lambda robot: RangeShield(robot.action_names))
    assert "not finite at the motors" not in verdict.harms
    assert verdict.collided


def test_dangers_come_family_after_family() -> None:
    found = dangers(200)
    assert len(found) == len(set(found)) == 200
    assert {danger.family for danger in found} == set(FAMILIES)
    assert Verdict(found[0], frozenset(COLLISIONS)).collided
    assert not Verdict(found[0], frozenset({"joint at its limit"})).collided
    with pytest.raises(UnknownNameError, match="family"):
        face(Danger("drvie", 0), None)


@pytest.mark.parametrize(("family", "seed"), [("arm anywhere", 309), ("arm into itself", 311)])
def test_no_bound_is_left_out_where_there_are_many(family: str, seed: int) -> None:
    danger = next(danger for danger in dangers(200, 300) if (danger.family, danger.seed) == (family, seed))
    assert not face(danger, Shield).harms

"""Grips fit the object between the fingers, the hand clear of what stands around."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from yanshi.agent.skills.grasp import Clutter, Obstacle, nearest_half_turn, rolled, tilted, top_grasps, wrap
from yanshi.contracts import Entity, Room

OPENING = 0.08


def thing(
    extent: tuple[float, float, float], yaw: float = 0.0, at: tuple[float, float] = (0.5, 0.0), **words: str
) -> Entity:
    return Entity(
        name="it",
        label="block",
        category="object",
        attributes=words,
        position_w=np.array([0.5, 0.0, 0.4 + extent[2] / 2]),
        yaw=yaw,
        extent=np.array(extent),
        affordances=frozenset({"grasp"}),
    )


SIDE, ANGLE = st.floats(0.015, 0.12), st.floats(-np.pi, np.pi)


@given(SIDE, SIDE, st.floats(0.02, 0.18), ANGLE, ANGLE)
def test_every_grip_fits_the_box(ex: float, ey: float, ez: float, yaw: float, nominal: float) -> None:
    entity = thing((ex, ey, ez), yaw)
    grasps = top_grasps(entity, OPENING, nominal)
    assert bool(grasps) == (min(ex, ey) <= OPENING - 0.005)
    for grasp in grasps:
        R, p = grasp.T_we[:3, :3], grasp.T_we[:3, 3]
        np.testing.assert_allclose(R.T @ R, np.eye(3), atol=1e-9)
        np.testing.assert_allclose(R[:, 2], [0, 0, -1], atol=1e-9)
        corners = np.array([[sx * ex / 2, sy * ey / 2, 0] for sx in (-1, 1) for sy in (-1, 1)])
        span = np.ptp(entity.to_world(corners) @ R[:, 1])
        assert span == pytest.approx(grasp.width, abs=1e-6)
        assert grasp.width < grasp.opening <= OPENING
        assert p[2] - 0.012 >= 0.4  # finger tips above the table
        assert p[2] + 0.041 >= 0.4 + ez - 1e-9  # palm above the object
        assert abs(wrap(float(np.arctan2(R[1, 1], R[0, 1])) - nominal)) <= np.pi / 2 + 1e-6


def test_the_narrow_side_comes_first() -> None:
    grasps = top_grasps(thing((0.03, 0.06, 0.05)), OPENING, 0.0)
    assert grasps[0].width == pytest.approx(0.03)


@pytest.mark.parametrize("nominal", [0.3, np.pi / 4, 1.2, np.pi / 2])
def test_the_side_that_leaves_room_comes_first(nominal: float) -> None:
    """A soap of 76 × 50 mm that is believed to be nearly square must not be gripped the long way, unless the wrist
    would have to turn by a right angle.
    """
    soap = thing((0.068, 0.058, 0.026))
    assert top_grasps(soap, OPENING, nominal)[0].width == pytest.approx(0.058)


def test_a_neighbour_turns_the_hand() -> None:
    square = thing((0.04, 0.04, 0.05))
    alone = top_grasps(square, OPENING, 0.0)[0]
    corners = np.array([[0.53, -0.1], [0.56, -0.1], [0.56, 0.1], [0.53, 0.1]])
    beside = Clutter((Obstacle(corners, 0.4, 0.6),))
    crowded = top_grasps(square, OPENING, 0.0, beside)[0]
    assert abs(alone.T_we[0, 1]) == pytest.approx(1.0)
    assert abs(crowded.T_we[0, 1]) == pytest.approx(0.0, abs=1e-9)
    assert crowded.crowd < top_grasps(square, OPENING, 0.0, beside)[1].crowd


@pytest.mark.parametrize("side", [1.0, -1.0])
def test_a_long_thing_is_gripped_beside_its_middle_where_something_tall_stands_at_its_end(side: float) -> None:
    """It fits between the fingers one way only, and there the palm would meet the corner of what stands beside it."""
    corners = np.array([[0.075, 0.012], [0.15, 0.012], [0.15, 0.1], [0.075, 0.1]]) * [1.0, side] + [0.5, 0.0]
    clutter = Clutter((Obstacle(corners, 0.4, 0.6),))
    best = top_grasps(thing((0.05, 0.08, 0.026)), OPENING, 0.0, clutter)[0]
    offset = side * best.T_we[1, 3]
    assert best.crowd == 0.0
    assert -0.026 < offset < 0.0
    can = top_grasps(thing((0.06, 0.06, 0.1), shape="cylinder"), OPENING, 0.0, clutter)
    assert all(np.allclose(grasp.T_we[:2, 3], [0.5, 0.0]) for grasp in can)


def test_the_palm_keeps_out_of_walls() -> None:
    room = Room(name="room", low_w=np.array([-2.0, -2.0]), high_w=np.array([0.56, 2.0]))
    best = top_grasps(thing((0.04, 0.04, 0.05)), OPENING, 0.0, Clutter((), room))[0]
    assert abs(best.T_we[1, 1]) == pytest.approx(1.0)


def test_a_leaning_hand_grips_the_same_point_across_the_same_sides() -> None:
    grasp = top_grasps(thing((0.03, 0.06, 0.05), yaw=0.3), OPENING, 0.3)[0]
    lean = tilted(grasp, bearing=0.3 + np.pi / 2, tilt=0.5, clutter=Clutter())
    np.testing.assert_allclose(lean.T_we[:3, 3], grasp.T_we[:3, 3])
    np.testing.assert_allclose(np.abs(lean.T_we[:3, 1] @ grasp.T_we[:3, 1]), 1.0, atol=1e-9)
    assert lean.T_we[2, 2] == pytest.approx(-np.cos(0.5))


@given(st.floats(-10, 10), st.floats(-3, 3))
def test_half_turns(yaw: float, nominal: float) -> None:
    found: Any = nearest_half_turn(yaw, nominal)
    assert abs(found - nominal) <= np.pi / 2 + 1e-9
    assert np.sin(found - yaw) == pytest.approx(0.0, abs=1e-6)


def test_a_round_thing_with_a_head_is_gripped_by_it_and_a_mug_by_its_body() -> None:
    duck = top_grasps(thing((0.064, 0.048, 0.072), shape="round"), OPENING, np.pi / 2)[0]
    mug = top_grasps(thing((0.085, 0.069, 0.08), shape="cylinder"), OPENING, np.pi / 2)[0]
    assert duck.T_we[0, 3] == pytest.approx(0.5 + 0.008)  # the head is 12 mm before the middle, the pads 20 mm wide
    assert mug.T_we[0, 3] == pytest.approx(0.5 - 0.008)


@given(st.floats(0.1, 0.5), ANGLE)
def test_a_rolled_hand_still_closes_in_the_same_plane(roll: float, yaw: float) -> None:
    straight = top_grasps(thing((0.05, 0.05, 0.05), yaw), OPENING, yaw)[0]
    turned = rolled(straight, roll)
    np.testing.assert_allclose(turned.T_we[:3, 0], straight.T_we[:3, 0], atol=1e-12)
    np.testing.assert_allclose(turned.T_we[:3, 3], straight.T_we[:3, 3], atol=1e-12)
    assert turned.T_we[:3, 2] @ straight.T_we[:3, 2] == pytest.approx(np.cos(roll))

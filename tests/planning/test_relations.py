from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from yanshi.contracts import Articulation, Entity
from yanshi.goals import Fact
from yanshi.planning.fakes import FIXTURES, ROOMS, fake_fixture, fake_object
from yanshi.planning.relations import box_gap, footprint, is_near, neighbours, opened, placements, room_at

BY_NAME = {e.name: e for e in FIXTURES}


def placed(*things: Entity, **openings: float) -> set[str]:
    return {str(f) for f in placements([*FIXTURES, *things], openings, frozenset())}


def test_a_thing_on_a_surface_in_a_bowl_and_on_another_thing() -> None:
    below = fake_object("red_cube", (6.0, 2.0, 0.85))
    above = fake_object("blue_cube", (6.01, 2.0, 0.95))
    inside = fake_object("green_cube", (2.2, 3.5, 0.66))
    assert placed(below, above, inside) == {"on(red_cube, table)", "on(blue_cube, red_cube)", "in(green_cube, sink)"}


def test_floating_or_beside_the_surface_is_not_on_it() -> None:
    assert placed(fake_object("red_cube", (6.0, 2.0, 0.95))) == set()
    assert placed(fake_object("red_cube", (6.4, 2.0, 0.85))) == set()


def test_the_inside_of_a_drawer_moves_with_it() -> None:
    cube = fake_object("red_cube", (0.95, 1.5, 0.5))
    assert placed(cube, cabinet_drawer=0.0) == set()
    assert placed(cube, cabinet_drawer=1.0) == {"in(red_cube, cabinet_drawer)"}


def test_a_hinged_door_turns_about_its_pivot() -> None:
    joint = Articulation(kind="hinge", axis_e=np.array([0, 0, 1.0]), pivot_e=np.array([0, -0.5, 0]), limit=np.pi / 2)
    door = fake_fixture("door", (0.0, 0.0, 1.0), "kitchen", articulation=joint)
    tip = np.array([[0.0, 0.5, 0.0]])
    np.testing.assert_allclose(opened(door, tip, 1.0), [[-1.0, -0.5, 0.0]], atol=1e-12)
    np.testing.assert_allclose(opened(door, tip, 0.0), tip)


boxes = st.tuples(*(st.floats(-1, 1) for _ in range(2)), st.floats(-3, 3), st.floats(0.05, 0.5), st.floats(0.05, 0.5))


def box(values: tuple[float, ...]) -> Entity:
    x, y, yaw, width, depth = values
    entity = fake_object("red_cube", (x, y, 0.0))
    return Entity(
        name=entity.name, label="cube", category="object", position_w=np.array([x, y, 0.0]), yaw=yaw,
        extent=np.array([width, depth, 0.1]),
    )  # fmt: skip


@given(boxes, boxes)
def test_the_gap_between_boxes_agrees_with_sampled_boundaries(
    first: tuple[float, ...], second: tuple[float, ...]
) -> None:
    a, b = footprint(box(first)), footprint(box(second))

    def outline(polygon: np.ndarray) -> np.ndarray:
        t = np.linspace(0, 1, 60)[:, None]
        return np.concatenate([p + t * (q - p) for p, q in zip(polygon, np.roll(polygon, -1, axis=0), strict=True)])

    sampled = np.linalg.norm(outline(a)[:, None] - outline(b)[None], axis=2).min()
    gap = box_gap(a, b)
    assert gap <= sampled + 1e-9
    assert gap == 0.0 or sampled - gap < 0.02
    assert box_gap(b, a) == gap


def test_beside_needs_a_small_gap_and_the_same_height() -> None:
    red, near_by = fake_object("red_cube", (6.0, 2.0, 0.85)), fake_object("blue_cube", (6.0, 2.19, 0.85))
    far, raised = fake_object("green_cube", (6.0, 1.75, 0.85)), fake_object("white_cube", (6.15, 2.0, 1.0))
    found = neighbours([red, near_by, far, raised], frozenset())
    assert found == {Fact("beside", ("red_cube", "blue_cube")), Fact("beside", ("blue_cube", "red_cube"))}


def test_near_is_close_by_and_ahead() -> None:
    sink = BY_NAME["sink"]
    assert is_near(sink, np.array([2.2, 2.2, np.pi / 2]))
    assert not is_near(sink, np.array([2.2, 2.2, -np.pi / 2]))
    assert not is_near(sink, np.array([2.2, 1.5, np.pi / 2]))
    drawer = BY_NAME["cabinet_drawer"]
    assert is_near(drawer, np.array([1.7, 1.5, np.pi]))
    assert not is_near(drawer, np.array([2.0, 1.5, np.pi]))  # its box is near enough, its handle is not


def test_rooms() -> None:
    assert room_at(ROOMS, np.array([1.0, 1.0])) == "kitchen"
    assert room_at(ROOMS, np.array([20.0, 1.0])) is None

"""Ways of sound between rooms."""

from dataclasses import dataclass

import numpy as np
import pytest

from yanshi.contracts import Room
from yanshi.envs.senses.doorways import LEAK, WALL_LEAK, Doorway, arrival, openings


@dataclass
class Rectangle:
    low_w: tuple[float, float]
    high_w: tuple[float, float]


WEST = Room(name="west", low_w=np.array([0.0, 0.0]), high_w=np.array([4.0, 4.0]))
EAST = Room(name="east", low_w=np.array([4.1, 0.0]), high_w=np.array([8.0, 4.0]))
NORTH = Room(name="north", low_w=np.array([4.1, 4.1]), high_w=np.array([8.0, 8.0]))
WALLS = (
    Rectangle((4.0, -0.1), (4.1, 1.0)),
    Rectangle((4.0, 2.0), (4.1, 4.1)),
    Rectangle((4.1, 4.0), (7.0, 4.1)),
)
DOOR = Doorway(rooms=("west", "east"), ends_w=np.array([[4.05, 1.0], [4.05, 2.0]]), height=2.4)


def test_openings_are_what_walls_leave_free() -> None:
    found = openings((WEST, EAST, NORTH), WALLS, 2.4)
    assert [d.rooms for d in found] == [("west", "east"), ("east", "north")]
    assert np.allclose(found[0].ends_w, DOOR.ends_w)
    assert np.allclose(found[1].ends_w, [[7.0, 4.05], [8.0, 4.05]])


def test_in_the_same_room_nothing_is_changed() -> None:
    source = np.array([1.0, 1.0, 1.0])
    way = arrival(source, "west", np.array([3.0, 3.0, 1.0]), "west", [(DOOR, 1.0)])
    assert way.route == ()
    assert np.array_equal(way.position_w, source)
    assert (way.clear, way.dull, way.detour) == (1.0, 0.0, 0.0)


def test_straight_through_an_open_doorway_is_the_direct_path() -> None:
    source, listener = np.array([1.0, 1.5, 1.0]), np.array([7.0, 1.5, 1.4])
    way = arrival(source, "west", listener, "east", [(DOOR, 1.0)])
    assert way.detour + np.linalg.norm(way.position_w - listener) == pytest.approx(np.linalg.norm(source - listener))
    assert way.clear == pytest.approx(1.0)
    assert way.dull == pytest.approx(0.0)


def test_round_a_corner_it_comes_from_the_doorway_as_late_as_the_shortest_line() -> None:
    source, listener = np.array([3.5, 3.8, 1.0]), np.array([4.6, 3.8, 1.0])
    way = arrival(source, "west", listener, "east", [(DOOR, 1.0)])
    assert np.allclose(way.position_w, [4.05, 1.9, 1.0], atol=1e-6)  # 0.1 m from the jamb.
    length = way.detour + np.linalg.norm(way.position_w - listener)
    grid = np.array([[4.05, y, 1.0] for y in np.linspace(1.1, 1.9, 81)])
    assert length == pytest.approx(
        min(np.linalg.norm(grid - source, axis=1) + np.linalg.norm(grid - listener, axis=1)), abs=1e-3
    )
    assert 0.0 < way.clear < 0.2
    assert way.dull > way.clear


def test_a_door_that_closes_weakens_the_sound_monotonically() -> None:
    source, listener = np.array([1.0, 1.5, 1.0]), np.array([7.0, 1.5, 1.0])
    ways = [arrival(source, "west", listener, "east", [(DOOR, opening)]) for opening in np.linspace(1.0, 0.0, 6)]
    total = [way.clear + way.dull for way in ways]
    assert total == sorted(total, reverse=True)
    assert ways[-1].clear == 0.0
    assert ways[-1].dull == pytest.approx(LEAK)


def test_through_two_rooms_and_through_the_wall() -> None:
    doorways = [(d, 1.0) for d in openings((WEST, EAST, NORTH), WALLS, 2.4)]
    source, listener = np.array([1.0, 1.5, 1.0]), np.array([6.0, 6.0, 1.0])
    way = arrival(source, "west", listener, "north", doorways)
    assert len(way.route) == 2
    assert way.position_w[1] == pytest.approx(4.05)
    best = min(
        np.hypot(3.05, y - 1.5) + np.hypot(x - 4.05, 4.05 - y) + np.hypot(x - 6.0, 1.95)
        for y in np.linspace(1.1, 1.9, 41)
        for x in np.linspace(7.1, 7.9, 41)
    )
    assert way.detour + np.linalg.norm(way.position_w - listener) == pytest.approx(best, abs=5e-3)
    walled = arrival(source, "west", listener, "north", doorways[:1])
    assert (walled.clear, walled.dull) == (0.0, WALL_LEAK)

"""Sounds: where bearings cross, which room they lead to, and what can be their source."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from yanshi.contracts import Entity, FloorPlan, OccupancyGrid, Region, Room, SoundEvent
from yanshi.planning.fakes import fake_fixture, fake_object
from yanshi.planning.hearing import (
    KEPT,
    KEPT_AT_A_PLACE,
    crossing,
    doorways,
    likely_source,
    maker_of,
    recent,
    source_of,
)

ROOMS = (
    Room(name="kitchen", low_w=np.array([0.0, 0.0]), high_w=np.array([4.0, 4.0])),
    Room(name="hall", low_w=np.array([4.0, 0.0]), high_w=np.array([8.0, 4.0])),
)
DOORWAY = np.array([4.0, 2.0])


def surface(name: str, at: tuple[float, float], room: str) -> Entity:
    """Furniture on which things stand."""
    region = Region(kind="on", center_e=np.array([0.0, 0.0, 1.0]), half=np.array([0.3, 0.3, 0.2]))
    return fake_fixture(name, (*at, 0.0), room, regions=(region,))


def _plan() -> FloorPlan:
    occupied = np.zeros((80, 160), dtype=bool)
    occupied[:, 78:82] = True
    occupied[32:48, 78:82] = False
    furniture = surface("counter", (1.0, 3.5), "kitchen"), surface("table", (0.4, 1.0), "kitchen")
    return FloorPlan(
        rooms=ROOMS, fixtures=(*furniture, surface("shelf", (7.0, 3.5), "hall")),
        grid=OccupancyGrid(occupied=occupied, resolution=0.05, origin_w=np.zeros(2)), start_w=np.zeros(3),
    )  # fmt: skip


PLAN = _plan()


def heard(at: tuple[float, float], to: object, label: str = "ring", track: str | None = None) -> SoundEvent:
    """A sound that seems to come from a point (x, y)."""
    offset = np.array([*(np.asarray(to, dtype=float) - np.asarray(at)), 0.0])
    return SoundEvent(
        label=label,
        track=track,
        direction_w=offset / np.linalg.norm(offset),
        origin_w=np.array([*at, 1.2]),
        covariance=np.eye(2) * 0.0076,
    )


def sounder(label: str, at: tuple[float, float]) -> Entity:
    return replace(fake_object(label, (*at, 0.9)), affordances=frozenset({"grasp", "sound"}))


@pytest.mark.parametrize("source", [(1.0, 3.0), (3.0, 0.6), (2.5, 3.5)])
def test_bearings_cross_at_their_source(source: tuple[float, float]) -> None:
    sounds = [heard(place, source) for place in ((1.5, 1.0), (2.4, 1.2), (1.8, 2.0))]
    found = crossing(sounds)
    assert found is not None
    np.testing.assert_allclose(found, source, atol=1e-9)


def test_parallel_bearings_and_one_alone_do_not_cross() -> None:
    assert crossing([heard((1.0, 1.0), (2.0, 1.0))]) is None
    assert crossing([heard((1.0, 1.0), (2.0, 1.0)), heard((1.0, 1.5), (2.0, 1.5))]) is None
    assert crossing([]) is None


def test_doorways_are_the_gaps_of_the_map_between_rooms() -> None:
    (found,) = doorways(ROOMS[0], PLAN)
    assert found[0] == "hall"
    assert found[1].mean(axis=0) == pytest.approx(DOORWAY, abs=0.05)
    assert np.ptp(found[1][:, 1]) == pytest.approx(0.6, abs=0.1)
    (back,) = doorways(ROOMS[1], PLAN)
    assert back[0] == "kitchen"
    assert back[1] == pytest.approx(found[1])
    walled = replace(PLAN, grid=replace(PLAN.grid, occupied=np.ones_like(PLAN.grid.occupied)))
    assert doorways(ROOMS[0], walled) == []


@pytest.mark.parametrize(("source", "expected"), [((1.0, 3.5), "counter"), ((0.4, 1.0), "table"), (DOORWAY, "hall")])
def test_what_is_heard_is_on_furniture_here_or_behind_the_doorway(source: object, expected: str) -> None:
    sounds = [heard((1.0, 1.9), source), heard((2.2, 3.0), source)]
    assert likely_source(sounds, PLAN) == expected
    thuds = [heard((2.2, 3.0), (2.2, 3.9), "thud")]
    assert likely_source([*sounds, *thuds], PLAN) == expected, "another sound is of another thing"
    astray = heard((2.9, 1.0), (2.0, 0.2))
    assert likely_source([*sounds, heard((1.5, 2.5), source), astray], PLAN) == expected, "an echo is outvoted"


def test_bearings_of_another_room_do_not_count_and_distance_does() -> None:
    first = [heard((1.0, 1.0), DOORWAY), heard((1.0, 3.0), DOORWAY)]
    assert likely_source([*first, heard((5.0, 1.0), (7.0, 3.5)), heard((7.0, 1.5), (7.0, 3.5))], PLAN) == "shelf"
    between = replace(heard((2.0, 1.9), (2.5, 3.9)), covariance=np.eye(2))
    near, far = (replace(between, distance=away, distance_deviation=0.1 * away) for away in (1.85, 4.5))
    assert likely_source([near], PLAN) in ("counter", "table")
    assert likely_source([far], PLAN) == "hall"


def test_what_has_a_name_is_heard_from_where_it_is() -> None:
    sounds = [heard(place, (7.0, 3.5), track="phone") for place in ((1.0, 1.0), (1.0, 3.0))]
    assert likely_source(sounds, PLAN, "phone") == "hall"
    assert likely_source(sounds, PLAN, "clock") is None
    assert likely_source([], PLAN) is None
    assert likely_source([heard((-1.0, 2.0), (6.0, 2.0))], PLAN) == "kitchen", "from nowhere in the plan"


def test_only_a_thing_that_makes_such_a_sound_in_the_same_room_is_its_source() -> None:
    voices = {"phone": "ring", "kettle": "whistle"}
    event = heard((1.0, 2.0), DOORWAY)
    here, behind = sounder("phone", (3.0, 2.0)), sounder("phone", (6.0, 2.0))
    assert source_of(event, {"phone": here}, ROOMS, voices) == "phone"
    assert source_of(event, {"phone": behind}, ROOMS, voices) is None
    assert source_of(event, {"kettle": sounder("kettle", (3.0, 2.0))}, ROOMS, voices) is None
    kettle_too = {"phone": here, "kettle": sounder("kettle", (2.0, 2.0))}
    assert source_of(event, kettle_too, ROOMS, voices) == "phone"
    two = {"one": replace(here, name="one"), "two": replace(here, name="two", position_w=np.array([2.0, 2.0, 0.9]))}
    assert source_of(event, two, ROOMS, voices) is None, "it could be either"
    aside = {**two, "two": replace(here, name="two", position_w=np.array([2.9, 2.5, 0.9]))}
    sharp = replace(event, covariance=np.eye(2) * 0.003)
    assert source_of(event, aside, ROOMS, voices) is None
    assert source_of(sharp, aside, ROOMS, voices) == "one", "it fits much better"
    assert source_of(event, {"table": fake_fixture("table", (3.0, 2.0, 0.7), "kitchen")}, ROOMS, voices) is None


def test_the_kind_of_an_unseen_thing_is_told_by_a_sound_that_only_it_makes() -> None:
    voices = {"phone": "ring", "radio": "buzz", "doorbell": "buzz"}
    assert maker_of("ring", voices) == "phone"
    assert maker_of("buzz", voices) == "thing"
    assert maker_of("hum", voices) == "thing"


def test_sounds_are_remembered_from_several_places() -> None:
    sounds: tuple[SoundEvent, ...] = ()
    for x in np.repeat(np.arange(1.0, 3.0, 0.5), 50):
        sounds = recent(sounds, [heard((float(x), 1.0), DOORWAY)])
    origins = [float(event.origin_w[0]) for event in sounds]
    assert origins == sorted(origins), "oldest first"
    assert {x: origins.count(x) for x in set(origins)} == dict.fromkeys((1.0, 1.5, 2.0, 2.5), KEPT_AT_A_PLACE)
    for x in np.arange(0.0, 30.0, 0.5):
        sounds = recent(sounds, [heard((float(x), 1.0), DOORWAY)])
    assert len(sounds) == KEPT

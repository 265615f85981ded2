"""Sounds: where bearings cross, which room they lead to, and what can be their source."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from yanshi.contracts import Entity, Room, SoundEvent
from yanshi.planning.fakes import fake_fixture, fake_object
from yanshi.planning.hearing import KEPT, KEPT_AT_A_PLACE, crossing, likely_room, maker_of, recent, source_of

ROOMS = (
    Room(name="kitchen", low_w=np.array([0.0, 0.0]), high_w=np.array([4.0, 4.0])),
    Room(name="hall", low_w=np.array([4.0, 0.0]), high_w=np.array([8.0, 4.0])),
)
DOORWAY = np.array([4.0, 2.0])


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
    assert likely_room(sounds, ROOMS) == "kitchen"


def test_parallel_bearings_and_one_alone_do_not_cross() -> None:
    assert crossing([heard((1.0, 1.0), (2.0, 1.0))]) is None
    assert crossing([heard((1.0, 1.0), (2.0, 1.0)), heard((1.0, 1.5), (2.0, 1.5))]) is None
    assert crossing([]) is None


def test_bearings_from_a_doorway_lead_to_the_room_behind_it() -> None:
    sounds = [heard((1.0, 1.0), DOORWAY), heard((1.0, 3.0), DOORWAY)]
    assert likely_room(sounds, ROOMS) == "hall"
    assert likely_room(sounds[:1], ROOMS) == "hall"
    through = [*sounds, heard((5.0, 1.0), (7.0, 3.0)), heard((6.5, 1.0), (7.0, 3.0))]
    assert likely_room(through, ROOMS) == "hall", "bearings taken in another room do not disturb"


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

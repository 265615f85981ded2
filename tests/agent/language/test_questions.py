"""Questions about a moment, and that every answer follows from what is sensed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from yanshi.agent.language.directions import NEAR, SECTORS, all_steps, in_steps, sector, sectors
from yanshi.agent.language.moments import Heard, Moment, Told
from yanshi.agent.language.questions import UNKNOWN, WORDINGS, Question, questions
from yanshi.perception.embodied_lm.pointing import objects_in
from yanshi.perception.readers.objects import SensedObject

SENSES = ("things", "sound", "body", "camera", "lidar")


def told(label: str, x: float, y: float, *, seen: bool = True, **attributes: str) -> Told:
    thing = SensedObject(words=f"{attributes.get('color', '')} {label}", position_b=np.array([x, y, 0.7]))
    return Told(thing=thing, label=label, attributes=attributes, seen=seen)


MOMENT = Moment(
    seed=0,
    observation=None,
    told=(
        told("mug", 0.5, 0.5, color="red"),
        told("mug", 1.5, -1.5, color="blue"),
        told("tile", 0.6, 0.0, color="white", digit="5", seen=False),
    ),
    heard=(Heard(label="ring", bearing=np.pi / 2),),
    unsure=False,
    dark=False,
    holding=True,
    ahead=1.4,
)


def asked(moment: Moment, kind: str, senses: tuple[str, ...] = SENSES, tries: int = 60) -> list[Question]:
    found = [questions(moment, senses, np.random.default_rng(seed), "train") for seed in range(tries)]
    return [q for each in found for q in each if q.kind == kind]


def test_every_kind_is_asked_in_both_splits_and_no_wording_is_in_both() -> None:
    for kind, grammar in WORDINGS.items():
        train, heldout = set(grammar.of("train")), set(grammar.of("heldout"))
        assert train, kind
        assert heldout, kind
        assert not train & heldout


def test_what_is_there_is_pointed_at_and_what_is_not_is_denied() -> None:
    answers = {q.text: q.answers[0] for q in asked(MOMENT, "exists")}
    assert {"No."} < set(answers.values())
    for text, answer in answers.items():
        words = text.lower()
        if "blue mug" in words or "azure mug" in words:
            assert answer == "Yes: <|obj_1|>."
        if "green mug" in words:
            assert answer == "No."
        for k in objects_in(answer):
            assert MOMENT.told[k].label in ("mug", "tile")


def test_counts_list_what_they_count() -> None:
    for question in asked(MOMENT, "count"):
        answer = question.answers[0]
        number = {"None.": 0}.get(answer, len(objects_in(answer)))
        word = answer.rstrip(".").split()[-1].lower()
        assert word == ("none", "one", "two", "three")[number]


def test_where_and_how_far() -> None:
    answers = {q.answers[0] for q in asked(MOMENT, "where")}
    assert "<|obj_0|>, ahead on the left, within reach." in answers
    assert "<|obj_1|>, ahead on the right, far." in answers


def test_the_nearest_is_asked_for_only_where_it_is_clear() -> None:
    assert {q.answers for q in asked(MOMENT, "nearest")} == set()  # 0.71 m and 0.6 m
    apart = replace(MOMENT, told=MOMENT.told[:2])
    assert {q.answers for q in asked(apart, "nearest")} == {("<|obj_0|>.",)}


@pytest.mark.parametrize(
    ("kind", "sense", "answer"),
    [
        ("heard", "sound", "Ringing on the left."),
        ("holding", "body", "Yes."),
        ("dark", "camera", "No."),
        ("ahead", "lidar", "One to two metres."),
    ],
)
def test_what_a_sense_tells_and_that_nobody_can_tell_without_it(kind: str, sense: str, answer: str) -> None:
    assert {q.answers[0] for q in asked(MOMENT, kind)} == {answer}
    lacking = tuple(name for name in SENSES if name != sense)
    assert {q.answers for q in asked(MOMENT, kind, lacking)} == {(UNKNOWN,)}


def test_a_sound_that_is_not_there_is_not_heard() -> None:
    answers = {q.answers[0] for q in asked(MOMENT, "sound")}
    assert "On the left." in answers
    assert any(answer.startswith("I hear no ") for answer in answers)
    assert "I hear no ringing." not in answers


def test_a_description_tells_only_of_what_is_in_view() -> None:
    (answer,) = {q.answers[0] for q in asked(MOMENT, "describe")}
    assert objects_in(answer) == [0, 1]
    assert "I hold something." in answer
    assert answer.endswith("I hear ringing on the left.")


def test_where_nobody_could_say_what_is_heard_it_is_not_asked() -> None:
    unsure = replace(MOMENT, unsure=True, heard=())
    assert not asked(unsure, "heard")
    assert not asked(unsure, "sound")


@pytest.mark.parametrize("degrees", range(-180, 180, 15))
def test_directions_near_a_border_may_be_told_either_way(degrees: int) -> None:
    bearing = np.deg2rad(degrees)
    said = sectors(bearing)
    assert said[0] == sector(bearing)
    off = abs((degrees + 22.5) % 45 - 22.5)  # from the middle of the sector
    assert len(said) == (2 if off > 22.5 - 8.0 else 1)
    assert set(said) <= set(SECTORS)


def test_distances_in_words() -> None:
    assert [in_steps(d, NEAR) for d in (0.3, 1.0, 5.0, np.inf)] == ["within reach", "near", "far", "far"]
    assert all_steps(0.79, NEAR) == ("within reach", "near")
    assert all_steps(0.5, NEAR) == ("within reach",)

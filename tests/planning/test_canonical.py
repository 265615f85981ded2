"""The one way of saying each thing: it is read back for certain, and the grammar allows it and nothing unknown."""

from __future__ import annotations

import pytest

from yanshi.errors import InputError
from yanshi.perception.decoding.grammar import GrammarCompiler
from yanshi.perception.embodied_lm.fakes import fake_tokenizer
from yanshi.planning.canonical import NOTHING, command_grammar, sentence
from yanshi.planning.embedding import HashEmbedder
from yanshi.planning.fakes import fake_belief
from yanshi.planning.understanding import RetrievalUnderstanding
from yanshi.planning.vocabulary import Vocabulary

VOCABULARY = Vocabulary(
    labels=("mug", "ball", "orange", "tile", "toy_car", "phone", "can", "candle"),
    colors=("red", "blue", "orange"),
    shapes=("round", "box"),
    materials=("wood",),
    voices={"phone": "ring"},
)
SAID = {
    "please put that big scarlet mug into the sink": "put the large red mug in the sink",
    "grab the orange ball": "pick up the orange ball",
    "take the orange": "pick up the orange",
    "lift the round red thing next to the number 5": "pick up the round red thing beside the number 5",
    "put all the red balls in the sink": "put all red ball in the sink",
    "go to the thing that is ringing": "find the ringing thing",
    "pick up the larger of the two mugs": "pick up the larger mug",
    "get the mug and then go to the kitchen": "pick up the mug; go to the kitchen",
}
"""What is said → what is written. The order of adjectives is always that of size, colour, material, shape."""


@pytest.fixture(scope="module")
def reader() -> RetrievalUnderstanding:
    return RetrievalUnderstanding(HashEmbedder(), VOCABULARY)


@pytest.mark.parametrize("text", SAID)
def test_it_is_read_back_for_certain(reader: RetrievalUnderstanding, text: str) -> None:
    belief = fake_belief()
    written = sentence(reader.commands(text, belief))
    assert set(written.split()) == set(SAID[text].split())
    assert str(reader.understand(written, belief).goal) == str(reader.understand(text, belief).goal)
    assert sentence(reader.commands(written, belief)) == written


def test_nothing_is_said_to_be_nothing() -> None:
    assert sentence([]) == NOTHING


@pytest.mark.parametrize(
    "text",
    [
        "pick up the orange",
        "pick up the orange ball",
        "pick up the can; pick up the candle",
        "put the large red mug in the sink",
        "find the ringing thing",
        "pick up the red round thing beside the number 5",
        NOTHING,
    ],
)
def test_the_grammar_allows_it(text: str) -> None:
    accept(text)


@pytest.mark.parametrize("text", ["pick up the unicorn", "open the moon", "pick up the mug in the garden", "dance"])
def test_the_grammar_forbids_what_is_not_there(text: str) -> None:
    with pytest.raises(InputError):
        accept(text)


def accept(text: str) -> None:
    tokenizer = fake_tokenizer()
    grammar = "start: COMMAND\n" + command_grammar(VOCABULARY, fake_belief())
    constraint = GrammarCompiler(tokenizer).lark(grammar)
    constraint.accept([*tokenizer(text, add_special_tokens=False)["input_ids"], tokenizer.eos_token_id])

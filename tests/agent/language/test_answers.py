"""What the model is to answer to instructions, and how answers are corrected by what is sensed."""

from __future__ import annotations

import numpy as np
import pytest

from yanshi.agent.language.answers import answer, answer_grammar, referents
from yanshi.agent.language.consistency import Consistency
from yanshi.agent.language.moments import Heard
from yanshi.contracts import Entity
from yanshi.perception.decoding.grammar import GrammarCompiler
from yanshi.perception.embodied_lm.fakes import fake_tokenizer
from yanshi.perception.embodied_lm.senses import object_token
from yanshi.planning.canonical import NOTHING
from yanshi.planning.embedding import HashEmbedder
from yanshi.planning.fakes import fake_belief
from yanshi.planning.understanding import RetrievalUnderstanding
from yanshi.planning.vocabulary import Description, Vocabulary

VOCABULARY = Vocabulary(labels=("mug", "ball", "tile"), colors=("red", "blue", "green"), shapes=("round",))


def thing(label: str, x: float, size: float = 0.08, **attributes: str) -> Entity:
    return Entity(
        name=f"{label}_{x}", label=label, category="object", position_w=np.array([x, 0.0, 0.7]),
        extent=np.full(3, size), attributes=attributes,
    )  # fmt: skip


TOLD = [
    thing("mug", 0.0, color="red"),
    thing("mug", 1.0, 0.12, color="red"),
    thing("ball", 1.1, color="blue", shape="round"),
    thing("tile", 1.2, digit="5"),
]


@pytest.mark.parametrize(
    ("description", "expected"),
    [
        (Description(words="", label="mug"), [0, 1]),
        (Description(words="", label="mug", compare="larger"), [1]),
        (Description(words="", label="mug", compare="smaller"), [0]),
        (Description(words="", attributes={"shape": "round"}, label="ball"), [2]),
        (Description(words="", label="mug", relation=("beside", Description(words="", label="tile"))), [1]),
        (Description(words="", label="mug", attributes={"color": "green"}), []),
        (Description(words="", sounding=True), []),
    ],
)
def test_which_things_a_description_means(description: Description, expected: list[int]) -> None:
    assert referents(description, TOLD) == expected


def test_the_answer_points_before_it_says_what_to_do() -> None:
    reader, belief = RetrievalUnderstanding(HashEmbedder(), VOCABULARY), fake_belief()
    commands = reader.commands("put the red mug in the sink", belief)
    assert answer(commands, TOLD, belief) == "Meant: <|obj_0|>, <|obj_1|>. Do: put the red mug in the sink."
    assert answer(commands, [], belief) == "Meant: nothing in sight. Do: put the red mug in the sink."
    assert answer([], TOLD, belief) == f"Do: {NOTHING}."


def test_the_grammar_allows_the_answer_and_no_token_of_a_thing_that_is_not_told_of() -> None:
    tokenizer = fake_tokenizer()
    tokenizer.add_tokens([object_token(k) for k in range(3)])
    grammar = answer_grammar(fake_belief(), 2)
    good = "Meant: <|obj_0|>, <|obj_1|>. Do: pick up the mug."
    ids = tokenizer(good, add_special_tokens=False)["input_ids"]
    constraint = GrammarCompiler(tokenizer).lark(grammar)
    constraint.accept([*ids, tokenizer.eos_token_id])
    other = GrammarCompiler(tokenizer).lark(grammar)
    other.accept(tokenizer("Meant: ", add_special_tokens=False)["input_ids"])
    allowed = set(other.allowed().tolist())
    tokens = [tokenizer.convert_tokens_to_ids(object_token(k)) for k in range(3)]
    assert [token in allowed for token in tokens] == [True, True, False]


THINGS = [("mug", {"color": "red"}), ("tile", {"color": "white", "digit": "5"})]


@pytest.mark.parametrize(
    ("question", "said", "corrected", "score"),
    [
        ("Is there a scarlet mug here?", "No.", "Yes: <|obj_0|>.", 0.0),
        ("Is there a scarlet mug here?", "Yes: <|obj_0|>.", "Yes: <|obj_0|>.", 1.0),
        ("Do you see a blue mug?", "Yes: <|obj_0|>.", "No.", 0.0),
        ("Do you see a red mug?", "Yes: <|obj_0|>, <|obj_1|>.", "Yes: <|obj_0|>.", 0.5),
        ("How many red mugs are there?", "<|obj_0|>, <|obj_1|>: two.", "<|obj_0|>: one.", 0.5),
        ("How many mugs do you see?", "<|obj_0|>: one.", "<|obj_0|>: one.", 1.0),
        ("How many blue mugs do you see?", "<|obj_0|>: one.", "None.", 0.0),
        ("Have you seen a unicorn?", "Yes: <|obj_0|>.", "Yes: <|obj_0|>.", 1.0),
    ],
)
def test_what_does_not_fit_is_corrected(question: str, said: str, corrected: str, score: float) -> None:
    checked = Consistency(VOCABULARY).check(question, said, THINGS)
    assert (checked.answer, checked.score) == (corrected, score)


HEARD = [Heard(label="ring", bearing=np.pi / 2), Heard(label="hum", bearing=np.pi)]


@pytest.mark.parametrize(
    ("question", "said", "corrected", "score"),
    [
        ("What do you hear?", "Ringing on the left, humming behind.", "Ringing on the left, humming behind.", 1.0),
        ("What do you hear?", "Ringing ahead, humming behind.", "Ringing on the left, humming behind.", 0.5),
        ("What do you hear?", "Nothing.", "Ringing on the left, humming behind.", 0.0),
        ("What do you hear?", "Ringing on the left, humming behind, knocking ahead.",
         "Ringing on the left, humming behind.", 2 / 3),
        ("Where is the ringing?", "Ahead.", "On the left.", 0.0),
        ("Where is the ringing?", "On the left.", "On the left.", 1.0),
        ("Where is the knocking?", "Behind.", "I hear no knocking.", 0.0),
        ("Where is the humming?", "I hear no humming.", "Behind.", 0.0),
        ("Describe what you sense.", "I see <|obj_0|>. I hear ringing ahead.",
         "I see <|obj_0|>. I hear ringing on the left, humming behind.", 0.0),
        ("Where is the mug?", "<|obj_0|>, ahead, near.", "<|obj_0|>, ahead, near.", 1.0),
    ],
)  # fmt: skip
def test_what_is_said_of_sounds_is_held_against_hearing(question: str, said: str, corrected: str, score: float) -> None:
    checked = Consistency(VOCABULARY).check_sounds(question, said, HEARD)
    assert checked.answer == corrected
    assert checked.score == pytest.approx(score)


def test_where_nothing_is_heard_nothing_is_told_of() -> None:
    check = Consistency(VOCABULARY).check_sounds
    assert check("What do you hear?", "Nothing.", ()).score == 1.0
    assert check("What do you hear?", "Ringing ahead.", ()).answer == "Nothing."
    assert check("Describe it.", "I see <|obj_0|>. I hear ringing ahead.", ()).answer == "I see <|obj_0|>."


def test_a_description_tells_of_what_is_in_sight() -> None:
    check = Consistency(VOCABULARY).check_seen
    assert check("I see <|obj_0|>, <|obj_2|>. It is dark.", [0, 2]).score == 1.0
    checked = check("I see <|obj_0|>, <|obj_1|>. It is dark. I hear humming ahead.", [0, 2])
    assert checked.answer == "I see <|obj_0|>, <|obj_2|>. It is dark. I hear humming ahead."
    assert checked.score == pytest.approx(1 / 3)
    assert check("I see <|obj_0|>.", []).answer == "I see no things."
    assert check("Yes: <|obj_0|>.", []).answer == "Yes: <|obj_0|>."

"""Fast answers are the same answers."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch

from yanshi.errors import InputError
from yanshi.perception.decoding.decoder import Decoder
from yanshi.perception.decoding.grammar import Constraint, GrammarCompiler
from yanshi.perception.embodied_lm.assemble import assemble
from yanshi.perception.embodied_lm.fakes import (
    FAMILIES,
    fake_language_model,
    fake_observation,
    fake_senses,
    fake_tokenizer,
)
from yanshi.perception.embodied_lm.model import EmbodiedLM
from yanshi.perception.embodied_lm.processor import EmbodiedProcessor
from yanshi.perception.readers.objects import SensedObject

Made = tuple[EmbodiedLM, EmbodiedProcessor]
THINGS = [SensedObject(words=w, position_b=np.array([1.0, k, 0.8])) for k, w in enumerate(("red mug", "plate"))]
PLAN = """start: "thought: " /[a-c]{1,6}/ ". plan: " call ("; " call)?
call: "pick(" thing ")" | "place_on(" thing ", " thing ")"
thing: <|obj_0|> | <|obj_1|>
"""


@pytest.fixture(scope="module", params=FAMILIES)
def made(request: pytest.FixtureRequest) -> Made:
    return assemble(fake_language_model(request.param), fake_tokenizer(), fake_senses())


@pytest.fixture(scope="module")
def parts() -> Made:
    return assemble(fake_language_model(), fake_tokenizer(), fake_senses())


@pytest.fixture(scope="module")
def grammars(parts: Made) -> GrammarCompiler:
    pytest.importorskip("llguidance")
    return GrammarCompiler(parts[1].tokenizer, parts[0].config.get_text_config().vocab_size)


def asked(processor: EmbodiedProcessor, text: str, stamp: float = 1.0) -> Any:
    return processor(text=text, observation=fake_observation(stamp), objects=THINGS)


def test_answers_are_those_of_generate(made: Made) -> None:
    model, processor = made
    decoder = Decoder(model, processor)
    for text in ("where?", "what is left of it?", "what"):
        inputs = asked(processor, text)
        expected = model.generate(**inputs, max_new_tokens=12, do_sample=False)[0, inputs["input_ids"].shape[1] :]
        end = model.generation_config.eos_token_id
        answer = decoder.answer(inputs, most=12)
        assert list(answer.tokens) == [token for token in expected.tolist() if token != end]
        assert answer.complete == (end in expected.tolist())
        assert answer.reused + answer.read == inputs["input_ids"].shape[1]


def test_what_was_read_is_not_read_again(parts: Made) -> None:
    model, processor = parts
    decoder = Decoder(model, processor)
    first, second = asked(processor, "where is it?"), asked(processor, "where is he?")
    assert decoder.answer(first, most=4).reused == 0
    again = decoder.answer(second, most=4)
    same = (first["input_ids"] == second["input_ids"])[0].tolist()
    assert again.reused == same.index(False)
    assert again.tokens == Decoder(model, processor).answer(second, most=4).tokens
    assert decoder.answer(second, most=4).read == 1


def test_another_look_is_read_anew(parts: Made) -> None:
    model, processor = parts
    decoder = Decoder(model, processor)
    decoder.answer(asked(processor, "where?"), most=2)
    other = asked(processor, "where?", stamp=2.0)
    soft = min(model.config.sense_token_ids.values())
    answer = decoder.answer(other, most=2)
    assert answer.reused <= other["input_ids"][0].tolist().index(soft)
    assert answer.tokens == Decoder(model, processor).answer(other, most=2).tokens


class StepByStep:
    """A constraint that keeps to itself what it forces."""

    def __init__(self, inner: Constraint) -> None:
        self.inner = inner

    @property
    def complete(self) -> bool:
        return self.inner.complete

    def forced(self) -> list[int]:
        return []

    def allowed(self) -> torch.Tensor | None:
        return self.inner.allowed()

    def accept(self, tokens: Sequence[int]) -> None:
        self.inner.accept(tokens)


def test_forced_tokens_cost_no_pass_and_change_nothing(parts: Made, grammars: GrammarCompiler) -> None:
    model, processor = parts
    inputs = asked(processor, "put it away")
    fast = Decoder(model, processor).answer(inputs, grammars.lark(PLAN), most=60)
    slow = Decoder(model, processor).answer(inputs, StepByStep(grammars.lark(PLAN)), most=60)
    assert fast.tokens == slow.tokens
    assert fast.complete
    assert fast.text.startswith("thought: ")
    assert "(<|obj_" in fast.text
    assert fast.passes + fast.forced == slow.passes + slow.forced == len(fast.tokens)
    assert fast.forced > len(fast.tokens) // 2


def test_scores_of_the_allowed_alone_choose_the_same(
    parts: Made, grammars: GrammarCompiler, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, processor = parts
    inputs = asked(processor, "put it away")
    few = Decoder(model, processor).answer(inputs, grammars.lark(PLAN), most=60)
    monkeypatch.setattr("yanshi.perception.decoding.decoder.FEW_CHOICES", 0)
    assert Decoder(model, processor).answer(inputs, grammars.lark(PLAN), most=60).tokens == few.tokens


@pytest.mark.parametrize(
    ("make", "holds"),
    [
        (lambda g: g.choice(["yes", "no", 'a "plate"']), lambda text: text in ("yes", "no", 'a "plate"')),
        (lambda g: g.regex("[0-9]{3}-x"), lambda text: len(text) == 5 and text[:3].isdigit() and text[3:] == "-x"),
        (
            lambda g: g.json({"type": "object", "properties": {"n": {"enum": [1, 2]}}, "required": ["n"],
                              "additionalProperties": False}),
            lambda text: text in ('{"n":1}', '{"n":2}'),
        ),
        (lambda g: g.choice(["certainly"]), lambda text: text == "certainly"),
    ],
)  # fmt: skip
def test_answers_follow_the_grammar(parts: Made, grammars: GrammarCompiler, make: Any, holds: Any) -> None:
    model, processor = parts
    answer = Decoder(model, processor).answer(asked(processor, "?"), make(grammars))
    assert holds(answer.text)
    assert answer.complete


def test_objects_that_were_not_told_of_are_never_named(parts: Made, grammars: GrammarCompiler) -> None:
    model, processor = parts
    anything = "start: <|obj_0|> | <|obj_1|> | <|obj_2|> | <|obj_3|> | <|obj_4|> | <|obj_5|>"
    named = set()
    for k in range(6):
        inputs = processor(text=f"which {k}?", objects=THINGS[:1])
        named |= set(processor.objects_in(Decoder(model, processor).answer(inputs, grammars.lark(anything)).text))
    assert named == {0}


def test_bad_input_is_one_line(parts: Made, grammars: GrammarCompiler) -> None:
    model, processor = parts
    decoder = Decoder(model, processor)
    with pytest.raises(InputError, match=r'The grammar is not valid: at 1\(8\): unknown name: "foo"'):
        grammars.lark("start: foo")
    with pytest.raises(InputError, match="at least one answer"):
        grammars.choice([])
    with pytest.raises(InputError, match="asks for objects that the prompt does not tell of"):
        decoder.answer(asked(processor, "x"), grammars.lark("start: <|obj_4|> | <|obj_5|>"))
    with pytest.raises(InputError, match="one sample at a time, got 2"):
        decoder.answer(processor(text=["a", "b"]))
    with pytest.raises(InputError, match=r"and 600 more do not fit the model's context of 512"):
        decoder.answer(asked(processor, "x"), most=600)

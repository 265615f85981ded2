"""Understanding by a model: even one that was never taught writes only what the belief allows."""

from __future__ import annotations

import re

import pytest

from yanshi.agent.language.understanding import ModelUnderstanding
from yanshi.agent.specimens import vocabulary
from yanshi.contracts import WorldState
from yanshi.errors import NotUnderstoodError
from yanshi.perception.decoding.decoder import Answer
from yanshi.perception.embodied_lm.assemble import assemble
from yanshi.perception.embodied_lm.fakes import fake_language_model, fake_tokenizer
from yanshi.perception.embodied_lm.senses import SenseConfig
from yanshi.perception.encoders.vector_mlp import VectorMLPConfig
from yanshi.perception.projectors.mlp import MLPProjectorConfig
from yanshi.perception.readers.objects import ObjectReader
from yanshi.planning.canonical import NOTHING
from yanshi.planning.embedding import HashEmbedder
from yanshi.planning.fakes import fake_belief, fake_object
from yanshi.planning.understanding import RetrievalUnderstanding

THINGS = SenseConfig(
    reader=ObjectReader(),
    encoder=VectorMLPConfig(size=11, hidden=16, width=16),
    projector=MLPProjectorConfig(),
    frames=8,
)


def believed(*names: str) -> WorldState:
    return fake_belief({name: fake_object(name, (1.0 + 0.2 * k, 0.5, 0.9)) for k, name in enumerate(names)})


def understanding() -> ModelUnderstanding:
    model, processor = assemble(fake_language_model(context=2048), fake_tokenizer(), {"things": THINGS})
    return ModelUnderstanding(model.eval(), processor, RetrievalUnderstanding(HashEmbedder(), vocabulary()))


def test_a_model_that_knows_nothing_still_writes_what_can_be_said() -> None:
    belief = believed("red_mug", "blue_ball")
    meant, command = understanding().write("put the red mug in the sink", belief)
    assert all(entity.name in belief.entities for entity in meant)
    assert re.fullmatch(r"[a-z0-9; ]+", command) or command == NOTHING


@pytest.mark.parametrize(
    ("written", "goal", "thought"),
    [
        ("Meant: <|obj_0|>. Do: pick up the red mug.", "holding(red_mug)", "I take red_mug to be meant"),
        ("Meant: <|obj_0|>. Do: go to the kitchen.", "robot_in(kitchen)", "pointed at red_mug, which does not fit"),
        ("Do: go to the kitchen.", "robot_in(kitchen)", "means: go to the kitchen"),
        (f"Do: {NOTHING}.", "holding(red_mug)", "made nothing of it"),
        ("Do: pick up the helicopter.", "holding(red_mug)", "made nothing of it"),
    ],
)
def test_the_goal_is_read_from_what_it_writes(
    written: str, goal: str, thought: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = understanding()
    said = Answer(text=written, tokens=(), forced=0, reused=0, read=0, passes=0, seconds=0.0, complete=True)
    monkeypatch.setattr(reader._decoder, "answer", lambda *args, **options: said)
    read = reader.understand("take the red mug", believed("red_mug"))
    assert str(read.goal) == goal
    assert thought in read.thought


def test_what_neither_makes_a_goal_of_is_not_understood(monkeypatch: pytest.MonkeyPatch) -> None:
    reader = understanding()
    said = Answer(text=f"Do: {NOTHING}.", tokens=(), forced=0, reused=0, read=0, passes=0, seconds=0.0, complete=True)
    monkeypatch.setattr(reader._decoder, "answer", lambda *args, **options: said)
    with pytest.raises(NotUnderstoodError):
        reader.understand("sing me a song about helicopters", fake_belief())

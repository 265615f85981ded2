"""The stages of training on a tiny model: what moves, that a broken-off run goes on bit for bit, what is saved."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from yanshi.agent.language.balance import GROUPS
from yanshi.agent.language.corpus import Corpus
from yanshi.agent.language.instructions import Instructed
from yanshi.agent.language.lessons import Lessons, held_out
from yanshi.agent.language.moments import Heard, Moment, Told
from yanshi.agent.language.pipeline import LanguageTraining
from yanshi.agent.language.scenes import from_plain, to_plain
from yanshi.agent.language.scoring import Answering, hallucinations, shares
from yanshi.agent.language.towers import Known, TowerTraining, train_tower
from yanshi.agent.language.training import StageTraining, answered, train_stage
from yanshi.errors import InputError
from yanshi.perception.embodied_lm.assemble import assemble
from yanshi.perception.embodied_lm.fakes import fake_language_model, fake_tokenizer
from yanshi.perception.embodied_lm.senses import SenseConfig
from yanshi.perception.encoders.vector_mlp import VectorMLPConfig
from yanshi.perception.projectors.linear import LinearProjectorConfig
from yanshi.perception.projectors.mlp import MLPProjectorConfig
from yanshi.perception.readers.body import BodyReader
from yanshi.perception.readers.objects import ObjectReader, SensedObject

BODY, THINGS = BodyReader(joints=3), ObjectReader()
SENSES = {
    "body": SenseConfig(
        reader=BODY, encoder=VectorMLPConfig(size=BODY.reading[0], hidden=16, width=16),
        projector=LinearProjectorConfig(),
    ),
    "things": SenseConfig(
        reader=THINGS, encoder=VectorMLPConfig(size=11, hidden=16, width=16), projector=MLPProjectorConfig(), frames=6
    ),
}  # fmt: skip


def moment(seed: int, holding: bool) -> Moment:
    mug = SensedObject(words="red mug", position_b=np.array([0.6, 0.1, 0.5]), extent=np.full(3, 0.1))
    ball = SensedObject(words="blue ball", position_b=np.array([1.6, -0.6, 0.5]))
    return Moment(
        seed=seed, observation=None, heard=(Heard(label="ring", bearing=0.3),), unsure=False, dark=False,
        holding=holding, ahead=1.0,
        told=(
            Told(thing=mug, label="mug", attributes={"color": "red"}, seen=True),
            Told(thing=ball, label="ball", attributes={"color": "blue"}, seen=True),
        ),
    )  # fmt: skip


def corpus(count: int = 32) -> Corpus:
    holding = [k % 2 == 0 for k in range(count)]
    values = torch.zeros(count, 1, BODY.reading[0])
    values[:, 0, 0] = torch.tensor([4.0 if h else 0.0 for h in holding])  # touch
    tensors = {
        "body_values": values, "body_mask": torch.ones(count, 1, dtype=torch.bool), "body_time": torch.zeros(count, 1),
        "body_source": torch.zeros(count, 1, dtype=torch.long), "body_view": torch.zeros(count, 1, 16),
    }  # fmt: skip
    return Corpus(tuple(moment(k, h) for k, h in enumerate(holding)), tensors)


SCENES = [Instructed(told=(moment(0, False).told[0].thing,), said=(("take the mug", "Meant: <|obj_0|>. Do: x."),))]


def fresh() -> tuple[Any, Any]:
    return assemble(fake_language_model(context=2048), fake_tokenizer(), SENSES, base="fake")


def test_a_tower_learns_what_its_sense_tells() -> None:
    known = corpus()
    tower = train_tower(
        "body", SENSES["body"], 32, Known(known), TowerTraining(epochs=60, batch=16, learning_rate=3e-3)
    )
    tokens = tower(*(known.tensors[f"body_{part}"] for part in ("values", "mask", "time", "source", "view"))).tokens
    held = torch.tensor([m.holding for m in known.moments])
    between = (tokens[held].mean(0) - tokens[~held].mean(0)).norm()
    assert between > 3.0 * tokens[held].std(0).norm()


def test_a_stage_lowers_the_loss_and_moves_only_what_it_may(tmp_path: Path) -> None:
    model, processor = fresh()
    before = {name: value.detach().clone() for name, value in model.named_parameters()}
    config = StageTraining(stage="align", steps=12, every=3, half=False, learning_rate=1e-2, warm_up=2)
    progress = train_stage(model, Lessons(processor, corpus(), SCENES), config, tmp_path)
    assert progress.losses[-1][1] < progress.losses[0][1]
    moved = {name for name, value in model.named_parameters() if not torch.equal(value, before[name])}
    assert any("towers.body.projector" in name for name in moved)
    assert not any("towers.body.encoder" in name or "towers.things" in name or "layers" in name for name in moved)
    rows = model.get_input_embeddings().weight
    old = model.config.base_vocabulary
    assert torch.equal(rows[:old], before["language_model.model.embed_tokens.weight"][:old])
    assert not torch.equal(rows[old:], before["language_model.model.embed_tokens.weight"][old:])


@pytest.mark.parametrize("stage", ["align", "instruct"])
def test_a_run_that_was_broken_off_goes_on_as_if_it_had_not_been(stage: str, tmp_path: Path) -> None:
    pytest.importorskip("peft")

    def run(folder: Path, stops: tuple[int, ...]) -> Any:
        for stop in stops:
            model, processor = fresh()
            config = StageTraining(stage=stage, steps=6, every=2, half=False)
            told: list[str] = []

            def tell(line: str, stop: int = stop, told: list[str] = told) -> None:
                told.append(line)
                if f"step {stop} of" in line and stop < 6:
                    raise KeyboardInterrupt

            try:
                train_stage(model, Lessons(processor, corpus(), SCENES), config, folder, tell)
            except KeyboardInterrupt:
                continue
        return model

    whole, pieces = run(tmp_path / "whole", (6,)), run(tmp_path / "pieces", (2, 4, 6))
    other = dict(pieces.named_parameters())
    for name, value in whole.named_parameters():
        if "lora_" in name and stage == "align":
            continue
        assert torch.allclose(value, other[name], atol=1e-6), name


def test_a_folder_of_another_run_is_refused(tmp_path: Path) -> None:
    for steps, fails in ((2, False), (4, True)):
        model, processor = fresh()
        config = StageTraining(stage="align", steps=steps, every=2, half=False)
        if fails:
            with pytest.raises(InputError, match=r"other settings \(steps\)"):
                train_stage(model, Lessons(processor, corpus(), SCENES), config, tmp_path)
        else:
            train_stage(model, Lessons(processor, corpus(), SCENES), config, tmp_path)


def test_the_loss_of_a_batch_is_that_of_its_samples_one_by_one() -> None:
    model, processor = fresh()
    lessons = Lessons(processor, corpus(), SCENES)
    rng = np.random.default_rng(0)
    row = lessons.about_a_moment(rng)
    lesson = lessons.batch([row])
    with torch.no_grad():
        together, groups, _ = answered(model, lesson, lessons.corpus.tensors)
        apart = []
        for said in row.said:
            alone, group, _ = answered(model, lessons.batch([replace(row, said=(said,))]), lessons.corpus.tensors)
            assert {GROUPS[k] for k in group.tolist()} == {said.group}
            apart.append(alone)
    assert together.tolist() == pytest.approx(torch.cat(apart).tolist(), rel=1e-3)
    assert len(groups.unique()) > 1


def test_things_come_in_another_order_each_time_and_are_pointed_at_where_they_are() -> None:
    _, processor = fresh()
    mug, ball = (told.thing for told in moment(0, False).told)
    scene = Instructed(told=(mug, ball), said=(("take <|obj_1|>", "Meant: <|obj_1|>. Do: x."),))
    lessons = Lessons(processor, corpus(), [scene])
    rng = np.random.default_rng(0)
    seen = set()
    for _ in range(20):
        row = lessons.about_a_scene(rng)
        where = [thing.words for thing in row.things].index("blue ball")
        assert row.said[0][:2] == (f"take <|obj_{where}|>", f"Meant: <|obj_{where}|>. Do: x.")
        seen.add(where)
        asked = lessons.about_a_moment(rng, every=True)
        for text, answer, _ in asked.said:
            if "the red mug" in text and answer.startswith("<|obj_"):
                assert asked.things[int(answer[6])].words == "red mug"
    assert seen == {0, 1}


def test_a_stage_is_watched_with_what_it_has_not_seen_and_asks_of_one_sense_alone(tmp_path: Path) -> None:
    model, processor = fresh()
    lessons = Lessons(processor, corpus(), SCENES, [("what is rain?", "Water.")])
    assert lessons.about_a_moment(np.random.default_rng(0), only="words").said == (), "no moment asks of that"
    config = StageTraining(stage="align", steps=4, every=2, half=False, watched=2, only="body")
    progress = train_stage(model, lessons, config, tmp_path, unseen=lessons)
    body = GROUPS.index("body")
    assert len(progress.exact) == len(progress.spans) == 2
    assert all(np.isfinite(span[body]) and np.isnan(span[:body] + span[body + 1 :]).all() for span in progress.spans)
    assert all(0.0 <= shares[body] <= 1.0 for shares in progress.exact)
    assert np.isfinite(progress.exact[0][GROUPS.index("words")])


def test_a_stage_ends_when_its_time_is_over(tmp_path: Path) -> None:
    model, processor = fresh()
    config = StageTraining(stage="align", steps=10_000, half=False, seconds=1e-3)
    progress = train_stage(model, Lessons(processor, corpus(), SCENES), config, tmp_path)
    assert progress.step == 1
    assert progress.losses[-1][0] == 1


def test_batches_are_the_same_whoever_makes_them(tmp_path: Path) -> None:
    losses = []
    for workers in (0, 2):
        model, processor = fresh()
        config = StageTraining(stage="align", steps=3, every=1, half=False, workers=workers)
        losses.append(train_stage(model, Lessons(processor, corpus(), SCENES), config, tmp_path / str(workers)).losses)
    assert losses[0] == losses[1]


def test_questions_are_asked_one_after_another_and_scored() -> None:
    model, processor = fresh()
    known = corpus(4)
    chosen = held_out(Lessons(processor, known), 2, "heldout", 0)
    answering = Answering(model, processor, known)
    table: dict[int, list[Any]] = {}
    for index, _, question in chosen:
        table.setdefault(index, []).append(question)
    answered = [a for index, asked in table.items() for a in answering.ask(index, asked)]
    assert len(answered) == len(chosen)
    counts = shares(answered)
    assert sum(asked for _, asked in counts.values()) == len(chosen)
    assert hallucinations(answered)[1] <= counts["exists"][1]
    index, asked = next(iter(table.items()))
    assert len(answering.ask(index, asked, without=("body", "things"))) == len(asked)


def test_a_thing_is_kept_as_json() -> None:
    thing = moment(0, False).told[1].thing
    again = from_plain(to_plain(thing))
    assert again.words == thing.words
    assert np.array_equal(again.position_b, thing.position_b)
    assert np.isnan(again.extent).all()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"stage": "towel"}, "expected --stage data or towers or align or instruct, got 'towel'"),
        ({"device": "tpu"}, "expected --device cpu or cuda, got 'tpu'"),
        ({"workers": -1}, "expected --workers and --seconds of 0 or more, got -1 and 0"),
    ],
)
def test_what_cannot_be_trained_is_refused_in_one_line(wrong: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message):
        LanguageTraining(out=tmp_path, **wrong)

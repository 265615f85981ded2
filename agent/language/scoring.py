"""How well the model answers: exact answers by kind of question, with senses and without, corrected and not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from yanshi.agent.language.consistency import Consistency
from yanshi.agent.language.corpus import Corpus
from yanshi.agent.language.directions import bearing_of
from yanshi.agent.language.lessons import Lessons
from yanshi.agent.language.moments import Heard
from yanshi.agent.language.questions import UNKNOWN, Question
from yanshi.agent.language.soundscapes import heard_as
from yanshi.agent.specimens import vocabulary
from yanshi.perception.decoding.decoder import Decoder
from yanshi.perception.embodied_lm.clips import collate, readings
from yanshi.perception.embodied_lm.pointing import objects_in
from yanshi.perception.embodied_lm.senses import PARTS
from yanshi.perception.hearing.listening import measure
from yanshi.perception.hearing.weights import load_hearing
from yanshi.perception.hearing.window import Recorder

LONGEST = 64
"""Tokens of an answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """A question and what was said."""

    question: Question
    answer: str
    corrected: str
    """After it was held against what is sensed."""

    @property
    def right(self) -> bool:
        """Exactly, or in another way that is as right."""
        return self.answer in self.question.answers

    @property
    def right_corrected(self) -> bool:
        """Likewise, after correction; an answer that only differs in form from the right one counts."""
        same = {answer.removeprefix("Yes: ") for answer in self.question.answers}
        return self.corrected.removeprefix("Yes: ") in same


@dataclass
class Answering:
    """Asks a model about the moments of a corpus, one after another."""

    model: Any
    processor: Any
    corpus: Corpus
    decoder: Decoder = field(init=False)

    def __post_init__(self) -> None:
        self.decoder = Decoder(self.model, self.processor)
        self._lessons = Lessons(self.processor, self.corpus)
        self._check = Consistency(vocabulary())
        self._hearing = load_hearing()

    def ask(self, moment: int, questions: Sequence[Question], without: Sequence[str] = ()) -> list[Answered]:
        """Answers to questions about one moment, sensed with all senses but some."""
        inputs, counts = self.senses(moment, without)
        told = () if "things" in without else self.corpus.moments[moment].told
        head = self.processor.head(counts, [each.thing for each in told])
        known = [(each.label, each.attributes) for each in told]
        seen = [k for k, each in enumerate(told) if each.thing.age == 0.0]
        heard = self.heard(moment) if "sound" in counts else None
        found = []
        for question in questions:
            ids, _ = self.processor.tokens(head, question.text)
            said = self.decoder.answer({"input_ids": torch.tensor([ids]), **inputs}, most=LONGEST).text
            checks = question.kind in ("exists", "point", "count")
            corrected = self._check.check(question.text, said, known).answer if checks else said
            corrected = self._check.check_seen(corrected, seen).answer
            if heard is not None:
                corrected = self._check.check_sounds(question.text, corrected, heard).answer
            found.append(Answered(question=question, answer=said, corrected=corrected))
        return found

    def heard(self, moment: int) -> list[Heard]:
        """What hearing finds in a moment's sound (`perception.hearing`)."""
        values, view = (self.corpus.tensors[f"sound_{part}"][moment] for part in ("values", "view"))
        frame = heard_as(values.reshape(-1, values.shape[-1]).float().numpy()).frames["audio"]
        T_bs = np.eye(4)
        T_bs[:3, :3], T_bs[:3, 3] = view[-1, :9].reshape(3, 3).numpy(), view[-1, 9:12].numpy()
        recorder = Recorder()
        recorder.add(replace(frame, T_bs=T_bs), np.zeros(3))
        found = measure(self._hearing, recorder.window())
        return [Heard(label=m.label, bearing=bearing_of(m.direction_w)) for m in found]

    def senses(self, moment: int, without: Sequence[str] = ()) -> tuple[dict[str, Tensor], dict[str, int]]:
        """The tensors of a moment's senses, and how many readings each has."""
        tensors: dict[str, Tensor] = {}
        counts: dict[str, int] = {}
        for name, sense in self._lessons.senses.items():
            if name in without:
                continue
            if sense.is_objects:
                things = [each.thing for each in self.corpus.moments[moment].told]
                parts = collate(name, sense, [readings(sense, (), things, strict=True)])
            else:
                parts = {f"{name}_{part}": self.corpus.tensors[f"{name}_{part}"][[moment]] for part in PARTS}
                parts = {key: v.float() if v.dtype == torch.float16 else v for key, v in parts.items()}
            if parts and bool(parts[f"{name}_mask"].any()):
                tensors |= parts
                counts[name] = int(parts[f"{name}_mask"].sum())
        return tensors, counts


def shares(answered: Sequence[Answered], *, corrected: bool = False) -> Mapping[str, tuple[int, int]]:
    """Kind of question → right, and asked."""
    table: dict[str, tuple[int, int]] = {}
    for each in answered:
        right, asked = table.get(each.question.kind, (0, 0))
        table[each.question.kind] = (right + (each.right_corrected if corrected else each.right), asked + 1)
    return table


def hallucinations(answered: Sequence[Answered], *, corrected: bool = False) -> tuple[int, int]:
    """Of questions about things that are not there, at how many a thing was pointed (POPE, Li et al. 2023)."""
    absent = [a for a in answered if a.question.kind == "exists" and a.question.answers[0] == "No."]
    said = [a.corrected if corrected else a.answer for a in absent]
    return sum(answer.startswith("Yes") for answer in said), len(said)


def imagined(answered: Sequence[Answered], *, corrected: bool = False) -> tuple[int, int]:
    """Of the things that descriptions point at, how many are not in sight (CHAIR, Rohrbach et al. 2018)."""
    wrong = every = 0
    for each in answered:
        if each.question.kind == "describe":
            seen = {*objects_in(each.question.answers[0])}
            said = objects_in(each.corrected if corrected else each.answer)
            wrong, every = wrong + len({*said} - seen), every + len(said)
    return wrong, every


def unknown(answered: Sequence[Answered]) -> int:
    """How often it was said that nobody can tell."""
    return sum(each.answer == UNKNOWN for each in answered)

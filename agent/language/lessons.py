"""Batches for the language model: what is sensed, questions and instructions branching off behind it, and answers."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from yanshi.agent.language.balance import GROUPS
from yanshi.agent.language.corpus import Corpus
from yanshi.agent.language.instructions import Instructed
from yanshi.agent.language.questions import Question, questions
from yanshi.agent.seeing.pictures import Split
from yanshi.perception.embodied_lm.branches import Branched, branched
from yanshi.perception.embodied_lm.clips import collate, readings
from yanshi.perception.embodied_lm.processor import EmbodiedProcessor
from yanshi.perception.embodied_lm.senses import PARTS, object_token
from yanshi.perception.readers.objects import SensedObject

KEEP = 0.93
"""How often a sense is there."""
BRANCHES = 8
"""Questions about one moment."""
MANY, AGAIN = ("sound", "heard"), 2
"""Kinds that are asked more than once of a moment: what is heard is the hardest to put into words."""
OFTEN: Mapping[str, float] = {
    "heard": 4.0, "sound": 4.0, "where": 3.0, "ahead": 3.0, "describe": 2.5, "count": 1.5, "exists": 1.5,
}  # fmt: skip
"""How often kinds of question are asked, beside 1."""
_OBJECT = re.compile(re.escape(object_token(0)).replace("0", r"(\d+)"))


class Said(NamedTuple):
    """A question or an instruction, and what is to be answered."""

    text: str
    answer: str
    group: str
    """Of `balance.GROUPS`."""


@dataclass(frozen=True)
class Row:
    """What is sensed in one sample, and what is asked about it."""

    things: tuple[SensedObject, ...]
    moment: int | None
    """Which of the corpus, for the other senses."""
    senses: frozenset[str]
    said: tuple[Said, ...]


@dataclass(frozen=True)
class Lesson:
    """A batch as the model takes it."""

    text: Branched
    group: Tensor
    """(B, S) which of `balance.GROUPS` a token's branch belongs to; 0 in a stem."""
    moment: Tensor
    """(B,) which of the corpus."""
    has: Mapping[str, Tensor]
    """Sense → (B,) bool, which rows have it of their moment."""
    things: Mapping[str, Mapping[str, Tensor]] = field(default_factory=dict)
    """Sense of objects → its tensors by part."""

    @property
    def answers(self) -> int:
        """How many there are."""
        return int(self.text.branch.amax(1).sum())

    def senses(self, tensors: Mapping[str, Tensor]) -> dict[str, dict[str, Tensor]]:
        """Sense → its tensors by part, taken of a corpus' `tensors`, on the device where those are."""
        device = next(iter(tensors.values())).device if tensors else torch.device("cpu")
        found = {name: {part: value.to(device) for part, value in parts.items()} for name, parts in self.things.items()}
        moment = self.moment.to(device)
        for name, has in self.has.items():
            if bool(has.any()):
                parts = {part: tensors[f"{name}_{part}"][moment] for part in PARTS}
                parts["mask"] = parts["mask"] & has.to(device)[:, None]
                found[name] = {k: v.float() if v.dtype == torch.float16 else v for k, v in parts.items()}
        return {name: parts for name, parts in found.items() if bool(parts["mask"].any())}


class Lessons:
    """Draws rows, and makes batches of them."""

    def __init__(
        self, processor: EmbodiedProcessor, corpus: Corpus, scenes: Sequence[Instructed] = (),
        words: Sequence[tuple[str, str]] = (),
    ) -> None:  # fmt: skip
        """
        Args:
            processor: of the model that is to learn.
            corpus: moments to ask about.
            scenes: instructions.
            words: questions about nothing that is sensed, and answers.
        """
        self.senses = processor._senses
        self.processor = processor
        self.corpus = corpus
        self.scenes = scenes
        self.words = words

    def about_a_moment(
        self, rng: np.random.Generator, split: Split = "train", every: bool = False, only: str = ""
    ) -> Row:
        """Questions about a moment that is sensed with some of the senses.

        Args:
            rng: source of all choices.
            split: whose wordings.
            every: with all senses, and all kinds of question once.
            only: a group of `balance.GROUPS`, of which alone questions are asked; empty for all.
        """
        index = int(rng.integers(len(self.corpus)))
        senses = frozenset(name for name in self.senses if every or rng.random() < KEEP)
        moment = self.corpus.moments[index]
        # In another order each time: what is third must not be known from where it stands.
        order = rng.permutation(len(moment.told)).tolist()
        moment = replace(moment, told=tuple(moment.told[k] for k in order))
        asked = questions(moment, senses, rng, split)
        if not every:
            for _ in range(AGAIN):
                known = {q.text for q in asked}
                more = questions(moment, senses, rng, split)
                asked += [q for q in more if (q.kind in MANY or only) and q.text not in known]
            asked = [q for q in asked if not only or (q.needs or "all") == only]
            if asked:
                weights = np.array([OFTEN.get(q.kind, 1.0) for q in asked])
                some = rng.choice(len(asked), min(BRANCHES, len(asked)), replace=False, p=weights / weights.sum())
                asked = [asked[int(k)] for k in some]
        things = tuple(told.thing for told in moment.told) if "things" in senses else ()
        said = tuple(Said(q.text, q.answers[0], q.needs or "all") for q in asked)
        return Row(things, index, senses, said)

    def about_a_scene(self, rng: np.random.Generator) -> Row:
        """Instructions in a scene."""
        scene = self.scenes[int(rng.integers(len(self.scenes)))]
        order = rng.permutation(len(scene.told)).tolist()
        places = {old: new for new, old in enumerate(order)}
        some = rng.permutation(len(scene.said))[:BRANCHES]
        chosen = [scene.said[int(k)] for k in some]
        said = tuple(Said(_moved(text, places), _moved(answer, places), "instructions") for text, answer in chosen)
        return Row(tuple(scene.told[k] for k in order), None, frozenset({"things"}), said)

    def about_nothing(self, rng: np.random.Generator) -> Row:
        """Questions about nothing that is sensed."""
        some = rng.permutation(len(self.words))[: BRANCHES // 2]
        return Row((), None, frozenset(), tuple(Said(*self.words[int(k)], "words") for k in some))

    def batch(self, rows: Sequence[Row]) -> Lesson:
        """Rows as tensors; those of moments are taken of the corpus later (`Lesson.senses`)."""
        processor = self.processor
        things: dict[str, dict[str, Tensor]] = {}
        has: dict[str, Tensor] = {}
        counts: list[dict[str, int]] = [{} for _ in rows]
        moment = torch.tensor([row.moment or 0 for row in rows])
        for name, sense in self.senses.items():
            if sense.is_objects:
                samples = [readings(sense, (), row.things if name in row.senses else (), strict=True) for row in rows]
                parts = {key.removeprefix(f"{name}_"): v for key, v in collate(name, sense, samples).items()}
                if parts:
                    things[name] = parts
                found = [len(sample) for sample in samples]
            else:
                has[name] = torch.tensor([row.moment is not None and name in row.senses for row in rows])
                found = (self.corpus.tensors[f"{name}_mask"][moment].sum(1) * has[name]).tolist()
            for count, own in zip(counts, found, strict=True):
                count[name] = own
        heads = [processor.head(count, row.things) for count, row in zip(counts, rows, strict=True)]
        told = [
            [processor.tokens(head, said.text, said.answer) for said in row.said]
            for head, row in zip(heads, rows, strict=True)
        ]
        pad = int(processor.tokenizer.pad_token_id or processor.tokenizer.eos_token_id)
        text = branched(told, pad)
        groups = torch.zeros((len(rows), 1 + max(len(row.said) for row in rows)), dtype=torch.long)
        for k, row in enumerate(rows):
            groups[k, 1 : 1 + len(row.said)] = torch.tensor([GROUPS.index(said.group) for said in row.said])
        return Lesson(text, groups.gather(1, text.branch.clamp(min=0)), moment, has, things)


def held_out(lessons: Lessons, count: int, split: Split, seed: int) -> list[tuple[int, frozenset[str], Question]]:
    """Questions about moments with every sense: which moment, which senses, and what is asked."""
    rng = np.random.default_rng([seed, 9])
    chosen = rng.choice(len(lessons.corpus), min(count, len(lessons.corpus)), replace=False)
    senses = frozenset(lessons.senses)
    return [
        (int(k), senses, asked)
        for k in chosen
        for asked in questions(lessons.corpus.moments[int(k)], senses, rng, split)
    ]


def _moved(words: str, places: Mapping[int, int]) -> str:
    """Words in which objects are pointed at by their new places."""
    return _OBJECT.sub(lambda found: object_token(places[int(found[1])]), words)

"""Batches for the language model: what is sensed, questions and instructions branching off behind it, and answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from yanshi.agent.language.corpus import Corpus
from yanshi.agent.language.instructions import Instructed
from yanshi.agent.language.questions import Question, questions
from yanshi.agent.seeing.pictures import Split
from yanshi.perception.embodied_lm.branches import Branched, branched
from yanshi.perception.embodied_lm.clips import collate, readings
from yanshi.perception.embodied_lm.senses import PARTS
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


@dataclass(frozen=True)
class Row:
    """What is sensed in one sample, and what is asked about it."""

    things: tuple[SensedObject, ...]
    moment: int | None
    """Which of the corpus, for the other senses."""
    senses: frozenset[str]
    said: tuple[tuple[str, str], ...]
    """Questions or instructions, and answers."""


@dataclass(frozen=True)
class Lesson:
    """A batch as the model takes it."""

    text: Branched
    senses: Mapping[str, Mapping[str, Tensor]] = field(default_factory=dict)
    """Sense → its tensors by part."""


class Lessons:
    """Draws rows, and makes batches of them."""

    def __init__(self, model: object, processor: object, corpus: Corpus, scenes: Sequence[Instructed]) -> None:
        """
        Args:
            model: an `EmbodiedLM`, for the senses it has.
            processor: its processor.
            corpus: moments to ask about.
            scenes: instructions.
        """
        self.senses = processor._senses  # type: ignore[attr-defined]
        self.processor = processor
        self.corpus = corpus
        self.scenes = scenes

    def about_a_moment(self, rng: np.random.Generator, split: Split = "train", every: bool = False) -> Row:
        """Questions about a moment that is sensed with some of the senses."""
        index = int(rng.integers(len(self.corpus)))
        senses = frozenset(name for name in self.senses if every or rng.random() < KEEP)
        moment = self.corpus.moments[index]
        asked = questions(moment, senses, rng, split)
        if not every:
            for _ in range(AGAIN):
                known = {q.text for q in asked}
                more = questions(moment, senses, rng, split)
                asked += [q for q in more if q.kind in MANY and q.text not in known]
            weights = np.array([OFTEN.get(q.kind, 1.0) for q in asked])
            some = rng.choice(len(asked), min(BRANCHES, len(asked)), replace=False, p=weights / weights.sum())
            asked = [asked[int(k)] for k in some]
        things = tuple(told.thing for told in moment.told) if "things" in senses else ()
        return Row(things, index, senses, tuple((q.text, q.answers[0]) for q in asked))

    def about_a_scene(self, rng: np.random.Generator) -> Row:
        """Instructions in a scene; now and then nothing at all is sensed."""
        scene = self.scenes[int(rng.integers(len(self.scenes)))]
        some = rng.permutation(len(scene.said))[:BRANCHES]
        return Row(scene.told, None, frozenset({"things"}), tuple(scene.said[int(k)] for k in some))

    def batch(self, rows: Sequence[Row]) -> Lesson:
        """Rows as tensors."""
        processor = self.processor
        senses: dict[str, dict[str, Tensor]] = {}
        counts: list[dict[str, int]] = [{} for _ in rows]
        for name, sense in self.senses.items():
            if sense.is_objects:
                samples = [readings(sense, (), row.things if name in row.senses else (), strict=True) for row in rows]
                parts = {key.removeprefix(f"{name}_"): v for key, v in collate(name, sense, samples).items()}
                for k, sample in enumerate(samples):
                    counts[k][name] = len(sample)
            else:
                parts = self._of_moments(name, rows)
                for k, count in enumerate(parts["mask"].sum(1).tolist()):
                    counts[k][name] = int(count)
            if parts and bool(parts["mask"].any()):
                senses[name] = parts
        heads = [processor.head(counts[k], row.things) for k, row in enumerate(rows)]  # type: ignore[attr-defined]
        told = [
            [processor.tokens(head, text, answer) for text, answer in row.said]  # type: ignore[attr-defined]
            for head, row in zip(heads, rows, strict=True)
        ]
        pad = int(processor.tokenizer.pad_token_id or processor.tokenizer.eos_token_id)  # type: ignore[attr-defined]
        return Lesson(branched(told, pad), senses)

    def _of_moments(self, name: str, rows: Sequence[Row]) -> dict[str, Tensor]:
        """The tensors of a sense of the rows' moments, masked where a row lacks it."""
        index = torch.tensor([row.moment or 0 for row in rows])
        parts = {part: self.corpus.tensors[f"{name}_{part}"][index] for part in PARTS}
        have = torch.tensor([row.moment is not None and name in row.senses for row in rows])
        parts["mask"] = parts["mask"] & have[:, None]
        return {part: value.float() if value.dtype == torch.float16 else value for part, value in parts.items()}


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

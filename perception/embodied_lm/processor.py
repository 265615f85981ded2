"""EmbodiedProcessor: an observation (or a clip of them) and words in, the model's tensors out."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor
from transformers import AutoProcessor, BatchFeature, ProcessorMixin

from yanshi.contracts import Observation
from yanshi.errors import InputError, ModelError
from yanshi.perception.embodied_lm import storage
from yanshi.perception.embodied_lm.clips import Clip, collate, readings
from yanshi.perception.embodied_lm.config import EmbodiedConfig
from yanshi.perception.embodied_lm.pointing import objects_in
from yanshi.perception.embodied_lm.senses import from_list, object_token, sense_token
from yanshi.perception.readers.objects import SensedObject

SYSTEM = "You are a robot. Answer from what you sense."
PLAIN = "{system}\n{user}\nAnswer: "
"""The prompt of a language model that has no chat template."""
IGNORED = -100
"""The label of tokens that bring no loss."""
Sensed = Observation | Sequence[Observation] | None
"""What a sample senses: one moment, a clip of moments (oldest first), or nothing."""


class EmbodiedProcessor(ProcessorMixin):
    """Turns samples into tensors. One sample, or lists of them; each may have senses that the others lack.

    A prompt is: system words, the places of all soft tokens in the order of the senses, objects as ``<|obj_0|>``, its
    feature's place and its words, then the user's text.
    """

    def __init__(
        self,
        tokenizer: Any,
        senses: Sequence[Mapping[str, Any]] | None = None,
        context: int = 2048,
        system: str = SYSTEM,
        strict: bool = True,
        chat_template: str | None = None,
    ) -> None:
        """
        Args:
            tokenizer: of the language model, with a token for each sense and object (`assemble.assemble` adds them).
            senses: as `senses.to_list` writes them.
            context: tokens that fit the language model.
            system: the system's words; empty for none.
            strict: whether a reading that cannot be used is an error; else it is left out with a warning in the log.
            chat_template: kept for `transformers`; the tokenizer's is used.
        """
        super().__init__(tokenizer, chat_template=chat_template)
        self.senses = list(senses or [])
        self.context = context
        self.system = system
        self.strict = strict
        self._senses = from_list(self.senses)

    @classmethod
    def from_pretrained(cls, name: str | Path, *args: Any, **options: Any) -> EmbodiedProcessor:
        """The processor of a model that is shipped, saved in a folder, or on the hub. Raises: ModelError."""
        folder = Path(storage.locate(name))
        file = folder / "processor_config.json"
        if folder.is_dir() and not file.is_file():
            raise ModelError(f"Expected an EmbodiedProcessor in {folder}, but it has no {file.name}.")
        if file.is_file() and json.loads(file.read_text()).get("processor_class") != cls.__name__:
            raise ModelError(f"Expected an EmbodiedProcessor in {folder}, found another processor.")
        with storage.one_line(name):
            return cast(EmbodiedProcessor, super().from_pretrained(str(folder), *args, **options))

    @property
    def model_input_names(self) -> list[str]:
        """What it makes beside the tensors of the senses."""
        return ["input_ids", "attention_mask"]

    def __call__(
        self,
        text: str | Sequence[str] | None = None,
        observation: Sensed | Sequence[Sensed] = None,
        objects: Sequence[SensedObject] | Sequence[Sequence[SensedObject]] | None = None,
        answer: str | Sequence[str] | None = None,
        without: Sequence[str] = (),
        return_tensors: str = "pt",
    ) -> BatchFeature:
        """Tensors for `EmbodiedLM`.

        Args:
            text: what the user says; a list makes a batch, and then the others are lists of the same length or None.
            observation: one observation, a clip of them (oldest first), or None.
            objects: what was found or is remembered, whose tokens the model may point at: the first is ``<|obj_0|>``.
            answer: to train on: it is appended, and ``labels`` (B, S) are those of the answer alone. Batches with
                answers are padded on the right, those to generate from on the left.
            without: names of senses to leave out.
            return_tensors: ``pt``; nothing else is there.

        Returns:
            input_ids, attention_mask (B, S), the tensors of the senses (`senses.PARTS`), and labels with an answer.

        Raises:
            InputError: If lengths differ, or the text is too long or holds a control token.
            SenseError: If a reading cannot be used (see `strict`).
        """
        if text is None:
            raise InputError("Expected a text: what the user says.")
        if return_tensors != "pt":
            raise InputError(f"Expected return_tensors='pt', got '{return_tensors}'.")
        if isinstance(text, str):
            text, observation, answer = [text], [cast(Sensed, observation)], _one(answer)
            objects = [cast(Sequence[SensedObject], objects or ())]
        clips = [_clip(sensed) for sensed in _many(observation, len(text), "observation")]
        things = [tuple(each or ()) for each in _many(objects, len(text), "objects")]
        answers = None if answer is None else cast(list[str], _many(answer, len(text), "answer"))
        for name in sorted(set(without) - self._senses.keys()):
            raise InputError(f"Unknown sense '{name}'. Available: {', '.join(self._senses) or 'none'}.")
        tensors: dict[str, Tensor] = {}
        counts: list[dict[str, int]] = [{} for _ in text]
        for name, sense in self._senses.items():
            samples = [
                [] if name in without else readings(sense, clip, found, strict=self.strict)
                for clip, found in zip(clips, things, strict=True)
            ]
            tensors |= collate(name, sense, samples)
            for row, sample in enumerate(samples):
                counts[row][name] = len(sample)
        rows = [
            self.tokens(self.head(counts[row], things[row]), words, None if answers is None else answers[row])
            for row, words in enumerate(text)
        ]
        return BatchFeature({**self._padded(rows, right=answers is not None), **tensors})

    def answers(self, generated: Tensor, inputs: Mapping[str, Tensor]) -> list[str]:
        """The words that `EmbodiedLM.generate` put after the prompts of `inputs`; object tokens are kept."""
        new = generated[:, inputs["input_ids"].shape[1] :]
        words: list[str] = self.tokenizer.batch_decode(new, skip_special_tokens=True)
        return [each.strip() for each in words]

    def objects_in(self, text: str) -> list[int]:
        """Indices of the objects that an answer points at."""
        return objects_in(text)

    def head(self, readings: Mapping[str, int], things: Sequence[SensedObject] = ()) -> str:
        """What a prompt begins with: the places of soft tokens and the objects, of so many readings of each sense."""
        parts = []
        for name, sense in self._senses.items():
            count = readings.get(name, 0)
            told = _told(name, things[:count]) if sense.is_objects else sense_token(name) * sense.soft_tokens(count)
            parts.append(told)
        return "".join(parts)

    def prompt(self, head: str, words: str) -> str:
        """The whole prompt as text, up to where the answer begins."""
        user = f"{head}\n{words}" if head else words
        if not getattr(self.tokenizer, "chat_template", None):
            return PLAIN.format(system=self.system, user=user)
        turns = [{"role": "user", "content": user}]
        if self.system:
            turns.insert(0, {"role": "system", "content": self.system})
        return str(self.tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True))

    def tokens(self, head: str, words: str, answer: str | None = None) -> tuple[list[int], int]:
        """Token ids of a sample, and how many of them are prompt.

        Args:
            head: as `head` makes it.
            words: what the user says.
            answer: to train on; its end comes after it.

        Raises:
            InputError: A text is too long or holds a control token.
        """
        self._refuse_control(words)
        prompt = self._ids(self.prompt(head, words))
        ids = prompt
        if answer is not None:
            self._refuse_control(answer)
            ids = prompt + self._ids(answer) + [int(self.tokenizer.eos_token_id)]
        if len(ids) > self.context:
            raise InputError(f"Text and senses are {len(ids)} tokens long, the model's context is {self.context}.")
        return ids, len(prompt)

    def _ids(self, text: str) -> list[int]:
        return list(self.tokenizer(text, add_special_tokens=False)["input_ids"])

    def _refuse_control(self, text: str) -> None:
        """Whoever speaks may point at objects, but neither end a turn nor make up a sense."""
        control = {*self.tokenizer.all_special_tokens, *map(sense_token, self._senses)}
        for token in sorted(control):
            if token and token in text:
                raise InputError(f"The text holds the control token '{token}', which only the processor may write.")

    def _padded(self, rows: Sequence[tuple[list[int], int]], *, right: bool) -> dict[str, Tensor]:
        longest = max(len(ids) for ids, _ in rows)
        pad = self.tokenizer.pad_token_id
        pad = int(self.tokenizer.eos_token_id if pad is None else pad)
        input_ids = torch.full((len(rows), longest), pad)
        mask = torch.zeros((len(rows), longest), dtype=torch.long)
        labels = torch.full((len(rows), longest), IGNORED)
        for row, (ids, prompt) in enumerate(rows):
            start = 0 if right else longest - len(ids)
            input_ids[row, start : start + len(ids)] = torch.tensor(ids)
            mask[row, start : start + len(ids)] = 1
            labels[row, start + prompt : start + len(ids)] = torch.tensor(ids[prompt:], dtype=torch.long)
        tensors = {"input_ids": input_ids, "attention_mask": mask}
        return tensors | {"labels": labels} if right else tensors


def _told(name: str, things: Sequence[SensedObject]) -> str:
    """The line that tells of objects: each one's token, the place of its features, and its words."""
    return "".join(
        f"\n{object_token(k)}{sense_token(name)}{' ' + thing.words if thing.words else ''}"
        for k, thing in enumerate(things)
    )


def _one(answer: str | Sequence[str] | None) -> Sequence[str] | None:
    return [answer] if isinstance(answer, str) else answer


def _many(values: Any, count: int, what: str) -> list[Any]:
    if values is None:
        return [None] * count
    if isinstance(values, str | Observation) or len(values) != count:
        came = "one" if isinstance(values, str | Observation) else len(values)
        raise InputError(f"Expected a list of {count} for {what}, as many as texts, got {came}.")
    return list(values)


def _clip(sensed: Sensed) -> Clip:
    if sensed is None:
        return ()
    return (sensed,) if isinstance(sensed, Observation) else sensed


AutoProcessor.register(EmbodiedConfig, EmbodiedProcessor)

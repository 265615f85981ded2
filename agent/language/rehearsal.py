"""Text without senses: what the base model itself says to everyday questions, so that learning to speak of senses does
not wear away what it could say before (rehearsal of a model's own words, as in Yang et al., "Self-Distillation Bridges
Distribution Gap in Language Model Fine-Tuning", 2024).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from yanshi.agent.learning.checkpoint import write_bytes
from yanshi.envs.wordings import Split, heldout
from yanshi.perception.embodied_lm.processor import EmbodiedProcessor

ASKED = (
    "What is {}?", "Tell me about {} in one sentence.", "What do people use {} for?", "Write a sentence with {} in it.",
    "Why might a person need {}?", "What should one know about {}?",
)  # fmt: skip
ABOUT = (
    "a mug", "a kitchen", "a library", "rain", "a bicycle", "the sea", "a spoon", "a garden", "music", "a candle",
    "a window", "bread", "a letter", "winter", "a bridge", "a clock", "water", "a ladder", "a basket", "the moon",
    "a river", "a hammer", "tea", "a cat", "a train", "a blanket", "salt", "a mirror", "a map", "a friend",
    "an umbrella", "a school", "paper", "a drawer", "an apple", "sleep", "a shelf", "a telephone", "glass", "a story",
)  # fmt: skip
LONGEST = 48
"""Tokens of what is said."""
TOGETHER = 40
"""Questions that are answered in one go."""


def prompts(split: Split) -> list[str]:
    """The questions of a split."""
    every = [asked.format(thing) for asked in ASKED for thing in ABOUT]
    return [text for text in every if heldout(text) == (split == "heldout")]


def rehearsed(
    model: Any, processor: EmbodiedProcessor, file: Path, most: int, tell: Callable[[str], None] = lambda line: None
) -> dict[Split, list[tuple[str, str]]]:
    """Questions and what a model that was not tuned yet says to them, `most` of a split; kept in a file."""
    if not file.exists():
        said = {split: _said(model, processor, prompts(split)[:most]) for split in ("train", "heldout")}
        write_bytes(file, json.dumps(said).encode())
        tell(f"{file.name}: {sum(map(len, said.values()))} answers of the base model")
    kept = json.loads(file.read_text())
    return {split: [(text, answer) for text, answer in kept[split]] for split in ("train", "heldout")}


@torch.no_grad()
def _said(model: Any, processor: EmbodiedProcessor, texts: list[str]) -> list[tuple[str, str]]:
    found = []
    for first in range(0, len(texts), TOGETHER):
        some = texts[first : first + TOGETHER]
        inputs = {name: value.to(model.device) for name, value in processor(text=some).items()}
        made = model.generate(**inputs, max_new_tokens=LONGEST, do_sample=False)
        found += list(zip(some, processor.answers(made, inputs), strict=True))
    # What was cut short ends with its last whole sentence.
    whole = [(text, answer[: answer.rfind(".") + 1]) for text, answer in found]
    return [(text, answer) for text, answer in whole if answer]

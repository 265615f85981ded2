"""Pointing at objects by their tokens, and at nothing that was not sensed or remembered."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import torch
from torch import Tensor
from transformers import LogitsProcessor

_OBJECT = re.compile(r"<\|obj_(\d+)\|>")


class KnownObjects(LogitsProcessor):
    """Forbids the tokens of objects that a row's prompt does not tell of, and the places of soft tokens everywhere."""

    def __init__(self, prompt: Tensor, objects: Sequence[int], places: Iterable[int]) -> None:
        """`prompt` (B, S); `objects` the tokens of objects, `places` those in whose place soft tokens come."""
        candidates = torch.tensor([*objects], dtype=torch.long, device=prompt.device)
        told = (prompt[:, :, None] == candidates).any(1)
        self._objects, self._unknown = candidates, ~told
        self._places = torch.tensor([*places], dtype=torch.long, device=prompt.device)

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        """(B, V) scores, -inf where forbidden. With several beams a row, the rows of a prompt stand together."""
        scores = scores.clone()
        beams = len(scores) // len(self._unknown)
        unknown = self._unknown.repeat_interleave(beams, dim=0)
        scores[:, self._objects] = scores[:, self._objects].masked_fill(unknown, -torch.inf)
        scores[:, self._places] = -torch.inf
        return scores


def named(text: str, words: Sequence[str]) -> str:
    """A text with words in the place of tokens: ``<|obj_0|>`` becomes ``the red mug``. What has no words is kept."""

    def put(match: re.Match[str]) -> str:
        index = int(match.group(1))
        return f"the {words[index]}" if index < len(words) and words[index] else match.group()

    return _OBJECT.sub(put, text)


def objects_in(text: str) -> list[int]:
    """Indices of the objects that a text points at, in its order, each once."""
    return list(dict.fromkeys(int(index) for index in _OBJECT.findall(text)))

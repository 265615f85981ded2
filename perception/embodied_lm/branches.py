"""Several questions about one look at the world in one pass: they share the reading of it, and do not see one another.

A prompt begins with what is sensed; questions with their answers branch off behind it, each at the position at which it
would stand alone. The attention mask lets a branch see what came before the branching and itself, so that the loss is
that of as many separate samples, at a third of the cost.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from yanshi.errors import InputError


@dataclass(frozen=True)
class Branched:
    """A batch of stems with their branches, padded on the right."""

    input_ids: Tensor
    """(B, S)."""
    position_ids: Tensor
    """(B, S)."""
    labels: Tensor
    """(B, S), -100 but for answers."""
    branch: Tensor
    """(B, S) which branch a token belongs to: 0 for the stem, then 1, 2, …; -1 where a row is filled up."""

    @property
    def visible(self) -> Tensor:
        """(B, 1, S, S) bool: whether a token (third axis) sees another (fourth)."""
        same = self.branch[:, :, None] == self.branch[:, None, :]
        stem = self.branch[:, None, :] == 0
        before = torch.ones(same.shape[1:], dtype=torch.bool, device=same.device).tril()
        return ((same | stem) & before)[:, None]

    def to(self, device: torch.device | str) -> Branched:
        """The same on a device."""
        parts = (self.input_ids, self.position_ids, self.labels, self.branch)
        return Branched(*(part.to(device, non_blocking=True) for part in parts))

    def mask(self, dtype: torch.dtype) -> Tensor:
        """`visible` as it is added to scores: 0, or the least number of a dtype."""
        visible = self.visible
        scores = torch.zeros(visible.shape, dtype=dtype, device=visible.device)
        return scores.masked_fill_(~visible, torch.finfo(dtype).min)


def branched(rows: Sequence[Sequence[tuple[Sequence[int], int]]], pad: int, ignored: int = -100) -> Branched:
    """Join samples that begin alike.

    Args:
        rows: of each row its samples: token ids, and where the answer begins, after the first token.
        pad: id of the token that fills up.
        ignored: label of what brings no loss.

    Raises:
        InputError: A row has no sample.
    """
    joined = [_join(row) for row in rows]
    longest = max(len(ids) for ids, _, _, _ in joined)
    shape = (len(rows), longest)
    input_ids, labels = torch.full(shape, pad), torch.full(shape, ignored)
    position_ids, branch = torch.zeros(shape, dtype=torch.long), torch.full(shape, -1)
    for k, (ids, positions, branches, answers) in enumerate(joined):
        size = len(ids)
        input_ids[k, :size], position_ids[k, :size] = torch.tensor(ids), torch.tensor(positions)
        branch[k, :size] = torch.tensor(branches)
        labels[k, :size] = torch.where(torch.tensor(answers), input_ids[k, :size], labels[k, :size])
    return Branched(input_ids, position_ids, labels, branch)


def _join(samples: Sequence[tuple[Sequence[int], int]]) -> tuple[list[int], list[int], list[int], list[bool]]:
    """Ids, positions, branches (0 the stem) and which tokens are answers, of samples that begin alike."""
    if not samples:
        raise InputError("branched: expected at least one sample in a row.")
    # The last token of each prompt is its own: from it the answer's first is foretold.
    stem = min(_common([ids for ids, _ in samples]), min(begins for _, begins in samples) - 1)
    ids = list(samples[0][0][:stem])
    positions, branches, answers = list(range(stem)), [0] * stem, [False] * stem
    for number, (sample, begins) in enumerate(samples, 1):
        ids += sample[stem:]
        positions += range(stem, len(sample))
        branches += [number] * (len(sample) - stem)
        answers += [k >= begins for k in range(stem, len(sample))]
    return ids, positions, branches, answers


def _common(rows: Sequence[Sequence[int]]) -> int:
    """How many tokens all begin with."""
    return next((k for k, tokens in enumerate(zip(*rows, strict=False)) if len(set(tokens)) > 1), min(map(len, rows)))

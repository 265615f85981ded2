"""One sense on its way into the language model: encoder, when and from where, projector."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from yanshi.perception.embodied_lm.senses import SenseConfig
from yanshi.perception.readers.reading import VIEW

PERIODS = (16.0, 8.0, 4.0, 2.0, 1.0, 0.5, 0.25)
"""Of the waves in which time enters [s]."""


class SoftTokens(NamedTuple):
    """What a sense puts into the language model's input."""

    tokens: Tensor
    """(B, Q, H)"""
    mask: Tensor
    """(B, Q) bool, which exist; those of a row without the sense do not."""


class SenseTower(nn.Module):
    """soft = gain ⊙ rms_norm(projector(norm(encoder(values)) + time + source + view)) + sense.

    The normalisation puts every sense at the scale of the language model's own embeddings from the first step on, which
    keeps one sense from drowning another while they are trained together.
    """

    def __init__(self, config: SenseConfig, hidden: int) -> None:
        super().__init__()
        width = config.encoder.width
        self.config = config
        self.encoder = config.encoder.build()
        self.norm = nn.LayerNorm(width)
        self.time = nn.Linear(1 + 2 * len(PERIODS), width)
        self.source = nn.Embedding(len(config.reader.sources), width)
        self.view = nn.Linear(VIEW, width)
        self.projector = config.projector.build(width, hidden)
        self.gain = nn.Parameter(torch.full((hidden,), 0.02))
        self.sense = nn.Parameter(torch.zeros(hidden))

    def reset_parameters(self) -> None:
        """The scale of a fresh language model's embeddings; `set_scale` takes that of a trained one."""
        nn.init.constant_(self.gain, 0.02)
        nn.init.zeros_(self.sense)

    def set_scale(self, rms: float) -> None:
        """Let soft tokens start at the root mean square of the embeddings that they come among."""
        with torch.no_grad():
            self.gain.fill_(rms)

    def forward(self, values: Tensor, mask: Tensor, time: Tensor, source: Tensor, view: Tensor) -> SoftTokens:
        """Soft tokens of a batch in which some rows may have no reading. Arguments: see `senses.PARTS`."""
        rows = mask.any(1)
        tokens, kept = self.project(*self.features(values[rows], mask[rows], time[rows], source[rows], view[rows]))
        all_tokens = tokens.new_zeros((len(mask), *tokens.shape[1:]))
        all_kept = kept.new_zeros((len(mask), kept.shape[1]))
        all_tokens[rows], all_kept[rows] = tokens, kept
        return SoftTokens(all_tokens, all_kept)

    def features(
        self, values: Tensor, mask: Tensor, time: Tensor, source: Tensor, view: Tensor
    ) -> tuple[Tensor, Tensor]:
        """What the projector is given: (B, T, D) and (B, T) bool. To freeze encoders, compute it once and keep it."""
        features: Tensor = self.norm(self.encoder(values))
        dtype = features.dtype
        about = self.time(_waves(time).to(dtype)) + self.source(source) + self.view(view.to(dtype))
        each = self.config.encoder.tokens
        return features + about.repeat_interleave(each, dim=1), mask.repeat_interleave(each, dim=1)

    def project(self, features: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """From `features` to soft tokens (B, Q, H) and (B, Q) bool."""
        tokens, kept = self.projector(features, mask)
        return F.rms_norm(tokens, tokens.shape[-1:], eps=1e-6) * self.gain + self.sense, kept


def _waves(time: Tensor) -> Tensor:
    """(…, 1 + 2 * periods) of a time [s]."""
    angles = time.float()[..., None] * torch.tensor([2.0 * math.pi / p for p in PERIODS], device=time.device)
    return torch.cat((torch.tanh(time.float()[..., None] / 8.0), angles.sin(), angles.cos()), dim=-1)

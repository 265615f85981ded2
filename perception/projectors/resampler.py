"""A cross-attention resampler: a fixed number of learned queries read any number of features (as in Flamingo)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from yanshi.errors import InputError


@dataclass(frozen=True, kw_only=True)
class ResamplerConfig:
    """Queries, and layers in which they look at the features."""

    queries: int = 8
    """Soft tokens it yields, however long the clip."""
    layers: int = 2
    """Cross-attention layers."""
    heads: int = 4
    """Attention heads."""

    def soft_tokens(self, features: int) -> int:
        """One a query, if there is anything to look at."""
        return self.queries if features else 0

    def build(self, width_in: int, width_out: int) -> Resampler:
        """The projector. Raises: InputError if the heads do not divide the features' width."""
        return Resampler(self, width_in, width_out)


class Resampler(nn.Module):
    """Pre-norm layers: queries attend to the features and to one another, then a feed-forward map."""

    def __init__(self, config: ResamplerConfig, width_in: int, width_out: int) -> None:
        if width_in % config.heads:
            raise InputError(f"A resampler's {config.heads} heads do not divide features of width {width_in}.")
        super().__init__()
        self.queries = nn.Parameter(torch.zeros(config.queries, width_in))
        self.layers = nn.ModuleList(_Layer(width_in, config.heads) for _ in range(config.layers))
        self.out = nn.Sequential(nn.LayerNorm(width_in), nn.Linear(width_in, width_out))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Queries that differ from the start."""
        nn.init.normal_(self.queries, std=0.5)

    def forward(self, features: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """(B, T, D) → (B, queries, H)."""
        x = self.queries.expand(len(features), -1, -1)
        for layer in self.layers:
            x = layer(x, features, mask)
        any_feature = mask.any(1, keepdim=True)
        return self.out(x), any_feature.expand(-1, x.shape[1])


class _Layer(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(3))
        self.query, self.out = nn.Linear(width, width), nn.Linear(width, width)
        self.key_value = nn.Linear(width, 2 * width)
        self.mix = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))

    def forward(self, x: Tensor, features: Tensor, mask: Tensor) -> Tensor:
        """Queries (B, Q, D) after one look at features (B, T, D)."""
        context = torch.cat((self.norms[1](features), self.norms[0](x)), dim=1)
        seen = F.pad(mask, (0, x.shape[1]), value=True)[:, None, None]  # Queries always see one another.
        q = self._split(self.query(self.norms[0](x)))
        k, v = (self._split(part) for part in self.key_value(context).chunk(2, dim=-1))
        looked = F.scaled_dot_product_attention(q, k, v, attn_mask=seen)
        x = x + self.out(looked.transpose(1, 2).flatten(2))
        y: Tensor = x + self.mix(self.norms[2](x))
        return y

    def _split(self, x: Tensor) -> Tensor:
        return x.reshape(*x.shape[:2], self.heads, -1).transpose(1, 2)

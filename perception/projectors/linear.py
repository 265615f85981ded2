"""A linear map, token by token (as the first LLaVA)."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn


@dataclass(frozen=True, kw_only=True)
class LinearProjectorConfig:
    """Nothing to choose."""

    def soft_tokens(self, features: int) -> int:
        """As many."""
        return features

    def build(self, width_in: int, width_out: int) -> LinearProjector:
        """The projector."""
        return LinearProjector(width_in, width_out)


class LinearProjector(nn.Module):
    """y = W x + b."""

    def __init__(self, width_in: int, width_out: int) -> None:
        super().__init__()
        self.out = nn.Linear(width_in, width_out)

    def forward(self, features: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """(B, T, D) → (B, T, H)."""
        return self.out(features), mask

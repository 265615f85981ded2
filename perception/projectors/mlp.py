"""Two layers, token by token (as LLaVA-1.5)."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn


@dataclass(frozen=True, kw_only=True)
class MLPProjectorConfig:
    """How wide it is between its layers."""

    hidden: int = 0
    """Width between the layers; 0 takes the width of the output."""

    def soft_tokens(self, features: int) -> int:
        """As many."""
        return features

    def build(self, width_in: int, width_out: int) -> MLPProjector:
        """The projector."""
        return MLPProjector(width_in, self.hidden or width_out, width_out)


class MLPProjector(nn.Module):
    """y = W₂ gelu(W₁ x + b₁) + b₂."""

    def __init__(self, width_in: int, hidden: int, width_out: int) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Linear(width_in, hidden), nn.GELU(), nn.Linear(hidden, width_out))

    def forward(self, features: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """(B, T, D) → (B, T, H)."""
        return self.net(features), mask

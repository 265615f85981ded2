"""Short vectors: what the fingers and joints feel, or one object that was found."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from yanshi.perception.encoders.layers import check_reading, weight_dtype


@dataclass(frozen=True, kw_only=True)
class VectorMLPConfig:
    """Two layers over a vector of numbers in SI units."""

    size: int = 32
    """Length of the vector; NaN stands for what was not measured."""
    hidden: int = 192
    """Width between the layers."""
    width: int = 192
    """Features of the token."""

    @property
    def tokens(self) -> int:
        """One token a reading."""
        return 1

    @property
    def reading(self) -> tuple[int, ...]:
        """Shape of a reading: (size,)."""
        return (self.size,)

    def build(self) -> VectorMLP:
        """The encoder."""
        return VectorMLP(self)


class VectorMLP(nn.Module):
    """Each number x enters as x / (1 + |x|), as asinh(10 x), and as whether it was measured: newtons and millimetres
    both move the features.
    """

    def __init__(self, config: VectorMLPConfig) -> None:
        super().__init__()
        self.config = config
        self.net = nn.Sequential(
            nn.Linear(3 * config.size, config.hidden), nn.GELU(), nn.Linear(config.hidden, config.width)
        )

    def forward(self, values: Tensor) -> Tensor:
        """(B, F, size) → (B, F, width)."""
        check_reading("VectorMLP", values, self.config.reading)
        values = values.float()
        known = torch.isfinite(values)
        x = torch.where(known, values, 0.0)
        parts = (x / (1.0 + x.abs()), torch.asinh(10.0 * x), known.float())
        features: Tensor = self.net(torch.cat(parts, dim=-1).to(weight_dtype(self)))
        return features

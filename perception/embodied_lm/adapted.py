"""A linear layer beside its low-rank update: W may be packed into few bits while what was learned stays exact."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class AdaptedLinear(nn.Module):
    """y = W x + B A x; the scale is in B."""

    def __init__(self, base: nn.Linear, down: Tensor, up: Tensor, scale: float) -> None:
        """`down` A (r, in) and `up` B (out, r)."""
        super().__init__()
        self.base = base
        dtype = base.weight.dtype
        self.down = nn.Parameter(down.to(dtype), requires_grad=False)
        self.up = nn.Parameter((up.float() * scale).to(dtype), requires_grad=False)

    @property
    def weight(self) -> Tensor:
        """Of the layer, without the update."""
        return self.base.weight

    def forward(self, x: Tensor) -> Tensor:
        """(…, in) → (…, out)."""
        y: Tensor = self.base(x)
        return y + torch.nn.functional.linear(torch.nn.functional.linear(x, self.down), self.up)

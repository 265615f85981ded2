"""Depth images: a residual network over distance and slope, which knows what was not measured."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from yanshi.perception.encoders.encoder import per_frame
from yanshi.perception.encoders.layers import PooledTokens, Residual, check_reading, weight_dtype


@dataclass(frozen=True, kw_only=True)
class DepthCNNConfig:
    """A network at half resolution: depth has little texture."""

    height: int = 128
    """[px]"""
    columns: int = 128
    """Width of the image [px]."""
    base: int = 16
    """Channels of the first stage; the next have twice and three times as many."""
    width: int = 192
    """Features of a token."""
    grid: tuple[int, int] = (4, 4)
    """Rows and columns of tokens an image becomes."""

    @property
    def tokens(self) -> int:
        """Tokens a frame."""
        return self.grid[0] * self.grid[1]

    @property
    def reading(self) -> tuple[int, ...]:
        """Shape of an image: (1, H, W), metres along the optical axis, NaN where there is none."""
        return (1, self.height, self.columns)

    def build(self) -> DepthCNN:
        """The encoder."""
        return DepthCNN(self)


class DepthCNN(nn.Module):
    """Channels: nearness 1 / (1 + d), log depth, its slopes to the right and down, and where it is known."""

    def __init__(self, config: DepthCNNConfig) -> None:
        super().__init__()
        self.config = config
        c = config.base
        self.net = nn.Sequential(
            Residual(5, c, 2),
            Residual(c, 2 * c, 2),
            Residual(2 * c, 3 * c, 2),
            PooledTokens(3 * c, config.width, *config.grid),
        )

    def forward(self, values: Tensor) -> Tensor:
        """(B, F, 1, H, W) → (B, F * tokens, width)."""
        check_reading("DepthCNN", values, self.config.reading)
        return per_frame(self.net, geometry(values.float()).to(weight_dtype(self)))


def geometry(depth: Tensor) -> Tensor:
    """(…, 1, H, W) [m] → (…, 5, H, W), finite. A slope is known where both its pixels are; steps are cut at ±1."""
    known = torch.isfinite(depth) & (depth >= 0.0)
    metres = torch.where(known, depth, 0.0)
    log = torch.log(metres.clamp(min=0.05))
    right = F.pad(log[..., 1:] - log[..., :-1], (0, 1)) * F.pad(known[..., 1:] & known[..., :-1], (0, 1))
    down = log[..., 1:, :] - log[..., :-1, :]
    down = F.pad(down, (0, 0, 0, 1)) * F.pad(known[..., 1:, :] & known[..., :-1, :], (0, 0, 0, 1))
    slopes = [(20.0 * slope).clamp(-1.0, 1.0) for slope in (right, down)]
    nearness = torch.where(known, 1.0 / (1.0 + metres), 0.0)
    return torch.cat((nearness, log * known, *slopes, known.float()), dim=-3)

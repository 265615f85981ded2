"""Layers that several encoders are made of. Group normalisation everywhere: no statistics of a batch."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from yanshi.errors import ContractError


def weight_dtype(module: nn.Module) -> torch.dtype:
    """The dtype a module computes in."""
    return next(p.dtype for p in module.parameters() if p.is_floating_point())


def check_reading(name: str, values: Tensor, reading: tuple[int, ...]) -> None:
    """Raises: ContractError if `values` is not (B, F, *reading)."""
    if values.ndim != len(reading) + 2 or tuple(values.shape[2:]) != reading:
        expected = ", ".join(map(str, ("B", "F", *reading)))
        raise ContractError(f"{name}: expected values of shape ({expected}), got {tuple(values.shape)}.")


class Residual(nn.Module):
    """A residual block (He et al., 2015) with group normalisation; halves the image where `stride` is 2."""

    def __init__(self, channels_in: int, channels: int, stride: int | tuple[int, int] = 1, *, circular: bool = False):
        super().__init__()
        self.circular = circular
        edge = (1, 0) if circular else 1
        self.first = nn.Conv2d(channels_in, channels, 3, stride, padding=edge, bias=False)
        self.second = nn.Conv2d(channels, channels, 3, padding=edge, bias=False)
        self.norms = nn.ModuleList((_norm(channels), _norm(channels)))
        plain = channels_in == channels and stride in (1, (1, 1))
        self.shortcut = nn.Identity() if plain else nn.Conv2d(channels_in, channels, 1, stride)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C_in, H, W) → (N, C, H / stride, W / stride)."""
        y = F.relu(self.norms[0](self.first(self._turn(x))))
        y = self.norms[1](self.second(self._turn(y)))
        return F.relu(y + self.shortcut(x))

    def _turn(self, x: Tensor) -> Tensor:
        """Where the width is an azimuth that closes, with what is round the turn on each side."""
        return F.pad(x, (1, 1, 0, 0), mode="circular") if self.circular else x


def _norm(channels: int) -> nn.GroupNorm:
    return nn.GroupNorm(next(g for g in (8, 4, 2, 1) if channels % g == 0), channels)


class PooledTokens(nn.Module):
    """A feature map cut into a grid of `rows` × `columns` tokens by average pooling, with learned places."""

    def __init__(self, channels: int, width: int, rows: int, columns: int) -> None:
        super().__init__()
        self.grid = (rows, columns)
        self.out = nn.Linear(channels, width)
        self.place = nn.Parameter(torch.zeros(rows * columns, width))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Small random places."""
        nn.init.normal_(self.place, std=0.02)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) → (N, rows * columns, width)."""
        pooled = F.adaptive_avg_pool2d(x, self.grid).flatten(2).transpose(1, 2)
        tokens: Tensor = self.out(pooled) + self.place
        return tokens

"""A small residual network for images: colour, colour with depth, or depth alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from yanshi.errors import InputError
from yanshi.perception.encoders.encoder import per_frame
from yanshi.perception.encoders.layers import PooledTokens, Residual, check_reading, weight_dtype

Channels = Literal["rgb", "rgbd", "depth"]
CHANNELS: dict[str, int] = {"rgb": 3, "rgbd": 4, "depth": 1}
"""Channels of a reading: red, green, blue 0 … 255, then depth [m] with NaN where there is none."""


def normalised(values: Tensor, channels: Channels, dtype: torch.dtype) -> Tensor:
    """Images (N, C, H, W) as a network likes them: colour about [-2, 2]; depth as nearness 1 / (1 + d) in (0, 1], 0
    where there is none, and a channel that tells none from far.
    """
    parts = []
    if channels != "depth":
        parts.append((torch.nan_to_num(values[:, :3].to(dtype)) / 255.0 - 0.5) * 4.0)
    if channels != "rgb":
        depth = values[:, -1:].float()
        known = torch.isfinite(depth)
        nearness = torch.where(known, 1.0 / (1.0 + depth.clamp(min=0.0)), 0.0)
        parts += [nearness.to(dtype), known.to(dtype)]
    return torch.cat(parts, dim=1)


def channels_in(channels: Channels) -> int:
    """Channels of `normalised`."""
    return CHANNELS[channels] + (channels != "rgb")


@dataclass(frozen=True, kw_only=True)
class ImageCNNConfig:
    """A residual network of four stages, the first after a stride of two."""

    channels: Channels = "rgb"
    """What an image holds."""
    height: int = 128
    """[px]"""
    columns: int = 128
    """Width of the image [px]."""
    base: int = 24
    """Channels of the first stage; each later stage has half as many again, rounded to eight."""
    width: int = 192
    """Features of a token."""
    grid: tuple[int, int] = (4, 4)
    """Rows and columns of tokens an image becomes."""

    def __post_init__(self) -> None:
        if self.height < 16 * self.grid[0] or self.columns < 16 * self.grid[1]:
            raise InputError(
                f"A grid of {self.grid} tokens needs 16 pixels for each, an image of {self.height}×{self.columns} "
                "has fewer."
            )

    @property
    def tokens(self) -> int:
        """Tokens a frame."""
        return self.grid[0] * self.grid[1]

    @property
    def reading(self) -> tuple[int, ...]:
        """Shape of an image: (C, H, W)."""
        return (CHANNELS[self.channels], self.height, self.columns)

    def build(self) -> ImageCNN:
        """The encoder."""
        return ImageCNN(self)


class ImageCNN(nn.Module):
    """A stem with stride two, four residual stages, a grid of tokens."""

    def __init__(self, config: ImageCNNConfig) -> None:
        super().__init__()
        self.config = config
        widths = [round(config.base * 1.5**k / 8) * 8 for k in range(4)]
        self.net = nn.Sequential(
            nn.Conv2d(channels_in(config.channels), widths[0], 5, 2, 2),
            nn.ReLU(),
            Residual(widths[0], widths[0]),
            *(Residual(widths[k], widths[k + 1], 2) for k in range(3)),
            PooledTokens(widths[-1], config.width, *config.grid),
        )

    def forward(self, values: Tensor) -> Tensor:
        """(B, F, C, H, W) → (B, F * tokens, width)."""
        check_reading("ImageCNN", values, self.config.reading)
        b, f = values.shape[:2]
        images = normalised(values.flatten(0, 1), self.config.channels, weight_dtype(self))
        return per_frame(self.net, images.reshape(b, f, *images.shape[1:]))

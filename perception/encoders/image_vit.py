"""A small vision transformer (Dosovitskiy et al., 2020) for images: colour, colour with depth, or depth alone."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from yanshi.errors import InputError
from yanshi.perception.encoders.image_cnn import CHANNELS, Channels, channels_in, normalised
from yanshi.perception.encoders.layers import check_reading, weight_dtype


@dataclass(frozen=True, kw_only=True)
class ImageViTConfig:
    """Patches, a few pre-norm transformer layers, one token a patch."""

    channels: Channels = "rgb"
    """What an image holds."""
    height: int = 128
    """[px]"""
    columns: int = 128
    """Width of the image [px]."""
    patch: int = 16
    """Side of a square patch [px]."""
    width: int = 192
    """Features of a token."""
    layers: int = 6
    """Transformer layers."""
    heads: int = 3
    """Attention heads."""

    def __post_init__(self) -> None:
        if self.height % self.patch or self.columns % self.patch:
            raise InputError(f"Patches of {self.patch} px do not tile an image of {self.height}×{self.columns}.")
        if self.width % self.heads:
            raise InputError(f"Width {self.width} is no multiple of {self.heads} heads.")

    @property
    def tokens(self) -> int:
        """Tokens a frame: one a patch."""
        return (self.height // self.patch) * (self.columns // self.patch)

    @property
    def reading(self) -> tuple[int, ...]:
        """Shape of an image: (C, H, W)."""
        return (CHANNELS[self.channels], self.height, self.columns)

    def build(self) -> ImageViT:
        """The encoder."""
        return ImageViT(self)


class ImageViT(nn.Module):
    """Every frame by itself; what changes over time is left to the layers behind, which know each token's time."""

    def __init__(self, config: ImageViTConfig) -> None:
        super().__init__()
        self.config = config
        self.patches = nn.Conv2d(channels_in(config.channels), config.width, config.patch, config.patch)
        self.place = nn.Parameter(torch.zeros(config.tokens, config.width))
        layer = nn.TransformerEncoderLayer(
            config.width, config.heads, 4 * config.width, 0.0, "gelu", batch_first=True, norm_first=True
        )
        self.layers = nn.TransformerEncoder(layer, config.layers, enable_nested_tensor=False)
        self.norm = nn.LayerNorm(config.width)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Small random places."""
        nn.init.normal_(self.place, std=0.02)

    def forward(self, values: Tensor) -> Tensor:
        """(B, F, C, H, W) → (B, F * tokens, width)."""
        check_reading("ImageViT", values, self.config.reading)
        b, f = values.shape[:2]
        images = normalised(values.flatten(0, 1), self.config.channels, weight_dtype(self))
        tokens = self.patches(images).flatten(2).transpose(1, 2) + self.place
        features: Tensor = self.norm(self.layers(tokens))
        return features.reshape(b, f * self.config.tokens, self.config.width)

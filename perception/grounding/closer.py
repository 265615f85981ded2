"""A closer look at each object: its part of the picture, resampled to one size with its mask, in one small network.

Features pooled over an object's pixels forget how they lie; a digit is nothing but that. As the second stage of
detectors of regions (Ren et al. 2015), with the nearest pixels instead of pooled ones.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from yanshi.perception.encoders.layers import Residual

MARGIN = 0.15
"""Of a box's longer side, left about it."""
LEAST = 6.0
"""Side of the smallest crop [px]."""


class CloserLook(nn.Module):
    """Crops in, numbers about objects out; at first noughts."""

    def __init__(self, side: int, channels: int, widths: tuple[int, int, int], hidden: int, out: int) -> None:
        """
        Args:
            side: of a crop [px], a multiple of 8.
            channels: of what is cropped, without the mask.
            widths: channels at a half, a quarter and an eighth of the crop.
            hidden: numbers that a crop is summed up in.
            out: numbers about each object.
        """
        super().__init__()
        self.side = side
        each = zip((channels + 1, *widths), widths, strict=False)
        self.blocks = nn.Sequential(*(Residual(before, after, 2) for before, after in each))
        self.mix = nn.Sequential(nn.Linear(widths[2] * (side // 8) ** 2, hidden), nn.LayerNorm(hidden), nn.GELU())
        self.add = nn.Linear(hidden, out)
        nn.init.zeros_(self.add.weight)
        nn.init.zeros_(self.add.bias)

    def forward(self, crops: Tensor) -> Tensor:
        """(N, out) of objects, told by their crops (N, channels + 1, side, side)."""
        looked = self.blocks(crops.contiguous(memory_format=torch.channels_last)).float()
        added: Tensor = self.add(self.mix(looked.contiguous().flatten(1)))
        return added


def crop(channels: Tensor, view: Tensor, row: Tensor, column: Tensor, owner: Tensor, count: int, side: int) -> Tensor:
    """Square crops (N, C + 1, side, side) about each object, its mask as the last channel.

    What lies outside of the picture is nought.

    Args:
        channels: (B, C, H, W) of all views.
        view: (P,) of each pixel; likewise `row` and `column`.
        row: see `view`.
        column: see `view`.
        owner: (P,) which object, 0 … `count` - 1; each has a pixel.
        count: N.
        side: of a crop [px].
    """
    height, width = channels.shape[2:]
    spots = torch.stack((column, row), dim=1).float()
    index = owner[:, None].expand_as(spots)
    start = torch.zeros(count, 2, device=channels.device)
    low = start.scatter_reduce(0, index, spots, "amin", include_self=False)
    high = start.scatter_reduce(0, index, spots, "amax", include_self=False) + 1.0
    half = (0.5 + MARGIN) * (high - low).amax(dim=1).clamp(min=LEAST)
    steps = (torch.arange(side, device=channels.device) + 0.5) / side * 2.0 - 1.0
    at = torch.floor((low + high)[:, :, None] / 2.0 + half[:, None, None] * steps).long()
    x, y = at[:, 0].clamp(0, width - 1)[:, None, :], at[:, 1].clamp(0, height - 1)[:, :, None]
    inside = (at[:, 0][:, None, :] == x) & (at[:, 1][:, :, None] == y)
    mask = torch.zeros(count, height, width, device=channels.device)
    mask[owner, row, column] = 1.0
    number = torch.arange(count, device=channels.device)[:, None, None]
    of_view = torch.zeros(count, dtype=torch.long, device=channels.device).scatter(0, owner, view)[:, None, None]
    shown = torch.cat((channels.permute(0, 2, 3, 1)[of_view, y, x].float(), mask[number, y, x][..., None]), dim=3)
    shown = shown * inside[..., None]
    return shown.permute(0, 3, 1, 2)

"""Which sounds are in a window of sound, how far they have come, and which parts of the spectrum are theirs.

A small U-net over time and mel bands. Its masks say, for each class, frame and band, what share of the power came from
a source of that class *and* in phase with its direction: they weigh the cross-spectra from which `direction` reads
where the source is, as in Heymann et al., "Neural network based spectral mask estimation for acoustic beamforming"
(2016).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from yanshi.errors import InputError
from yanshi.perception.hearing.features import BANDS, CHANNELS, FRAMES

CLASSES = ("ring", "beep", "whistle", "buzz", "hum", "knock", "voice", "thud")
"""What is told apart; none of them is silence."""
SHARPNESS = 4.0
"""Of the soft maximum over time: (1 / r) log mean exp(r z)."""


@dataclass(frozen=True, kw_only=True)
class SoundNetConfig:
    """The size of a `SoundNet`."""

    classes: tuple[str, ...] = CLASSES
    """What is told apart."""
    base: int = 8
    """Channels of the first stage."""
    context: int = 0
    """Blocks that look further and further around each frame before anything is said of it."""

    def __post_init__(self) -> None:
        if not self.classes or len(set(self.classes)) < len(self.classes) or self.base < 1 or self.context < 0:
            raise InputError(f"SoundNet: expected different classes, base >= 1 and context >= 0, got {self}.")


class Heard(tuple[Tensor, Tensor, Tensor]):
    """Logits that a class is there (B, C), logits of masks (B, C, frames, bands), and (B, C, 2) mean and logarithm of
    the deviation of log distance [m].
    """

    @property
    def presence(self) -> Tensor:
        """(B, C) logits."""
        return self[0]

    @property
    def masks(self) -> Tensor:
        """(B, C, frames, bands) logits."""
        return self[1]

    @property
    def distance(self) -> Tensor:
        """(B, C, 2)."""
        return self[2]


class SoundNet(nn.Module):
    """See the module."""

    def __init__(self, config: SoundNetConfig) -> None:
        super().__init__()
        self.config = config
        c, n = config.base, len(config.classes)
        self.fine = _stage(CHANNELS, c)
        self.middle = _stage(c, 2 * c)
        self.coarse = _stage(2 * c, 4 * c)
        self.join_middle = _stage(6 * c, 2 * c, 1)
        self.join_fine = _stage(3 * c, 2 * c, 1)
        self.mask = nn.Conv2d(2 * c, n, 1)
        # Bands are kept apart: with pooling over frequency a low ring is a high beep.
        self.over_bands = nn.Sequential(nn.Conv2d(4 * c, 6 * c, (3, BANDS // 4), padding=(1, 0)), nn.ReLU())
        self.context = nn.ModuleList(_Around(6 * c, 2**k) for k in range(config.context))
        self.presence = nn.Conv1d(6 * c, n, 1)
        self.distance = nn.Linear(6 * c, 2 * n)

    def forward(self, features: Tensor) -> Heard:
        """(B, channels, frames, bands) → `Heard`."""
        if features.shape[1:] != (CHANNELS, FRAMES, BANDS):
            raise InputError(f"SoundNet: expected (B, {CHANNELS}, {FRAMES}, {BANDS}), got {tuple(features.shape)}.")
        fine = self.fine(features)
        middle = self.middle(nn.functional.max_pool2d(fine, (1, 2)))
        coarse = self.coarse(nn.functional.max_pool2d(middle, 2))
        joined = self.join_middle(torch.cat([middle, _grown(coarse, (2, 2))], dim=1))
        masks = self.mask(self.join_fine(torch.cat([fine, _grown(joined, (1, 2))], dim=1)))
        over_time = self.over_bands(coarse).squeeze(3)
        for around in self.context:
            over_time = around(over_time)
        frames = self.presence(over_time)
        logits = (torch.logsumexp(SHARPNESS * frames, dim=2) - math.log(frames.shape[2])) / SHARPNESS
        attention = torch.softmax(frames, dim=2)
        pooled = torch.einsum("bft,bct->bcf", over_time, attention)
        weight = self.distance.weight.reshape(len(self.config.classes), 2, -1)
        distance = torch.einsum("bcf,cdf->bcd", pooled, weight) + self.distance.bias.reshape(-1, 2)
        return Heard((logits, masks, distance))


class _Around(nn.Module):
    """(B, channels, frames): each frame and what lies up to twice `apart` around it, added to it."""

    def __init__(self, channels: int, apart: int) -> None:
        super().__init__()
        self.look = nn.Conv1d(channels, channels, 5, padding=2 * apart, dilation=apart, bias=False)
        self.even = nn.BatchNorm1d(channels)
        self.mix = nn.Conv1d(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        around: Tensor = self.mix(torch.relu(self.even(self.look(x))))
        return torch.relu(x + around)


def _stage(inputs: int, outputs: int, first: int = 3) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, first, padding=first // 2, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(),
        nn.Conv2d(outputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(),
    )  # fmt: skip


def _grown(x: Tensor, factor: tuple[int, int]) -> Tensor:
    return x.repeat_interleave(factor[0], dim=2).repeat_interleave(factor[1], dim=3)

"""Sound at several microphones: what it is (log-mel power) and where it comes from (phase between microphones)."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
import torch
from torch import Tensor, nn

from yanshi.contracts import Array
from yanshi.errors import InputError
from yanshi.perception.encoders.layers import PooledTokens, Residual, check_reading

FLOOR = 1e-10
"""Least power in a mel band [full scale²]: -100 dB."""


@dataclass(frozen=True, kw_only=True)
class SoundCNNConfig:
    """A residual network over time and mel bands, one token for each of a few slices of a clip."""

    samples: int = 8000
    """Samples a clip."""
    microphones: int = 4
    """Channels."""
    rate: float = 16_000.0
    """[Hz]"""
    bands: int = 48
    """Mel bands."""
    base: int = 16
    """Channels of the first stage; the next have twice and three times as many."""
    width: int = 192
    """Features of a token."""
    tokens: int = 4
    """Tokens a clip: slices of time."""

    def __post_init__(self) -> None:
        if self.samples < 2 * self.window:
            raise InputError(f"A clip at {self.rate:g} Hz needs {2 * self.window} samples or more, got {self.samples}.")

    @property
    def window(self) -> int:
        """Samples of an analysis window: 32 ms, half overlapping."""
        return round(0.032 * self.rate)

    @property
    def reading(self) -> tuple[int, ...]:
        """Shape of a clip: (samples, microphones)."""
        return (self.samples, self.microphones)

    def build(self) -> SoundCNN:
        """The encoder."""
        return SoundCNN(self)


class SoundCNN(nn.Module):
    """Log-mel power of the mean of the microphones, and for each pair the cosine and sine of its cross-spectrum's phase
    in each band, weighted by coherence: bands that hold only noise come out near zero.
    """

    def __init__(self, config: SoundCNNConfig) -> None:
        super().__init__()
        self.config = config
        self.pairs = list(combinations(range(config.microphones), 2))
        c = config.base
        self.net = nn.Sequential(
            Residual(1 + 2 * len(self.pairs), c, (1, 2)),
            Residual(c, 2 * c, 2),
            Residual(2 * c, 3 * c, 2),
        )
        # Bands are kept apart as long as they can be: with pooling over frequency alone a low ring is a high beep.
        self.across = nn.Conv2d(3 * c, 3 * c, (1, -(-config.bands // 8)))
        self.out = PooledTokens(3 * c, config.width, config.tokens, 1)
        self.register_buffer("mel", torch.from_numpy(mel_filters(config.bands, config.window, config.rate)))

    def forward(self, values: Tensor) -> Tensor:
        """(B, F, samples, microphones) → (B, F * tokens, width)."""
        check_reading("SoundCNN", values, self.config.reading)
        b, f = values.shape[:2]
        weight = self.across.weight
        features = self.features(torch.nan_to_num(values.flatten(0, 1).float())).to(weight.dtype)
        tokens: Tensor = self.out(torch.relu(self.across(self.net(features))))
        return tokens.reshape(b, f * self.config.tokens, self.config.width)

    def features(self, clips: Tensor) -> Tensor:
        """(N, samples, M) → (N, 1 + 2 * pairs, windows, bands), about [-1, 1]; always in float32, which phases need."""
        with torch.autocast(clips.device.type, enabled=False):
            return self._features(clips)

    def _features(self, clips: Tensor) -> Tensor:
        n, _, microphones = clips.shape
        window = torch.hann_window(self.config.window, device=clips.device)
        flat = clips.transpose(1, 2).flatten(0, 1)
        spectra = torch.stft(
            flat, self.config.window, self.config.window // 2, window=window, center=False, return_complex=True
        )
        spectra = spectra.reshape(n, microphones, *spectra.shape[1:]) * (2.0 / window.sum())
        mel = torch.as_tensor(self.mel).float()
        power = torch.einsum("nmkt,bk->ntb", spectra.abs().square(), mel) / microphones
        level = (torch.log10(power + FLOOR) + 5.0) / 5.0
        channels = [level]
        for i, j in self.pairs:
            cross = spectra[:, i] * spectra[:, j].conj()
            size = torch.einsum("nkt,bk->ntb", cross.abs(), mel) + FLOOR
            channels += [torch.einsum("nkt,bk->ntb", part, mel) / size for part in (cross.real, cross.imag)]
        return torch.stack(channels, dim=1)


def mel_filters(bands: int, window: int, rate: float, low: float = 60.0) -> Array:
    """Triangles (bands, window // 2 + 1) float32 whose centres are even on the mel scale, m = 2595 log10(1 + f / 700).
    Every band holds at least its nearest bin.
    """
    top = 2595.0 * np.log10(1.0 + rate / 2.0 / 700.0)
    mels = np.linspace(2595.0 * np.log10(1.0 + low / 700.0), top, bands + 2)
    edges = 700.0 * (10.0 ** (mels / 2595.0) - 1.0)
    bins = np.fft.rfftfreq(window, 1.0 / rate)
    rise = (bins - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    fall = (edges[2:, None] - bins) / (edges[2:] - edges[1:-1])[:, None]
    filters = np.maximum(np.minimum(rise, fall), 0.0)
    nearest = np.abs(bins - edges[1:-1, None]).argmin(axis=1)
    filters[np.arange(bands), nearest] = np.maximum(filters[np.arange(bands), nearest], 0.1)
    return np.asarray(filters, dtype=np.float32)

"""Noise models: what a real sensor adds to a true reading. Small, composable, drawn only from the generator given."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


class Noise(Protocol):
    """Something that disturbs the data of a reading."""

    def reset(self, rng: np.random.Generator) -> None:
        """Draw what stays the same for an episode, such as a bias."""

    def __call__(self, data: Array, rng: np.random.Generator) -> Array:
        """The disturbed copy of `data`, of the same dtype; its shape may shrink (lost points), never its meaning."""


@dataclass(frozen=True)
class Gaussian:
    """White noise: each value gets an independent N(0, sigma²), in the unit of the data."""

    sigma: float

    def reset(self, rng: np.random.Generator) -> None:
        """Nothing stays the same."""

    def __call__(self, data: Array, rng: np.random.Generator) -> Array:
        """`data` (any shape, float) plus noise."""
        noisy: Array = data + np.float32(self.sigma) * rng.standard_normal(data.shape, dtype=np.float32)
        return noisy


@dataclass
class Bias:
    """A constant offset per value, drawn from N(0, sigma²) at the start of an episode: a zero not quite set."""

    sigma: float | tuple[float, ...]
    """One for all values, or one per value of a flat reading, in the unit of the data."""
    _standard: Array | None = field(default=None, init=False, repr=False)
    _seed: int = field(default=0, init=False, repr=False)

    def reset(self, rng: np.random.Generator) -> None:
        """Forget the old offset; the new one is drawn from `rng`."""
        self._standard = None
        self._seed = int(rng.integers(2**63))

    def __call__(self, data: Array, rng: np.random.Generator) -> Array:
        """`data` (any shape, float) plus the offset."""
        if self._standard is None or self._standard.shape != data.shape:
            self._standard = np.random.default_rng(self._seed).standard_normal(data.shape, dtype=np.float32)
        return data + np.asarray(self.sigma, dtype=np.float32) * self._standard


@dataclass(frozen=True)
class Pixels:
    """Read-out noise of a colour camera: N(0, sigma²) grey levels on each channel, rounded, clipped to [0, 255]."""

    sigma: float

    def reset(self, rng: np.random.Generator) -> None:
        """Nothing stays the same."""

    def __call__(self, data: Array, rng: np.random.Generator) -> Array:
        """`data` (H, W, 3) uint8 with noise."""
        noisy = rng.standard_normal(data.shape, dtype=np.float32)
        noisy *= np.float32(self.sigma)
        noisy += data
        noisy += np.float32(0.5)
        return np.clip(noisy, 0.0, 255.0, out=noisy).astype(np.uint8)


@dataclass(frozen=True)
class StereoDepth:
    """Depth noise of a stereo camera. A disparity error e [px] becomes a depth error z² e / (f b), so sigma = k z²."""

    k: float = 0.002
    """[1/m]: 2 mm at 1 m, 8 mm at 2 m."""

    def reset(self, rng: np.random.Generator) -> None:
        """Nothing stays the same."""

    def __call__(self, data: Array, rng: np.random.Generator) -> Array:
        """`data` (H, W) float32 [m]; NaN stays NaN."""
        noisy = rng.standard_normal(data.shape, dtype=np.float32)
        noisy *= np.float32(self.k)
        noisy *= data
        noisy += np.float32(1.0)
        noisy *= data
        return noisy


@dataclass(frozen=True)
class Range:
    """Range noise of a LiDAR: each point moves along its ray by N(0, sigma²)."""

    sigma: float = 0.01
    """[m]."""

    def reset(self, rng: np.random.Generator) -> None:
        """Nothing stays the same."""

    def __call__(self, data: Array, rng: np.random.Generator) -> Array:
        """`data` (N, 4) float32: x, y, z [m] in the sensor frame, intensity."""
        out = data.copy()
        distance = np.sqrt(np.einsum("ij,ij->i", data[:, :3], data[:, :3]))
        shift = np.float32(self.sigma) * rng.standard_normal(len(data), dtype=np.float32)
        out[:, :3] *= (1.0 + shift / np.maximum(distance, np.float32(1e-3)))[:, None]
        return out


@dataclass(frozen=True)
class Chain:
    """Several noise models, one after the other."""

    models: tuple[Noise, ...]

    def reset(self, rng: np.random.Generator) -> None:
        """Reset each in turn."""
        for model in self.models:
            model.reset(rng)

    def __call__(self, data: Array, rng: np.random.Generator) -> Array:
        """`data` through each in turn."""
        for model in self.models:
            data = model(data, rng)
        return data

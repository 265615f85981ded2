"""What an encoder is: a clip of readings of one sense in, feature tokens out."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn

from yanshi.errors import ContractError


class Encoder(Protocol):
    """Turns clips of readings into feature tokens. An `nn.Module`, without batch statistics."""

    def __call__(self, values: Tensor) -> Tensor:
        """Encode.

        Args:
            values: (B, F, *reading), F frames over time, oldest first. NaN marks what was not measured.

        Returns:
            (B, F * tokens, width), finite: the tokens of one frame stand together, in the order of the frames.
        """


class EncoderConfig(Protocol):
    """What an encoder is built from: a frozen dataclass of JSON values, registered in `catalog.ENCODERS`."""

    @property
    def width(self) -> int:
        """Features of a token."""

    @property
    def tokens(self) -> int:
        """Tokens that one frame becomes."""

    @property
    def reading(self) -> tuple[int, ...]:
        """Shape of one frame."""

    def build(self) -> nn.Module:
        """A fresh `Encoder`."""


def per_frame(encode: nn.Module, values: Tensor) -> Tensor:
    """Apply a module that maps (N, *reading) to (N, t, D) to every frame of (B, F, *reading): (B, F * t, D)."""
    b, f = values.shape[:2]
    features: Tensor = encode(values.flatten(0, 1))
    return features.reshape(b, f * features.shape[1], features.shape[2])


def check_encoder(config: EncoderConfig) -> None:
    """Hold an encoder to its contract: shapes for clips of any length, gradients, NaN, save and load, dtypes.

    Raises:
        ContractError: With what was expected and what came.
    """
    torch.manual_seed(0)
    encoder = config.build()
    for batch, frames in ((1, 1), (2, 3)):
        values = _example(config, batch, frames)
        features = encoder(values)
        expected = (batch, frames * config.tokens, config.width)
        if tuple(features.shape) != expected:
            raise ContractError(f"{_name(config)}: expected features of shape {expected}, got {tuple(features.shape)}.")
    features.square().mean().backward()
    for name, parameter in encoder.named_parameters():
        if parameter.grad is None or not bool(torch.isfinite(parameter.grad).all()):
            raise ContractError(f"{_name(config)}: expected a finite gradient at {name}, got {parameter.grad}.")
    if not any(bool(p.grad.abs().sum() > 0) for p in encoder.parameters() if p.grad is not None):
        raise ContractError(f"{_name(config)}: no gradient reaches its parameters.")
    encoder.eval()
    with torch.no_grad():
        _check_determinism(config, encoder)
        _check_independence(config, encoder)
        _check_missing(config, encoder)
        for dtype in (torch.bfloat16, torch.float32):
            features = encoder.to(dtype)(_example(config, 1, 2))
            if features.dtype != dtype or not bool(torch.isfinite(features).all()):
                raise ContractError(f"{_name(config)}: expected finite {dtype} features, got {features.dtype}.")


def _check_determinism(config: EncoderConfig, encoder: nn.Module) -> None:
    values = _example(config, 2, 2)
    first = encoder(values)
    twin = config.build().eval()
    twin.load_state_dict(encoder.state_dict())
    for what, other in (("twice", encoder(values)), ("after saving and loading", twin(values))):
        if not torch.equal(first, other):
            raise ContractError(f"{_name(config)}: the same clip gives other features {what}.")


def _check_independence(config: EncoderConfig, encoder: nn.Module) -> None:
    """No clip may look at its neighbours in the batch."""
    values = _example(config, 2, 2)
    alone, together = encoder(values[:1]), encoder(values)[:1]
    if not torch.allclose(alone, together, atol=1e-4, rtol=1e-4):
        raise ContractError(f"{_name(config)}: a clip's features depend on what else is in the batch.")


def _check_missing(config: EncoderConfig, encoder: nn.Module) -> None:
    for share in (0.3, 1.0):
        values = _example(config, 1, 2)
        if not values.is_floating_point():
            return
        missing = torch.rand(values.shape, generator=torch.Generator().manual_seed(1)) < share
        features = encoder(values.masked_fill(missing, float("nan")))
        if not bool(torch.isfinite(features).all()):
            raise ContractError(f"{_name(config)}: {share:.0%} of NaN in a reading reach its features.")


def _example(config: EncoderConfig, batch: int, frames: int) -> Tensor:
    generator = torch.Generator().manual_seed(batch * 7 + frames)
    return torch.rand((batch, frames, *config.reading), generator=generator)


def _name(config: object) -> str:
    return type(config).__name__.removesuffix("Config")


@dataclass(frozen=True, kw_only=True)
class FakeEncoderConfig:
    """For tests: an encoder without structure, for readings of any shape."""

    reading: tuple[int, ...] = (3,)
    """Shape of a reading."""
    width: int = 8
    """Features of a token."""
    tokens: int = 2
    """Tokens a frame."""

    def build(self) -> FakeEncoder:
        """The encoder."""
        return FakeEncoder(self)


class FakeEncoder(nn.Module):
    """One linear map from a flattened reading to its tokens."""

    def __init__(self, config: FakeEncoderConfig) -> None:
        super().__init__()
        self.config = config
        size = list(itertools.accumulate(config.reading, lambda a, b: a * b))[-1]
        self.linear = nn.Linear(size, config.tokens * config.width)

    def forward(self, values: Tensor) -> Tensor:
        """(B, F, *reading) → (B, F * tokens, width)."""
        b, f = values.shape[:2]
        flat = torch.nan_to_num(values).flatten(2).to(self.linear.weight.dtype)
        features: Tensor = self.linear(flat).reshape(b, f * self.config.tokens, self.config.width)
        return features

"""What a projector is: feature tokens of one sense in, soft tokens of a language model out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn

from yanshi.errors import ContractError


class Projector(Protocol):
    """Maps features to the width of a language model's embeddings. An `nn.Module`."""

    def __call__(self, features: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Project.

        Args:
            features: (B, T, D).
            mask: (B, T) bool, which of them exist. Those that do not must change nothing.

        Returns:
            (B, Q, H) soft tokens and (B, Q) bool, which of them exist: with t features in a row, the first or the same
            `ProjectorConfig.soft_tokens(t)`; with none, none.
        """


class ProjectorConfig(Protocol):
    """What a projector is built from: a frozen dataclass of JSON values, registered in `catalog.PROJECTORS`."""

    def soft_tokens(self, features: int) -> int:
        """Soft tokens that so many features become; 0 for 0."""

    def build(self, width_in: int, width_out: int) -> nn.Module:
        """A fresh `Projector` from `width_in` to `width_out`."""


def check_projector(config: ProjectorConfig) -> None:
    """Hold a projector to its contract: shapes, masks, gradients, save and load, dtypes.

    Raises:
        ContractError: With what was expected and what came.
    """
    torch.manual_seed(0)
    name = type(config).__name__.removesuffix("Config")
    projector = config.build(12, 20)
    generator = torch.Generator().manual_seed(3)
    features = torch.randn((3, 6, 12), generator=generator)
    mask = torch.tensor([[True] * 6, [True] * 4 + [False] * 2, [False] * 6])
    tokens, kept = projector(features, mask)
    if tokens.shape[::2] != (3, 20) or kept.shape != tokens.shape[:2]:
        raise ContractError(f"{name}: expected (3, Q, 20) and (3, Q), got {tuple(tokens.shape)}, {tuple(kept.shape)}.")
    counts, expected = kept.sum(1).tolist(), [config.soft_tokens(t) for t in (6, 4, 0)]
    if counts != expected:
        raise ContractError(f"{name}: expected {expected} soft tokens of 6, 4 and 0 features, got {counts}.")
    # A sum would be blind: the mean of what a final normalisation leaves is constant.
    (tokens[kept] * torch.randn(tokens[kept].shape, generator=generator)).sum().backward()
    for part, parameter in projector.named_parameters():
        if parameter.grad is None or not bool(torch.isfinite(parameter.grad).all()):
            raise ContractError(f"{name}: expected a finite gradient at {part}, got {parameter.grad}.")
    projector.eval()
    with torch.no_grad():
        tokens, kept = projector(features, mask)
        disturbed = torch.where(mask[..., None], features, 1e3)
        other, _ = projector(disturbed, mask)
        if not torch.allclose(tokens[kept], other[kept], atol=1e-5):
            raise ContractError(f"{name}: features that do not exist change the soft tokens.")
        twin = config.build(12, 20).eval()
        twin.load_state_dict(projector.state_dict())
        if not torch.equal(twin(features, mask)[0][kept], tokens[kept]):
            raise ContractError(f"{name}: other soft tokens after saving and loading.")
        half, kept = projector.to(torch.bfloat16)(features.to(torch.bfloat16), mask)
        if half.dtype != torch.bfloat16 or not bool(torch.isfinite(half[kept]).all()):
            raise ContractError(f"{name}: expected finite bfloat16 soft tokens, got {half.dtype}.")


@dataclass(frozen=True, kw_only=True)
class FakeProjectorConfig:
    """For tests: repeats and cuts features to the width that is asked for, times one learned number."""

    def soft_tokens(self, features: int) -> int:
        """As many."""
        return features

    def build(self, width_in: int, width_out: int) -> FakeProjector:
        """The projector."""
        return FakeProjector(width_in, width_out)


class FakeProjector(nn.Module):
    """No mixing of features."""

    def __init__(self, width_in: int, width_out: int) -> None:
        super().__init__()
        self.columns = [k % width_in for k in range(width_out)]
        self.gain = nn.Parameter(torch.ones(1))

    def forward(self, features: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """(B, T, D) → (B, T, H)."""
        return features[..., self.columns] * self.gain, mask

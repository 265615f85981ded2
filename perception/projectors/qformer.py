"""The Q-Former of BLIP-2 (Li et al., 2023), `transformers`' own, from a small configuration."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from yanshi.errors import MissingDependencyError


@dataclass(frozen=True, kw_only=True)
class QFormerConfig:
    """Queries and the transformer that carries them; every second layer looks at the features."""

    queries: int = 8
    """Soft tokens it yields, however long the clip."""
    hidden: int = 192
    """Width of the transformer."""
    layers: int = 2
    """Layers."""
    heads: int = 4
    """Attention heads."""

    def soft_tokens(self, features: int) -> int:
        """One a query, if there is anything to look at."""
        return self.queries if features else 0

    def build(self, width_in: int, width_out: int) -> QFormer:
        """The projector. Raises: MissingDependencyError without transformers."""
        return QFormer(self, width_in, width_out)


class QFormer(nn.Module):
    """Learned queries through a `Blip2QFormerModel`, then a linear map."""

    def __init__(self, config: QFormerConfig, width_in: int, width_out: int) -> None:
        try:
            from transformers import Blip2QFormerConfig, Blip2QFormerModel
        except ImportError as error:
            raise MissingDependencyError("transformers", "language") from error
        super().__init__()
        self.queries = nn.Parameter(torch.zeros(config.queries, config.hidden))
        self.former = Blip2QFormerModel(
            Blip2QFormerConfig(
                hidden_size=config.hidden,
                num_hidden_layers=config.layers,
                num_attention_heads=config.heads,
                intermediate_size=4 * config.hidden,
                encoder_hidden_size=width_in,
                cross_attention_frequency=2,
                hidden_dropout_prob=0.0,
                attention_probs_dropout_prob=0.0,
                attn_implementation="sdpa",
            )
        )
        self.out = nn.Linear(config.hidden, width_out)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Queries that differ from the start."""
        nn.init.normal_(self.queries, std=0.5)

    def forward(self, features: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """(B, T, D) → (B, queries, H)."""
        any_feature = mask.any(1, keepdim=True)
        # A row without features looks at everything, since a softmax over nothing is NaN; its tokens are not used.
        states = self.former(
            query_embeds=self.queries.expand(len(features), -1, -1),
            encoder_hidden_states=features,
            encoder_attention_mask=(mask | ~any_feature).long(),
        ).last_hidden_state
        return self.out(states.to(self.out.weight.dtype)), any_feature.expand(-1, len(self.queries))

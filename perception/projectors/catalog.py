"""The projectors that a saved model can name. Add one with ``PROJECTORS.register("mine", MineConfig)``."""

from __future__ import annotations

from yanshi.perception.projectors.linear import LinearProjectorConfig
from yanshi.perception.projectors.mlp import MLPProjectorConfig
from yanshi.perception.projectors.projector import FakeProjectorConfig, ProjectorConfig
from yanshi.perception.projectors.qformer import QFormerConfig
from yanshi.perception.projectors.resampler import ResamplerConfig
from yanshi.perception.registry import Registry

PROJECTORS: Registry[ProjectorConfig] = Registry(
    "projector",
    {
        "fake": FakeProjectorConfig,
        "linear": LinearProjectorConfig,
        "mlp": MLPProjectorConfig,
        "qformer": QFormerConfig,
        "resampler": ResamplerConfig,
    },
)

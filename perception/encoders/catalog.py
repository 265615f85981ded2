"""The encoders that a saved model can name. Add one with ``ENCODERS.register("thermal", ThermalConfig)``."""

from __future__ import annotations

from yanshi.perception.encoders.depth_cnn import DepthCNNConfig
from yanshi.perception.encoders.encoder import EncoderConfig, FakeEncoderConfig
from yanshi.perception.encoders.image_cnn import ImageCNNConfig
from yanshi.perception.encoders.image_vit import ImageViTConfig
from yanshi.perception.encoders.point_net import PointNetConfig
from yanshi.perception.encoders.range_cnn import RangeCNNConfig
from yanshi.perception.encoders.sound_cnn import SoundCNNConfig
from yanshi.perception.encoders.vector_mlp import VectorMLPConfig
from yanshi.perception.registry import Registry

ENCODERS: Registry[EncoderConfig] = Registry(
    "encoder",
    {
        "depth_cnn": DepthCNNConfig,
        "fake": FakeEncoderConfig,
        "image_cnn": ImageCNNConfig,
        "image_vit": ImageViTConfig,
        "point_net": PointNetConfig,
        "range_cnn": RangeCNNConfig,
        "sound_cnn": SoundCNNConfig,
        "vector_mlp": VectorMLPConfig,
    },
)

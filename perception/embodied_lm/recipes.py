"""Senses that go together: what `yanshi-small` is made of."""

from __future__ import annotations

from yanshi.perception.embodied_lm.senses import SenseConfig
from yanshi.perception.encoders.depth_cnn import DepthCNNConfig
from yanshi.perception.encoders.image_cnn import ImageCNNConfig
from yanshi.perception.encoders.point_net import PointNetConfig
from yanshi.perception.encoders.sound_cnn import SoundCNNConfig
from yanshi.perception.encoders.vector_mlp import VectorMLPConfig
from yanshi.perception.projectors.mlp import MLPProjectorConfig
from yanshi.perception.projectors.resampler import ResamplerConfig
from yanshi.perception.readers.body import BodyReader
from yanshi.perception.readers.image import ColorReader, DepthReader
from yanshi.perception.readers.lidar import PointsReader
from yanshi.perception.readers.objects import ObjectReader
from yanshi.perception.readers.sound import SoundReader


def small_senses(*, joints: int = 9, embedding: int = 0, objects: int = 24) -> dict[str, SenseConfig]:
    """Two colour and depth cameras at 128×128, LiDAR, four microphones, the body, and objects, for two CPU cores.

    Without objects all of them together are 43 soft tokens, however long the clip.

    Args:
        joints: of arm and head: 9 for `mobile_panda`, 7 for `panda`.
        embedding: length of the features that objects come with.
        objects: how many can be told of at once.
    """
    body, things = BodyReader(joints=joints), ObjectReader(embedding=embedding)
    return {
        "camera": SenseConfig(
            reader=ColorReader(), encoder=ImageCNNConfig(), projector=ResamplerConfig(queries=16), frames=2
        ),
        "depth": SenseConfig(
            reader=DepthReader(), encoder=DepthCNNConfig(), projector=ResamplerConfig(queries=8), frames=1
        ),
        "lidar": SenseConfig(
            reader=PointsReader(), encoder=PointNetConfig(), projector=ResamplerConfig(queries=8), frames=1
        ),
        "sound": SenseConfig(
            reader=SoundReader(), encoder=SoundCNNConfig(), projector=ResamplerConfig(queries=8), frames=2
        ),
        "body": SenseConfig(
            reader=body,
            encoder=VectorMLPConfig(size=body.reading[0]),
            projector=ResamplerConfig(queries=3, layers=1),
            frames=4,
        ),
        "things": SenseConfig(
            reader=things,
            encoder=VectorMLPConfig(size=things.reading[0]),
            projector=MLPProjectorConfig(),
            frames=objects,
        ),
    }

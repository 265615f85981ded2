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

SIDE = 64
"""Of a picture [px]."""


def small_senses(*, joints: int = 9, embedding: int = 0, objects: int = 24) -> dict[str, SenseConfig]:
    """Two colour and depth cameras at 64×64, LiDAR, four microphones, the body, and objects, for two CPU cores.

    Without objects all of them together are 20 soft tokens: what is small in a picture comes as an object.

    Args:
        joints: of arm and head: 9 for `mobile_panda`; a robot with fewer leaves the last ones unknown.
        embedding: length of the features that objects come with.
        objects: how many can be told of at once.
    """
    body, things = BodyReader(joints=joints), ObjectReader(embedding=embedding)
    return {
        "camera": SenseConfig(
            reader=ColorReader(height=SIDE, columns=SIDE),
            encoder=ImageCNNConfig(height=SIDE, columns=SIDE),
            projector=ResamplerConfig(queries=6),
        ),
        "depth": SenseConfig(
            reader=DepthReader(height=SIDE, columns=SIDE),
            encoder=DepthCNNConfig(height=SIDE, columns=SIDE),
            projector=ResamplerConfig(queries=3),
        ),
        "lidar": SenseConfig(reader=PointsReader(), encoder=PointNetConfig(), projector=ResamplerConfig(queries=4)),
        "sound": SenseConfig(
            reader=SoundReader(), encoder=SoundCNNConfig(base=32), projector=ResamplerConfig(queries=5), frames=2
        ),
        "body": SenseConfig(
            reader=body,
            encoder=VectorMLPConfig(size=body.reading[0]),
            projector=ResamplerConfig(queries=2, layers=1),
            frames=2,
        ),
        "things": SenseConfig(
            reader=things,
            encoder=VectorMLPConfig(size=things.reading[0]),
            projector=MLPProjectorConfig(),
            frames=objects,
        ),
    }

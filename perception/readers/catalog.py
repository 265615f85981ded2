"""The readers that a saved model can name. Add one with ``READERS.register("thermal", ThermalReader)``."""

from __future__ import annotations

from yanshi.perception.readers.body import BodyReader
from yanshi.perception.readers.image import ColorDepthReader, ColorReader, DepthReader
from yanshi.perception.readers.lidar import PointsReader, RangeReader
from yanshi.perception.readers.objects import ObjectReader
from yanshi.perception.readers.reading import Reader
from yanshi.perception.readers.sound import SoundReader
from yanshi.perception.registry import Registry

READERS: Registry[Reader] = Registry(
    "reader",
    {
        "body": BodyReader,
        "color": ColorReader,
        "color_depth": ColorDepthReader,
        "depth": DepthReader,
        "objects": ObjectReader,
        "points": PointsReader,
        "range": RangeReader,
        "sound": SoundReader,
    },
)

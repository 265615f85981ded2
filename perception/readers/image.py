"""Colour and depth images, brought to one size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from yanshi.contracts import Array, Frame, Observation
from yanshi.errors import SenseError
from yanshi.perception.readers.reading import Reading, newest_frames, refuse_nan, view_of

FARTHEST = 1000.0
"""A median depth beyond this is no room measured in metres."""
TOGETHER = 0.5
"""Colour and depth belong together if their stamps differ by less than this share of the time between frames."""


@dataclass(frozen=True, kw_only=True)
class ColorReader:
    """Colour images (3, height, columns) uint8."""

    sources: tuple[str, ...] = ("head_rgb", "wrist_rgb")
    """Names of the cameras' frames."""
    height: int = 128
    """[px]"""
    columns: int = 128
    """Width [px]."""

    @property
    def reading(self) -> tuple[int, ...]:
        """Shape."""
        return (3, self.height, self.columns)

    @property
    def dtype(self) -> str:
        """Levels 0 … 255."""
        return "uint8"

    def read(self, clip: Sequence[Observation], source: str, frames: int) -> list[Reading]:
        """See `Reader.read`."""
        found = newest_frames(clip, source, "rgb", frames)
        return [
            Reading(value=color(frame, self.height, self.columns), stamp=frame.stamp, view=view_of(frame))
            for frame in found
        ]


@dataclass(frozen=True, kw_only=True)
class DepthReader:
    """Depth images (1, height, columns) float32 [m], NaN where there is none."""

    sources: tuple[str, ...] = ("head_depth", "wrist_depth")
    """Names of the cameras' frames."""
    height: int = 128
    """[px]"""
    columns: int = 128
    """Width [px]."""

    @property
    def reading(self) -> tuple[int, ...]:
        """Shape."""
        return (1, self.height, self.columns)

    @property
    def dtype(self) -> str:
        """Metres."""
        return "float32"

    def read(self, clip: Sequence[Observation], source: str, frames: int) -> list[Reading]:
        """See `Reader.read`."""
        found = newest_frames(clip, source, "depth", frames)
        return [
            Reading(value=depth(frame, self.height, self.columns)[None], stamp=frame.stamp, view=view_of(frame))
            for frame in found
        ]


@dataclass(frozen=True, kw_only=True)
class ColorDepthReader:
    """Colour with depth (4, height, columns) float32: levels 0 … 255, then [m]. Either may be missing: NaN.

    A source ``head`` stands for the frames ``head_rgb`` and ``head_depth``, which must share a lens.
    """

    sources: tuple[str, ...] = ("head", "wrist")
    """Names of the cameras."""
    height: int = 128
    """[px]"""
    columns: int = 128
    """Width [px]."""

    @property
    def reading(self) -> tuple[int, ...]:
        """Shape."""
        return (4, self.height, self.columns)

    @property
    def dtype(self) -> str:
        """Levels and metres."""
        return "float32"

    def read(self, clip: Sequence[Observation], source: str, frames: int) -> list[Reading]:
        """See `Reader.read`."""
        colors = newest_frames(clip, f"{source}_rgb", "rgb", frames)
        depths = newest_frames(clip, f"{source}_depth", "depth", frames)
        readings = []
        for frame in colors or depths:
            value = np.full(self.reading, np.nan, dtype=np.float32)
            near = [d for d in depths if abs(d.stamp - frame.stamp) < TOGETHER / max(frame.rate, 1e-3)]
            if frame.modality == "rgb":
                value[:3] = color(frame, self.height, self.columns)
            if near:
                value[3] = depth(min(near, key=lambda d: abs(d.stamp - frame.stamp)), self.height, self.columns)
            readings.append(Reading(value=value, stamp=frame.stamp, view=view_of(frame)))
        return readings


def color(frame: Frame, height: int, columns: int) -> Array:
    """(3, height, columns) uint8, each pixel the mean of those it covers."""
    _check_proportions(frame, height, columns)
    image = frame.data
    if image.shape[:2] != (height, columns):
        image = np.asarray(Image.fromarray(image).resize((columns, height), Image.Resampling.BOX))
    return np.ascontiguousarray(image.transpose(2, 0, 1))


def depth(frame: Frame, height: int, columns: int) -> Array:
    """(height, columns) float32 [m], each pixel the nearest of the image: a mean over an edge lies on no surface.

    Raises:
        SenseError: If nothing was measured, or not in metres.
    """
    _check_proportions(frame, height, columns)
    refuse_nan(frame, "depth in metres")
    middle = float(np.nanmedian(frame.data))
    if not 0.0 <= middle <= FARTHEST:
        raise SenseError(f"Frame '{frame.name}': expected depth in metres, got a median of {middle:g}; millimetres?")
    rows = ((np.arange(height) + 0.5) * frame.data.shape[0] / height).astype(int)
    cols = ((np.arange(columns) + 0.5) * frame.data.shape[1] / columns).astype(int)
    return np.asarray(np.where(np.isfinite(frame.data), frame.data, np.nan)[np.ix_(rows, cols)], dtype=np.float32)


def _check_proportions(frame: Frame, height: int, columns: int) -> None:
    h, w = frame.data.shape[:2]
    if min(h, w) < 8 or abs(h * columns - w * height) > 0.1 * w * height:
        raise SenseError(
            f"Frame '{frame.name}': expected an image of the proportions of {height}×{columns} pixels, got {h}×{w}."
        )

"""LiDAR scans: as points round the robot, or as an image of ranges."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from yanshi.contracts import Array, Frame, Observation
from yanshi.errors import SenseError
from yanshi.perception.geometry import transform
from yanshi.perception.readers.reading import Reading, newest_frames, refuse_nan, view_of

FARTHEST = 1000.0
"""A median range beyond this is no room measured in metres."""


@dataclass(frozen=True, kw_only=True)
class PointsReader:
    """Points (points, 4) float32: x, y, z [m] in the robot base and intensity; rows of NaN are none."""

    sources: tuple[str, ...] = ("lidar",)
    """Names of the frames."""
    points: int = 1024
    """Rows: of a longer scan every so many-th is taken."""

    @property
    def reading(self) -> tuple[int, ...]:
        """Shape."""
        return (self.points, 4)

    @property
    def dtype(self) -> str:
        """Metres."""
        return "float32"

    def read(self, clip: Sequence[Observation], source: str, frames: int) -> list[Reading]:
        """See `Reader.read`."""
        readings = []
        for frame in newest_frames(clip, source, "lidar", frames):
            scan = _usable(frame)
            if frame.T_bs is None:
                raise SenseError(f"Frame '{frame.name}': expected the sensor's pose T_bs, got none.")
            value = np.full(self.reading, np.nan, dtype=np.float32)
            chosen = scan[np.linspace(0, len(scan) - 1, min(len(scan), self.points)).astype(int)]
            value[: len(chosen), :3] = transform(frame.T_bs, chosen[:, :3].astype(np.float64))
            value[: len(chosen), 3] = chosen[:, 3]
            readings.append(Reading(value=value, stamp=frame.stamp, view=view_of(frame)))
        return readings


@dataclass(frozen=True, kw_only=True)
class RangeReader:
    """Range images (2, rows, columns) float32 in the sensor frame: range [m] and intensity, NaN without an echo.

    Row 0 is the lowest; column 0 begins at azimuth -π, behind the sensor.
    """

    sources: tuple[str, ...] = ("lidar",)
    """Names of the frames."""
    rows: int = 16
    """Steps of elevation."""
    columns: int = 360
    """Steps of azimuth round a full turn."""
    elevation: tuple[float, float] = (-40.0, 10.0)
    """Centres of the lowest and the highest row [deg]."""

    @property
    def reading(self) -> tuple[int, ...]:
        """Shape."""
        return (2, self.rows, self.columns)

    @property
    def dtype(self) -> str:
        """Metres."""
        return "float32"

    def read(self, clip: Sequence[Observation], source: str, frames: int) -> list[Reading]:
        """See `Reader.read`."""
        return [
            Reading(value=self._image(_usable(frame)), stamp=frame.stamp, view=view_of(frame))
            for frame in newest_frames(clip, source, "lidar", frames)
        ]

    def _image(self, scan: Array) -> Array:
        """The nearest echo of each cell."""
        distance = np.linalg.norm(scan[:, :3], axis=1)
        azimuth = np.arctan2(scan[:, 1], scan[:, 0])
        elevation = np.rad2deg(np.arcsin(np.clip(scan[:, 2] / np.maximum(distance, 1e-6), -1.0, 1.0)))
        low, high = self.elevation
        step = (high - low) / max(self.rows - 1, 1) or 1.0
        row = np.clip(np.rint((elevation - low) / step), 0, self.rows - 1).astype(int)
        column = ((azimuth + np.pi) * (self.columns / (2.0 * np.pi))).astype(int) % self.columns
        image = np.full(self.reading, np.nan, dtype=np.float32)
        order = np.argsort(-distance)  # The last write wins: the nearest.
        image[:, row[order], column[order]] = np.stack((distance[order], scan[order, 3]))
        return image


def _usable(frame: Frame) -> Array:
    """Echoes (N, 4) that are finite.

    Raises:
        SenseError: If there are values but none is, or they are not metres.
    """
    refuse_nan(frame, "points in metres")
    scan: Array = frame.data[np.isfinite(frame.data).all(axis=1)]
    if len(scan) and (middle := float(np.median(np.linalg.norm(scan[:, :3], axis=1)))) > FARTHEST:
        raise SenseError(f"Frame '{frame.name}': expected points in metres, got a median range of {middle:g}.")
    return scan

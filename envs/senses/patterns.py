"""Which way the rays of a LiDAR go."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from yanshi.contracts import Array
from yanshi.errors import InputError


@dataclass(frozen=True)
class Grid:
    """Rays in rows of equal elevation, at even steps of azimuth, in the sensor frame (x forward, y left, z up)."""

    azimuth: float
    """Of the first ray of a row [rad], from x towards y."""
    step: float
    """From one ray of a row to the next [rad]."""
    columns: int
    elevations: tuple[float, ...]
    """Of the rows [rad], rising."""

    def __post_init__(self) -> None:
        if self.columns < 1 or not self.elevations:
            raise InputError(f"A LiDAR needs at least one ray, got {len(self.elevations)}×{self.columns}.")
        if self.step <= 0.0 or (self.columns - 1) * self.step >= 2.0 * np.pi:
            raise InputError(f"Rays must go round once at most, got {self.columns} columns of {self.step} rad.")
        if np.any(np.diff(self.elevations) <= 0.0) or max(np.abs(self.elevations)) > 0.5 * np.pi:
            raise InputError(f"Elevations must rise within ±π/2 rad, got {self.elevations}.")

    @property
    def azimuths(self) -> Array:
        """(columns,) [rad]."""
        return self.azimuth + self.step * np.arange(self.columns)

    @property
    def directions(self) -> Array:
        """Unit vectors (rows * columns, 3), row after row."""
        azimuth, elevation = np.meshgrid(self.azimuths, self.elevations)
        level = np.cos(elevation)
        xyz = (level * np.cos(azimuth), level * np.sin(azimuth), np.sin(elevation))
        return np.stack(xyz, axis=-1).reshape(-1, 3)

    def nearest(self, points: Array) -> Array:
        """(n,) which of `directions` comes nearest to the way to each point (n, 3) of the sensor frame."""
        lead = 0.5 * min(self.step, 2.0 * np.pi - (self.columns - 1) * self.step)
        azimuth = np.mod(np.arctan2(points[:, 1], points[:, 0]) - self.azimuth + lead, 2.0 * np.pi) - lead
        column = np.clip(np.rint(azimuth / self.step).astype(np.intp), 0, self.columns - 1)
        rise = np.arctan2(points[:, 2], np.hypot(points[:, 0], points[:, 1]))
        between = 0.5 * (np.array(self.elevations)[1:] + np.array(self.elevations)[:-1])
        return np.asarray(np.searchsorted(between, rise) * self.columns + column)


def spinning(columns: int, beams: int, elevation: tuple[float, float]) -> Grid:
    """A full turn, beginning straight ahead, with `beams` rows from the lowest to the highest `elevation` [rad]."""
    return Grid(0.0, 2.0 * np.pi / max(columns, 1), columns, tuple(np.linspace(*elevation, max(beams, 0))))


def sector(columns: int, angle: float, beams: int, elevation: tuple[float, float]) -> Grid:
    """`angle` [rad] centred ahead, both edges included, with `beams` rows as in `spinning`."""
    return Grid(-0.5 * angle, angle / max(columns - 1, 1), columns, tuple(np.linspace(*elevation, max(beams, 0))))

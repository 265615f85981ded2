"""Which way the rays of a LiDAR go."""

from __future__ import annotations

import numpy as np

from yanshi.contracts import Array


def directions(azimuths: Array, elevations: Array) -> Array:
    """Unit vectors (E * A, 3) in the sensor frame (x forward, z up), one row of azimuths after the other.

    Args:
        azimuths: (A,) [rad], from x towards y.
        elevations: (E,) [rad], up from the x-y plane.
    """
    azimuth, elevation = np.meshgrid(azimuths, elevations)
    level = np.cos(elevation)
    xyz = (level * np.cos(azimuth), level * np.sin(azimuth), np.sin(elevation))
    return np.stack(xyz, axis=-1).reshape(-1, 3)


def full_turn(columns: int) -> Array:
    """(columns,) azimuths [rad] of a spinning head: evenly over a turn, beginning straight ahead."""
    return np.arange(columns) * (2.0 * np.pi / columns)


def field(columns: int, angle: float) -> Array:
    """(columns,) azimuths [rad] evenly over a field of `angle` [rad] centred ahead, both ends included."""
    return np.linspace(-0.5 * angle, 0.5 * angle, columns)

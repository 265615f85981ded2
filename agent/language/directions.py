"""Directions and distances in words, and which words may be said of one that lies near a border."""

from __future__ import annotations

import numpy as np

from yanshi.contracts import Array

SECTORS = (
    "ahead", "ahead on the left", "on the left", "behind on the left", "behind", "behind on the right",
    "on the right", "ahead on the right",
)  # fmt: skip
"""Directions, eighths of a turn; the first is straight ahead, then to the left."""
BORDER = np.deg2rad(8.0)
"""A direction so near to a border [rad] may be said either way."""
NEAR = ((0.8, "within reach"), (1.8, "near"), (np.inf, "far"))
"""Distances up to which a word is used [m]."""
RANGES = (
    (0.5, "less than half a metre"), (1.0, "half a metre to one metre"), (2.0, "one to two metres"),
    (4.0, "two to four metres"), (np.inf, "more than four metres"),
)  # fmt: skip
TOLERANCE = 0.08
"""A distance that differs from a border by less than this share may be said either way."""


def sector(bearing: float) -> str:
    """The direction of an azimuth [rad], left positive."""
    return SECTORS[round(bearing / (np.pi / 4.0)) % 8]


def sectors(bearing: float) -> tuple[str, ...]:
    """Every direction that may be said of an azimuth, the best first."""
    return tuple(dict.fromkeys(sector(bearing + turn) for turn in (0.0, BORDER, -BORDER)))


def in_steps(distance: float, steps: tuple[tuple[float, str], ...]) -> str:
    """The word for a distance [m]."""
    return next(word for most, word in steps if distance < most or most == np.inf)


def all_steps(distance: float, steps: tuple[tuple[float, str], ...]) -> tuple[str, ...]:
    """Every word that may be said of a distance, the best first."""
    return tuple(dict.fromkeys(in_steps(distance * f, steps) for f in (1.0, 1.0 + TOLERANCE, 1.0 - TOLERANCE)))


def bearing_of(position_b: Array) -> float:
    """Azimuth of a point in the robot base [rad], left positive."""
    return float(np.arctan2(position_b[1], position_b[0]))

"""What is taken for a thing and lies within the surface of furniture is the furniture: a mat is no banana."""

from __future__ import annotations

import numpy as np

from yanshi.contracts import Detection, FloorPlan

SUNK = 0.03
"""A middle deeper than this below a surface [m] may be that of a thing on something lower."""
LOWEST = 0.1
"""A thing that stands on a surface has its middle at least this share of its height above it."""


class Standing:
    """The surfaces of one floor plan that do not move."""

    def __init__(self, plan: FloorPlan) -> None:
        self._surfaces = [
            (entity, np.asarray(region.center_e, dtype=float), np.asarray(region.half, dtype=float))
            for entity in plan.fixtures
            for region in entity.regions
            if region.kind == "on" and entity.articulation is None
        ]

    def is_surface(self, detection: Detection) -> bool:
        """Whether a detection is of a surface itself."""
        for entity, center, half in self._surfaces:
            c, s = np.cos(entity.yaw), np.sin(entity.yaw)
            turned = np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])
            x, y, z = (detection.position_w - entity.position_w) @ turned - center
            height = z + half[2]
            over = abs(x) <= half[0] and abs(y) <= half[1]
            if over and -SUNK < height < LOWEST * float(detection.extent[2]):
                return True
        return False

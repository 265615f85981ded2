"""Handles: how the hand takes hold of a bar, and where it must be when the part has moved by so much."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from yanshi.agent.skills.grasp import FINGER_DEPTH, wrap
from yanshi.agent.skills.motion import forward_pose
from yanshi.agent.skills.parts import moved, moved_direction
from yanshi.contracts import Articulation, Entity, Region

__all__ = ["Handle", "Hold"]

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Hold:
    """How the hand is turned when it takes a handle."""

    dip: float
    """How far it points below the horizon [rad]."""
    lag: float = 0.0
    """By how much its heading differs from that of the handle [rad]."""
    flipped: bool = False
    """Whether it is turned half round its own axis, which is the same to the handle but not to the wrist."""


@dataclass(frozen=True, slots=True)
class Handle:
    """The handle of a part that slides or turns."""

    part: Entity
    region: Region
    articulation: Articulation

    @property
    def upright(self) -> bool:
        """Whether its bar stands; otherwise it lies."""
        return bool(np.argmax(self.region.half) == 2)

    @property
    def thickness(self) -> float:
        """Of the bar between the fingers [m]."""
        return 2.0 * float(np.sort(self.region.half)[0])

    @property
    def outward_e(self) -> Array:
        """(3,) unit direction in the entity frame in which the handle stands out of the closed part."""
        if self.articulation.kind == "slide":
            return self.articulation.axis_e
        thin = int(np.argmin(self.part.extent[:2]))
        out = np.zeros(3)
        out[thin] = 1.0 if self.region.center_e[thin] >= 0.0 else -1.0
        return out

    @property
    def pulls(self) -> bool:
        """Whether it opens towards the side on which the handle stands out."""
        if self.articulation.kind == "slide":
            return True
        arm = self.region.center_e - self.articulation.pivot_e
        return bool(np.cross(self.articulation.axis_e, arm) @ self.outward_e > 0.0)

    def center_w(self, value: float) -> Array:
        """(3,) the middle of the bar in the map when the joint is at a value [m or rad]."""
        return moved(self.part, self.region.center_e, value)

    def heading(self, value: float) -> float:
        """Direction [rad] in the map in which the hand looks when it faces the handle squarely."""
        out = moved_direction(self.part, self.outward_e, value)
        return float(np.arctan2(-out[1], -out[0]))

    def hand(self, value: float, hold: Hold, off: float = 0.0) -> Array:
        """The hand (4, 4) in the map on the bar when the joint is at a value.

        Args:
            value: of the joint [m or rad].
            hold: how the hand is turned.
            off: distance of the tool centre point from the bar, back along the hand [m].
        """
        fingers = "horizontal" if self.upright else "vertical"
        T = forward_pose(self.center_w(value), wrap(self.heading(value) + hold.lag), fingers=fingers, dip=hold.dip)
        if hold.flipped:
            T[:3, :2] *= -1.0
        if self.upright and hold.dip > 0.0:
            # The palm of a hand that looks down must stay above the end of the bar.
            T[2, 3] += max(0.0, float(self.region.half[2]) - FINGER_DEPTH / float(np.sin(hold.dip)))
        T[:3, 3] -= off * T[:3, 2]
        return T

    def value_at(self, point_w: Array) -> float:
        """The joint value [m or rad] at which the middle of the bar is nearest to a point (3,) of the map."""
        part, articulation = self.part, self.articulation
        c, s = np.cos(part.yaw), np.sin(part.yaw)
        point_e = np.array([[c, s, 0.0], [-s, c, 0.0], [0.0, 0.0, 1.0]]) @ (point_w - part.position_w)
        if articulation.kind == "slide":
            return float((point_e - self.region.center_e) @ articulation.axis_e)
        axis = articulation.axis_e
        a, b = (
            v - axis * (axis @ v) for v in (self.region.center_e - articulation.pivot_e, point_e - articulation.pivot_e)
        )
        return float(np.arctan2(axis @ np.cross(a, b), a @ b))

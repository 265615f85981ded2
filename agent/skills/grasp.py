"""Where to grip a thing: hand poses from its oriented box, its shape and what stands beside it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from yanshi.agent.skills.motion import forward_pose, top_down
from yanshi.contracts import Entity, Room

__all__ = [
    "FINGER_DEPTH",
    "FINGER_TIP",
    "Clutter",
    "Grasp",
    "Obstacle",
    "behind",
    "nominal_yaw",
    "obstacle",
    "box_corners",
    "rolled",
    "tilted",
    "top_grasps",
    "wrap",
]

Array = NDArray[Any]
FINGER_DEPTH = 0.038
"""From the tool centre point up to the palm [m]."""
FINGER_TIP = 0.012
"""From the tool centre point down to the finger tips [m]."""
_SLACK = 0.005
"""Least room between open fingers and the object, both sides together [m]."""
_COMFORT = 0.02
"""Less room than this costs something: a thing may be wider than it is believed to be."""
_PALM = (0.026, 0.100)
"""Half size of the palm across and along the finger motion [m]."""
_SLIDES = (0.01, -0.01, 0.02, -0.02, 0.03, -0.03)
"""So far from its middle a long thing may be gripped where something stands in the way of the hand [m] …"""
_PAD = 0.015
"""… but not nearer to its end than this."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grasp:
    """A way to grip an object."""

    T_we: Array
    """(4, 4) end effector in the map when the fingers close."""
    width: float
    """Size of the object between the fingers [m]."""
    opening: float
    """How wide to open on the way in [m]."""
    cost: float
    """Lower is better."""
    crowd: float
    """The part of the cost that is for what fingers and palm would strike."""
    clear: bool = True
    """Whether the hand gets there past walls and tall furniture."""


@dataclass(frozen=True, slots=True)
class Obstacle:
    """An upright prism that the hand may strike."""

    corners_w: Array
    """(4, 2) of its outline in the map [m]."""
    bottom: float
    top: float
    """[m]"""


@dataclass(frozen=True, slots=True)
class Clutter:
    """What the hand may strike near an object."""

    obstacles: tuple[Obstacle, ...] = ()
    room: Room | None = None

    def strikes(self, center: Array, yaw: float, opening: float) -> float:
        """How badly fingers and palm would strike things and walls, the hand pointing down at a point (3,) of the
        map: 0 is free.
        """
        along, across = np.array([np.cos(yaw), np.sin(yaw)]), np.array([-np.sin(yaw), np.cos(yaw)])
        cost = 0.0
        for other in self.obstacles:
            if other.top < center[2] - FINGER_TIP or other.bottom > center[2] + 0.1:
                continue
            corners = other.corners_w - center[:2]
            low_a, high_a = (corners @ along).min(), (corners @ along).max()
            low_x, high_x = (corners @ across).min(), (corners @ across).max()
            finger = opening / 2.0 + 0.020
            if high_x > -0.014 and low_x < 0.014 and high_a > -finger and low_a < finger:
                cost += 1.0
            tall = other.top > center[2] + FINGER_DEPTH
            if tall and high_x > -_PALM[0] and low_x < _PALM[0] and high_a > -_PALM[1] and low_a < _PALM[1]:
                cost += 2.0
        return cost + (3.0 if self.walled(center, yaw) else 0.0)

    def walled(self, center: Array, yaw: float) -> bool:
        """Whether the palm would be in a wall, the hand pointing down at a point (3,) of the map."""
        along, across = np.array([np.cos(yaw), np.sin(yaw)]), np.array([-np.sin(yaw), np.cos(yaw)])
        palm = [center[:2] + a * _PALM[1] * along + b * _PALM[0] * across for a in (-1, 1) for b in (-1, 1)]
        return self.room is not None and not all(self.room.contains(corner) for corner in palm)


def wrap(angle: float) -> float:
    """An angle brought into [-π, π)."""
    return float((angle + np.pi) % (2.0 * np.pi) - np.pi)


def nearest_half_turn(yaw: float, nominal: float) -> float:
    """Of yaw and yaw + π, which mean the same to a two-finger hand, the one nearer to a nominal yaw [rad]."""
    return nominal + (wrap(2.0 * (yaw - nominal)) / 2.0)


def nominal_yaw(base_w: Array, point_w: Array) -> float:
    """Finger direction in the map [rad] that the wrist likes best for a point: across the line from the base to it."""
    bearing = float(np.arctan2(point_w[1] - base_w[1], point_w[0] - base_w[0]))
    return wrap(bearing) - np.pi / 2


def behind(base_w: Array, entity: Entity, goal: Array, gap: float) -> Array:
    """The hand (4, 4) behind an object as seen from where it shall go, fingers across the way."""
    way = goal[:2] - entity.position_w[:2]
    way = way / max(float(np.linalg.norm(way)), 1e-9)
    c, s = abs(np.cos(np.arctan2(way[1], way[0]) - entity.yaw)), abs(np.sin(np.arctan2(way[1], way[0]) - entity.yaw))
    reach = 0.5 * float(min(entity.extent[0] * c + entity.extent[1] * s, np.hypot(*entity.extent[:2])))
    bottom = float(entity.position_w[2] - entity.extent[2] / 2.0)
    height = bottom + FINGER_TIP + min(0.010, 0.4 * float(entity.extent[2]))
    place = np.array([*(entity.position_w[:2] - way * (reach + 0.011 + gap)), height])
    yaw = nearest_half_turn(float(np.arctan2(way[1], way[0])) + np.pi / 2, nominal_yaw(base_w, entity.position_w))
    return top_down(place, yaw)


def box_corners(entity: Entity, grow: float = 0.0) -> Array:
    """The four corners (4, 2) of an object's box from above, grown on all sides [m]."""
    half = entity.extent[:2] / 2.0 + grow
    signs = np.array([[1, 1], [1, -1], [-1, -1], [-1, 1]])
    corners = np.column_stack([signs * half, np.zeros(4)])
    return np.asarray(entity.to_world(corners)[:, :2])


def _sides(entity: Entity) -> list[tuple[float, float, float]]:
    """(yaw of finger motion in the map, width, preference) for each way across the object that makes sense."""
    ex, ey, _ = entity.extent
    sides = [(entity.yaw, float(ex), 0.0), (entity.yaw + np.pi / 2, float(ey), 0.0)]
    narrow = min(ex, ey)
    sides = [(yaw, width, 3.0 * (width - narrow)) for yaw, width, _ in sides]
    shape = entity.attributes.get("shape")
    if (shape in ("cylinder", "round") and max(ex, ey) - narrow < 0.006) or shape == "oval":
        for turn in (np.pi / 4, -np.pi / 4, np.pi / 8, -np.pi / 8, 3 * np.pi / 8, -3 * np.pi / 8):
            width = float(np.hypot(ex * np.cos(turn), ey * np.sin(turn)))
            sides.append((entity.yaw + turn, width, 0.02 + 3.0 * (width - narrow)))
    return sides


def _body_center(entity: Entity) -> Array:
    """(3,) the middle of what is gripped, in the entity frame: that of the box, but not of a thing that is longer
    than wide because something stands out of it, which would roll or slip out of the fingers. In our catalogue the
    ear or spout of an upright vessel stands out forwards, and a round thing carries its head in front.
    """
    longer = float(entity.extent[0] - entity.extent[1])
    shape = entity.attributes.get("shape")
    if shape not in ("cylinder", "round") or not 0.006 < longer < 0.04:
        return np.zeros(3)
    return np.array([-longer / 2.0 if shape == "cylinder" else longer / 2.0, 0.0, 0.0])


def _grip_height(entity: Entity) -> float:
    """Height of the tool centre point in the map for a grip from above [m]."""
    bottom, top = entity.position_w[2] - entity.extent[2] / 2.0, entity.position_w[2] + entity.extent[2] / 2.0
    wanted = entity.position_w[2] if entity.extent[2] < 0.07 else top - 0.032
    return float(max(min(wanted, top - 0.008), top - FINGER_DEPTH + 0.004, bottom + FINGER_TIP + 0.003))


def top_grasps(entity: Entity, max_opening: float, nominal_yaw: float, clutter: Clutter | None = None) -> list[Grasp]:
    """Grips from above, best first.

    Args:
        entity: the object, with its box.
        max_opening: how far the fingers open [m].
        nominal_yaw: finger direction in the map that the wrist likes best [rad].
        clutter: what the hand should not strike.
    """
    center = entity.to_world(_body_center(entity))
    center[2] = _grip_height(entity)
    clutter = clutter or Clutter()
    found = []
    for yaw, width, preference in _sides(entity):
        if width > max_opening - _SLACK + 1e-9:
            continue
        yaw = nearest_half_turn(yaw, nominal_yaw)
        opening = min(max_opening, max(width + 0.03, 0.04))
        place, aside, crowd = _freest(entity, center, yaw, opening, clutter)
        tight = 0.5 * max(0.0, 1.0 - (max_opening - width) / _COMFORT)
        found.append(
            Grasp(
                T_we=top_down(place, yaw),
                width=width,
                opening=opening,
                cost=preference + 0.15 * abs(wrap(yaw - nominal_yaw)) + 5.0 * aside + crowd + tight,
                crowd=crowd,
            )
        )
    return sorted(found, key=lambda grasp: grasp.cost)


def _freest(entity: Entity, center: Array, yaw: float, opening: float, clutter: Clutter) -> tuple[Array, float, float]:
    """Where along a thing the hand strikes least: the point (3,) in the map, how far that is from the middle [m], and
    how badly it strikes there. What is round is gripped in its middle.
    """
    crowd = clutter.strikes(center, yaw, opening)
    if crowd == 0.0 or entity.attributes.get("shape") in ("cylinder", "round", "oval"):
        return center, 0.0, crowd
    along = np.array([-np.sin(yaw), np.cos(yaw), 0.0])
    turn = yaw - entity.yaw
    room = 0.5 * float(entity.extent[0] * abs(np.sin(turn)) + entity.extent[1] * abs(np.cos(turn))) - _PAD
    slides = [0.0, *(slide for slide in _SLIDES if abs(slide) <= room)]
    crowds = [clutter.strikes(center + slide * along, yaw, opening) for slide in slides]
    best = int(np.argmin(crowds))  # the first, so the nearest to the middle, of those that are as good
    return center + slides[best] * along, abs(slides[best]), crowds[best]


def tilted(grasp: Grasp, bearing: float, tilt: float, clutter: Clutter) -> Grasp:
    """A grip from above, the hand tilted by an angle [rad] so that it comes from the side of the robot: it reaches
    farther.

    Args:
        grasp: a grip from straight above.
        bearing: direction [rad] in the map from the robot to the object.
        tilt: of the hand from the vertical [rad].
        clutter: what the hand should not strike.
    """
    yaw = float(np.arctan2(grasp.T_we[1, 1], grasp.T_we[0, 1]))
    heading = min((yaw + np.pi / 2, yaw - np.pi / 2), key=lambda h: abs(wrap(h - bearing)))
    T_we = forward_pose(grasp.T_we[:3, 3], heading, dip=np.pi / 2 - tilt)
    palm = grasp.T_we[:3, 3] - 0.06 * np.sin(tilt) * np.array([np.cos(heading), np.sin(heading), 0.0])
    crowd = clutter.strikes(palm, yaw, grasp.opening)
    cost = grasp.cost - grasp.crowd + crowd + 0.3 * tilt + 0.4 * abs(wrap(heading - bearing))
    return replace(grasp, T_we=T_we, cost=cost, crowd=crowd)


def rolled(grasp: Grasp, roll: float) -> Grasp:
    """A grip from above, the hand turned by an angle [rad] in the plane in which its fingers move: its palm, which
    is wide in that plane, keeps off a wall or a tall thing there.
    """
    c, s = np.cos(roll), np.sin(roll)
    T_we = grasp.T_we.copy()
    T_we[:3, :3] = T_we[:3, :3] @ np.array([[1.0, 0.0, 0.0], [0.0, c, -s], [0.0, s, c]])
    return replace(grasp, T_we=T_we, cost=grasp.cost - grasp.crowd + abs(roll), crowd=0.0)


def obstacle(entity: Entity) -> Obstacle:
    """An entity as the hand may strike it: its box."""
    height = float(entity.extent[2])
    bottom = float(entity.position_w[2]) - (height / 2.0 if entity.category == "object" else 0.0)
    return Obstacle(box_corners(entity), bottom, bottom + height)

"""Aims: what a manoeuvre works towards, in the words of the belief: where the hand shall be, and on what.

An aim is made by the planning half of a skill. It is kept relative to the thing that it is about, so that a thing that
moves, or is seen better, takes the aim along.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from yanshi.agent.skills.grasp import Grasp
from yanshi.agent.skills.parts import moved_direction, swing
from yanshi.agent.skills.script import Situation
from yanshi.contracts import Entity

__all__ = ["EXTRAS", "Aim", "part_way", "pose_of"]

Array = NDArray[Any]
EXTRAS = 6
"""How many numbers an aim adds to the features."""


def pose_of(entity: Entity, value: float = 0.0, yaw: float | None = None) -> Array:
    """The frame of an entity (4, 4) in the map; of a part, moved along with its joint at a value [m or rad]."""
    yaw = entity.yaw if yaw is None else yaw
    c, s = np.cos(yaw), np.sin(yaw)
    T = np.array([[c, -s, 0.0, 0.0], [s, c, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0], [0.0, 0.0, 0.0, 1.0]])
    T[:3, 3] = entity.position_w
    if entity.articulation is None:
        return T
    T_moved = np.eye(4)
    T_moved[:3, :3], T_moved[:3, 3] = swing(entity, value)
    return np.asarray(T @ T_moved)


@dataclass(frozen=True, slots=True, kw_only=True)
class Aim:
    """What a manoeuvre works towards."""

    name: str
    """The entity that it is about."""
    T_eh: tuple[tuple[float, ...], ...] = field(repr=False)
    """(4, 4) the intended hand in the frame of the entity, of a part in the frame that moves with it."""
    between: float = 0.0
    """Size of what is, or shall be, between the fingers, as believed [m]."""
    opening: float = 0.0
    """How wide a script opens the fingers on the way in [m]."""
    yaw: float | None = None
    """Where the aim shall not turn with the entity: the yaw that it keeps for the entity [rad]."""
    joint: float | None = None
    """Of a part: 0 … 1, how far open it shall be in the end."""
    goal_w: tuple[float, ...] | None = None
    """(3,) where in the map the entity shall be in the end [m]."""
    below: float = 0.0
    """How far what is held reaches below the tool centre point, as believed [m]."""

    @classmethod
    def at(cls, now: Situation, entity: Entity, T_we: Array, **values: Any) -> Aim:
        """An intended hand pose (4, 4) in the map, tied to where the entity is believed to be now."""
        T = np.linalg.inv(pose_of(entity, _value(now, entity), values.get("yaw"))) @ T_we
        return cls(name=entity.name, T_eh=_rows(T), **values)

    @classmethod
    def load(cls, values: dict[str, Any]) -> Aim:
        """From what `dump` made."""
        goal = values.get("goal_w")
        return cls(
            **values | {"T_eh": _rows(np.array(values["T_eh"])), "goal_w": goal if goal is None else tuple(goal)}
        )

    def dump(self) -> dict[str, Any]:
        """Plain numbers and words."""
        return asdict(self)

    def hand(self, now: Situation) -> Array:
        """The intended hand pose (4, 4) in the map, by the present belief."""
        entity = now.entity(self.name)
        return self.hand_at(entity, _value(now, entity))

    def hand_at(self, entity: Entity, value: float = 0.0) -> Array:
        """The same (4, 4) for an entity that is known to be so, a part at a joint value [m or rad]."""
        return np.asarray(pose_of(entity, value, self.yaw) @ np.array(self.T_eh))

    def extras(self, now: Situation, T_wt: Array) -> Array:
        """(EXTRAS,) what a policy must know besides, the aim being at T_wt (4, 4); zeros where there is nothing.

        0: how far open the part is, as believed, and 1: how far it still has to go [fraction]; 2…4: the way in which it
        opens (a unit vector), or the way that the entity shall go [0.1 m], in the aim's frame; 5: `below` [0.1 m].
        """
        found = np.zeros(EXTRAS)
        found[5] = self.below / 0.1
        entity = now.entity(self.name)
        if self.joint is not None and entity.articulation is not None:
            value = now.belief.openings.get(self.name, 0.0)
            found[:2] = value, self.joint - value
            found[2:5] = T_wt[:3, :3].T @ part_way(entity, T_wt[:3, 3])
        elif self.goal_w is not None:
            found[2:5] = T_wt[:3, :3].T @ (np.array(self.goal_w) - entity.position_w) / 0.1
        return found

    def grasp(self, now: Situation) -> Grasp:
        """The same as a grip for the scripts."""
        return Grasp(T_we=self.hand(now), width=self.between, opening=self.opening, cost=0.0, crowd=0.0)


def _value(now: Situation, entity: Entity) -> float:
    """Joint value of a part as believed [m or rad]."""
    if entity.articulation is None:
        return 0.0
    return float(now.belief.openings.get(entity.name, 0.0) * entity.articulation.limit)


def part_way(entity: Entity, point_w: Array) -> Array:
    """(3,) unit vector in the map along which a point of a part moves as it opens."""
    articulation = entity.articulation
    assert articulation is not None
    axis_w = moved_direction(entity, articulation.axis_e, 0.0)
    if articulation.kind == "slide":
        return axis_w
    way = np.cross(axis_w, point_w - entity.to_world(articulation.pivot_e))
    return np.asarray(way / max(float(np.linalg.norm(way)), 1e-9))


def _rows(T: Array) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(row) for row in T.tolist())

"""What the hand holds, from the feel of the fingers, and how it moves with the hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from yanshi.contracts import Entity, Held, Observation, Percept
from yanshi.goals import Fact
from yanshi.planning.relations import rotation
from yanshi.planning.situation import known

Array = NDArray[Any]

FORCE = 0.15
"""Force on a finger above which it touches something [N]."""
SHUT = 0.002
"""Opening at which nothing can be between the fingers [m]."""
REACH = 0.03
"""How far beyond its own size a thing may be from the tool centre point to be what is felt [m]."""
RELEASED_AFTER = 0.3
"""Seconds without touch after which a thing is no longer held: contact flickers."""


def hand_w(base_pose_w: Array, observation: Observation) -> Array:
    """The end effector in the map (4, 4)."""
    base = np.eye(4)
    base[:3, :3] = rotation(float(base_pose_w[2]))
    base[:2, 3] = base_pose_w[:2]
    return np.asarray(base @ observation.proprioception.T_be)


class Grasp:
    """Follows what is held from one update to the next."""

    def __init__(self) -> None:
        self._name: str | None = None
        self._offset_e = np.zeros(3)
        self._yaw_offset = 0.0
        self._felt_at: float | None = None

    def carry(
        self, entities: Mapping[str, Entity], held: str | None, base_pose_w: Array, observation: Observation
    ) -> dict[str, Entity]:
        """The entities with the held one moved as the hand has moved since it was taken."""
        result = dict(entities)
        if held is None or held not in result or not known(result[held]):
            self._name = None
            return result
        hand = hand_w(base_pose_w, observation)
        yaw = float(np.arctan2(hand[1, 1], hand[0, 1]))
        thing = result[held]
        if self._name != held:
            self._name = held
            self._offset_e = hand[:3, :3].T @ (thing.position_w - hand[:3, 3])
            self._yaw_offset = thing.yaw - yaw
        position = hand[:3, 3] + hand[:3, :3] @ self._offset_e
        result[held] = replace(thing, position_w=position, yaw=yaw + self._yaw_offset, provenance="felt")
        return result

    def holding(
        self, facts: dict[Fact, Held], entities: Mapping[str, Entity], percept: Percept, observation: Observation
    ) -> frozenset[str]:
        """Decide what is held, write it into `facts` and return it. What perception says of it goes first."""
        now = percept.stamp
        told = {f.args[0]: v for f, v in percept.facts.items() if f.predicate == "holding"}
        before = {f.args[0] for f, h in facts.items() if f.predicate == "holding" and h.value}
        held = {n for n in before if told.get(n, True)} | {n for n, value in told.items() if value}
        if not told:
            held = self._feel(held, entities, percept, observation)
        for name in before - held:
            facts[Fact("holding", (name,))] = Held(value=False, stamp=now, provenance="felt")
        for name in held - before:
            facts[Fact("holding", (name,))] = Held(value=True, stamp=now, provenance="felt")
        return frozenset(held)

    def _feel(
        self, held: set[str], entities: Mapping[str, Entity], percept: Percept, observation: Observation
    ) -> set[str]:
        opening = observation.proprioception.gripper_opening
        if opening <= SHUT:
            return set()
        touch = observation.frames.get("touch")
        if touch is None:
            return held
        left, right = np.array_split(np.abs(touch.data), 2)
        touching = bool(left.max(initial=0.0) > FORCE and right.max(initial=0.0) > FORCE)
        if touching or self._felt_at is None:
            self._felt_at = percept.stamp
        if held:
            return held if percept.stamp - self._felt_at < RELEASED_AFTER else set()
        if not touching:
            return set()
        tip = hand_w(percept.base_pose_w, observation)[:3, 3]
        near = [
            (float(np.linalg.norm(e.position_w - tip)), n)
            for n, e in entities.items()
            if "grasp" in e.affordances and known(e)
            if np.linalg.norm(e.position_w - tip) <= float(np.max(e.extent)) / 2 + REACH
        ]
        return {min(near)[1]} if near else set()

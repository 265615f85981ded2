"""What a manoeuvre remembers: its target's smoothed estimate, what the hand has felt and where, and what was corrected.

One noisy picture says little, ten say more; fingers that closed on nothing, or a pad that touched something, tell where
the thing is not, or is. All of it comes from belief and observation alone.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from yanshi.agent.skills.motor.action import ACTION
from yanshi.agent.skills.motor.aim import Aim
from yanshi.agent.skills.motor.guiding import Sight, held_firmly
from yanshi.agent.skills.script import Situation

__all__ = ["MEMORY", "SHIFT", "TURNED", "Memory"]

Array = NDArray[Any]
MEMORY = ACTION + 15
"""How many features it gives."""
SHIFT = 0.04
"""How far a full correction moves the thing [m]."""
TURNED = 0.5
"""… and turns it [rad]."""
_SLOW = 0.25
"""Share of a new correction that is taken over in a control step: what is tried out, is tried for some steps on end."""
_VALUE = 0.4
"""Weight of a new estimate of how far open a part is."""
_EMPTY = 0.004
"""Fingers that were closed and are nearer to one another than this hold nothing [m]."""
_BACK = 0.05
"""A hand that has drawn back so far since it closed on nothing may try again [m]."""
_FELT = 0.3
"""Force on a pad that means a touch [N]."""
_BUMP = 6.0
"""Force at the wrist that means that the hand has met something [N]."""
_FADES = 1.0
"""How long ago a bump was, counts in units of this [s]."""


class Memory:
    """Of one run of a manoeuvre; make it where the run starts.

    Args:
        now: the situation at the start.
        aim: what the manoeuvre works towards.
        trust: weight of a new estimate of the place, at least.
        patient: whether no place is put right before the hand has met something: until then nothing is known that the
            smoothed estimates do not tell.
    """

    def __init__(self, now: Situation, aim: Aim, trust: float, patient: bool = False) -> None:
        self._aim, self._trust = aim, trust
        self._waits = patient
        self.entity = now.entity(aim.name)
        """As it is believed to be, smoothed."""
        self.opening = now.belief.openings.get(aim.name, 0.0)
        """How far open it is believed to be, smoothed."""
        self._count, self._seen_at = 1, self.entity.last_seen
        self.shift = np.zeros(ACTION)
        """(ACTION,) the correction that is in force."""
        self.missed, self._misses = False, 0
        self._missed_w: Array | None = None
        self._bump_w: Array | None = None
        self._bump_at = -np.inf
        self._pads_w: list[Array | None] = [None, None]
        self._force = self._wrist(now)
        self._before_w = now.T_we[:3, 3].copy()
        self._laden = held_firmly(now) and now.gripper < now.opening
        """Something was in the hand from the start, so it is about something else."""

    @property
    def sight(self) -> Sight:
        """The smoothed belief."""
        articulation = self.entity.articulation
        value = 0.0 if articulation is None else self.opening * articulation.limit
        return Sight(self.entity, value, self.missed)

    def frame(self) -> Array:
        """The intended hand (4, 4) in the map, by the smoothed belief."""
        sight = self.sight
        return self._aim.hand_at(sight.thing, sight.value)

    def corrected(self, T_wt: Array) -> Sight:
        """The smoothed belief, put right; the correction is in the frame of the aim, T_wt (4, 4)."""
        sight, move, turn = self.sight, SHIFT * (T_wt[:3, :3] @ self.shift[:3]), TURNED * self.shift[3]
        # Turning the hand about its own axis, which points down, turns the thing the other way round.
        yaw = sight.thing.yaw + float(T_wt[2, 2]) * turn
        return replace(sight, thing=replace(sight.thing, position_w=sight.thing.position_w + move, yaw=yaw))

    def correct(self, action: Array) -> None:
        """Take in a new correction (ACTION,) in [-1, 1]."""
        wanted = np.clip(action, -1.0, 1.0)
        if self._waits:
            wanted[:4] = 0.0
        self.shift = self.shift + _SLOW * (wanted - self.shift)

    def update(self, now: Situation) -> None:
        """Take in what is new in this control step."""
        hand_w = now.T_we[:3, 3].copy()
        held = held_firmly(now) and now.gripper < now.opening
        if held and not self._laden and self.entity.articulation is None:
            # What is held goes where the hand goes, whatever the last picture was.
            moved = self.entity.position_w + hand_w - self._before_w
            self.entity = replace(self.entity, position_w=moved)
        self._before_w = hand_w
        self._see(now)
        self._feel(now, hand_w, held)

    def _see(self, now: Situation) -> None:
        entity = now.entity(self._aim.name)
        if entity.last_seen == self._seen_at:
            return
        self._seen_at, self._count = entity.last_seen, self._count + 1
        weight = max(1.0 / self._count, self._trust)
        yaw = (entity.yaw - self.entity.yaw + np.pi) % (2.0 * np.pi) - np.pi
        self.entity = replace(
            entity,
            position_w=self.entity.position_w + weight * (entity.position_w - self.entity.position_w),
            yaw=self.entity.yaw + weight * yaw,
        )
        seen = now.belief.openings.get(self._aim.name, 0.0)
        self.opening += max(1.0 / self._count, _VALUE) * (seen - self.opening)

    def _feel(self, now: Situation, hand_w: Array, held: bool) -> None:
        if now.gripper < _EMPTY and now.opening < _EMPTY and not self.missed:
            self.missed, self._misses, self._missed_w = True, self._misses + 1, hand_w
        if self.missed:
            assert self._missed_w is not None
            back = -float((hand_w - self._missed_w) @ now.T_we[:3, 2])
            self.missed = back < _BACK
        touch = now.touch
        if touch is not None:
            for pad in (0, 1):
                if float(touch[2 * pad]) > _FELT:
                    self._pads_w[pad] = hand_w
        bumped = float(np.linalg.norm(self._wrist(now) - self._force)) > _BUMP
        if bumped and not held:
            self._bump_w, self._bump_at = hand_w, now.time
        touched = touch is not None and not self._laden and bool(max(touch[0], touch[2]) > _FELT)
        self._waits = self._waits and not (bumped or touched or self.missed)

    @staticmethod
    def _wrist(now: Situation) -> Array:
        force = now.force_e
        return np.zeros(3) if force is None else force

    def features(self, now: Situation, T_wt: Array) -> Array:
        """(MEMORY,), the aim being at T_wt (4, 4); see `features`."""

        def place(point_w: Array | None) -> Array:
            return np.zeros(3) if point_w is None else T_wt[:3, :3].T @ (point_w - T_wt[:3, 3]) / 0.05

        return np.concatenate([
            self.shift,
            [float(self.missed), self._misses / 3.0],
            place(self._missed_w),
            place(self._bump_w),
            [float(np.exp(-(now.time - self._bump_at) / _FADES))],
            place(self._pads_w[0]),
            place(self._pads_w[1]),
        ])  # fmt: skip

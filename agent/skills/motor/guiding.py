"""What helps a reflex, and a guide: one who knows the truth in training, and says in any state what would be right.

A guide has no memory, so it can be asked about states that others have brought about (Ross et al. 2011, DAgger), and it
sees what no policy sees; the policy that imitates it learns what of that can be read from its own features (learning by
cheating, Chen et al. 2019, arXiv:1912.12294).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from yanshi.agent.skills.motion import rotation_vector
from yanshi.agent.skills.motor.aim import Aim
from yanshi.agent.skills.script import Command, Situation
from yanshi.contracts import Entity

__all__ = ["Sight", "held_firmly", "nearness", "steer"]

Array = NDArray[Any]
_GAIN = 5.0
"""[1/s]."""
_FELT = 0.3
"""Force on a pad that means a touch [N]."""


@dataclass(frozen=True, slots=True)
class Sight:
    """What a reflex acts on: the truth, for a guide."""

    thing: Entity
    """As it is, or is taken to be."""
    value: float
    """Joint value, of a part [m or rad]."""
    missed: bool = False
    """The fingers have closed on nothing, and the hand has not drawn back since."""


def steer(now: Situation, T_we: Array, speed: float, gripper: float, velocity_w: Array | None = None) -> Command:
    """Towards a hand pose (4, 4) in the map at most at a speed [m/s], or with a velocity (3,) in the map."""
    T_wb = now.T_wb
    if velocity_w is None:
        velocity_w = _GAIN * (T_we[:3, 3] - now.T_we[:3, 3])
    velocity_w = velocity_w * min(1.0, speed / max(float(np.linalg.norm(velocity_w)), 1e-9))
    turn = np.clip(_GAIN * rotation_vector(T_we[:3, :3] @ now.T_we[:3, :3].T), -1.0, 1.0)
    twist = np.concatenate([T_wb[:3, :3].T @ velocity_w, T_wb[:3, :3].T @ turn])
    return Command(phase="guide", twist_b=twist, gripper=gripper)


def held_firmly(now: Situation) -> bool:
    """Whether both pads press on something that keeps them apart."""
    touch = now.touch
    return touch is not None and bool(min(touch[0], touch[2]) > _FELT) and now.opening > 0.004


def nearness(now: Situation, aim: Aim, sight: Sight) -> float:
    """1 where the hand is where it shall be, falling to 0 at a distance of 0.15 m."""
    away = aim.hand_at(sight.thing, sight.value)[:3, 3] - now.T_we[:3, 3]
    return max(0.0, 1.0 - float(np.linalg.norm(away)) / 0.15)

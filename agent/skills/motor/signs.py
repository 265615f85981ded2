"""Signs of success: what the senses show when a manoeuvre is done."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from yanshi.agent.skills.motor.aim import Aim
from yanshi.agent.skills.motor.learned import Signs
from yanshi.agent.skills.script import Situation

__all__ = ["SIGNS"]

_LIFT = 0.06
"""The hand has risen by this much since it was lowest [m]."""
_STEPS = 4
"""Control steps for which a sign must last."""
_FELT = 0.2
"""Force on a pad that means a touch [N]."""


def _lasting(sign: Callable[[], bool]) -> Callable[[], bool]:
    """True when a sign has been there for some steps on end."""
    count = 0

    def lasting() -> bool:
        nonlocal count
        count = count + 1 if sign() else 0
        return count >= _STEPS

    return lasting


def _risen(now: Situation) -> Callable[[], bool]:
    """Whether the hand has risen since it was lowest."""
    lowest = np.inf

    def risen() -> bool:
        nonlocal lowest
        height = float(now.T_we[2, 3])
        lowest = min(lowest, height)
        return height > lowest + _LIFT

    return risen


def picked(now: Situation, aim: Aim) -> Callable[[], bool]:
    """The fingers are kept apart by something that both feel, and the hand has risen."""
    risen = _risen(now)

    def sign() -> bool:
        high, touch = risen(), now.touch
        felt = touch is None or bool(min(touch[0], touch[2]) > _FELT)
        return high and felt and now.opening > max(0.004, now.gripper + 0.003)

    return _lasting(sign)


def placed(now: Situation, aim: Aim) -> Callable[[], bool]:
    """The fingers are wider than what they held, nothing touches them, and the hand has risen."""
    risen, held = _risen(now), now.opening

    def sign() -> bool:
        high, touch = risen(), now.touch
        free = touch is None or bool(max(touch[0], touch[2]) < _FELT)
        return high and free and now.opening > held + 0.008

    return _lasting(sign)


def brought(now: Situation, aim: Aim) -> Callable[[], bool]:
    """The thing is seen where it shall be."""

    def sign() -> bool:
        assert aim.goal_w is not None
        away = now.entity(aim.name).position_w[:2] - np.array(aim.goal_w[:2])
        return float(np.linalg.norm(away)) < 0.025

    return _lasting(sign)


def moved(now: Situation, aim: Aim) -> Callable[[], bool]:
    """The part is seen as far open as it shall be."""

    def sign() -> bool:
        opening = now.belief.openings.get(aim.name, 0.0)
        return opening > 0.8 if aim.joint is not None and aim.joint > 0.5 else opening < 0.06

    return _lasting(sign)


def pressed(now: Situation, aim: Aim) -> Callable[[], bool]:
    """The lamp is seen to have changed, or the hand has gone in and met resistance."""
    before = now.true("powered", aim.name)
    start = now.force_e

    def sign() -> bool:
        force = now.force_e
        T_wt = aim.hand(now)
        deep = float((T_wt[:3, :3].T @ (now.T_we[:3, 3] - T_wt[:3, 3]))[2]) > 0.012
        hard = force is None or start is None or float(np.linalg.norm(force - start)) > 4.0
        return now.true("powered", aim.name) != before or (deep and hard)

    return _lasting(sign)


SIGNS: dict[str, Signs] = {
    "pick": picked,
    "place": placed,
    "stack": placed,
    "push": brought,
    "open": moved,
    "close": moved,
    "press": pressed,
}
"""By the name of the manoeuvre."""

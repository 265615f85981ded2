"""Where some joints of a robot, and the actuators that drive them, are in the arrays of a model."""

from __future__ import annotations

from collections.abc import Sequence

import mujoco
import numpy as np
from numpy.typing import NDArray

from yanshi.errors import WorldError

__all__ = ["Joints", "require_carried"]

MARGIN = 0.01
"""Distance kept from the limits [rad or m]."""


class Joints:
    """Addresses, limits and servo lag of joints, each driven by one actuator.

    Args:
        model: the compiled world.
        joints: names of hinges or slides.
        actuators: names, in the same order.
    """

    def __init__(self, model: mujoco.MjModel, joints: Sequence[str], actuators: Sequence[str]) -> None:
        ids = np.array([model.joint(name).id for name in joints])
        acts = np.array([model.actuator(name).id for name in actuators])
        self.joints = _indices(ids)
        self.qpos = _indices(model.jnt_qposadr[ids])
        self.dofs = _indices(model.jnt_dofadr[ids])
        self.ctrl = _indices(acts)
        self.slides: list[bool] = (model.jnt_type[ids] == mujoco.mjtJoint.mjJNT_SLIDE).tolist()
        limited = model.jnt_limited[ids].astype(bool)
        self.low: list[float] = np.where(limited, model.jnt_range[ids, 0] + MARGIN, -np.inf).tolist()
        self.high: list[float] = np.where(limited, model.jnt_range[ids, 1] - MARGIN, np.inf).tolist()
        gain = model.actuator_gainprm[acts, 0]
        self.lag: list[float] = (-model.actuator_biasprm[acts, 2] / np.where(gain > 0.0, gain, 1.0)).tolist()
        """Seconds by which a position servo trails a ramp: kv / kp."""

    def beyond(self, positions: list[float], rates: list[float], dt: float) -> list[int]:
        """Which joints would be beyond a limit after `dt` [s] at their rates."""
        found = []
        for i, (position, rate, low, high) in enumerate(zip(positions, rates, self.low, self.high, strict=True)):
            if not low < position + rate * dt < high:
                found.append(i)
        return found


def require_carried(model: mujoco.MjModel, site: str, joints: Sequence[str]) -> None:
    """Refuse joints that do not all move a site.

    Raises:
        WorldError: naming the first that does not.
    """
    carriers = set()
    body = int(model.site(site).bodyid[0])
    while body:
        carriers.add(body)
        body = int(model.body_parentid[body])
    for joint in joints:
        if int(model.joint(joint).bodyid[0]) not in carriers:
            raise WorldError(f"Joint '{joint}' does not move the site '{site}'.")


def _indices(numbers: NDArray[np.integer]) -> slice | NDArray[np.integer]:
    """A slice where the numbers are consecutive, which is faster to read and write."""
    if np.array_equal(numbers, np.arange(numbers[0], numbers[0] + len(numbers))):
        return slice(int(numbers[0]), int(numbers[0]) + len(numbers))
    return numbers

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
        ids = np.array([model.joint(name).id for name in joints], dtype=np.intp)
        acts = np.array([model.actuator(name).id for name in actuators], dtype=np.intp)
        self.indices = np.array([ids, model.jnt_qposadr[ids], model.jnt_dofadr[ids], acts], dtype=np.intp)
        """(4, n): numbers of the joints, where they are in qpos, in qvel, and their actuators in ctrl."""
        self.qpos: NDArray[np.intp] = self.indices[1]
        self.slides = np.asarray(model.jnt_type[ids] == mujoco.mjtJoint.mjJNT_SLIDE)
        """(n,) which joints slide."""
        limited = model.jnt_limited[ids].astype(bool)
        self.low = np.where(limited, model.jnt_range[ids, 0] + MARGIN, -np.inf)
        """(n,) [rad or m]."""
        self.high = np.where(limited, model.jnt_range[ids, 1] - MARGIN, np.inf)
        """(n,) [rad or m]."""
        gain = model.actuator_gainprm[acts, 0]
        self.lag = -model.actuator_biasprm[acts, 2] / np.where(gain > 0.0, gain, 1.0)
        """(n,) seconds by which a position servo trails a ramp: kv / kp."""


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

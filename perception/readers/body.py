"""What the robot feels: touch, wrist force and its own joints, as one vector."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from yanshi.contracts import Array, Observation
from yanshi.errors import SenseError
from yanshi.perception.readers.reading import VIEW, Reading


@dataclass(frozen=True, kw_only=True)
class BodyReader:
    """Vectors (size,) float32: touch [N], wrist force [N] and torque [N m], joint positions and velocities [rad or m,
    1/s], odometry x, y [m], cos, sin of yaw, base velocity [m/s, rad/s], tool position [m] and its x and z axes in the
    base, gripper opening [m]. NaN for a sense that the robot lacks or that dropped out.
    """

    sources: tuple[str, ...] = ("body",)
    """One source: the body."""
    touch: str = "touch"
    """Name of the touch frame."""
    forces: int = 4
    """Numbers in it."""
    wrist: str = "wrist_force"
    """Name of the force and torque frame."""
    joints: int = 9
    """Joints of arm and head; of a robot with fewer the last ones are NaN."""

    @property
    def reading(self) -> tuple[int, ...]:
        """Shape."""
        return (self.forces + 6 + 2 * self.joints + 4 + 3 + 9 + 1,)

    @property
    def dtype(self) -> str:
        """SI units."""
        return "float32"

    def read(self, clip: Sequence[Observation], source: str, frames: int) -> list[Reading]:
        """See `Reader.read`."""
        moments = {observation.stamp: observation for observation in clip}
        newest = [moments[stamp] for stamp in sorted(moments)[-frames:]]
        view = np.zeros(VIEW, dtype=np.float32)
        return [Reading(value=self._vector(o), stamp=o.stamp, view=view) for o in newest]

    def _vector(self, observation: Observation) -> Array:
        felt = observation.proprioception
        if len(felt.joint_names) > self.joints:
            raise SenseError(f"Proprioception: expected at most {self.joints} joints, got {len(felt.joint_names)}.")
        if not np.isfinite(felt.joint_positions).any():
            raise SenseError("Proprioception: expected joint positions, got NaN everywhere.")
        x, y, yaw = felt.odometry
        parts = (
            self._frame(observation, self.touch, self.forces),
            self._frame(observation, self.wrist, 6),
            self._padded(felt.joint_positions),
            self._padded(felt.joint_velocities),
            (x, y, np.cos(yaw), np.sin(yaw)),
            felt.base_velocity_b,
            felt.T_be[:3, 3],
            felt.T_be[:3, 0],
            felt.T_be[:3, 2],
            (felt.gripper_opening,),
        )
        return np.concatenate([np.asarray(part, dtype=np.float32) for part in parts])

    def _padded(self, values: Array) -> Array:
        return np.concatenate((values, np.full(self.joints - len(values), np.nan)))

    def _frame(self, observation: Observation, name: str, size: int) -> Array:
        frame = observation.frames.get(name)
        if frame is None:
            return np.full(size, np.nan, dtype=np.float32)
        if frame.data.shape != (size,):
            raise SenseError(f"Frame '{name}': expected {size} numbers, got an array of shape {frame.data.shape}.")
        return frame.data

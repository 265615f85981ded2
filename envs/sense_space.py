"""The senses as a Gymnasium space: a dict of the newest reading of each sense, and of proprioception."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from yanshi.contracts import Frame, Observation, Proprioception
from yanshi.envs.simulation import Simulation

_LONGEST_WAIT = 50
"""Control steps after which every sense must have spoken."""
_BOUND: Mapping[str, float] = {
    "depth": 100.0,
    "lidar": 200.0,
    "audio": 100.0,
    "touch": 1e4,
    "thermal": 1e4,
    "force_torque": 1e4,
    "joints": 100.0,
}
_PROPRIOCEPTION_BOUND = 1000.0


class SenseSpace:
    """Turns observations into a dict of arrays of fixed shapes.

    A frame keeps its name and its data: rgb (H, W, 3) uint8, the others float32 as in `yanshi.contracts.Frame`, with
    0 where depth has no value, LiDAR echoes first and rows of 0 after them, and all 0 before the first reading.
    ``proprioception`` is one vector: joint positions, joint velocities, odometry (3), base velocity (3), tool
    position (3), tool x and z axis (6) in the base frame, gripper opening (1).
    """

    def __init__(self, sim: Simulation) -> None:
        """Learn the shapes by running `sim` until each of its senses has spoken once; then close it."""
        with sim:
            idle = np.zeros(len(sim.robot.action_names), dtype=np.float32)
            observation = sim.observe()
            names = {sensor.name for sensor in sim.sensors}
            for _ in range(_LONGEST_WAIT):
                if names <= observation.frames.keys():
                    break
                sim.step(idle)
                observation = sim.observe()
            self._rows = {
                s.name: len(rays) for s in sim.sensors if (rays := getattr(s.sensor, "directions_s", None)) is not None
            }
        boxes = {name: self._box(observation.frames[name]) for name in sorted(names)}
        size = len(_vector(observation.proprioception))
        bound = _PROPRIOCEPTION_BOUND
        self.space = spaces.Dict({**boxes, "proprioception": spaces.Box(-bound, bound, (size,), np.float32)})

    def _box(self, frame: Frame) -> spaces.Box:
        if frame.modality == "rgb":
            return spaces.Box(0, 255, frame.data.shape, np.uint8)
        shape = (self._rows[frame.name], *frame.data.shape[1:]) if frame.name in self._rows else frame.data.shape
        bound = _BOUND[frame.modality]
        low = 0.0 if frame.modality == "depth" else -bound
        return spaces.Box(low, bound, shape, np.float32)

    def read(self, observation: Observation) -> dict[str, NDArray[Any]]:
        """The arrays of one observation, fresh."""
        result: dict[str, NDArray[Any]] = {}
        for name, box in self.space.spaces.items():
            assert isinstance(box, spaces.Box)
            if name == "proprioception":
                value = _vector(observation.proprioception)
            else:
                value = np.zeros(box.shape, box.dtype)
                frame = observation.frames.get(name)
                if frame is not None:
                    value[: len(frame.data)] = (
                        np.nan_to_num(frame.data, nan=0.0) if frame.modality == "depth" else frame.data
                    )
            result[name] = value if box.dtype == np.uint8 else np.clip(value, box.low, box.high)
        return result


def _vector(felt: Proprioception) -> NDArray[np.float32]:
    axes = felt.T_be[:3, :3:2].T.ravel()
    parts = (felt.joint_positions, felt.joint_velocities, felt.odometry, felt.base_velocity_b, felt.T_be[:3, 3], axes)
    return np.concatenate([*parts, [felt.gripper_opening]]).astype(np.float32)

"""Cameras: colour, metric depth and segmentation. RGB and depth of one camera come from a single pass."""

from __future__ import annotations

from dataclasses import dataclass

import mujoco
import numpy as np

from yanshi.contracts import Array, Frame, Modality
from yanshi.envs.senses.frames import base_pose, element, inverse, pose
from yanshi.envs.senses.rendering import close_shared_renderer, shared_renderer
from yanshi.envs.senses.sensor import Simulated
from yanshi.errors import InputError, WorldError

_OPENCV_FROM_MUJOCO = np.diag([1.0, -1.0, -1.0])
"""MuJoCo cameras look along -z with y up; OpenCV's along +z with y down."""


@dataclass(frozen=True, kw_only=True)
class CameraConfig:
    """What a camera delivers."""

    width: int = 128
    height: int = 128
    """[px]."""
    range: tuple[float, float] = (0.1, 8.0)
    """Depth nearer or farther is not measured [m]."""
    darkness: float = 12.0
    """Depth comes from a passive stereo pair: where the picture is darker than this mean grey level, there is none."""

    def __post_init__(self) -> None:
        if self.width < 1 or self.height < 1:
            raise InputError(f"Camera size must be at least 1×1 px, got {self.width}×{self.height}.")
        if not 0.0 <= self.range[0] < self.range[1]:
            raise InputError(f"Camera range must be (near, far) with 0 <= near < far, got {self.range}.")


def intrinsics(model: mujoco.MjModel, camera: int, width: int, height: int) -> Array:
    """K (3, 3) [px] of a MuJoCo camera: u = fx x / z + cx. Pixel (0, 0) has its centre at u = v = 0."""
    if model.cam_sensorsize[camera].any():
        name = mujoco.mj_id2name(model, mujoco.mjtObj.mjOBJ_CAMERA, camera)
        raise WorldError(f"Camera '{name}' is described by sensorsize; expected fovy.")
    f = 0.5 * height / np.tan(0.5 * np.deg2rad(model.cam_fovy[camera]))
    return np.array([[f, 0.0, 0.5 * (width - 1)], [0.0, f, 0.5 * (height - 1)], [0.0, 0.0, 1.0]])


def camera_pose(data: mujoco.MjData, camera: int) -> Array:
    """T_wc (4, 4) of a MuJoCo camera, in the OpenCV convention."""
    return pose(data.cam_xpos[camera], data.cam_xmat[camera].reshape(3, 3) @ _OPENCV_FROM_MUJOCO)


class _Camera:
    """What colour and depth cameras have in common."""

    modality: Modality

    def __init__(self, camera: str, name: str, config: CameraConfig) -> None:
        self.camera = camera
        self.name = name
        self.config = config
        self._model: mujoco.MjModel | None = None

    def setup(self, sim: Simulated) -> None:
        """Find the camera and take the simulation's renderer. Raises: WorldError, RenderingError."""
        self._id = element(sim.model, mujoco.mjtObj.mjOBJ_CAMERA, self.camera)
        self._base = element(sim.model, mujoco.mjtObj.mjOBJ_BODY, sim.robot.base_body)
        self._K = intrinsics(sim.model, self._id, self.config.width, self.config.height)
        self._model = sim.model
        shared_renderer(sim.model)

    def _frame(self, sim: Simulated, data: Array) -> Frame:
        T_bs = inverse(base_pose(sim.data, self._base)) @ camera_pose(sim.data, self._id)
        return Frame(name=self.name, modality=self.modality, stamp=sim.time, data=data, rate=0.0, K=self._K, T_bs=T_bs)

    def close(self) -> None:
        """Free the renderer that the cameras of this simulation share."""
        if self._model is not None:
            close_shared_renderer(self._model)
        self._model = None


class ColorCamera(_Camera):
    """RGB of a camera of the robot."""

    modality: Modality = "rgb"

    def __init__(self, camera: str = "head", name: str | None = None, config: CameraConfig | None = None) -> None:
        """`camera` is its name in the MJCF; frames are called `name`, by default ``<camera>_rgb``."""
        super().__init__(camera, name or f"{camera}_rgb", config or CameraConfig())

    def read(self, sim: Simulated, rng: np.random.Generator) -> Frame:
        """The picture (H, W, 3) uint8."""
        view = shared_renderer(sim.model).view(sim.data, self._id, self.config.width, self.config.height)
        return self._frame(sim, view.rgb)


class DepthCamera(_Camera):
    """Metric depth of a camera of the robot, as a passive stereo pair has it."""

    modality: Modality = "depth"

    def __init__(self, camera: str = "head", name: str | None = None, config: CameraConfig | None = None) -> None:
        """`camera` is its name in the MJCF; frames are called `name`, by default ``<camera>_depth``."""
        super().__init__(camera, name or f"{camera}_depth", config or CameraConfig())

    def read(self, sim: Simulated, rng: np.random.Generator) -> Frame:
        """Depth along the optical axis (H, W) float32 [m]; NaN out of range and where it is dark."""
        view = shared_renderer(sim.model).view(sim.data, self._id, self.config.width, self.config.height)
        near, far = self.config.range
        dark = view.rgb.sum(axis=2, dtype=np.uint16) < 3.0 * self.config.darkness
        depth = np.where((view.depth < near) | (view.depth > far) | dark, np.float32(np.nan), view.depth)
        return self._frame(sim, depth)


def segmentation(sim: Simulated, camera: str, width: int = 128, height: int = 128) -> Array:
    """(H, W) int32 geom ids, -1 for none: the truth about a picture, for data generation and the oracle only."""
    index = element(sim.model, mujoco.mjtObj.mjOBJ_CAMERA, camera)
    return shared_renderer(sim.model).segment(sim.data, index, width, height)

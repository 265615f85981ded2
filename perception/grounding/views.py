"""The colour and depth frames of an observation that belong together."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from yanshi.contracts import Array, Frame
from yanshi.errors import SenseError

MULTIPLE = 16
"""Height and width of a picture must be multiples of this [px]."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraView:
    """What one camera shows."""

    name: str
    """Of the colour frame; of the depth frame where there is no colour."""
    rgb: Array | None
    """(H, W, 3) uint8; None where the camera gives depth alone."""
    depth: Array
    """(H, W) float32 [m] along the optical axis, NaN where unknown."""
    K: Array
    """(3, 3) [px]."""
    T_bc: Array
    """(4, 4) camera in the robot base, as it was when the depth was taken."""


def camera_views(frames: Iterable[Frame]) -> list[CameraView]:
    """One view for each depth frame, with the colour frame of the same camera, size and moment if there is one.

    Without depth nothing can be placed, so a camera that gives colour alone has no view.

    Raises:
        SenseError: A depth frame lacks its pose or intrinsics, or its size is no multiple of 16.
    """
    frames = list(frames)
    colors = {_camera(frame): frame for frame in frames if frame.modality == "rgb"}
    views = []
    for frame in frames:
        if frame.modality != "depth":
            continue
        if frame.K is None or frame.T_bs is None:
            raise SenseError(f"Frame '{frame.name}': expected intrinsics K and pose T_bs, which it lacks.")
        if frame.data.shape[0] % MULTIPLE or frame.data.shape[1] % MULTIPLE:
            size = "×".join(map(str, frame.data.shape[::-1]))
            raise SenseError(f"Frame '{frame.name}': expected a size that is a multiple of {MULTIPLE} px, got {size}.")
        color = colors.get(_camera(frame))
        if color is not None and (color.data.shape[:2] != frame.data.shape or not np.isclose(color.stamp, frame.stamp)):
            color = None
        views.append(
            CameraView(
                name=frame.name if color is None else color.name,
                rgb=None if color is None else color.data,
                depth=frame.data,
                K=frame.K,
                T_bc=frame.T_bs,
            )
        )
    return views


def _camera(frame: Frame) -> str:
    return frame.name.rsplit("_", 1)[0]

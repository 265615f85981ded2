"""The geometry that every consumer of a frame needs: rigid transforms, and from pixels to points and back.

Cameras follow OpenCV: x right, y down, z forward; pixel (0, 0) has its centre at u = v = 0.
"""

from __future__ import annotations

import numpy as np

from yanshi.contracts import Array, Frame
from yanshi.errors import ContractError


def inverse(T: Array) -> Array:
    """The inverse of a rigid transform (4, 4): T_ba from T_ab."""
    out = np.eye(4)
    out[:3, :3] = T[:3, :3].T
    out[:3, 3] = -T[:3, :3].T @ T[:3, 3]
    return out


def transform(T: Array, points: Array) -> Array:
    """Points (..., 3) of frame b in frame a, by T_ab (4, 4)."""
    moved: Array = points @ T[:3, :3].T + T[:3, 3]
    return moved


def planar(pose: Array) -> Array:
    """T (4, 4) of a pose in the plane (3,): x, y [m], yaw [rad]. With the base's pose in the map it is T_wb."""
    x, y, yaw = pose
    c, s = np.cos(yaw), np.sin(yaw)
    return np.array([[c, -s, 0.0, x], [s, c, 0.0, y], [0.0, 0.0, 1.0, 0.0], [0.0, 0.0, 0.0, 1.0]])


def deproject(depth: Array, K: Array) -> Array:
    """Points (H, W, 3) [m] in the camera frame of a depth image (H, W) [m along the optical axis]; NaN stays NaN."""
    v, u = np.indices(depth.shape, dtype=np.float64)
    x = (u - K[0, 2]) * depth / K[0, 0]
    y = (v - K[1, 2]) * depth / K[1, 1]
    return np.stack((x, y, depth), axis=-1)


def project(points: Array, K: Array) -> Array:
    """Pixels (..., 2) u, v of points (..., 3) [m] in the camera frame; NaN for what is not in front of the camera."""
    z = np.where(points[..., 2] > 0.0, points[..., 2], np.nan)
    u = K[0, 0] * points[..., 0] / z + K[0, 2]
    v = K[1, 1] * points[..., 1] / z + K[1, 2]
    return np.stack((u, v), axis=-1)


def points_in_base(frame: Frame) -> Array:
    """Points (N, 3) [m] in the base frame of a depth or LiDAR frame; pixels without depth are left out.

    Raises:
        ContractError: If the frame has no points or lacks its pose or intrinsics.
    """
    if frame.modality not in ("depth", "lidar"):
        raise ContractError(f"Frame '{frame.name}': expected depth or lidar, got {frame.modality}.")
    if frame.T_bs is None:
        raise ContractError(f"Frame '{frame.name}': expected the sensor's pose T_bs, got none.")
    if frame.modality == "lidar":
        return transform(frame.T_bs, frame.data[:, :3].astype(np.float64))
    if frame.K is None:
        raise ContractError(f"Frame '{frame.name}': expected intrinsics K, got none.")
    points = deproject(frame.data, frame.K)
    return transform(frame.T_bs, points[np.isfinite(frame.data)])

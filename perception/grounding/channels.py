"""Pictures as the network is shown them: colour, and the geometry that depth and the camera's pose make explicit."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

CHANNELS = 12
"""Colour 3 · depth known · nearness · height above the floor · normal upward and along the picture 3 · up 3."""
_NORMAL_STEP = 2
"""Half the distance of the points that a surface normal is made of [px]."""


@dataclass(frozen=True)
class Views:
    """A batch of RGB-D pictures."""

    rgb: Tensor
    """(B, 3, H, W) uint8 or float, 0 … 255."""
    depth: Tensor
    """(B, H, W) float [m] along the optical axis; NaN where unknown."""
    K: Tensor
    """(B, 3, 3) intrinsics [px]."""
    T_bc: Tensor
    """(B, 4, 4) camera (OpenCV) in the robot base."""


@dataclass(frozen=True)
class Scenery:
    """What follows from a batch of views."""

    channels: Tensor
    """(B, CHANNELS, H, W) for the network."""
    points_c: Tensor
    """(B, 3, H, W) [m] in the camera frame; 0 where depth is unknown."""
    known: Tensor
    """(B, H, W) bool: where depth is known."""


def scenery(views: Views) -> Scenery:
    """Points, heights and normals of every pixel."""
    depth = views.depth.float()
    known = torch.isfinite(depth) & (depth > 0.0)
    depth = torch.where(known, depth, torch.zeros_like(depth))
    points = _deproject(depth, views.K.float())
    rotation, origin = views.T_bc[:, :3, :3].float(), views.T_bc[:, :3, 3].float()
    up = rotation[:, 2, :]
    height = torch.einsum("bi,bihw->bhw", up, points) + origin[:, 2, None, None]
    normal = _normals(points, known)
    normal_up = torch.einsum("bi,bihw->bhw", up, normal)
    flag = known.float()
    parts = [
        (views.rgb.float() / 255.0 - 0.5) * 4.0,
        flag[:, None],
        (flag / (1.0 + depth))[:, None] * 2.0,
        (torch.where(known, height.clamp(-0.2, 2.4) - 0.7, torch.zeros_like(height)))[:, None] * 2.0,
        normal_up[:, None],
        normal[:, :2],
        up[:, :, None, None].expand(-1, -1, *depth.shape[1:]),
    ]
    return Scenery(torch.cat(parts, dim=1), points, known)


def heading(T_bc: Tensor) -> Tensor:
    """R_gc (B, 3, 3): from the camera frame into the upright frame g that looks the camera's way.

    z of g is up; x of g is the camera's right, laid level (for a camera on its side, the way it looks).
    """
    rotation = T_bc[:, :3, :3].float()
    right, ahead = rotation[:, :2, 0], rotation[:, :2, 2]
    level = torch.where(right.norm(dim=1, keepdim=True) > 0.3, right, ahead)
    x = level / level.norm(dim=1, keepdim=True).clamp(min=1e-6)
    zero, one = torch.zeros_like(x[:, 0]), torch.ones_like(x[:, 0])
    R_gb = torch.stack((x[:, 0], x[:, 1], zero, -x[:, 1], x[:, 0], zero, zero, zero, one), dim=1).reshape(-1, 3, 3)
    turned: Tensor = R_gb @ rotation
    return turned


def _deproject(depth: Tensor, K: Tensor) -> Tensor:
    height, width = depth.shape[1:]
    u = torch.arange(width, dtype=torch.float32, device=depth.device)
    v = torch.arange(height, dtype=torch.float32, device=depth.device)
    fx, fy, cx, cy = (K[:, i, j, None, None] for i, j in ((0, 0), (1, 1), (0, 2), (1, 2)))
    x = (u[None, None, :] - cx) / fx * depth
    y = (v[None, :, None] - cy) / fy * depth
    return torch.stack((x, y, depth), dim=1)


def _normals(points: Tensor, known: Tensor) -> Tensor:
    """Unit normals (B, 3, H, W) in the camera frame, turned towards the camera; 0 where a neighbour is unknown."""
    s = _NORMAL_STEP
    padded = F.pad(points, (s, s, s, s), mode="replicate")
    whole = F.pad(known.float()[:, None], (s, s, s, s))
    across = padded[:, :, s:-s, 2 * s :] - padded[:, :, s:-s, : -2 * s]
    down = padded[:, :, 2 * s :, s:-s] - padded[:, :, : -2 * s, s:-s]
    sound = whole[:, :, s:-s, 2 * s :] * whole[:, :, s:-s, : -2 * s] * whole[:, :, 2 * s :, s:-s]
    sound = sound * whole[:, :, : -2 * s, s:-s]
    normal = torch.linalg.cross(down, across, dim=1)
    length = normal.square().sum(dim=1, keepdim=True).sqrt().clamp(min=1e-9)  # `norm` takes ten times as long
    unit: Tensor = normal / length * sound
    return unit

"""From shards to batches: which pictures, seen through what faults of a camera, with which truth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from yanshi.agent.seeing.shards import Arrays
from yanshi.perception.geometry import inverse, planar
from yanshi.perception.grounding.channels import Views, heading
from yanshi.perception.grounding.config import EyeConfig
from yanshi.perception.grounding.losses import Things

NAMES = ("label", "position_w", "yaw", "extent", "pixels")


@dataclass(frozen=True, kw_only=True)
class Faults:
    """What a camera may do to a picture. Each is drawn anew for each."""

    pixel_noise: float = 6.0
    """Up to this standard deviation [grey levels]."""
    gain: float = 0.2
    """Exposure and each channel's gain vary by up to this share and half of it."""
    gamma: float = 0.2
    depth_noise: tuple[float, float] = (0.001, 0.004)
    """Of a stereo pair: sigma = k z², k [1/m] between these."""
    holes: float = 0.01
    """Up to this share of pixels has no depth."""
    tilt: float = 0.01
    """Standard deviation of an error of the camera's pose [rad]; a third of it [m] too."""
    colorless: float = 0.03
    """Share of pictures without colour."""


@dataclass(frozen=True)
class Batch:
    """Pictures and the truth about them."""

    views: Views
    owners: Tensor
    """(B, H, W) int64: 1 + the row of `things` that a pixel shows, 0 for none."""
    things: Things
    colorless: Tensor
    """(B,) bool."""
    pixels: Tensor
    """(M,) how many pixels show each thing."""


def batch(
    arrays: Arrays, chosen: NDArray[np.intp], config: EyeConfig, rng: np.random.Generator, faults: Faults | None
) -> Batch:
    """The pictures `chosen` of a shard.

    Args:
        arrays: a shard, see `shards`.
        chosen: (B,) indices of pictures, all different.
        config: of the eye, whose attributes are wanted.
        rng: source of the faults.
        faults: of the camera; None for none.
    """
    rgb, depth = arrays["rgb"][chosen].astype(np.float32), arrays["depth"][chosen].copy()
    T_bc = given = arrays["T_bc"][chosen]
    colorless = np.zeros(len(chosen), dtype=np.bool_)
    if faults is not None:
        colorless = rng.random(len(chosen)) < faults.colorless
        rgb = _worse_color(rgb, faults, rng)
        depth = _worse_depth(depth, faults, rng)
        given = _worse_pose(T_bc, faults, rng)
    rgb[colorless] = 0.0
    owners = arrays["owners"][chosen].astype(np.int64)
    rows, view, number = _things_of(arrays, chosen)
    table = np.zeros((len(chosen), 256), dtype=np.int64)
    table[view, number] = np.arange(1, len(rows) + 1)
    owners = np.take_along_axis(table, owners.reshape(len(chosen), -1), axis=1).reshape(owners.shape)
    T_given = torch.as_tensor(given, dtype=torch.float32)
    R_gc = heading(T_given).double().numpy()[view]
    center_c, yaw_g = np.zeros((len(rows), 3)), np.zeros(len(rows))
    for k, row in enumerate(rows):
        base = arrays["base"][chosen[view[k]]]
        T_cw = inverse(planar(base) @ T_bc[view[k]])
        center_c[k] = T_cw[:3, :3] @ arrays["position_w"][row] + T_cw[:3, 3]
        R_gw = R_gc[k] @ T_cw[:3, :3]
        yaw_g[k] = arrays["yaw"][row] + np.arctan2(R_gw[1, 0], R_gw[0, 0])
    attributes = {name: torch.as_tensor(arrays[name][rows].astype(np.int64)) for name in config.attributes}
    for name in ("color", "digit"):
        if name in attributes:
            attributes[name][torch.as_tensor(colorless[view])] = -1
    things = Things(
        view=torch.as_tensor(view),
        number=torch.as_tensor(number),
        label=torch.as_tensor(arrays["label"][rows].astype(np.int64)),
        attributes=attributes,
        center_c=torch.as_tensor(center_c, dtype=torch.float32),
        center_g=torch.as_tensor(np.einsum("kij,kj->ki", R_gc, center_c), dtype=torch.float32),
        extent=torch.as_tensor(arrays["extent"][rows], dtype=torch.float32),
        yaw_g=torch.as_tensor(yaw_g, dtype=torch.float32),
    )
    views = Views(
        rgb=torch.as_tensor(rgb).permute(0, 3, 1, 2),
        depth=torch.as_tensor(depth),
        K=torch.as_tensor(arrays["K"][chosen], dtype=torch.float32),
        T_bc=T_given,
    )
    return Batch(
        views, torch.as_tensor(owners), things, torch.as_tensor(colorless), torch.as_tensor(arrays["pixels"][rows])
    )


def _things_of(
    arrays: Arrays, chosen: NDArray[np.intp]
) -> tuple[NDArray[np.intp], NDArray[np.int64], NDArray[np.int64]]:
    """Rows of the things of the chosen pictures, in which of these each is, and its number in it, from 1."""
    picture = arrays["picture"]  # in ascending order
    rows, views, numbers = [], [], []
    for view, index in enumerate(chosen):
        first, last = np.searchsorted(picture, (index, index + 1))
        rows.append(np.arange(first, last))
        views.append(np.full(last - first, view, dtype=np.int64))
        numbers.append(np.arange(1, last - first + 1, dtype=np.int64))
    return np.concatenate(rows).astype(np.intp), np.concatenate(views), np.concatenate(numbers)


def _worse_color(rgb: NDArray[np.float32], faults: Faults, rng: np.random.Generator) -> NDArray[np.float32]:
    count = len(rgb)
    gain = 1.0 + rng.uniform(-faults.gain, faults.gain, (count, 1, 1, 1))
    gain = gain * (1.0 + rng.uniform(-faults.gain / 2, faults.gain / 2, (count, 1, 1, 3)))
    power = np.exp(rng.uniform(-faults.gamma, faults.gamma, (count, 1, 1, 1)))
    worse = 255.0 * (rgb / 255.0) ** power.astype(np.float32) * gain.astype(np.float32)
    sigma = rng.uniform(0.0, faults.pixel_noise, (count, 1, 1, 1)).astype(np.float32)
    worse += sigma * rng.standard_normal(rgb.shape, dtype=np.float32)
    return np.asarray(np.clip(worse, 0.0, 255.0), dtype=np.float32)


def _worse_depth(depth: NDArray[np.float32], faults: Faults, rng: np.random.Generator) -> NDArray[np.float32]:
    k = rng.uniform(*faults.depth_noise, (len(depth), 1, 1)).astype(np.float32)
    worse = depth * (1.0 + k * depth * rng.standard_normal(depth.shape, dtype=np.float32))
    share = rng.uniform(0.0, faults.holes, (len(depth), 1, 1))
    worse[rng.random(depth.shape) < share] = np.nan
    return np.asarray(worse, dtype=np.float32)


def _worse_pose(T_bc: NDArray[np.float64], faults: Faults, rng: np.random.Generator) -> NDArray[np.float64]:
    """Poses as a robot that is not well calibrated believes them; what stands where in the camera stays true."""
    worse = T_bc.copy()
    for T in worse:
        x, y, z = rng.normal(0.0, faults.tilt, 3)
        T[:3, :3] = T[:3, :3] @ (np.eye(3) + np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]]))
        T[:3, 3] += rng.normal(0.0, faults.tilt / 3, 3)
        u, _, v = np.linalg.svd(T[:3, :3])
        T[:3, :3] = u @ v
    return worse

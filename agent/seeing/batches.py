"""From shards to batches: which pictures, seen through what faults of a camera, with which truth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from yanshi.agent.seeing.shards import Arrays
from yanshi.perception.grounding.channels import Views, heading
from yanshi.perception.grounding.config import EyeConfig
from yanshi.perception.grounding.losses import UNKNOWN, Things

MOST_MOVED = 0.5
"""Of a picture's width and height."""
NOTHING = 127.5
"""Colour beyond a picture's edge: nought to the network, like what convolutions pad with."""


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
    moved: float = 0.4
    """Share of pictures that are moved within their frame, by up to `MOST_MOVED` of it each way: most of what is not
    known for what it is was cut off by the frame."""


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


def held(arrays: Arrays, device: str) -> dict[str, Any]:
    """A shard whose pictures lie on a device, for `batch`."""
    return {**arrays, **{name: torch.as_tensor(arrays[name]).to(device) for name in ("rgb", "depth", "owners")}}


def batch(
    arrays: Mapping[str, Any], chosen: NDArray[np.intp], config: EyeConfig, rng: np.random.Generator,
    faults: Faults | None,
) -> Batch:  # fmt: skip
    """The pictures `chosen` of a shard, on the device on which they lie.

    Args:
        arrays: a shard, see `shards` and `held`.
        chosen: (B,) indices of pictures, all different.
        config: of the eye, whose attributes are wanted.
        rng: source of the faults.
        faults: of the camera; None for none.
    """
    pictures = [torch.as_tensor(arrays[name]) for name in ("rgb", "depth", "owners")]
    device = pictures[0].device
    index = torch.as_tensor(chosen, device=device)
    rgb, depth, shown = (picture[index] for picture in pictures)
    rgb = rgb.float()
    K, T_bc = arrays["K"][chosen], arrays["T_bc"][chosen]
    given, colorless = T_bc, np.zeros(len(chosen), dtype=np.bool_)
    if faults is not None:
        colorless = rng.random(len(chosen)) < faults.colorless
        given = _worse_pose(T_bc, faults, rng)
        random = torch.Generator(device).manual_seed(int(rng.integers(2**62)))
        rgb = _worse_color(rgb, faults, rng, random)
        depth = _worse_depth(depth, faults, rng, random)
        rgb, depth, shown, K = _moved(rgb, depth, shown, K, faults, rng)
    rgb[torch.as_tensor(colorless, device=device)] = 0.0
    rows, view, number = _things_of(arrays, chosen)
    table = np.zeros((len(chosen), 256), dtype=np.int64)
    table[view, number] = np.arange(1, len(rows) + 1)
    owners = torch.as_tensor(table, device=device).gather(1, shown.reshape(len(chosen), -1).long())
    T_given = torch.as_tensor(given, dtype=torch.float32)
    R_gc = heading(T_given).double().numpy()[view]
    T_wb = _planar(arrays["base"][chosen])
    T_wc = (T_wb @ T_bc)[view]
    center_c = np.einsum("kji,kj->ki", T_wc[:, :3, :3], arrays["position_w"][rows] - T_wc[:, :3, 3])
    R_gw = R_gc @ T_wc[:, :3, :3].transpose(0, 2, 1)
    yaw_g = arrays["yaw"][rows] + np.arctan2(R_gw[:, 1, 0], R_gw[:, 0, 0])

    def whole(values: NDArray[Any]) -> Tensor:
        return torch.as_tensor(values.astype(np.int64), device=device)

    def number_of(values: NDArray[Any]) -> Tensor:
        return torch.as_tensor(values.astype(np.float32), device=device)

    values = {name: arrays[name][rows].astype(np.int64) for name in config.attributes}
    for name in ("color", "digit"):
        if name in values:
            values[name][colorless[view]] = UNKNOWN
    things = Things(
        view=whole(view),
        number=whole(number),
        label=whole(arrays["label"][rows]),
        attributes={name: whole(value) for name, value in values.items()},
        center_c=number_of(center_c),
        center_g=number_of(np.einsum("kij,kj->ki", R_gc, center_c)),
        extent=number_of(arrays["extent"][rows]),
        yaw_g=number_of(yaw_g),
    )
    views = Views(rgb=rgb.permute(0, 3, 1, 2), depth=depth, K=number_of(K), T_bc=T_given.to(device))
    pixels = whole(arrays["pixels"][rows])
    if faults is not None and "digit" in values:
        # Of what is written on a thing that is cut off, nobody knows how much is left.
        cut = torch.bincount(owners.reshape(-1), minlength=len(rows) + 1)[1:] < pixels
        things.attributes["digit"].masked_fill_(cut & (things.attributes["digit"] > 0), UNKNOWN)
    return Batch(views, owners.reshape(shown.shape), things, torch.as_tensor(colorless, device=device), pixels)


def _things_of(
    arrays: Mapping[str, Any], chosen: NDArray[np.intp]
) -> tuple[NDArray[np.intp], NDArray[np.int64], NDArray[np.int64]]:
    """Rows of the things of the chosen pictures, in which of these each is, and its number in it, from 1."""
    first, last = np.searchsorted(arrays["picture"], np.stack((chosen, chosen + 1)))  # in ascending order
    count = last - first
    view = np.repeat(np.arange(len(chosen)), count)
    number = np.arange(len(view)) - np.repeat(np.cumsum(count) - count, count)
    return np.repeat(first, count) + number, view.astype(np.int64), number.astype(np.int64) + 1


def _drawn(values: NDArray[np.float64], like: Tensor) -> Tensor:
    """One number a picture, or one a picture and channel, for pictures like these."""
    tensor = torch.as_tensor(values.astype(np.float32), device=like.device)
    return tensor.reshape(len(like), *[1] * (like.ndim - tensor.ndim), *tensor.shape[1:])


def _worse_color(rgb: Tensor, faults: Faults, rng: np.random.Generator, random: torch.Generator) -> Tensor:
    count = len(rgb)
    gain = (1.0 + rng.uniform(-faults.gain, faults.gain, (count, 1))) * (
        1.0 + rng.uniform(-faults.gain / 2, faults.gain / 2, (count, 3))
    )
    power = np.exp(rng.uniform(-faults.gamma, faults.gamma, count))
    sigma = rng.uniform(0.0, faults.pixel_noise, count)
    worse = 255.0 * (rgb / 255.0) ** _drawn(power, rgb) * _drawn(gain, rgb)
    worse += _drawn(sigma, rgb) * torch.randn(rgb.shape, generator=random, device=rgb.device)
    return worse.clamp(0.0, 255.0)


def _worse_depth(depth: Tensor, faults: Faults, rng: np.random.Generator, random: torch.Generator) -> Tensor:
    k = _drawn(rng.uniform(*faults.depth_noise, len(depth)), depth)
    share = _drawn(rng.uniform(0.0, faults.holes, len(depth)), depth)
    worse = depth * (1.0 + k * depth * torch.randn(depth.shape, generator=random, device=depth.device))
    holes = torch.rand(depth.shape, generator=random, device=depth.device) < share
    return worse.masked_fill(holes, float("nan"))


def _moved(
    rgb: Tensor, depth: Tensor, shown: Tensor, K: NDArray[np.float64], faults: Faults, rng: np.random.Generator
) -> tuple[Tensor, Tensor, Tensor, NDArray[np.float64]]:
    """Some pictures as a camera would have taken them that looks aside: what moves beyond the edge is cut off."""
    count, height, width = depth.shape
    reach = MOST_MOVED * np.array([width, height])
    aside = np.rint(rng.uniform(-reach, reach, (count, 2))) * (rng.random((count, 1)) < faults.moved)
    where = torch.as_tensor(aside.astype(np.int64), device=depth.device)
    column = torch.arange(width, device=depth.device)[None] + where[:, :1]
    row = torch.arange(height, device=depth.device)[None] + where[:, 1:]
    x, y = column.clamp(0, width - 1), row.clamp(0, height - 1)
    beyond = (x != column)[:, None, :] | (y != row)[:, :, None]
    at = torch.arange(count, device=depth.device)[:, None, None], y[:, :, None], x[:, None, :]
    K = K.copy()
    K[:, :2, 2] -= aside
    return (
        rgb[at].masked_fill(beyond[..., None], NOTHING),
        depth[at].masked_fill(beyond, float("nan")),
        shown[at].masked_fill(beyond, 0),
        K,
    )


def _worse_pose(T_bc: NDArray[np.float64], faults: Faults, rng: np.random.Generator) -> NDArray[np.float64]:
    """Poses as a robot that is not well calibrated believes them; what stands where in the camera stays true."""
    x, y, z = rng.normal(0.0, faults.tilt, (3, len(T_bc)))
    none = np.zeros_like(x)
    turn = np.array([[none, -z, y], [z, none, -x], [-y, x, none]]).transpose(2, 0, 1)
    u, _, v = np.linalg.svd(T_bc[:, :3, :3] @ (np.eye(3) + turn))
    worse = T_bc.copy()
    worse[:, :3, :3] = u @ v
    worse[:, :3, 3] += rng.normal(0.0, faults.tilt / 3, (len(T_bc), 3))
    return worse


def _planar(poses_w: NDArray[np.float64]) -> NDArray[np.float64]:
    """`perception.geometry.planar` of many poses (B, 3)."""
    T = np.tile(np.eye(4), (len(poses_w), 1, 1))
    c, s = np.cos(poses_w[:, 2]), np.sin(poses_w[:, 2])
    T[:, 0, 0], T[:, 0, 1], T[:, 1, 0], T[:, 1, 1] = c, -s, s, c
    T[:, :2, 3] = poses_w[:, :2]
    return T

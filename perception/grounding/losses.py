"""What an eye is taught by: targets of a batch, and the losses that compare with them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from yanshi.perception.grounding.channels import Scenery
from yanshi.perception.grounding.network import Dense, Described

UNKNOWN = -1
"""Index of a label or attribute value that is not to be learned."""
BACKGROUND = 0.2
"""What a pixel without an object counts for, beside about 1 for one of an object."""


@dataclass(frozen=True)
class Things:
    """The truth about M objects of a batch."""

    view: Tensor
    """(M,) int64 in which view."""
    number: Tensor
    """(M,) int64 the object's number in that view's map of instances, from 1."""
    label: Tensor
    """(M,) int64."""
    attributes: Mapping[str, Tensor]
    """Name → (M,) int64, `UNKNOWN` where not to be learned."""
    center_c: Tensor
    """(M, 3) [m] in the camera frame."""
    center_g: Tensor
    """(M, 3) [m] in the upright frame of the view."""
    extent: Tensor
    """(M, 3) [m]."""
    yaw_g: Tensor
    """(M,) [rad] in the upright frame."""


def dense_loss(dense: Dense, scene: Scenery, owners: Tensor, things: Things) -> dict[str, Tensor]:
    """Losses of every pixel.

    Args:
        dense: what was said.
        scene: of what.
        owners: (B, H, W) int64, 1 + the row of `things` that a pixel shows, 0 for none.
        things: the truth.

    Returns:
        ``presence`` and ``votes``.
    """
    shows = owners > 0
    area = torch.zeros(len(things.label) + 1, device=owners.device)
    area = area.index_add(0, owners.reshape(-1), torch.ones(owners.numel(), device=owners.device))
    # Small objects count for more a pixel, or they would be drowned by large ones.
    of_object = (120.0 / area.clamp(min=1.0)).clamp(0.4, 4.0).sqrt()
    # A pixel too many is judged again when its object is described; a pixel too few is lost.
    weight = torch.where(shows, of_object[owners], torch.full_like(dense.presence, BACKGROUND))
    presence = F.binary_cross_entropy_with_logits(dense.presence, shows.float(), reduction="none")
    centers = torch.cat((torch.zeros_like(things.center_c[:1]), things.center_c)) if len(things.label) else None
    if centers is None:
        return {"presence": (presence * weight).mean(), "votes": dense.votes_c.sum() * 0.0}
    error = (dense.votes_c - centers[owners].permute(0, 3, 1, 2)).abs().sum(dim=1)
    likelihood = error * torch.exp(-dense.log_scale) + 3.0 * dense.log_scale
    share = weight * (shows & scene.known)
    votes = (likelihood * share).sum() / share.sum().clamp(min=1e-6)
    return {"presence": (presence * weight).mean(), "votes": votes}


def object_loss(
    said: Described,
    things: Things,
    match: Tensor,
    whole: Tensor,
    rare: Mapping[str, float] | None = None,
    telling: Tensor | None = None,
) -> dict[str, Tensor]:
    """Losses of objects.

    Args:
        said: of N objects.
        things: the truth about M.
        match: (N,) int64 which of them each is, -1 for none.
        whole: (N,) in [0, 1], how well its pixels are those of that thing (intersection over union).
        rare: attribute that most things lack (its first value) → what having it counts for.
        telling: (N,) how much each counts when it is named; None for alike.

    Returns:
        ``quality``, ``label``, ``attributes``, ``center``, ``extent``, ``turn``.
    """
    rare = rare or {}
    quality = F.binary_cross_entropy_with_logits(said.quality, ((whole - 0.25) / 0.5).clamp(0.0, 1.0))
    good = torch.nonzero(match >= 0)[:, 0]
    none = said.quality.sum() * 0.0
    if not len(good):
        return dict.fromkeys(("label", "attributes", "center", "extent", "turn"), none) | {"quality": quality}
    rows = match[good]
    attributes = none
    for name, logits in said.attributes.items():
        target = things.attributes[name][rows]
        loss = F.cross_entropy(logits[good], target, reduction="none", ignore_index=UNKNOWN)
        weight = (target >= 0).float()
        if name in rare:  # What few things have would be drowned by the many that lack it.
            weight = torch.where(target > 0, rare[name] * weight, weight)
        attributes = attributes + (loss * weight).sum() / (target >= 0).sum().clamp(min=1)
    error = said.center_g[good] - things.center_g[rows]
    log_variance = said.log_variance[good]
    # The variance is fitted to the error that there is; the mean is moved by a robust loss of its own, so that what is
    # believed to be uncertain is still learned.
    likelihood = 0.5 * (error.detach() ** 2 * torch.exp(-log_variance) + log_variance)
    distance = things.center_g[rows].norm(dim=1, keepdim=True).clamp(min=0.3)
    center = 20.0 * F.smooth_l1_loss(error / distance, torch.zeros_like(error), beta=0.01) + 0.1 * likelihood.mean()
    extent = F.smooth_l1_loss(said.log_extent[good], torch.log(things.extent[rows]), beta=0.1)
    yaw = things.yaw_g[rows]
    label = F.cross_entropy(said.label[good], things.label[rows], reduction="none", ignore_index=UNKNOWN)
    sure = (things.label[rows] >= 0).float() if telling is None else telling[good] * (things.label[rows] >= 0)
    turn = torch.stack((torch.cos(2 * yaw), torch.sin(2 * yaw), torch.cos(4 * yaw), torch.sin(4 * yaw)), dim=1)
    return {
        "quality": quality,
        "label": (label * sure).sum() / sure.sum().clamp(min=1e-6),
        "attributes": attributes,
        "center": center,
        "extent": extent,
        "turn": F.mse_loss(said.turn[good], turn),
    }


def words_loss(agreement: Tensor, truth: Tensor) -> Tensor:
    """Pairwise sigmoid loss of objects and phrases (N, S); `truth` in [0, 1] says of each pair whether it fits."""
    fits = truth > 0.0
    weight = torch.ones_like(truth)
    # Few phrases fit an object: half of the weight is theirs.
    if fits.any():
        weight[fits] = ((~fits).sum() / fits.sum()).clamp(1.0, 20.0)
    return F.binary_cross_entropy_with_logits(agreement, truth, weight=weight) * (weight.numel() / weight.sum())

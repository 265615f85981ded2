"""Votes that agree are one object: from what is said of every pixel to groups of pixels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from yanshi.contracts import Array
from yanshi.perception.grounding.vote_kernels import grouped


@dataclass(frozen=True, kw_only=True)
class Grouping:
    """When votes agree."""

    presence: float = 0.5
    """Probability from which a pixel counts as an object's."""
    reach: float = 3.0
    """Votes agree within so many times the error that the surest of them expects …"""
    nearest: float = 0.04
    farthest: float = 0.30
    """… but at least and at most this far [m]: two faces of one thing vote apart by more than they expect."""
    nearest_up: float = 0.03
    """… or this far up or down: what stands on another thing is nearer to it than what stands beside."""
    least_pixels: int = 8
    """Smaller groups join a near one or are dropped."""
    rounds: int = 2
    """How often a group's centre is moved to the mean of its votes."""
    most: int = 64
    """Groups in a view."""


def group(votes: Array, scale: Array, grouping: Grouping, up: Array | None = None) -> Array:
    """Which group each vote belongs to.

    The surest vote that is left founds a group of all that agree with it. What remains over, and the members of groups
    that are too small, join the nearest group within their own expected error.

    Args:
        votes: (P, 3) [m].
        scale: (P,) expected error of each [m].
        grouping: when votes agree.
        up: (3,) unit vector; None where it is not known.

    Returns:
        (P,) int: 0, 1, … by group, -1 for none.
    """
    votes = np.ascontiguousarray(votes, dtype=np.float64)
    order = np.argsort(scale, kind="stable")
    radii = np.clip(grouping.reach * scale, grouping.nearest, grouping.farthest).astype(np.float64)
    tall = np.clip(grouping.reach * scale, grouping.nearest_up, grouping.farthest)
    stretch = radii / tall - 1.0 if up is not None else np.zeros(len(votes))
    axis = np.zeros(3) if up is None else np.asarray(up, dtype=np.float64)
    weight = 1.0 / np.maximum(scale, 1e-4).astype(np.float64) ** 2
    limits = grouping.least_pixels, grouping.rounds, grouping.most
    owner: Array
    owner, centers, sizes = grouped(votes, order, radii, stretch, axis, weight, limits)
    spare = np.flatnonzero(owner < 0)
    if len(centers) and len(spare):
        distance = np.linalg.norm(votes[spare, None] - centers[None], axis=2)
        nearest = distance.argmin(axis=1)
        joins = distance[np.arange(len(spare)), nearest] <= radii[spare] + sizes[nearest]
        owner[spare] = np.where(joins, nearest, -1)
    owner[owner < 0] = -1
    return owner


def instances(
    presence: Array, votes: Array, scale: Array, known: Array, grouping: Grouping, up: Array | None = None
) -> Array:
    """Groups of pixels of one view.

    Args:
        presence: (H, W) probability that a pixel is an object's.
        votes: (H, W, 3) where it says that the object's centre is [m].
        scale: (H, W) the expected error of that [m].
        known: (H, W) bool, whether its depth is known.
        grouping: when votes agree.
        up: (3,) unit vector in the frame of the votes; None where it is not known.

    Returns:
        (H, W) int: 0, 1, … by object, -1 for none.
    """
    shown = np.full(presence.shape, -1)
    taken = (presence >= grouping.presence) & known
    if taken.any():
        shown[taken] = group(votes[taken], scale[taken], grouping, up)
    return shown

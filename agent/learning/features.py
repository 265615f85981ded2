"""What the networks see of an observation: one flat vector, whatever the environment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from yanshi.errors import InputError

Floats = NDArray[np.float32]
Observations = Floats | Mapping[str, NDArray[Any]]
"""(n, d) of a Box space, or the three arrays (n, …) of a goal space."""

GOAL_KEYS = ("observation", "achieved_goal", "desired_goal")


@dataclass(frozen=True, slots=True)
class Parts:
    """Observations in their parts, all float32; the goals have no columns where there are none."""

    observation: Floats
    """(…, d_o)"""
    achieved: Floats
    """(…, d_g) the goal that this state achieves."""
    desired: Floats
    """(…, d_g) the goal that is wanted."""


def goal_size(space: spaces.Space[Any]) -> int:
    """How many numbers a goal has: 0 for a Box space.

    Raises:
        InputError: the space is neither a flat Box nor a dict of the three of a goal environment.
    """
    if isinstance(space, spaces.Box) and len(space.shape) == 1:
        return 0
    if isinstance(space, spaces.Dict) and all(
        isinstance(space.get(key), spaces.Box) and len(space[key].shape or ()) == 1 for key in GOAL_KEYS
    ):
        if space["achieved_goal"].shape != space["desired_goal"].shape:
            raise InputError(
                f"observation space: expected goals of one shape, got achieved {space['achieved_goal'].shape} "
                f"and desired {space['desired_goal'].shape}."
            )
        return int(space["desired_goal"].shape[0])  # type: ignore[index]
    raise InputError(f"observation space: expected a flat Box, or a Dict of the flat Boxes {GOAL_KEYS}, got {space}.")


def parts(observations: Observations) -> Parts:
    """Split a batch of observations."""
    if isinstance(observations, Mapping):
        return Parts(*(np.asarray(observations[key], dtype=np.float32) for key in GOAL_KEYS))
    flat = np.asarray(observations, dtype=np.float32)
    none = np.zeros((*flat.shape[:-1], 0), dtype=np.float32)
    return Parts(flat, none, none)


def features(parts: Parts) -> Floats:
    """(…, d_o + 2 d_g): the observation, the achieved goal, and the way from it to the desired one.

    The difference is what a policy needs, and a network would have to find it between two large, nearly equal numbers.
    """
    return np.concatenate([parts.observation, parts.achieved, parts.desired - parts.achieved], axis=-1)

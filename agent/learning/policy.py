"""A trained policy in NumPy: what runs on the robot, and what gathers experience while training."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from yanshi.agent.learning.features import Floats, Observations, features, parts
from yanshi.errors import ContractError

NORMALISED_LIMIT = 10.0
"""Normalised features are clipped to ± this, so that a thing never seen cannot drown the others."""
LOG_STD_MIN, LOG_STD_MAX = -7.0, 1.0


def relu(x: Floats) -> Floats:
    """max(x, 0), in place."""
    np.maximum(x, 0.0, out=x)
    return x


@dataclass(frozen=True, slots=True)
class ActionRange:
    """The Box of actions, which the network's tanh is stretched to."""

    low: Floats
    """(d_a,) in the environment's unit."""
    high: Floats
    """(d_a,)"""

    def to_env(self, squashed: Floats) -> Floats:
        """From [-1, 1] to the environment's unit."""
        return (self.low + 0.5 * (squashed + 1.0) * (self.high - self.low)).astype(np.float32)

    def from_env(self, actions: Floats) -> Floats:
        """From the environment's unit to [-1, 1], clipped."""
        squashed = 2.0 * (np.asarray(actions) - self.low) / (self.high - self.low) - 1.0
        return np.clip(squashed, -1.0, 1.0).astype(np.float32)


@dataclass(frozen=True, slots=True)
class Policy:
    """A squashed Gaussian policy, π(a | s) = tanh(μ(s) + σ(s) ε), by a network of ReLU layers."""

    layers: tuple[tuple[Floats, Floats], ...]
    """Weights (inputs, outputs) and biases (outputs,); the last gives μ and log σ, (2 d_a,)."""
    mean: Floats
    """(d,) of the features."""
    std: Floats
    """(d,) of the features, positive."""
    actions: ActionRange
    observation_size: int
    """d_o: the flat Box, or ``observation`` of a goal space."""
    goal_size: int
    """d_g: 0 where there are no goals."""
    meta: dict[str, str] = field(default_factory=dict)
    """What a reader of the file should know: task, steps, success."""

    def __post_init__(self) -> None:
        width = self.observation_size + 2 * self.goal_size
        if self.mean.shape != (width,) or self.std.shape != (width,):
            raise ContractError(
                f"policy: expected mean and std of shape ({width},), got {self.mean.shape} and {self.std.shape}."
            )
        for index, (weight, bias) in enumerate(self.layers):
            if weight.ndim != 2 or weight.shape[0] != width or bias.shape != (weight.shape[1],):
                raise ContractError(
                    f"policy: layer {index} must be ({width}, n) and (n,), got {weight.shape} and {bias.shape}."
                )
            width = weight.shape[1]
        if width != 2 * self.actions.low.size or self.actions.low.shape != self.actions.high.shape:
            raise ContractError(
                f"policy: {self.actions.low.size} actions want {2 * self.actions.low.size} outputs, got {width}."
            )

    def distribution(self, features: Floats) -> tuple[Floats, Floats]:
        """μ and log σ, both (n, d_a), before the tanh."""
        x: Floats = np.clip((features - self.mean) / self.std, -NORMALISED_LIMIT, NORMALISED_LIMIT)
        for weight, bias in self.layers[:-1]:
            x = relu(x @ weight + bias)
        weight, bias = self.layers[-1]
        mean, log_std = np.split(x @ weight + bias, 2, axis=-1)
        return mean, np.clip(log_std, LOG_STD_MIN, LOG_STD_MAX)

    def squashed(self, features: Floats, rng: np.random.Generator | None = None) -> Floats:
        """Actions (n, d_a) in [-1, 1]: the mode, or a sample where a generator is given."""
        mean, log_std = self.distribution(features)
        if rng is not None:
            mean += np.exp(log_std) * rng.standard_normal(mean.shape, dtype=np.float32)
        return np.tanh(mean)

    def predict(
        self,
        observation: Observations,
        state: tuple[NDArray[np.float32], ...] | None = None,
        episode_start: NDArray[np.bool_] | None = None,
        deterministic: bool = True,
    ) -> tuple[Floats, None]:
        """Actions in the environment's unit for one observation or a batch, as in Stable-Baselines3.

        Raises:
            ContractError: the observation has other shapes than the policy was trained on, or is not finite.
        """
        x = parts(observation)
        if x.observation.shape[-1:] != (self.observation_size,) or x.desired.shape[-1:] != (self.goal_size,):
            raise ContractError(
                f"observation: expected {self.observation_size} numbers and a goal of {self.goal_size}, "
                f"got {x.observation.shape} and {x.desired.shape}."
            )
        vector = features(x)
        if not np.isfinite(vector).all():
            raise ContractError("observation: expected finite numbers, got NaN or infinity.")
        one = vector.ndim == 1
        rng = None if deterministic else np.random.default_rng()
        actions = self.actions.to_env(self.squashed(np.atleast_2d(vector), rng))
        return (actions[0] if one else actions), None

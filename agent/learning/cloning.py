"""Behaviour cloning: the actor is fitted to what a demonstrator meant to do, in seconds."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from yanshi.agent.learning.config import CloningConfig
from yanshi.agent.learning.features import Floats
from yanshi.agent.learning.losses import adam_start, adam_step
from yanshi.agent.learning.networks import Array, Network, distribution, normalise

STEPS_PER_CALL = 100


def _loss(actor: Network, x: Array, labels: Array) -> Array:
    """E‖tanh μ(s) − label‖²."""
    return jnp.mean(jnp.sum((jnp.tanh(distribution(actor, x)[0]) - labels) ** 2, axis=-1))


@jax.jit
def _fit(carry: tuple, xs: Array, labels: Array, rates: Array) -> tuple:  # type: ignore[type-arg]
    def one(carry: tuple, sample: tuple) -> tuple:  # type: ignore[type-arg]
        actor, adam, step = carry
        x, label, rate = sample
        loss, gradient = jax.value_and_grad(_loss)(actor, x, label)
        actor, adam = adam_step(actor, gradient, adam, step + 1.0, rate)
        return (actor, adam, step + 1.0), loss

    return jax.lax.scan(one, carry, (xs, labels, rates))


def clone(
    actor: Network,
    x: Floats,
    labels: Floats,
    normaliser: tuple[Floats, Floats],
    rng: np.random.Generator,
    config: CloningConfig,
) -> tuple[Network, float]:
    """Fit an actor's mode to labels.

    Args:
        actor: where to start; its standard deviation is kept as it is.
        x: (N, d) features.
        labels: (N, d_a) in [-1, 1].
        normaliser: mean and standard deviation (d,) of the features.
        rng: which samples come in which batch.
        config: how long, how fast.

    Returns:
        The actor, and the mean squared error over its last hundred batches.
    """
    x = np.asarray(normalise(jnp.asarray(x), jnp.asarray(normaliser[0]), jnp.asarray(normaliser[1])))
    calls = -(-config.updates // STEPS_PER_CALL)
    total = calls * STEPS_PER_CALL
    rates = config.learning_rate * 0.5 * (1.0 + np.cos(np.pi * np.arange(total) / total))
    carry = (actor, adam_start(actor), jnp.float32(0.0))
    loss = jnp.float32(np.nan)
    for call in range(calls):
        index = rng.integers(len(x), size=(STEPS_PER_CALL, config.batch_size))
        some = rates[call * STEPS_PER_CALL : (call + 1) * STEPS_PER_CALL].astype(np.float32)
        carry, losses = _fit(carry, x[index], labels[index], some)
        loss = jnp.mean(losses)
    return carry[0], float(loss)

"""The algorithm's mathematics, top to bottom, and many updates fused into one compiled call.

Soft actor-critic (Haarnoja et al. 2018, arXiv:1812.05905) with what makes it fast from few data:

- hindsight goals (Andrychowicz et al. 2017, arXiv:1707.01495) and a share of every batch from the demonstrations
  (Ball et al. 2023, RLPD, arXiv:2302.02948) come in with the batches (`replay`);
- layer-normalised critics (RLPD) come with the `networks`;
- targets clipped to what a return can be, as in Andrychowicz et al. 2017, appendix A;
- a cloning term on the demonstrated actions, only where the critic thinks them better than the policy's own
  (Nair et al. 2018, arXiv:1709.10089, eq. 3–5), on values scaled as in TD3+BC (Fujimoto & Gu 2021, arXiv:2106.06860).
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp

from yanshi.agent.learning.config import LossConfig
from yanshi.agent.learning.networks import Array, Network, distribution, normalise, sample, values

Tree: TypeAlias = Any
"""A tree of arrays, as JAX means it."""


class Batch(NamedTuple):
    """n transitions; in a fused call every array has a leading axis, one row an update."""

    x: Array
    """(n, d) features of s."""
    action: Array
    """(n, d_a) what was done, in [-1, 1]."""
    reward: Array
    """(n,)"""
    next_x: Array
    """(n, d) features of s'."""
    terminal: Array
    """(n,) 1 where s' ends the task, so that nothing comes after it; 0 at a time limit."""
    label: Array
    """(n, d_a) what the demonstrator meant to do in s, in [-1, 1]."""
    demonstrated: Array
    """(n,) 1 where there is a label."""


class Adam(NamedTuple):
    """The moments of Adam (Kingma & Ba 2015)."""

    first: Tree
    second: Tree


class State(NamedTuple):
    """All that changes while learning."""

    actor: Network
    critics: tuple[Network, ...]
    targets: tuple[Network, ...]
    log_alpha: Array
    actor_adam: Adam
    critic_adam: Adam
    alpha_adam: Adam
    step: Array
    """() float32: updates done."""
    key: Array
    """The state of the random numbers."""


def adam_start(params: Tree) -> Adam:
    """Moments of zero."""
    zeros = jax.tree.map(jnp.zeros_like, params)
    return Adam(zeros, zeros)


def adam_step(params: Tree, gradient: Tree, adam: Adam, step: Array, rate: float | Array) -> tuple[Tree, Adam]:
    """One step of Adam; `step` counts from 1."""
    first = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, adam.first, gradient)
    second = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g**2, adam.second, gradient)
    size = rate * jnp.sqrt(1.0 - 0.999**step) / (1.0 - 0.9**step)
    params = jax.tree.map(lambda p, m, v: p - size * m / (jnp.sqrt(v) + 1e-8), params, first, second)
    return params, Adam(first, second)


def target(state: State, batch: Batch, noise: Array, bounds: Array, config: LossConfig) -> Array:
    """Y (n,) = clip(r + γ (1 − terminal) [min_i Q̄_i(s', a') − α log π(a' | s')], bounds), a' ~ π(· | s')."""
    action, log_probability = sample(state.actor, batch.next_x, noise)
    after = values(state.targets, batch.next_x, action).min(axis=0)
    if config.entropy_backup:
        after -= jnp.exp(state.log_alpha) * log_probability
    y = batch.reward + config.discount * (1.0 - batch.terminal) * after
    return jax.lax.stop_gradient(jnp.clip(y, bounds[0], bounds[1]))


def critic_loss(critics: tuple[Network, ...], batch: Batch, y: Array) -> Array:
    """Σ_i E[(Q_i(s, a) − y)²]."""
    return jnp.sum(jnp.mean((values(critics, batch.x, batch.action) - y) ** 2, axis=1))


def cloning_loss(actor: Network, batch: Batch, accepted: Array) -> Array:
    """E over the demonstrated of accepted · ‖tanh μ(s) − label‖², where accepted (n,) is 0 or 1."""
    mean, _ = distribution(actor, batch.x)
    error = jnp.sum((jnp.tanh(mean) - batch.label) ** 2, axis=-1)
    weight = batch.demonstrated * accepted
    return jnp.sum(weight * error) / jnp.maximum(jnp.sum(batch.demonstrated), 1.0)


def actor_loss(actor: Network, state: State, batch: Batch, noise: Array, config: LossConfig) -> tuple[Array, Tree]:
    """E[α log π(a | s) − min_i Q_i(s, a)] / E|Q| + λ · cloning, a ~ π(· | s) by reparameterisation."""
    action, log_probability = sample(actor, batch.x, noise)
    mine = values(state.critics, batch.x, action).min(axis=0)
    scale = jax.lax.stop_gradient(jnp.maximum(jnp.mean(jnp.abs(mine)), 1.0))
    loss = jnp.mean(jnp.exp(state.log_alpha) * log_probability - mine) / scale
    cloning = jnp.float32(0.0)
    if config.cloning_weight > 0.0:
        accepted = jnp.ones_like(batch.demonstrated)
        if config.q_filter:
            mode = jnp.tanh(distribution(actor, batch.x)[0])
            shown = values(state.critics, batch.x, batch.label).min(axis=0)
            accepted = jax.lax.stop_gradient((shown > values(state.critics, batch.x, mode).min(axis=0)).astype(float))
        cloning = cloning_loss(actor, batch, accepted)
    return loss + config.cloning_weight * cloning, (log_probability, cloning, jnp.mean(mine))


def update(state: State, batch: Batch, bounds: Array, actor_on: Array, config: LossConfig) -> tuple[State, Tree]:
    """One update of the critics, the actor, the temperature and the targets.

    `actor_on` is 1, or 0 while new critics learn about a cloned actor, which they could only spoil.
    """
    key, next_noise_key, noise_key = jax.random.split(state.key, 3)
    step = state.step + 1.0
    y = target(state, batch, jax.random.normal(next_noise_key, batch.action.shape), bounds, config)
    loss, gradient = jax.value_and_grad(critic_loss)(state.critics, batch, y)
    critics, critic_adam = adam_step(state.critics, gradient, state.critic_adam, step, config.learning_rate)
    state = state._replace(critics=critics, critic_adam=critic_adam, step=step, key=key)

    noise = jax.random.normal(noise_key, batch.action.shape)
    (_, (log_probability, cloning, mine)), gradient = jax.value_and_grad(actor_loss, has_aux=True)(
        state.actor, state, batch, noise, config
    )
    rate = config.actor_learning_rate * actor_on
    actor, actor_adam = adam_step(state.actor, gradient, state.actor_adam, step, rate)

    # J(α) = E[−α (log π(a | s) + H̄)], in log α: Haarnoja et al. 2018, eq. 18.
    entropy = -batch.action.shape[-1] if config.target_entropy is None else config.target_entropy
    slope = -jnp.exp(state.log_alpha) * jnp.mean(log_probability + entropy)
    log_alpha, alpha_adam = adam_step(state.log_alpha, slope, state.alpha_adam, step, config.learning_rate * actor_on)
    targets = jax.tree.map(lambda old, new: old + config.target_rate * (new - old), state.targets, critics)
    state = state._replace(
        actor=actor, actor_adam=actor_adam, log_alpha=log_alpha, alpha_adam=alpha_adam, targets=targets
    )
    return state, {
        "critic_loss": loss,
        "cloning_loss": cloning,
        "value": mine,
        "target": jnp.mean(y),
        "entropy": -jnp.mean(log_probability),
        "alpha": jnp.exp(log_alpha),
    }


FusedUpdate: TypeAlias = Callable[[State, Batch, Array, Array, Array, Array], tuple[State, dict[str, Array]]]


@functools.cache
def fused_update(config: LossConfig) -> FusedUpdate:
    """A compiled function (state, batches, mean, std, bounds, actor_on) → (state, mean of what each update reports).

    One call does as many updates as the batches have rows: a `lax.scan`, so that Python is met once a call. Compiling
    takes seconds, so models with the same constants and sizes share what was compiled.
    """

    def run(
        state: State, batches: Batch, mean: Array, std: Array, bounds: Array, actor_on: Array
    ) -> tuple[State, Tree]:
        def one(state: State, batch: Batch) -> tuple[State, Tree]:
            batch = batch._replace(x=normalise(batch.x, mean, std), next_x=normalise(batch.next_x, mean, std))
            return update(state, batch, bounds, actor_on, config)

        state, reports = jax.lax.scan(one, state, batches)
        return state, jax.tree.map(jnp.mean, reports)

    return jax.jit(run)

"""Cloning against a problem whose answer is known."""

import jax.numpy as jnp
import numpy as np
import pytest

from yanshi.agent.learning import networks
from yanshi.agent.learning.cloning import clone
from yanshi.agent.learning.config import CloningConfig
from yanshi.agent.learning.moments import Moments


def test_a_linear_expert_is_found_on_states_never_seen() -> None:
    rng = np.random.default_rng(0)
    mean, std = np.array([1.0, -2.0, 0.0, 30.0], np.float32), np.array([0.1, 1.0, 5.0, 10.0], np.float32)
    gains = rng.normal(size=(4, 2)).astype(np.float32)

    def expert(x: np.ndarray) -> np.ndarray:
        return np.tanh(0.3 * ((x - mean) / std) @ gains).astype(np.float32)

    shown, unseen = (mean + std * rng.normal(size=(2000, 4)).astype(np.float32) for _ in range(2))
    start = networks.actor(rng, (4, 32, 32, 4), 0.2)
    config = CloningConfig(updates=1500, batch_size=128)
    actor, error = clone(start, shown, expert(shown), (mean, std), rng, config)
    mode, log_std = networks.distribution(actor, jnp.asarray((unseen - mean) / std))
    unexplained = ((np.tanh(mode) - expert(unseen)) ** 2).sum() / ((expert(unseen) - expert(unseen).mean(0)) ** 2).sum()
    assert unexplained < 0.01
    assert error < 0.01
    np.testing.assert_allclose(log_std, np.log(0.2), rtol=1e-5)  # how much it explores is not cloned


@pytest.mark.parametrize("sizes", [(1, 1), (5, 3, 400), (2, 0, 7)])
def test_moments_in_batches_are_those_of_the_whole(sizes: tuple[int, ...]) -> None:
    rng = np.random.default_rng(1)
    parts = [rng.normal(3.0, 2.0, (size, 3)).astype(np.float32) + 1000.0 for size in sizes]
    moments = Moments.of_size(3)
    for part in parts:
        moments.add(part)
    whole = np.concatenate(parts).astype(np.float64)
    np.testing.assert_allclose(moments.mean, whole.mean(axis=0))
    np.testing.assert_allclose(moments.std, np.maximum(whole.std(axis=0), 1e-3), rtol=1e-5)

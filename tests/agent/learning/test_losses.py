"""The mathematics against torch, SciPy and sums by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from scipy import stats

from yanshi.agent.learning import losses, networks
from yanshi.agent.learning.config import LossConfig

N, D, A = 7, 5, 2


@pytest.fixture
def state() -> losses.State:
    rng = np.random.default_rng(3)
    actor = networks.actor(rng, (D, 8, 8, 2 * A), 0.5)
    critics = networks.critics(rng, (D + A, 8, 8, 1), 2)
    targets = networks.critics(rng, (D + A, 8, 8, 1), 2)
    log_alpha = jnp.log(jnp.float32(0.3))
    starts = (losses.adam_start(actor), losses.adam_start(critics), losses.adam_start(log_alpha))
    return losses.State(actor, critics, targets, log_alpha, *starts, jnp.float32(0.0), jax.random.PRNGKey(1))


@pytest.fixture
def batch() -> losses.Batch:
    rng = np.random.default_rng(4)
    shown = np.array([1, 0, 1, 1, 0, 1, 0], dtype=np.float32)
    return losses.Batch(
        *(
            jnp.asarray(array, dtype=jnp.float32)
            for array in (
                rng.normal(size=(N, D)),
                np.tanh(rng.normal(size=(N, A))),
                -rng.integers(0, 2, N),
                rng.normal(size=(N, D)),
                np.array([0, 0, 0, 1, 0, 0, 1]),
                np.tanh(rng.normal(size=(N, A))),
                shown,
            )
        )
    )


def as_torch(network: networks.Network) -> list[torch.Tensor]:
    return [torch.tensor(np.array(array), requires_grad=True) for pair in network for array in pair]


def torch_value(network: list[torch.Tensor], x: torch.Tensor, action: torch.Tensor) -> torch.Tensor:
    x = torch.cat([x, action], -1)
    for weight, bias in zip(network[:-2:2], network[1:-2:2], strict=True):
        x = torch.relu(torch.nn.functional.layer_norm(x @ weight + bias, (weight.shape[1],)))
    return (x @ network[-2] + network[-1])[:, 0]


def torch_actor(network: list[torch.Tensor], x: torch.Tensor, noise: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Through torch's own distributions."""
    for weight, bias in zip(network[:-2:2], network[1:-2:2], strict=True):
        x = torch.relu(x @ weight + bias)
    mean, log_std = (x @ network[-2] + network[-1]).chunk(2, -1)
    u = mean + log_std.exp() * noise
    base = torch.distributions.Normal(mean, log_std.exp())
    squashed = torch.distributions.TransformedDistribution(base, torch.distributions.TanhTransform(cache_size=1))
    action = torch.tanh(u)
    return action, (base.log_prob(u) - squashed.transforms[0].log_abs_det_jacobian(u, action)).sum(-1)


def test_the_density_of_a_squashed_action_is_the_derivative_of_its_distribution(state: losses.State) -> None:
    x = jnp.ones((1, D))
    mean, log_std = networks.distribution(state.actor, x)
    noise = jnp.asarray([[0.4, -1.3]])
    action, log_probability = networks.sample(state.actor, x, noise)
    a, h = np.array(action, dtype=np.float64)[0], 1e-5
    cdf = stats.norm(np.array(mean)[0], np.exp(np.array(log_std)[0])).cdf
    density = (cdf(np.arctanh(a + h)) - cdf(np.arctanh(a - h))) / (2 * h)
    assert float(log_probability[0]) == pytest.approx(np.log(density).sum(), abs=1e-4)


@pytest.mark.parametrize("backup", [False, True])
def test_the_target_is_that_of_the_paper(state: losses.State, batch: losses.Batch, backup: bool) -> None:
    noise = np.random.default_rng(5).normal(size=(N, A)).astype(np.float32)
    config = LossConfig(discount=0.9, entropy_backup=backup)
    y = losses.target(state, batch, jnp.asarray(noise), jnp.asarray([-1.5, 0.2]), config)
    x2 = torch.tensor(np.array(batch.next_x))
    action, log_probability = torch_actor(as_torch(state.actor), x2, torch.tensor(noise))
    after = torch.minimum(*(torch_value(as_torch(one), x2, action) for one in state.targets)).detach().numpy()
    if backup:
        after = after - 0.3 * log_probability.detach().numpy()
    expected = [
        min(max(r + 0.9 * (0.0 if end else q), -1.5), 0.2)
        for r, end, q in zip(np.array(batch.reward), np.array(batch.terminal), after, strict=True)
    ]
    np.testing.assert_allclose(y, expected, rtol=1e-5, atol=1e-6)


def test_gradients_agree_with_torch(state: losses.State, batch: losses.Batch) -> None:
    noise = np.random.default_rng(6).normal(size=(N, A)).astype(np.float32)
    y = np.linspace(-2, 0, N).astype(np.float32)
    config = LossConfig(cloning_weight=0.7, q_filter=True)
    x, done, label, shown = (torch.tensor(np.array(batch[i])) for i in (0, 1, 5, 6))

    mine = jax.tree.leaves(jax.jit(jax.grad(losses.critic_loss))(state.critics, batch, jnp.asarray(y)))
    critics = [as_torch(one) for one in state.critics]
    sum(((torch_value(one, x, done) - torch.tensor(y)) ** 2).mean() for one in critics).backward()  # type: ignore[union-attr]
    for ours, theirs in zip(mine, [p for one in critics for p in one], strict=True):
        np.testing.assert_allclose(ours, theirs.grad.reshape(ours.shape), rtol=2e-4, atol=1e-6)

    slope = jax.jit(jax.grad(losses.actor_loss, has_aux=True), static_argnames="config")
    gradient, _ = slope(state.actor, state, batch, jnp.asarray(noise), config)
    actor = as_torch(state.actor)
    action, log_probability = torch_actor(actor, x, torch.tensor(noise))
    q = torch.minimum(*(torch_value(one, x, action) for one in critics))
    mode, _ = torch_actor(actor, x, torch.zeros(N, A))
    better = torch.minimum(*(torch_value(one, x, label) for one in critics)) > torch.minimum(
        *(torch_value(one, x, mode) for one in critics)
    )
    assert 0 < int((better * shown).sum()) < int(shown.sum()), "the filter must let through some and not all"
    error = ((mode - label) ** 2).sum(-1)
    cloning = (error * better * shown).sum() / shown.sum()
    scale = max(float(q.detach().abs().mean()), 1.0)
    ((0.3 * log_probability - q).mean() / scale + 0.7 * cloning).backward()  # type: ignore[no-untyped-call]
    for ours, theirs in zip(jax.tree.leaves(gradient), actor, strict=True):
        np.testing.assert_allclose(ours, theirs.grad, rtol=2e-4, atol=1e-6)


def test_adam_is_that_of_torch() -> None:
    start = np.array([1.0, -2.0, 3.0], dtype=np.float32)
    theirs = torch.tensor(start, requires_grad=True)
    optimiser = torch.optim.Adam([theirs], lr=0.1, eps=1e-8)
    ours, adam = jnp.asarray(start), losses.adam_start(jnp.asarray(start))
    for step in range(1, 6):
        gradient = np.cos(step * start).astype(np.float32)
        theirs.grad = torch.tensor(gradient)
        optimiser.step()
        ours, adam = losses.adam_step(ours, jnp.asarray(gradient), adam, jnp.float32(step), 0.1)
    np.testing.assert_allclose(ours, theirs.detach(), rtol=1e-5)


one_update = jax.jit(losses.update, static_argnames="config")


def test_a_fused_call_is_the_updates_one_after_another(state: losses.State, batch: losses.Batch) -> None:
    mean, std, bounds = jnp.full(D, 0.1), jnp.full(D, 1.7), jnp.asarray([-50.0, 0.0])
    config = LossConfig()
    batches = jax.tree.map(lambda array: jnp.stack([array, array[::-1]]), batch)
    fused, report = losses.fused_update(config)(state, batches, mean, std, bounds, jnp.float32(1.0))
    alone, seen = state, []
    for index in range(2):
        one = jax.tree.map(lambda array, index=index: array[index], batches)
        one = one._replace(x=(one.x - mean) / std, next_x=(one.next_x - mean) / std)
        alone, told = one_update(alone, one, bounds, jnp.float32(1.0), config)
        seen.append(float(told["critic_loss"]))
    for a, b in zip(jax.tree.leaves(fused), jax.tree.leaves(alone), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)
    assert float(report["critic_loss"]) == pytest.approx(np.mean(seen), rel=1e-4)


def test_the_targets_follow_and_a_waiting_actor_stays(state: losses.State, batch: losses.Batch) -> None:
    config = LossConfig(target_rate=0.1)
    after, _ = one_update(state, batch, jnp.asarray([-50.0, 0.0]), jnp.float32(0.0), config)
    for old, now in zip(jax.tree.leaves(state.actor), jax.tree.leaves(after.actor), strict=True):
        np.testing.assert_array_equal(old, now)
    assert float(after.log_alpha) == float(state.log_alpha)
    trees = (state.targets, after.critics, after.targets)
    for old, critic, now in zip(*map(jax.tree.leaves, trees), strict=True):
        np.testing.assert_allclose(now, 0.9 * np.array(old) + 0.1 * np.array(critic), rtol=1e-5, atol=1e-7)


def test_the_temperature_rises_where_the_entropy_is_too_low(state: losses.State, batch: losses.Batch) -> None:
    for wanted, sign in ((100.0, 1), (-100.0, -1)):
        config = LossConfig(target_entropy=wanted)
        after, _ = one_update(state, batch, jnp.asarray([-50.0, 0.0]), jnp.float32(1.0), config)
        assert np.sign(float(after.log_alpha - state.log_alpha)) == sign

"""Tuning a cloned motor policy by reinforcement: proximal policy optimisation that remembers its demonstrations.

- PPO (Schulman et al. 2017, arXiv:1707.06347) with generalised advantages (arXiv:1506.02438); its policy stays near the
  one that gathered the data, so that what cloning has given is not lost before the critic knows anything.
- The critic sees the truth of the simulation besides the features (asymmetric actor-critic, Pinto et al. 2017,
  arXiv:1710.06542): it exists in training only.
- A cloning term on the demonstrations, which fades (Rajeswaran et al. 2018, DAPG, arXiv:1709.10087).

One iteration begins fresh episodes, drawn from the seed and its number. So a run that is killed and resumed ends with
the networks that it would have had.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from yanshi.agent.skills.motor.action import ACTION
from yanshi.agent.skills.motor.environment import PRIVILEGED, MotorEnv
from yanshi.agent.skills.motor.features import FEATURES
from yanshi.agent.skills.motor.policy import Layers, MotorPolicy, forward
from yanshi.agent.skills.motor.rollouts import Demonstration
from yanshi.errors import InputError, MissingDependencyError

try:
    import torch
    from torch import Tensor, nn
except ImportError as error:
    raise MissingDependencyError("torch", "rl") from error

__all__ = ["Report", "Tuner", "TuningConfig", "layers_of", "network", "steps_of"]

Array = NDArray[Any]
_LEAST_STD = 0.05
"""A feature that varies less than this in the demonstrations is not blown up."""


@dataclass(frozen=True, kw_only=True)
class TuningConfig:
    """The recipe's constants."""

    hidden: tuple[int, ...] = (128, 128)
    """Widths of the layers of actor and critic."""
    cloning_updates: int = 4000
    cloning_batch: int = 256
    cloning_rate: float = 2e-3
    """Falls to zero along half a cosine."""
    steps: int = 1000
    """In each environment, in one iteration."""
    discount: float = 0.99
    trace: float = 0.95
    """λ of the generalised advantages."""
    clip: float = 0.2
    epochs: int = 10
    batches: int = 8
    """Parts into which an iteration's data are divided."""
    actor_rate: float = 3e-4
    critic_rate: float = 1e-3
    divergence: float = 0.03
    """Kullback–Leibler divergence from the policy that gathered the data, at which the actor stops for this time."""
    exploration: tuple[float, ...] = (0.25, 0.25, 0.25, 0.25, 0.2)
    """(ACTION,) standard deviation of the actions at the start."""
    cloning_weight: float = 0.1
    cloning_fades: float = 0.95
    """Factor of the weight from one iteration to the next."""

    def __post_init__(self) -> None:
        if len(self.exploration) != ACTION or min(self.exploration) <= 0.0:
            raise InputError(f"TuningConfig: expected {ACTION} positive exploration values, got {self.exploration}.")


class Report(NamedTuple):
    """What an iteration came to."""

    iteration: int
    steps: int
    """In all environments, so far."""
    success: float
    """Share of the episodes that ended well, while exploring."""
    hard: float
    """… of those with more than severity 1.5."""
    episodes: int
    divergence: float
    explained: float
    """Share of the variance of the returns that the critic had foreseen."""


class _Data(NamedTuple):
    """One iteration's experience: T steps in N environments."""

    features: NDArray[np.float32]
    privileged: NDArray[np.float32]
    actions: NDArray[np.float32]
    rewards: NDArray[np.float32]
    ends: NDArray[np.float32]


def steps_of(shown: Sequence[Demonstration]) -> tuple[Array, Array]:
    """Features (n, FEATURES) and labels (n, ACTION) of all steps of some episodes."""
    return np.concatenate([one.features[:-1] for one in shown]), np.concatenate([one.labels for one in shown])


def network(sizes: Sequence[int]) -> nn.Sequential:
    """Linear layers with ReLU between them."""
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(sizes):
        layers += [nn.Linear(inputs, outputs), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def layers_of(net: nn.Sequential, mean: Array, std: Array) -> Layers:
    """The layers of a network of normalised inputs, as one of the inputs themselves."""
    linear = [layer for layer in net if isinstance(layer, nn.Linear)]
    found = [tuple(p.detach().numpy().astype(np.float64) for p in (one.weight, one.bias)) for one in linear]
    weight, bias = found[0]
    found[0] = (weight / std, bias - weight @ (mean / std))
    return tuple((np.asarray(w, dtype=np.float32), np.asarray(b, dtype=np.float32)) for w, b in found)


class Tuner:
    """A policy in training.

    Args:
        envs: where it acts; all of one manoeuvre.
        shown: features (n, FEATURES) of states, and what would have been right to do there (n, ACTION).
        config: the recipe.
        seed: of networks, batches, episodes and exploration.
    """

    def __init__(
        self,
        envs: Sequence[MotorEnv],
        shown: tuple[Array, Array],
        config: TuningConfig | None = None,
        seed: int = 0,
    ) -> None:
        self.config = config = config or TuningConfig()
        self.envs, self.seed, self.iteration, self.taken = list(envs), seed, 0, 0
        self.shown = shown
        """Features and labels of all that is cloned."""
        self.mean, self.std = shown[0].mean(axis=0), np.maximum(shown[0].std(axis=0), _LEAST_STD)
        self._take(shown)
        torch.manual_seed(seed)
        self.actor = network((FEATURES, *config.hidden, ACTION))
        self.critic = network((FEATURES + PRIVILEGED, *config.hidden, 1))
        self.log_std = nn.Parameter(torch.log(torch.tensor(config.exploration)))
        self._actor_steps = torch.optim.Adam([*self.actor.parameters(), self.log_std], config.actor_rate)
        self._critic_steps = torch.optim.Adam(self.critic.parameters(), config.critic_rate)

    def _take(self, shown: tuple[Array, Array]) -> None:
        self.shown = shown
        self._shown, self._labels = self._normal(shown[0]), torch.as_tensor(shown[1], dtype=torch.float32)

    def _normal(self, features: Array) -> Tensor:
        return torch.as_tensor((features - self.mean) / self.std, dtype=torch.float32)

    def policy(self, card: dict[str, Any] | None = None) -> MotorPolicy:
        """The policy as it is."""
        return MotorPolicy(layers_of(self.actor, self.mean, self.std), card=card or {})

    def clone(self) -> float:
        """Fit the actor to the demonstrations; returns the mean squared error of its last batches."""
        config, losses = self.config, []
        steps = torch.optim.Adam(self.actor.parameters(), config.cloning_rate)
        for update in range(config.cloning_updates):
            for group in steps.param_groups:
                group["lr"] = 0.5 * config.cloning_rate * (1.0 + np.cos(np.pi * update / config.cloning_updates))
            loss = self._cloning_loss(config.cloning_batch)
            steps.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            steps.step()
            losses.append(loss.item())
        return float(np.mean(losses[-100:]))

    def distil(self, corrected: Sequence[Demonstration], first: bool) -> float:
        """Add what a guide said of the policy's own states to what is cloned, and clone again, from where the actor is.

        Args:
            corrected: episodes with the guide's labels, whether or not they ended well.
            first: whether the script's demonstrations shall be forgotten.

        Returns:
            The mean squared error of the last batches.
        """
        fresh = steps_of(corrected)
        self._take(
            fresh if first else (np.concatenate([self.shown[0], fresh[0]]), np.concatenate([self.shown[1], fresh[1]]))
        )
        return self.clone()

    def _cloning_loss(self, count: int) -> Tensor:
        """E‖tanh μ(s) − label‖² over some of the demonstrated steps."""
        some = torch.randint(len(self._shown), (count,))
        return ((torch.tanh(self.actor(self._shown[some])) - self._labels[some]) ** 2).sum(dim=1).mean()

    def iterate(self) -> Report:
        """Gather experience and learn from it; the first time only the critic does."""
        torch.manual_seed(self.seed * 100_003 + self.iteration)
        data, outcomes, last = self._gather()
        features, privileged = self._normal(data.features), torch.as_tensor(data.privileged)
        known = torch.cat([features, privileged], dim=-1)
        with torch.no_grad():
            values = self.critic(known)[..., 0].numpy()
            after = self.critic(torch.cat([self._normal(last[0]), torch.as_tensor(last[1])], dim=-1))[..., 0].numpy()
        advantages = self._advantages(data, values, after)
        returns = torch.as_tensor(advantages + values).reshape(-1)
        divergence = self._learn(
            features.reshape(-1, FEATURES),
            known.reshape(-1, FEATURES + PRIVILEGED),
            torch.as_tensor(data.actions).reshape(-1, ACTION),
            torch.as_tensor(advantages).reshape(-1),
            returns,
        )
        error = float(((returns - torch.as_tensor(values).reshape(-1)) ** 2).mean() / returns.var())
        self.taken += data.rewards.size
        self.iteration += 1
        hard = [success for success, severity in outcomes if severity > 1.5]
        return Report(
            self.iteration,
            self.taken,
            float(np.mean([success for success, _ in outcomes])) if outcomes else 0.0,
            float(np.mean(hard)) if hard else float("nan"),
            len(outcomes),
            divergence,
            1.0 - error,
        )

    def _gather(self) -> tuple[_Data, list[tuple[bool, float]], tuple[Array, Array]]:
        """T steps in every environment, how the episodes in it ended, and what is seen at the end."""
        steps, count = self.config.steps, len(self.envs)
        rng = np.random.default_rng([self.seed, self.iteration])
        data = _Data(
            *(np.zeros((steps, count, *shape), np.float32) for shape in ((FEATURES,), (PRIVILEGED,), (ACTION,), (), ()))
        )
        seeds = rng.integers(2**31, size=count)
        seen = np.stack([env.reset(seed=int(seed))[0] for env, seed in zip(self.envs, seeds, strict=True)])
        known = np.stack([env.privileged() for env in self.envs])
        layers, spread = layers_of(self.actor, self.mean, self.std), self.log_std.exp().detach().numpy()
        outcomes: list[tuple[bool, float]] = []
        for t in range(steps):
            actions = np.tanh(forward(layers, seen)) + spread * rng.standard_normal((count, ACTION))
            data.features[t], data.privileged[t], data.actions[t] = seen, known, actions
            for i, env in enumerate(self.envs):
                seen[i], data.rewards[t, i], ended, _, info = env.step(np.clip(actions[i], -1.0, 1.0))
                data.ends[t, i] = ended
                if ended:
                    outcomes.append((bool(info["is_success"]), env.drawn_severity))
                    seen[i] = env.reset()[0]
                known[i] = env.privileged()
        return data, outcomes, (seen, known)

    def _advantages(self, data: _Data, values: Array, after: Array) -> NDArray[np.float32]:
        """A_t = Σ_k (γλ)^k δ_{t+k}, δ_t = r_t + γ V(s_{t+1}) − V(s_t), up to the end of the episode."""
        config = self.config
        advantages, follows = np.zeros_like(data.rewards), np.zeros_like(after)
        for t in range(len(values) - 1, -1, -1):
            goes_on = config.discount * (1.0 - data.ends[t])
            delta = data.rewards[t] + goes_on * (after if t == len(values) - 1 else values[t + 1]) - values[t]
            follows = delta + config.trace * goes_on * follows
            advantages[t] = follows
        return advantages

    def _log_probability(self, features: Tensor, actions: Tensor) -> Tensor:
        """Of actions before they are clipped, up to a constant."""
        mean = torch.tanh(self.actor(features))
        return (-0.5 * ((actions - mean) / self.log_std.exp()) ** 2 - self.log_std).sum(dim=-1)

    def _learn(self, features: Tensor, known: Tensor, actions: Tensor, advantages: Tensor, returns: Tensor) -> float:
        """Epochs over one iteration's data; returns how far the actor has gone from where it was."""
        config, divergence = self.config, 0.0
        advantages = (advantages - advantages.mean()) / (advantages.std() + 1e-8)
        with torch.no_grad():
            before = self._log_probability(features, actions)
        weight = config.cloning_weight * config.cloning_fades**self.iteration
        acting = self.iteration > 0
        for _ in range(config.epochs):
            for some in torch.chunk(torch.randperm(len(features)), config.batches):
                error = ((self.critic(known[some])[..., 0] - returns[some]) ** 2).mean()
                self._critic_steps.zero_grad()
                error.backward()
                self._critic_steps.step()
                if acting:
                    ratio = (self._log_probability(features[some], actions[some]) - before[some]).exp()
                    bounded = ratio.clamp(1.0 - config.clip, 1.0 + config.clip)
                    gain = torch.minimum(ratio * advantages[some], bounded * advantages[some]).mean()
                    loss = weight * self._cloning_loss(config.cloning_batch) - gain
                    self._actor_steps.zero_grad()
                    loss.backward()  # type: ignore[no-untyped-call]
                    nn.utils.clip_grad_norm_(self.actor.parameters(), 0.5)
                    self._actor_steps.step()
            if acting:
                with torch.no_grad():
                    change = self._log_probability(features, actions) - before
                    divergence = float((change.exp() - 1.0 - change).mean())  # Schulman's low-variance estimate
                acting = divergence < config.divergence
        return divergence

    def arrays(self) -> dict[str, Array]:
        """All that changes in training, by name."""
        found = {"mean": self.mean, "std": self.std, "log_std": self.log_std.detach().numpy()}
        for name, part in (("actor", self.actor), ("critic", self.critic)):
            found |= {f"{name}.{key}": value.numpy() for key, value in part.state_dict().items()}
        for name, steps in (("actor_adam", self._actor_steps), ("critic_adam", self._critic_steps)):
            for index, moments in steps.state_dict()["state"].items():
                found |= {f"{name}.{index}.{key}": value.numpy() for key, value in moments.items()}
        return {name: np.asarray(value) for name, value in found.items()}

    def restore(self, arrays: dict[str, Array], iteration: int, taken: int) -> None:
        """Go on from what `arrays` gave.

        Raises:
            InputError: they belong to other networks.
        """
        self.iteration, self.taken = iteration, taken
        self.mean, self.std = arrays["mean"], arrays["std"]
        self._take(self.shown)
        try:
            for name, part in (("actor", self.actor), ("critic", self.critic)):
                keys = part.state_dict().keys()
                part.load_state_dict({key: torch.as_tensor(arrays[f"{name}.{key}"]) for key in keys})
            self.log_std.data = torch.as_tensor(arrays["log_std"])
            for name, steps in (("actor_adam", self._actor_steps), ("critic_adam", self._critic_steps)):
                state: dict[int, dict[str, Tensor]] = {}
                for key, value in arrays.items():
                    head, _, rest = key.partition(".")
                    if head == name:
                        index, _, moment = rest.partition(".")
                        state.setdefault(int(index), {})[moment] = torch.as_tensor(value)
                steps.load_state_dict({"state": state, "param_groups": steps.state_dict()["param_groups"]})
        except (KeyError, RuntimeError) as error:
            raise InputError(f"Tuner: the checkpoint is of another network: {error}") from error

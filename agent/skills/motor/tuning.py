"""Tuning a cloned motor policy by reinforcement: proximal policy optimisation that remembers its demonstrations.

- PPO (Schulman et al. 2017, arXiv:1707.06347) with generalised advantages (arXiv:1506.02438); its policy stays near the
  one that gathered the data, so that what cloning has given is not lost before the critic knows anything.
- The critic sees the truth of the simulation besides the features (asymmetric actor-critic, Pinto et al. 2017,
  arXiv:1710.06542): it exists in training only.
- A cloning term on the demonstrations, which fades (Rajeswaran et al. 2018, DAPG, arXiv:1709.10087), where the actions
  are commands; corrections of a reflex do no harm when they are small, and need none.

One iteration begins fresh episodes, drawn from the seed and its number. So a run that is killed and resumed ends with
the networks that it would have had, on however many processes (see `gathering`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from yanshi.agent.skills.motor.action import ACTION
from yanshi.agent.skills.motor.environment import PRIVILEGED
from yanshi.agent.skills.motor.features import FEATURES
from yanshi.agent.skills.motor.gathering import Experience, Field, Part, joined
from yanshi.agent.skills.motor.policy import Layers, MotorPolicy
from yanshi.agent.skills.motor.rollouts import Demonstration
from yanshi.errors import InputError, MissingDependencyError

try:
    import torch
    from torch import Tensor, nn
except ImportError as error:
    raise MissingDependencyError("torch", "rl") from error

__all__ = ["Report", "Tuner", "TuningConfig", "layers_of", "network", "steps_of"]

Array = NDArray[Any]
_LEAST_STD = 0.2
"""A feature that varies less than this in the demonstrations is not blown up: exploring will show more of it."""


@dataclass(frozen=True, kw_only=True)
class TuningConfig:
    """The recipe's constants."""

    hidden: tuple[int, ...] = (128, 128)
    """Widths of the layers of actor and critic."""
    cloning_updates: int = 4000
    cloning_batch: int = 256
    cloning_rate: float = 2e-3
    """Falls to zero along half a cosine."""
    parts: int = 10
    """Into which an iteration's experience is divided; as many processes can share in it."""
    steps: int = 1200
    """Of each part, at least; its last episode is ended."""
    discount: float = 0.995
    trace: float = 0.95
    """λ of the generalised advantages."""
    clip: float = 0.2
    epochs: int = 8
    batches: int = 8
    """Parts into which an iteration's data are divided."""
    actor_rate: float = 3e-4
    critic_rate: float = 1e-3
    divergence: float = 0.03
    """Kullback–Leibler divergence from the policy that gathered the data, at which the actor stops for this time."""
    exploration: tuple[float, ...] = (0.2, 0.2, 0.2, 0.2, 0.2)
    """(ACTION,) standard deviation of the actions at the start."""
    least: float = 0.03
    """Exploration never gets smaller than this."""
    lasting: float = 0.9
    """Correlation of the exploration from step to step."""
    cloning_weight: float = 0.0
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
        field: where it acts.
        shown: features (n, FEATURES) of states, and what would have been right to do there (n, ACTION).
        config: the recipe.
        seed: of networks, batches, episodes and exploration.
    """

    def __init__(
        self,
        field: Field,
        shown: tuple[Array, Array],
        config: TuningConfig | None = None,
        seed: int = 0,
    ) -> None:
        self.config = config = config or TuningConfig()
        self.field, self.seed, self.iteration, self.taken = field, seed, 0, 0
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

    def distil(self, corrected: Sequence[Demonstration]) -> float:
        """Add what a guide said of the policy's own states to what is cloned, and clone again, from where the actor is.

        Args:
            corrected: episodes with the guide's labels, whether or not they ended well.

        Returns:
            The mean squared error of the last batches.
        """
        fresh = steps_of(corrected)
        self._take((np.concatenate([self.shown[0], fresh[0]]), np.concatenate([self.shown[1], fresh[1]])))
        return self.clone()

    def _cloning_loss(self, count: int) -> Tensor:
        """E‖tanh μ(s) − label‖² over some of the demonstrated steps."""
        some = torch.randint(len(self._shown), (count,))
        return ((torch.tanh(self.actor(self._shown[some])) - self._labels[some]) ** 2).sum(dim=1).mean()

    def iterate(self) -> Report:
        """Gather experience and learn from it; the first time only the critic does."""
        torch.manual_seed(self.seed * 100_003 + self.iteration)
        data = self._gather()
        features = self._normal(data.features)
        known = torch.cat([features, torch.as_tensor(data.privileged)], dim=-1)
        with torch.no_grad():
            values = self.critic(known)[..., 0].numpy()
        advantages = self._advantages(data, values)
        returns = torch.as_tensor(advantages + values)
        divergence = self._learn(features, known, torch.as_tensor(data.actions), torch.as_tensor(advantages), returns)
        error = float(((returns - torch.as_tensor(values)) ** 2).mean() / returns.var())
        self.taken += len(data.rewards)
        self.iteration += 1
        success, severity = data.outcomes.T
        hard = success[severity > 1.5]
        return Report(
            self.iteration,
            self.taken,
            float(success.mean()),
            float(hard.mean()) if len(hard) else float("nan"),
            len(success),
            divergence,
            1.0 - error,
        )

    def _gather(self) -> Experience:
        """Whole episodes of the policy as it is, exploring."""
        config, layers = self.config, layers_of(self.actor, self.mean, self.std)
        spread = self.log_std.exp().detach().numpy()
        seeds = [(self.seed, self.iteration, number) for number in range(config.parts)]
        return joined(self.field.map([Part(layers, spread, seed, config.steps, config.lasting) for seed in seeds]))

    def _advantages(self, data: Experience, values: Array) -> NDArray[np.float32]:
        """A_t = Σ_k (γλ)^k δ_{t+k}, δ_t = r_t + γ V(s_{t+1}) - V(s_t), up to the end of the episode."""
        config, follows = self.config, 0.0
        advantages = np.zeros_like(data.rewards)
        for t in range(len(values) - 1, -1, -1):
            goes_on = config.discount * (1.0 - float(data.ends[t]))
            delta = float(data.rewards[t]) + (goes_on * float(values[t + 1]) if goes_on else 0.0) - float(values[t])
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
                    loss = -gain if weight <= 0.0 else weight * self._cloning_loss(config.cloning_batch) - gain
                    self._actor_steps.zero_grad()
                    loss.backward()  # type: ignore[no-untyped-call]
                    nn.utils.clip_grad_norm_(self.actor.parameters(), 0.5)
                    self._actor_steps.step()
                    self.log_std.data.clamp_(min=float(np.log(config.least)))
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

"""The recipe's constants in one place, and to and from JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from yanshi.errors import InputError


@dataclass(frozen=True, kw_only=True)
class LossConfig:
    """The constants of one update (`losses`)."""

    discount: float = 0.98
    """γ"""
    learning_rate: float = 1e-3
    """Of critics and temperature."""
    actor_learning_rate: float = 2e-4
    """Of the actor: slower, so that critics can follow what it does now."""
    target_rate: float = 0.02
    """τ: how fast target critics follow."""
    target_entropy: float | None = None
    """H̄ of the policy [nat]; None for −d_a."""
    entropy_backup: bool = False
    """Whether the entropy counts in the value of the next state; not where rewards are sparse (RLPD, §4.3)."""
    cloning_weight: float = 2.0
    """Weight of the cloning term against values scaled to about 1; 0 for none."""
    q_filter: bool = True
    """Whether to clone only where the critics prefer the demonstrated action."""


@dataclass(frozen=True, kw_only=True)
class CloningConfig:
    """How long and how fast to clone (`cloning`)."""

    updates: int = 4000
    """Of `batch_size` samples each; rounded up to hundreds."""
    batch_size: int = 256
    learning_rate: float = 2e-3
    """At the start; falls to zero along half a cosine (Loshchilov & Hutter 2017)."""


@dataclass(frozen=True, kw_only=True)
class SACfDConfig:
    """The recipe (`sacfd`). The defaults are for goal environments with sparse rewards."""

    hidden: tuple[int, ...] = (128, 128)
    """Widths of the layers of actor and critics."""
    critics: int = 2
    """How many; the least of them counts."""
    batch_size: int = 256
    demonstration_share: float = 0.5
    """Of each batch that comes from the demonstrations, where there are any."""
    hindsight: float = 0.8
    """Of the samples that get a goal which their episode reached later."""
    capacity: int = 500_000
    """Steps that the replay holds."""
    steps_per_round: int = 50
    """Steps in each environment between two fused calls of updates."""
    updates_per_step: float = 1.0
    """Updates for each step in one environment."""
    learning_starts: int = 1000
    """Steps before the first update: by the cloned policy, or at random where there is none."""
    critic_updates_first: int = 3000
    """Updates of the critics alone after cloning: critics that know nothing would undo it."""
    initial_std: float | None = None
    """Of the actor's Gaussian; None for 0.2 where there are demonstrations and 1 where there are none."""
    initial_alpha: float = 0.02
    """The temperature α at the start."""
    clip_returns: bool = True
    """Whether targets are clipped to the returns that the rewards seen so far allow."""
    overlap: bool = True
    """Whether simulators step while the networks are updated: experience is then one round older."""
    loss: LossConfig = field(default_factory=LossConfig)
    cloning: CloningConfig = field(default_factory=CloningConfig)

    def __post_init__(self) -> None:
        checks = {
            "hidden": len(self.hidden) > 0 and min(self.hidden) > 0,
            "critics": self.critics >= 1,
            "batch_size": self.batch_size >= 2,
            "demonstration_share": 0.0 <= self.demonstration_share < 1.0,
            "hindsight": 0.0 <= self.hindsight <= 1.0,
            "steps_per_round": self.steps_per_round >= 1,
            "updates_per_step": self.updates_per_step > 0.0,
            "loss.discount": 0.0 <= self.loss.discount < 1.0,
        }
        for name, good in checks.items():
            if not good:
                raise InputError(f"configuration: {name} is out of range in {self}.")

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self)

    @staticmethod
    def from_json(values: Mapping[str, Any]) -> SACfDConfig:
        """From plain values.

        Raises:
            InputError: a name is unknown or a value has the wrong kind.
        """
        try:
            plain = dict(values)
            loss, cloning = LossConfig(**plain.pop("loss")), CloningConfig(**plain.pop("cloning"))
            plain["hidden"] = tuple(int(width) for width in plain["hidden"])
            return SACfDConfig(**plain, loss=loss, cloning=cloning)
        except (TypeError, KeyError, ValueError) as error:
            raise InputError(f"configuration: expected the fields of SACfDConfig; {error}.") from error

"""A motor policy at work: a small network in numpy, read from safetensors and JSON. Nothing is ever unpickled.

The file holds ``actor.{k}.weight`` (out, in) and ``actor.{k}.bias`` (out,), k = 0, 1, …; between the layers ReLU, at
the end tanh. ``outcome.…`` is a second network of the same form, without the tanh, whose output is the log-odds that a
run ends well (see `calibration`). The JSON beside it says what it was trained on, and how odds become probabilities.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from yanshi.agent.skills.motor.action import ACTION
from yanshi.agent.skills.motor.calibration import Calibration
from yanshi.agent.skills.motor.features import FEATURES
from yanshi.agent.skills.motor.tensors import read_tensors, write_tensors
from yanshi.errors import InputError

__all__ = ["Layers", "MotorPolicy", "forward"]

Array = NDArray[Any]
Layers = tuple[tuple[Array, Array], ...]
"""Weight (out, in) and bias (out,) of each layer."""


def forward(layers: Layers, x: Array) -> Array:
    """The output (…, out) of a network for inputs (…, in)."""
    for weight, bias in layers[:-1]:
        x = np.maximum(x @ weight.T + bias, 0.0)
    weight, bias = layers[-1]
    return np.asarray(x @ weight.T + bias)


@dataclass(frozen=True)
class MotorPolicy:
    """Features in, action and chances of success out."""

    actor: Layers = field(repr=False)
    outcome: Layers | None = field(default=None, repr=False)
    before: Calibration | None = None
    """From the log-odds at the start to a probability."""
    after: Calibration | None = None
    """From the log-odds at the end to a probability."""
    card: dict[str, Any] = field(default_factory=dict)
    """How it came about."""

    def __post_init__(self) -> None:
        ends = (self.actor[0][0].shape[1], self.actor[-1][0].shape[0])
        if ends != (FEATURES, ACTION):
            raise InputError(
                f"MotorPolicy: expected {FEATURES} features and {ACTION} actions, got {ends[0]}, {ends[1]}."
            )

    def __call__(self, features: Array) -> Array:
        """(…, ACTION) in [-1, 1] for features (…, FEATURES)."""
        return np.tanh(forward(self.actor, features))

    def odds(self, features: Array) -> Array:
        """(…) log-odds that a run which is there now ends well; 0 where that was not learned."""
        if self.outcome is None:
            return np.zeros(np.shape(features)[:-1])
        return forward(self.outcome, features)[..., 0]

    def chance_before(self, features: Array) -> float:
        """Probability that a run which starts here succeeds."""
        return 1.0 if self.before is None else float(self.before(self.odds(features)))

    def chance_after(self, features: Array) -> float:
        """Probability that a run which is here now succeeds, or has."""
        return 1.0 if self.after is None else float(self.after(self.odds(features)))

    def save(self, path: Path) -> None:
        """Write ``path`` (.safetensors) and the JSON beside it."""
        tensors = {}
        for name, layers in (("actor", self.actor), ("outcome", self.outcome or ())):
            for k, (weight, bias) in enumerate(layers):
                tensors[f"{name}.{k}.weight"], tensors[f"{name}.{k}.bias"] = weight, bias
        write_tensors(path, {name: np.asarray(value, dtype=np.float32) for name, value in tensors.items()})
        chances = {
            name: None if c is None else c.dump() for name, c in (("before", self.before), ("after", self.after))
        }
        path.with_suffix(".json").write_text(json.dumps(self.card | {"calibration": chances}, indent=2) + "\n")

    @classmethod
    def load(cls, path: Path) -> MotorPolicy:
        """Read what `save` wrote.

        Raises:
            InputError: a file is missing, is not what it should be, or is of another layout of features.
        """
        tensors = read_tensors(path)
        beside = path.with_suffix(".json")
        try:
            card = json.loads(beside.read_text())
            chances = {k: None if v is None else Calibration.load(v) for k, v in card.pop("calibration").items()}
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise InputError(f"Skill weights: {beside} is missing or is not what it should be: {error}") from error
        actor, outcome = (_layers(tensors, name, path) for name in ("actor", "outcome"))
        if not actor:
            raise InputError(f"Skill weights: {path} holds no actor.")
        return cls(actor, outcome or None, chances.get("before"), chances.get("after"), card)


def _layers(tensors: dict[str, Array], name: str, path: Path) -> Layers:
    layers: list[tuple[Array, Array]] = []
    while (weight := tensors.get(f"{name}.{len(layers)}.weight")) is not None:
        bias = tensors.get(f"{name}.{len(layers)}.bias")
        width = layers[-1][0].shape[0] if layers else weight.shape[-1]
        if bias is None or weight.ndim != 2 or bias.shape != weight.shape[:1] or weight.shape[1] != width:
            raise InputError(f"Skill weights: {path}: the layers of '{name}' do not fit together.")
        layers.append((weight, bias))
    return tuple(layers)

"""How far a training episode is from the ideal: the noise of the belief, the physics and what comes in between."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from yanshi.errors import InputError

__all__ = ["NOMINAL", "Perturbation", "perturbation"]


@dataclass(frozen=True, kw_only=True)
class Perturbation:
    """Faults of one severity. Factors are drawn anew in every episode, log-uniformly from 1 / low … high."""

    position: float = 0.01
    """Standard deviation of where a thing is believed to be, per horizontal axis [m]; half of it upwards."""
    angle: float = np.deg2rad(3.0)
    """… and of its yaw [rad]."""
    latency: float = 0.05
    """From sensing to acting [s]."""
    friction: tuple[float, float] = (1.0, 1.0)
    """Least and greatest factor of the friction of pads and thing."""
    mass: tuple[float, float] = (1.0, 1.0)
    """Least and greatest factor of the thing's mass."""
    size: float = 0.0
    """By which share the believed size may be off, either way."""
    push: float = 0.0
    """Speed that a push gives to the thing [m/s]; a push of the arm is 60 N for each m/s."""

    def __post_init__(self) -> None:
        if min(self.position, self.angle, self.latency, self.size, self.push) < 0.0 or self.size >= 1.0:
            raise InputError(f"Perturbation: expected values >= 0 and a size below 1, got {self}.")


NOMINAL = Perturbation()
EXACT = Perturbation(position=0.0, angle=0.0, latency=0.02)
_LEVELS = (
    EXACT,
    NOMINAL,
    Perturbation(
        position=0.015,
        angle=np.deg2rad(4.5),
        latency=0.075,
        friction=(0.75, 1.25),
        mass=(0.75, 1.5),
        size=0.1,
        push=0.2,
    ),
    Perturbation(
        position=0.02, angle=np.deg2rad(6.0), latency=0.10, friction=(0.5, 1.5), mass=(0.5, 2.0), size=0.2, push=0.4
    ),
    Perturbation(
        position=0.03, angle=np.deg2rad(9.0), latency=0.15, friction=(0.35, 1.8), mass=(0.35, 3.0), size=0.3, push=0.6
    ),
)


def perturbation(severity: float) -> Perturbation:
    """The faults of a severity -1 (the belief is exact), 0 (the nominal noise) … 3; between whole numbers they are
    interpolated.

    Raises:
        InputError: a severity outside of that.
    """
    if not -1.0 <= severity <= len(_LEVELS) - 2:
        raise InputError(f"severity: expected -1 … {len(_LEVELS) - 2}, got {severity}.")
    below = min(int(severity + 1.0), len(_LEVELS) - 2)
    share = severity + 1.0 - below
    values: dict[str, Any] = {}
    for item in fields(Perturbation):
        a, b = (np.asarray(getattr(_LEVELS[k], item.name), dtype=float) for k in (below, below + 1))
        mixed = (1.0 - share) * a + share * b
        values[item.name] = tuple(mixed.tolist()) if mixed.ndim else float(mixed)
    return Perturbation(**values)

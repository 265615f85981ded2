"""A few starts of pick, drawn once."""

from __future__ import annotations

import pytest

from yanshi.agent.skills.motor.environment import MotorEnv
from yanshi.agent.skills.motor.picking import Picking
from yanshi.agent.skills.motor.starts import Start, draw_starts


@pytest.fixture(scope="session")
def starts() -> tuple[Start, ...]:
    """Two layouts of Pick."""
    return tuple(draw_starts(Picking(), "Pick", (1, 3), 1))


@pytest.fixture
def env(starts: tuple[Start, ...]) -> MotorEnv:
    """Pick, at the nominal noise."""
    return MotorEnv(Picking(), starts)

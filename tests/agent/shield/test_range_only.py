from __future__ import annotations

import numpy as np
import pytest

from yanshi.agent.fakes import fake_observation
from yanshi.agent.shield import RangeShield
from yanshi.errors import ContractError

NAMES = ("base_x", "base_y", "gripper")
SEEN = fake_observation(0.0)


def test_a_good_action_passes_unchanged() -> None:
    shield = RangeShield(NAMES)
    action = np.array([0.5, -1.0, 1.0], dtype=np.float32)
    assert np.array_equal(shield.filter(action, SEEN), action)
    assert shield.interventions == 0


def test_out_of_range_is_clipped_and_counted() -> None:
    shield = RangeShield(NAMES)
    assert shield.filter(np.array([3.0, -7.0, 0.2], dtype=np.float32), SEEN) == pytest.approx([1.0, -1.0, 0.2])
    assert shield.interventions == 1


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_becomes_stillness_with_the_grip_kept(bad: float) -> None:
    shield = RangeShield(NAMES)
    shield.filter(np.array([1.0, 1.0, -0.8], dtype=np.float32), SEEN)
    assert shield.filter(np.array([0.1, bad, 1.0], dtype=np.float32), SEEN) == pytest.approx([0.0, 0.0, -0.8])
    assert shield.interventions == 1


def test_a_wrong_shape_is_refused() -> None:
    with pytest.raises(ContractError, match=r"expected shape \(3,\), got \(2,\)"):
        RangeShield(NAMES).filter(np.zeros(2, dtype=np.float32), SEEN)

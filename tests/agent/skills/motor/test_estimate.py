"""Simulated beliefs: errors of the stated size, and those of learned perception."""

from __future__ import annotations

import numpy as np
import pytest

from yanshi.agent.skills.motor.estimate import PICTURE, NoisyEstimate
from yanshi.agent.skills.motor.perturbation import EXACT, NOMINAL
from yanshi.contracts import Entity

SOAP = Entity(
    name="soap",
    label="soap",
    category="object",
    position_w=np.array([0.5, 0.1, 0.4]),
    yaw=0.3,
    extent=np.array([0.076, 0.050, 0.026]),
)
STEPS = [0.04 * k for k in range(250)]


def test_errors_have_the_stated_size_and_a_picture_comes_ten_times_a_second() -> None:
    errors, changes = [], 0
    for seed in range(200):
        estimate, before = NoisyEstimate(np.random.default_rng(seed), NOMINAL), None
        for stamp in STEPS[:50]:
            found = estimate.update(SOAP, stamp)
            changes += before is not None and found is not before
            before = found
        errors.append(found.position_w - SOAP.position_w)
    np.testing.assert_allclose(np.std(errors, axis=0), [0.01, 0.01, 0.005], rtol=0.2)
    assert changes / 200 == pytest.approx(50 * 0.04 / PICTURE, abs=1)


def test_an_exact_belief_is_exact() -> None:
    found = NoisyEstimate(np.random.default_rng(0), EXACT).update(SOAP, 0.0)
    np.testing.assert_array_equal(found.position_w, SOAP.position_w)
    np.testing.assert_array_equal(found.extent, SOAP.extent)


def test_a_lifelike_belief_errs_in_each_side_and_is_surer_than_it_should_be() -> None:
    ratios, stated = [], []
    for seed in range(200):
        found = NoisyEstimate(np.random.default_rng(seed), NOMINAL, lifelike=True).update(SOAP, 0.0)
        assert found.covariance is not None
        ratios.append(found.extent / SOAP.extent)
        stated.append(np.sqrt(found.covariance[0, 0]))
    assert np.ptp(ratios, axis=1).max() > 0.15
    assert 0.85 <= np.min(ratios) < 0.9 < 1.1 < np.max(ratios) <= 1.15
    assert 0.002 <= min(stated) < 0.004 < 0.008 < max(stated) <= NOMINAL.position


def test_what_is_hidden_stays_where_it_was_seen_and_grows_uncertain() -> None:
    ages = []
    for seed in range(40):
        estimate = NoisyEstimate(np.random.default_rng(seed), EXACT, lifelike=True)
        before = estimate.update(SOAP, 0.0)
        for stamp in STEPS[1:]:
            found = estimate.update(SOAP, stamp)
            assert found.last_seen is not None
            assert found.covariance is not None
            assert before.covariance is not None
            age = stamp - found.last_seen
            ages.append(age)
            if found.last_seen == before.last_seen:
                assert found.covariance[0, 0] > before.covariance[0, 0]
            before = found
    assert max(ages) > 1.0
    assert 0.2 < np.mean(np.array(ages) > PICTURE) < 0.6


def test_a_lifelike_belief_leaves_the_errors_of_the_others_as_they_are() -> None:
    plain, lifelike = (NoisyEstimate(np.random.default_rng(3), NOMINAL, lifelike=kind) for kind in (False, True))
    np.testing.assert_array_equal(plain.update(SOAP, 0.0).position_w, lifelike.update(SOAP, 0.0).position_w)

from __future__ import annotations

import numpy as np

from yanshi.agent.skills.motor.calibration import Calibration, calibration_error


def test_scores_become_the_frequencies_they_stand_for() -> None:
    rng = np.random.default_rng(0)
    scores = rng.normal(size=6000) * 2.0
    outcomes = (rng.random(6000) < 1.0 / (1.0 + np.exp(-1.5 * scores + 0.5))).astype(float)
    fitted = Calibration.fit(scores[:3000], outcomes[:3000])
    chances = fitted(scores[3000:])
    assert calibration_error(chances, outcomes[3000:]) < 0.03
    assert calibration_error(1.0 / (1.0 + np.exp(-scores[3000:])), outcomes[3000:]) > 0.04  # the scores as they are
    assert np.all(np.diff(fitted(np.linspace(-8, 8, 200))) >= 0.0)
    assert 0.0 < fitted(-9.0) < fitted(9.0) < 1.0


def test_error_of_known_chances() -> None:
    chances = np.array([0.25, 0.25, 0.95, 0.95])
    outcomes = np.array([0.0, 1.0, 1.0, 1.0])
    assert np.isclose(calibration_error(chances, outcomes), (2 * 0.25 + 2 * 0.05) / 4)


def test_it_survives_a_file() -> None:
    fitted = Calibration.fit(np.arange(100.0), (np.arange(100) > 40).astype(float))
    assert Calibration.load(fitted.dump()) == fitted

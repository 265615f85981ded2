"""How large errors of direction are: learned from errors that were made, so that a covariance keeps its promise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

from yanshi.contracts import Array
from yanshi.errors import InputError
from yanshi.perception.hearing.direction import Estimate, predictors, tangents

DEGREES_OF_FREEDOM = 4.0
"""Of the Student distribution that is fitted: a few directions are quite wrong, and must not count for all."""
COVERED = 0.9
"""Share of errors within the ellipse of the same share of χ² with two degrees of freedom."""
QUANTILE = -2.0 * float(np.log(1.0 - COVERED))
STIFFNESS = 0.3
"""Of classes to the mean of all, in the logarithm of the variance: few examples say little."""


@dataclass(frozen=True, eq=False)
class Error:
    """An estimate, and where the source was."""

    index: int
    """Of the class."""
    estimate: Estimate
    direction: Array
    """(3,) of the source, in the frame of the estimate."""

    @property
    def angle(self) -> float:
        """[rad]"""
        return float(np.arccos(np.clip(self.estimate.direction @ self.direction, -1.0, 1.0)))

    @property
    def square(self) -> float:
        """Squared error in units of the peak's shape, whose mean variance is taken as 1 [rad²]."""
        axes = tangents(self.estimate.direction)
        across = axes @ self.direction
        length = float(np.linalg.norm(across))
        along = across * (self.angle / length) if length > 1e-9 else across
        shape = self.estimate.shape * (2.0 / np.trace(self.estimate.shape))
        return float(along @ np.linalg.solve(shape, along))


def fit_errors(errors: Sequence[Error], classes: int) -> Array:
    """(classes, 4) weights of `predictors` for the logarithm of the variance [rad²]; slopes are common to all classes.

    Raises:
        InputError: There are too few errors.
    """
    if len(errors) < 30:
        raise InputError(f"Calibration: expected 30 located sounds or more, got {len(errors)}.")
    x = np.array([predictors(error.estimate)[1:] for error in errors])
    square = np.array([error.square for error in errors]) + 1e-8
    index = np.array([error.index for error in errors])
    middle = x.mean(axis=0)
    nu = DEGREES_OF_FREEDOM

    def loss(theta: Array) -> float:
        log_variance = theta[0] + theta[4:][index] + (x - middle) @ theta[1:4]
        fit = log_variance + 0.5 * (nu + 2.0) * np.log1p(square * np.exp(-log_variance) / nu)
        return float(fit.sum() + np.sum(theta[4:] ** 2) / STIFFNESS**2 + 0.5 * np.sum(theta[1:4] ** 2))

    theta = minimize(loss, np.concatenate([[np.log(np.median(square)), 0.5, 0.5, 0.0], np.zeros(classes)])).x
    log_variance = theta[0] + theta[4:][index] + (x - middle) @ theta[1:4]
    theta[0] += np.log(np.quantile(square * np.exp(-log_variance), COVERED) / QUANTILE)
    constant = theta[0] + theta[4:] - middle @ theta[1:4]
    return np.column_stack([constant, np.tile(theta[1:4], (classes, 1))])


def best_thresholds(probability: Array, present: Array) -> Array:
    """(C,) at which the fewest windows are told wrong; (N, C) probabilities and truth, NaN where nobody could say."""
    grid = np.linspace(0.2, 0.9, 29)
    thresholds = np.full(present.shape[1], 0.5)
    for c in range(present.shape[1]):
        known = np.isfinite(present[:, c])
        told = probability[known, c][None] >= grid[:, None]
        wrong = np.count_nonzero(told != (present[known, c] > 0.5)[None], axis=1)
        best = np.flatnonzero(wrong == wrong.min()) if known.any() else np.array([len(grid) // 2])
        thresholds[c] = grid[best[len(best) // 2]]
    return thresholds

"""Where the sound comes from to which a mask belongs, between the points of any grid, and how surely.

The steered response of `steered`, with every bin weighted by how much of its power is the source's:

    P(u) = Σ_spk q_sk Re[a_spk exp(iω_k τ_sp(u))] / (n Σ_sk q_sk),  τ_sp(u) = b_sp·u / c,
    a_spk = Σ_t w_tk C_tpk / Σ_t w_tk |C_tpk|,                      q_sk = Σ_t w_tk P_tk / Σ_t P_tk

with w the mask, C the cross-spectra, P the power and b the baseline of a pair p. While the array turns, its baselines
differ from segment s to segment of the window, and all of them vote. The best of points spread over the sphere is
refined by Newton's method with the exact gradient and curvature; the inverse of the curvature is the shape of the
uncertainty, and what was learned of errors made before gives its size.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from yanshi.contracts import Array
from yanshi.perception.hearing.features import Analysis
from yanshi.perception.hearing.steered import SPEED_OF_SOUND, directions

BAND = (100.0, 7000.0)
"""Frequencies that are used [Hz]."""
POINTS = 1200
"""Of the first search, 6° apart."""
STEPS = 6
LONGEST_STEP = 0.1
"""[rad]"""
LEAST_DEVIATION = np.deg2rad(0.7)
"""No direction is surer: things that sound are no points, and neither is a head at rest."""
MOST_DEVIATION = np.deg2rad(60.0)


@dataclass(frozen=True, kw_only=True, eq=False)
class Estimate:
    """Where a sound comes from, in the frame of the baselines."""

    direction: Array
    """(3,) unit vector."""
    score: float
    """Steered response there: 1 for one undisturbed source, 0 for noise."""
    shape: Array
    """(2, 2) inverse curvature of the response there, along rising azimuth (times cos elevation) and elevation
    [rad²]; positive definite."""
    support: float
    """Mean of the mask, [0, 1]: how much was heard of it."""


def locate(analysis: Analysis, mask: Array, baselines: Sequence[Array], segment: Array) -> Estimate:
    """The direction of one source.

    Args:
        analysis: N windows, P pairs, K bins.
        mask: (N, K) share of the source, [0, 1].
        baselines: for each segment (P, 3) r_j - r_i of each pair i < j [m].
        segment: (N,) int, which segment a window belongs to.
    """
    used = (analysis.frequency >= BAND[0]) & (analysis.frequency <= BAND[1])
    frequency = analysis.frequency[used]
    weight = mask[:, used]
    votes, q = [], []
    for s in range(len(baselines)):
        rows = segment == s
        w, cross, power = weight[rows], analysis.cross[rows][:, :, used], analysis.power[rows][:, used]
        agree = np.einsum("tk,tpk->pk", w, cross) / (np.einsum("tk,tpk->pk", w, np.abs(cross)) + 1e-20)
        share = (w * power).sum(axis=0) / (power.sum(axis=0) + 1e-20)
        votes.append(agree * share)
        q.append(share * np.count_nonzero(rows))
    total = np.concatenate([vote * np.count_nonzero(segment == s) for s, vote in enumerate(votes)])
    scale = len(votes[0]) * float(np.sum(q)) + 1e-12
    lines = np.concatenate(list(baselines)) / SPEED_OF_SOUND
    direction = _search(total, frequency, lines)
    direction, score, curvature = _refine(total, 2.0 * np.pi * frequency, lines, direction)
    return Estimate(
        direction=direction, score=score / scale, shape=_inverse(curvature / scale), support=float(np.mean(mask))
    )


def covariance_of(estimate: Estimate, variance: float) -> Array:
    """(2, 2) covariance of azimuth and elevation [rad²], given the mean variance along the sphere."""
    values, vectors = np.linalg.eigh(estimate.shape * (2.0 * variance / np.trace(estimate.shape)))
    values = np.clip(values, LEAST_DEVIATION**2, MOST_DEVIATION**2)
    along = (vectors * values) @ vectors.T
    flat = max(float(np.hypot(*estimate.direction[:2])), 0.1)
    stretch = np.array([1.0 / flat, 1.0])
    return np.asarray(along * np.outer(stretch, stretch))


def predictors(estimate: Estimate) -> Array:
    """(4,) what the size of an error depends on: 1, and logarithms of peak width, missing agreement and support."""
    return np.array([
        1.0, 0.5 * np.log(np.trace(estimate.shape) / 2.0), np.log(1.02 - np.clip(estimate.score, 0.0, 1.0)),
        np.log(estimate.support + 1e-3),
    ])  # fmt: skip


def tangents(direction: Array) -> Array:
    """(2, 3) unit vectors of rising azimuth and elevation."""
    azimuth, elevation = np.arctan2(direction[1], direction[0]), np.arcsin(np.clip(direction[2], -1.0, 1.0))
    ca, sa, ce, se = np.cos(azimuth), np.sin(azimuth), np.cos(elevation), np.sin(elevation)
    return np.array([[-sa, ca, 0.0], [-se * ca, -se * sa, ce]])


@lru_cache(maxsize=1)
def _sphere() -> Array:
    """(`POINTS`, 3) directions, evenly spread (Fibonacci lattice)."""
    k = np.arange(POINTS) + 0.5
    return directions(np.pi * (1.0 + 5.0**0.5) * k, np.arcsin(1.0 - 2.0 * k / POINTS))


@lru_cache(maxsize=8)
def _table(longest: int, bins: int, first: float, last: float) -> tuple[Array, Array]:
    """Delays (L,) [s] up to `longest` [µs] and exp(2πi f delay) (L, bins)."""
    count = 2 * int(np.ceil(longest * 1e-6 * 8.0 * last)) + 3
    delays = np.linspace(-longest * 1e-6, longest * 1e-6, count)
    return delays, np.exp(2j * np.pi * np.outer(delays, np.linspace(first, last, bins))).astype(np.complex64)


def _search(votes: Array, frequency: Array, lines: Array) -> Array:
    """The best of the points of the sphere."""
    longest = int(np.ceil(float(np.linalg.norm(lines, axis=1).max()) * 1e6))
    delays, phases = _table(longest, len(frequency), float(frequency[0]), float(frequency[-1]))
    responses = (phases @ votes.T).real
    wanted = _sphere() @ lines.T
    power = sum(np.interp(wanted[:, p], delays, responses[:, p]) for p in range(len(lines)))
    return np.asarray(_sphere()[int(np.argmax(power))])


def _refine(votes: Array, omega: Array, lines: Array, direction: Array) -> tuple[Array, float, Array]:
    """Newton's method on the sphere: direction, response, and the negated curvature (2, 2) there."""
    best, gradient, curvature = _response(votes, omega, lines, direction)
    for _ in range(STEPS):
        values, vectors = np.linalg.eigh(curvature)
        # Where the response is not concave, a step uphill of the same scale.
        step = (vectors / np.maximum(np.abs(values), 1e-3 * best + 1e-12)) @ (vectors.T @ gradient)
        step *= min(1.0, LONGEST_STEP / max(float(np.linalg.norm(step)), 1e-12))
        for _ in range(4):
            moved = direction + step @ tangents(direction)
            moved = moved / np.linalg.norm(moved)
            here = _response(votes, omega, lines, moved)
            if here[0] >= best:
                break
            step = step * 0.5
        else:
            break
        direction, (best, gradient, curvature) = moved, here
        if float(np.linalg.norm(step)) < 1e-4:
            break
    return direction, best, curvature


def _response(votes: Array, omega: Array, lines: Array, direction: Array) -> tuple[float, Array, Array]:
    """Response, its gradient (2,) and negated curvature (2, 2) along the tangents."""
    turned = votes * np.exp(1j * np.outer(lines @ direction, omega))
    along = lines @ tangents(direction).T
    first = -(turned.imag @ omega)
    second = turned.real @ omega**2
    gradient = along.T @ first
    # On a sphere the second derivative along a great circle has the term -u·∇ beside the flat one.
    inward = float((lines @ direction) @ first)
    return float(turned.real.sum()), gradient, (along.T * second) @ along + inward * np.eye(2)


def _inverse(curvature: Array) -> Array:
    values, vectors = np.linalg.eigh(curvature)
    return np.asarray((vectors / np.maximum(values, 1e-2)) @ vectors.T)

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest, bootstrap

from yanshi.agent.evaluation.statistics import paired_difference, wilson
from yanshi.errors import InputError


@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_agrees_with_scipy(case: tuple[int, int]) -> None:
    k, n = case
    expected = binomtest(k, n).proportion_ci(method="wilson")
    got = wilson(k, n)
    assert (got.value, got.low, got.high) == pytest.approx((k / n, expected.low, expected.high), abs=1e-9)


def test_wilson_of_a_published_case() -> None:
    """Newcombe (1998), table I: 81 of 263."""
    got = wilson(81, 263)
    assert (round(got.low, 4), round(got.high, 4)) == (0.2553, 0.3662)


def test_wilson_of_nothing_knows_nothing() -> None:
    assert (wilson(0, 0).low, wilson(0, 0).high) == (0.0, 1.0)


def test_impossible_counts_are_refused() -> None:
    with pytest.raises(InputError, match="0 ≤ successes ≤ n, got 3 of 2"):
        wilson(3, 2)


def test_the_paired_bootstrap_agrees_with_scipy() -> None:
    rng = np.random.default_rng(1)
    a = (rng.random(80) < 0.8).astype(float)
    b = np.where(rng.random(80) < 0.7, a, rng.random(80) < 0.5)
    expected = bootstrap((a - b,), np.mean, method="percentile", n_resamples=20_000, rng=2).confidence_interval
    got = paired_difference(list(a), list(b), draws=20_000)
    assert got.value == pytest.approx(float((a - b).mean()))
    assert (got.low, got.high) == pytest.approx((expected.low, expected.high), abs=0.02)


def test_pairing_takes_the_luck_of_the_seed_away() -> None:
    luck = list(np.random.default_rng(0).random(50))
    got = paired_difference([x + 0.1 for x in luck], luck)
    assert (got.low, got.high) == pytest.approx((0.1, 0.1))


def test_unpaired_results_are_refused() -> None:
    with pytest.raises(InputError, match="got 2 and 1"):
        paired_difference([1, 0], [1])

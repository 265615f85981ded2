"""Pieces of work in one process or several."""

from __future__ import annotations

from yanshi.agent.learning.parallel import each

PIECES = list(range(-3, 4))


def test_processes_give_their_results_in_order() -> None:
    assert list(each(abs, PIECES, 2)) == list(each(abs, PIECES, 1)) == [3, 2, 1, 0, 1, 2, 3]


def test_what_is_not_begun_in_time_is_left_out() -> None:
    assert list(each(abs, PIECES, 2, seconds=-1.0)) == list(each(abs, PIECES, 1, seconds=-1.0)) == []

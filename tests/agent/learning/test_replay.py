"""What batches are made of, against the definitions."""

import numpy as np
import pytest
from scipy import stats

from yanshi.agent.learning.features import Parts
from yanshi.agent.learning.replay import Goals, Replay, batches
from yanshi.agent.learning.rollouts import Chunk
from yanshi.agent.learning.steps import Cutter, Sizes, Steps
from yanshi.errors import InputError

SIZES = Sizes(1, 1, 1)


def chunk(clock: np.ndarray, ended: np.ndarray, valid: np.ndarray | None = None) -> Chunk:
    """Steps whose observation is the clock and whose goals achieved are the clock and, afterwards, one more."""
    now = clock[..., None].astype(np.float32)
    goal = np.full_like(now, -1.0)
    flags = np.ones_like(ended) if valid is None else valid
    return Chunk(
        Parts(now, now, goal), now, now, -clock.astype(np.float32), Parts(now + 1, now + 1, goal),
        np.zeros_like(ended), ended, flags, ended.astype(np.float32),
    )  # fmt: skip


def episode(begin: int, length: int) -> Steps:
    clock = np.arange(begin, begin + length)[:, None]
    [(steps, _)] = Cutter(1).cut(chunk(clock, clock == begin + length - 1))
    return steps


def zero_where_reached(achieved: np.ndarray, desired: np.ndarray) -> np.ndarray:
    return np.where(achieved[:, 0] == desired[:, 0], 0.0, -1.0).astype(np.float32)


def filled(*lengths: int, capacity: int = 100) -> Replay:
    replay = Replay(capacity, SIZES, 1)
    for index, length in enumerate(lengths):
        replay.write(episode(1000 * index, length))
    return replay


def test_a_hindsight_goal_is_any_later_one_of_the_same_episode_equally_often() -> None:
    replay, rng = filled(6, 4), np.random.default_rng(0)
    steps, relabelled = replay.sample(60_000, rng, Goals(zero_where_reached, lambda a, d: None, share=0.75))
    assert relabelled.mean() == pytest.approx(0.75, abs=0.01)
    np.testing.assert_array_equal(steps.desired[~relabelled], -1.0)
    np.testing.assert_array_equal(steps.reward[~relabelled], -steps.observation[~relabelled, 0])
    for start, length in ((0, 6), (1000, 4)):
        for t in range(length):
            chosen = relabelled & (steps.observation[:, 0] == start + t)
            goals = steps.desired[chosen, 0] - start
            counts = np.bincount(goals.astype(int), minlength=length + 1)
            # A step at t leads to t + 1 at the soonest; the last achieved goal is `length`.
            assert counts[: t + 1].sum() == 0
            assert len(counts) == length + 1
            assert length - t == 1 or stats.chisquare(counts[t + 1 :]).pvalue > 1e-4
            reached = goals == t + 1
            np.testing.assert_array_equal(steps.reward[chosen], np.where(reached, 0.0, -1.0))


def test_the_end_of_the_task_is_judged_anew_where_the_environment_can() -> None:
    replay, rng = filled(5), np.random.default_rng(0)
    goals = Goals(zero_where_reached, lambda a, d: a[:, 0] == d[:, 0], share=1.0)
    steps, _ = replay.sample(500, rng, goals)
    np.testing.assert_array_equal(steps.terminal, (steps.reward == 0.0).astype(np.float32))
    assert 0.0 < steps.terminal.mean() < 1.0


def test_the_oldest_make_room_and_hindsight_stays_inside_an_episode() -> None:
    replay, rng = filled(*([7] * 20), capacity=30), np.random.default_rng(0)
    steps, _ = replay.sample(5000, rng, Goals(zero_where_reached, lambda a, d: None, share=1.0))
    np.testing.assert_array_equal(steps.observation // 1000, steps.desired // 1000)
    assert (steps.desired > steps.observation).all()
    assert set(np.unique(steps.observation // 1000)) <= {16, 17, 18, 19}
    assert len(replay) <= 30


def test_an_episode_longer_than_the_replay_is_refused() -> None:
    with pytest.raises(InputError, match="at most 5 steps, got one of 6"):
        filled(6, capacity=5)


def test_episodes_run_through_chunks_and_steps_that_only_reset_are_left_out() -> None:
    cutter = Cutter(2)
    clock = np.array([[0, 10], [1, 11], [2, 12], [3, 13]])
    ended = np.array([[False, False], [True, False], [False, False], [False, True]])
    valid = np.array([[True, True], [True, True], [False, True], [True, True]])
    first = list(cutter.cut(chunk(clock[:3], ended[:3], valid[:3])))
    assert [(list(steps.observation[:, 0]), success) for steps, success in first] == [([0, 1], 1.0)]
    second = list(cutter.cut(chunk(clock[3:], ended[3:], valid[3:])))
    assert [list(steps.observation[:, 0]) for steps, _ in second] == [[10, 11, 12, 13]]
    third = list(cutter.cut(chunk(np.array([[4, 14]]), np.array([[True, False]]))))
    assert [list(steps.observation[:, 0]) for steps, _ in third] == [[3, 4]]


def test_without_goals_steps_are_there_at_once() -> None:
    replay = Replay(50, Sizes(1, 0, 1), 1)
    steps = chunk(np.arange(4)[:, None], np.zeros((4, 1), dtype=bool))
    none = np.zeros((4, 1, 0), dtype=np.float32)
    flat = Chunk(
        Parts(steps.now.observation, none, none), steps.action, steps.label, steps.reward,
        Parts(steps.after.observation, none, none), steps.terminal, steps.ended, steps.valid, steps.success,
    )  # fmt: skip
    replay.add(flat)
    assert len(replay) == 4


def test_only_demonstrated_steps_with_their_own_goal_are_cloned() -> None:
    mine, shown, rng = filled(6), filled(5, 5), np.random.default_rng(1)
    goals = Goals(zero_where_reached, lambda a, d: None, share=0.5)
    drawn = batches([(mine, 24, False), (shown, 8, True)], 200, rng, goals)
    assert drawn.x.shape == (200, 32, 3)
    np.testing.assert_array_equal(drawn.demonstrated[:, :24], 0.0)
    assert drawn.demonstrated[:, 24:].mean() == pytest.approx(0.5, abs=0.05)
    observation, achieved, way = np.moveaxis(drawn.x, -1, 0)
    np.testing.assert_array_equal(observation, achieved)
    own = drawn.demonstrated == 1.0
    np.testing.assert_array_equal((achieved + way)[own], -1.0)
    np.testing.assert_array_equal(drawn.next_x[..., 0], drawn.x[..., 0] + 1)

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from yanshi.perception.grounding.instances import Grouping, group, instances


def clouds(centers: np.ndarray, count: int, sigma: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    owner = np.repeat(np.arange(len(centers)), count)
    return centers[owner] + sigma * rng.standard_normal((len(owner), 3)), owner


def same_parts(a: np.ndarray, b: np.ndarray) -> bool:
    """Whether two labellings divide in the same way."""
    return len(set(zip(a, b, strict=True))) == len(set(a)) == len(set(b))


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 12), st.integers(0, 1000))
def test_votes_about_places_that_are_apart_are_told_apart(count: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    spots = np.stack(np.meshgrid(np.arange(4), np.arange(4), [0.0]), axis=-1).reshape(-1, 3) * 0.08
    votes, owner = clouds(rng.permutation(spots)[:count], 40, 0.003, seed)
    order = rng.permutation(len(votes))
    found = group(votes[order], np.full(len(votes), 0.005), Grouping())
    assert (found >= 0).all()
    assert same_parts(found, owner[order])


def test_an_uncertain_rim_joins_the_sure_middle() -> None:
    core, _ = clouds(np.zeros((1, 3)), 30, 0.002)
    rim, _ = clouds(np.array([[0.03, 0.0, 0.0]]), 5, 0.002)
    scale = np.concatenate((np.full(30, 0.003), np.full(5, 0.02)))
    found = group(np.concatenate((core, rim)), scale, Grouping())
    assert (found == 0).all()


def test_votes_that_are_less_good_than_they_think_are_still_one_things() -> None:
    votes, _ = clouds(np.array([[0.0, 0.0, 0.0], [0.03, 0.0, 0.0]]), 60, 0.004)  # two faces of one thing
    assert (group(votes, np.full(120, 0.004), Grouping()) == 0).all()


def test_what_stands_on_another_thing_is_told_apart_where_up_is_known() -> None:
    up = np.array([0.0, -0.6, -0.8])
    votes, owner = clouds(np.array([[0.0, 0.0, 0.6], [0.0, 0.0, 0.6] + 0.035 * up]), 60, 0.002)
    assert same_parts(group(votes, np.full(120, 0.004), Grouping(), up), owner)
    beside, _ = clouds(np.array([[0.0, 0.0, 0.6], [0.03, 0.0, 0.6]]), 60, 0.002)
    assert (group(beside, np.full(120, 0.004), Grouping(), up) == 0).all()


def test_stray_votes_are_nobodys() -> None:
    core, _ = clouds(np.zeros((1, 3)), 30, 0.002)
    stray = np.array([[1.0, 0.0, 0.0], [0.0, 2.0, 0.0]])
    found = group(np.concatenate((core, stray)), np.full(32, 0.004), Grouping())
    assert (found[:30] == 0).all()
    assert (found[30:] == -1).all()


def test_no_votes_make_no_groups() -> None:
    assert len(group(np.zeros((0, 3)), np.zeros(0), Grouping())) == 0


def test_pixels_without_depth_or_object_belong_to_nobody() -> None:
    presence, known = np.full((16, 16), 0.9), np.ones((16, 16), bool)
    presence[:, 8:], known[:4] = 0.1, False
    shown = instances(presence, np.zeros((16, 16, 3)), np.full((16, 16), 0.01), known, Grouping())
    assert (shown[4:, :8] == 0).all()
    assert (shown[:4] == -1).all()
    assert (shown[:, 8:] == -1).all()

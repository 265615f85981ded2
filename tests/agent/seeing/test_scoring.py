from dataclasses import replace

import numpy as np
import pytest

from yanshi.agent.seeing.pictures import SeenThing
from yanshi.agent.seeing.scoring import Score
from yanshi.contracts import Detection

MUG = SeenThing(
    name="red_mug",
    label="mug",
    attributes={"color": "red", "digit": "1"},
    position_w=np.array([1.0, 0.0, 0.5]),
    yaw=0.0,
    extent=np.full(3, 0.08),
    pixels=200,
    measured=200,
)
BALL = replace(MUG, name="blue_ball", label="ball", attributes={"color": "blue"}, position_w=np.array([1.0, 0.3, 0.5]))
EYE = np.array([0.0, 0.0, 0.5])


def seen(thing: SeenThing, error: float = 0.0, pixels: int = 200, **changes: object) -> Detection:
    mask = np.zeros((128, 128), bool)
    mask.flat[:pixels] = True
    detection = Detection(
        label=thing.label,
        attributes=thing.attributes,
        position_w=thing.position_w + np.array([0.0, 0.0, error]),
        covariance=np.eye(3) * 0.01**2,
        extent=thing.extent,
        mask=mask,
    )
    return replace(detection, **changes)  # type: ignore[arg-type]


def test_found_missed_and_imagined_are_counted() -> None:
    score = Score()
    nothing = seen(replace(MUG, position_w=np.array([3.0, 0.0, 0.5])))
    score.add([seen(MUG, 0.02), nothing], [MUG, BALL, replace(BALL, pixels=5, measured=5, position_w=np.zeros(3))], EYE)
    assert score.recall() == (1, 2)
    assert score.precision() == (1, 2)
    assert score.named() == (1, 1)
    np.testing.assert_allclose(score.errors(0.0, 1.2), [0.02])
    assert score.errors(1.5, 9.0).size == 0
    assert score.surprise() == pytest.approx([4.0])


def test_one_thing_is_found_once_by_the_nearest() -> None:
    score = Score()
    pairs = score.add([seen(MUG, 0.03), seen(MUG, 0.01)], [MUG], EYE)
    assert [pair.error for pair in pairs] == pytest.approx([0.01])
    assert score.precision() == (1, 2)


def test_a_small_thing_need_not_be_found_but_may() -> None:
    tiny = replace(MUG, pixels=5)
    score = Score()
    score.add([], [tiny], EYE)
    assert score.recall(0) == (0, 0)
    score.add([seen(tiny)], [tiny], EYE)
    assert score.precision(0) == (1, 1)


def test_names_are_right_or_wrong() -> None:
    score = Score()
    score.add([seen(MUG, attributes={"color": "blue", "digit": "1"}), seen(BALL)], [MUG, BALL], EYE)
    assert score.named() == (1, 2)
    assert score.right("label") == (2, 2)
    assert score.right("color") == (1, 2)
    assert score.right("digit") == (1, 1)


def test_what_no_light_falls_on_need_not_be_found_but_is_counted_beside() -> None:
    score = Score()
    score.add([seen(MUG)], [MUG, replace(BALL, measured=20)], EYE)
    assert score.recall() == (1, 1)
    assert score.recall(measured=False) == (1, 2)


def test_names_are_counted_of_what_can_be_known() -> None:
    score = Score()
    near = replace(BALL, name="too_near", measured=10, cut=True, position_w=np.array([1.0, 0.6, 0.5]))
    cut = replace(BALL, name="half_a_ball", cut=True, position_w=np.array([1.0, 0.9, 0.5]))
    score.add([seen(MUG), seen(near, label="cube"), seen(cut, label="cube")], [MUG, near, cut], EYE)
    assert score.named() == (1, 3)
    assert score.named(measured=True) == (1, 2)
    assert score.named(measured=True, whole=True) == (1, 1)


def test_what_is_written_counts_where_it_is_in_view() -> None:
    score = Score()
    behind = replace(MUG, position_w=np.array([1.0, 0.6, 0.5]))
    front = replace(MUG, written=20)
    score.add([seen(front), seen(behind, attributes={"color": "red"})], [front, behind], EYE)
    assert score.right("digit") == (1, 2)
    assert score.right("digit", legible=True) == (1, 1)

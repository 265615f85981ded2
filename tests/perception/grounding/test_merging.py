from dataclasses import replace

import numpy as np
import pytest

from yanshi.contracts import Detection
from yanshi.perception.grounding.merging import merged

MUG = Detection(
    label="mug",
    attributes={"color": "red"},
    position_w=np.array([0.5, 0.0, 0.44]),
    covariance=np.eye(3) * 0.01**2,
    extent=np.array([0.077, 0.06, 0.084]),
    sensor="head_rgb",
)


def at(x: float, **changes: object) -> Detection:
    return replace(MUG, position_w=np.array([x, 0.0, 0.44]), **changes)  # type: ignore[arg-type]


def test_what_two_cameras_see_is_one_thing_at_the_weighted_mean() -> None:
    (one,) = merged([at(0.50), at(0.52, sensor="wrist_rgb", covariance=np.eye(3) * 0.02**2)])
    assert one.position_w[0] == pytest.approx((0.50 / 0.01**2 + 0.52 / 0.02**2) / (1 / 0.01**2 + 1 / 0.02**2))
    assert one.covariance[0, 0] == pytest.approx(1 / (1 / 0.01**2 + 1 / 0.02**2))


def test_two_things_that_look_alike_stay_two_each_with_its_own_twin() -> None:
    head = [at(0.50), at(0.60)]
    wrist = [at(0.595, sensor="wrist_rgb"), at(0.505, sensor="wrist_rgb")]
    found = merged([*head, *wrist])
    assert sorted(d.position_w[0] for d in found) == pytest.approx([0.5025, 0.5975])


def test_one_camera_does_not_see_one_thing_twice() -> None:
    assert len(merged([at(0.50), at(0.51, label="cup", score=0.6)])) == 1
    assert len(merged([at(0.50), at(0.57, label="cup")])) == 2


def test_things_on_top_of_each_other_are_two() -> None:
    above = replace(
        MUG, label="cube", position_w=MUG.position_w + np.array([0.0, 0.0, 0.065]), extent=np.full(3, 0.048)
    )
    assert len(merged([MUG, above])) == 2

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from yanshi.contracts import Detection, Frame, Observation, Proprioception
from yanshi.perception.grounding.furniture import Furnished
from yanshi.perception.grounding.sight import Sight
from yanshi.perception.grounding.views import CameraView

THING = Detection(label="mug", position_w=np.zeros(3), covariance=np.eye(3), extent=np.ones(3))
DRAWER = replace(THING, label="drawer", track="chest_drawer", opening=0.4)
BODY = Proprioception(
    joint_names=(),
    joint_positions=np.zeros(0),
    joint_velocities=np.zeros(0),
    odometry=np.zeros(3),
    base_velocity_b=np.zeros(3),
    T_be=np.eye(4),
    gripper_opening=0.0,
)


class OneMug:
    """Finds a mug in every view, and remembers what it was shown."""

    def __init__(self) -> None:
        self.shown: list[list[str]] = []

    def look(self, views: Sequence[CameraView], base_pose_w: np.ndarray) -> list[Detection]:
        self.shown.append([view.name for view in views])
        return [THING]


class OneDrawer:
    """Sees a drawer, and remembers what was known of it."""

    def __init__(self) -> None:
        self.known: list[dict[str, float]] = []

    def look(self, views: Sequence[CameraView], base_pose_w: np.ndarray, known: Mapping[str, float]) -> Furnished:
        self.known.append(dict(known))
        return Furnished({"chest_drawer": 0.4}, frozenset({"table"}), (DRAWER,))


def frame(name: str, stamp: float) -> Frame:
    rgb = name.endswith("rgb")
    data = np.zeros((16, 16, 3), np.uint8) if rgb else np.ones((16, 16), np.float32)
    return Frame(
        name=name,
        modality="rgb" if rgb else "depth",
        stamp=stamp,
        data=data,
        rate=10.0,
        K=np.eye(3),
        T_bs=np.eye(4),
    )


def observation(stamp: float, *frames: Frame) -> Observation:
    return Observation(stamp=stamp, frames={f.name: f for f in frames}, proprioception=BODY)


def test_objects_and_furniture_are_told_together() -> None:
    seen = Sight(OneMug(), OneDrawer()).see(
        observation(1.0, frame("head_rgb", 1.0), frame("head_depth", 1.0)), np.zeros(3)
    )
    assert seen.detections == (THING, DRAWER)
    assert seen.viewed == {"table"}


def test_a_frame_is_looked_at_once() -> None:
    eye = OneMug()
    sight = Sight(eye)
    rgb, depth = frame("head_rgb", 1.0), frame("head_depth", 1.0)
    assert sight.see(observation(1.00, rgb, depth), np.zeros(3)).detections == (THING,)
    assert sight.see(observation(1.04, rgb, depth), np.zeros(3)).detections == ()
    sight.see(observation(1.12, frame("head_rgb", 1.1), frame("head_depth", 1.1)), np.zeros(3))
    assert eye.shown == [["head_rgb"], ["head_rgb"]]


def test_openings_are_remembered_until_another_episode_begins() -> None:
    house = OneDrawer()
    sight = Sight(OneMug(), house)
    for stamp in (1.0, 1.1, 0.0):
        sight.see(observation(stamp, frame("head_depth", stamp)), np.zeros(3))
    assert house.known == [{}, {"chest_drawer": 0.4}, {}]


def test_any_camera_frame_may_be_missing() -> None:
    eye = OneMug()
    sight = Sight(eye, OneDrawer())
    assert sight.see(observation(0.0), np.zeros(3)).detections == ()
    assert sight.see(observation(0.1, frame("head_rgb", 0.1)), np.zeros(3)).viewed == frozenset()
    sight.see(observation(0.2, frame("wrist_depth", 0.2)), np.zeros(3))
    assert eye.shown == [["wrist_depth"]]

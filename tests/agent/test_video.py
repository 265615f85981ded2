from __future__ import annotations

from pathlib import Path

import av
import numpy as np

from yanshi.agent.episode import Outcome, Request, Step
from yanshi.agent.fakes import fake_observation
from yanshi.agent.recording.video import VideoRecorder
from yanshi.contracts import Frame, Percept, SkillCall, Subtask, WorldState
from yanshi.goals import Goal

OUTCOME = Outcome(
    claimed_success=False,
    reason="",
    subtasks=(),
    thought="",
    planner="",
    replans=0,
    completed=0,
    instructions=1,
    sim_seconds=0.0,
    planner_seconds=0.0,
)


def turn(index: int) -> Step:
    image = np.full((64, 64, 3), 200, dtype=np.uint8)
    depth = np.full((64, 64), 1.0, dtype=np.float32)
    frames = {
        "head_rgb": Frame(name="head_rgb", modality="rgb", stamp=0.0, data=image, rate=10),
        "head_depth": Frame(name="head_depth", modality="depth", stamp=0.0, data=depth, rate=10),
    }
    return Step(
        index=index,
        observation=fake_observation(0.04 * index, frames),
        percept=Percept(stamp=0.0, base_pose_w=np.zeros(3)),
        belief=WorldState(stamp=0.0, base_pose_w=np.zeros(3)),
        plan=None,
        current=Subtask(call=SkillCall("place_in", ("mug", "sink"))),
        activity="a very long story " * 20,
        action=np.zeros(12, dtype=np.float32),
    )


def record(path: Path, turns: int, end: bool = True) -> VideoRecorder:
    recorder = VideoRecorder(path, lambda *, draft: np.full((270, 480, 3), 90, dtype=np.uint8))
    recorder.on_start([Request(text="put “it” there\nnow", goal=Goal.parse("on(a, b)"))])
    for index in range(turns):
        recorder.on_step(turn(index))
    if end:
        recorder.on_end(OUTCOME)
    return recorder


def test_the_video_has_a_frame_for_every_fourth_turn_and_a_second_at_the_end(tmp_path: Path) -> None:
    record(tmp_path / "episode.mp4", 40)
    with av.open(str(tmp_path / "episode.mp4")) as container:
        stream = container.streams.video[0]
        assert stream.codec_context.name == "h264"
        assert stream.codec_context.pix_fmt == "yuv420p"
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(stream)]
    assert len(frames) == 10 + 25
    assert frames[0].shape == (326, 480, 3)
    assert abs(int(frames[0][200, 50, 0]) - 90) < 6  # the scene
    assert frames[0][60, 420].mean() > 180  # the inset of the head camera


def test_the_index_stands_before_the_pictures(tmp_path: Path) -> None:
    """So that a browser can begin to play before it has all of the file."""
    record(tmp_path / "episode.mp4", 10)
    content = (tmp_path / "episode.mp4").read_bytes()
    assert 0 < content.index(b"moov") < content.index(b"mdat")


def test_nothing_bears_the_name_before_it_is_complete(tmp_path: Path) -> None:
    record(tmp_path / "episode.mp4", 6, end=False)
    assert not (tmp_path / "episode.mp4").exists()


def test_an_episode_without_a_single_turn_leaves_no_video(tmp_path: Path) -> None:
    record(tmp_path / "episode.mp4", 0)
    assert list(tmp_path.iterdir()) == []

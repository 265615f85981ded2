"""The last second of sound: joined without gaps, checked, and turned with the head."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from yanshi.errors import SenseError
from yanshi.perception.hearing.features import window_samples
from yanshi.perception.hearing.window import Recorder

CLIP = 640
POSE = np.zeros(3)


def test_frames_are_joined_in_order(waves: Any) -> None:
    recorder, sound = Recorder(), np.arange(40 * CLIP * 4, dtype=np.float32).reshape(-1, 4) / 1e6
    for k in range(40):
        recorder.add(waves.frame(sound[k * CLIP : (k + 1) * CLIP], (k + 1) * CLIP / waves.rate), POSE)
    window = recorder.window()
    assert np.array_equal(window.audio, sound[-window_samples() :])
    assert window.stamp == pytest.approx(40 * CLIP / waves.rate)
    assert len(window.baselines_w) == 1
    assert window.origin_w == pytest.approx([0.0, 0.0, 1.2])


def test_what_was_not_heard_is_silence(waves: Any) -> None:
    recorder, sound = Recorder(), np.full((CLIP, 4), 0.1, dtype=np.float32)
    recorder.add(waves.frame(sound, 1.0), POSE)
    recorder.add(waves.frame(sound, 1.0 + 3 * CLIP / waves.rate), POSE)
    audio = recorder.window().audio[:, 0]
    assert np.count_nonzero(audio) == 2 * CLIP
    assert not audio[-3 * CLIP : -CLIP].any()
    assert audio[-CLIP:].all()


def test_a_head_that_turns_makes_segments_and_the_base_pose_counts(waves: Any) -> None:
    recorder, sound = Recorder(), np.zeros((CLIP, 4), dtype=np.float32)
    for k in range(30):
        recorder.add(waves.frame(sound, (k + 1) * 0.04, turn=0.0 if k < 15 else 0.5), np.array([1.0, 2.0, np.pi / 2]))
    window = recorder.window()
    assert window.origin_w == pytest.approx([1.0, 2.0, 1.2])
    assert len(window.baselines_w) == 2
    assert set(window.segment) == {0, 1}
    assert np.all(np.diff(window.segment) >= 0)
    c, s = np.cos(np.pi / 2), np.sin(np.pi / 2)
    expected = np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]]) @ (waves.array[1] - waves.array[0])
    assert window.baselines_w[0][0] == pytest.approx(expected)


def test_a_new_episode_begins_anew(waves: Any) -> None:
    recorder, loud = Recorder(), np.full((CLIP, 4), 0.1, dtype=np.float32)
    recorder.add(waves.frame(loud, 50.0), POSE)
    recorder.add(waves.frame(0.5 * loud, 0.04), POSE)
    assert np.count_nonzero(recorder.window().audio[:, 0]) == CLIP
    assert recorder.window().audio.max() == np.float32(0.05)


def test_frames_that_cannot_be_used_are_refused_in_one_line(waves: Any) -> None:
    good = waves.frame(np.zeros((CLIP, 4)), 1.0)
    for bad, text in (
        (replace(good, rate=44_100.0), "expected 16000 Hz, got 44100 Hz"),
        (replace(good, microphones_s=None), "expected microphones_s and T_bs"),
        (replace(good, data=np.full((CLIP, 4), np.nan, dtype=np.float32)), "got nothing but NaN"),
        (replace(good, data=np.full((CLIP, 4), 3e4, dtype=np.float32)), "16-bit sound"),
        (waves.frame(np.zeros((CLIP, 2)), 1.0, array=waves.array[:2]), "expected 3 microphones or more, got 2"),
    ):
        with pytest.raises(SenseError, match=text) as error:
            Recorder().add(bad, POSE)
        assert "\n" not in str(error.value)
    recorder = Recorder()
    recorder.add(good, POSE)
    with pytest.raises(SenseError, match="expected 4 microphones as before, got 3"):
        recorder.add(waves.frame(np.zeros((CLIP, 3)), 1.04, array=waves.array[:3]), POSE)
    with pytest.raises(SenseError, match="Expected a frame"):
        Recorder().window()

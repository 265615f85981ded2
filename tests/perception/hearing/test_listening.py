"""The perceiver: when it tells, what it tells, and in which frame; the network's weights do not matter here."""

from typing import Any

import numpy as np
import pytest
import torch

from yanshi.contracts import Array
from yanshi.perception.hearing.listening import Hearing, HearingConfig
from yanshi.perception.hearing.network import CLASSES, SoundNet, SoundNetConfig
from yanshi.perception.hearing.weights import HearingModel

CLIP = 640


def model(*heard: str) -> HearingModel:
    """One that hears the classes `heard` in whatever there is, with masks that let everything through."""
    torch.manual_seed(0)
    net = SoundNet(SoundNetConfig(base=2)).eval()
    thresholds = np.array([0.0 if name in heard else 2.0 for name in CLASSES])
    return HearingModel(net, thresholds, np.tile([-6.0, 0.0, 0.0, 0.0], (len(CLASSES), 1)))


def listen(hearing: Hearing, waves: Any, audio: Array, pose: Array | None = None, turn: float = 0.0) -> list[Any]:
    """What is told after every frame of 40 ms."""
    told = []
    for k in range(len(audio) // CLIP):
        frame = waves.frame(audio[k * CLIP : (k + 1) * CLIP], (k + 1) * CLIP / waves.rate, turn)
        told.append(hearing.perceive(waves.observation(frame), pose))
    return told


def test_events_come_when_a_window_is_due_and_point_to_the_source_in_the_map(waves: Any) -> None:
    towards = waves.direction(0.5, 0.3)
    audio = waves.plane(towards, waves.coloured(50 * CLIP, 1))
    pose = np.array([2.0, -1.0, 0.8])
    told = listen(Hearing(model("ring")), waves, audio, pose, turn=0.4)
    assert 7 <= sum(bool(events) for events in told) <= 9
    (event,) = told[48] or told[47] or told[46] or told[45] or told[44] or told[43]
    c, s = np.cos(1.2), np.sin(1.2)
    expected = np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]]) @ towards
    assert event.label == "ring"
    assert np.degrees(np.arccos(event.direction_w @ expected)) < 2.0
    assert event.origin_w == pytest.approx([2.0, -1.0, 1.2])
    assert np.all(np.linalg.eigvalsh(event.covariance) > 0.0)
    assert event.track is None
    assert event.distance > 0.0
    assert event.distance_deviation > 0.0


def test_silence_no_frame_and_the_same_frame_again_tell_nothing(waves: Any) -> None:
    hearing = Hearing(model("ring"))
    assert not any(listen(hearing, waves, np.zeros((40 * CLIP, 4), dtype=np.float32)))
    assert hearing.perceive(waves.observation(None, 5.0)) == ()
    frame = waves.frame(waves.plane(waves.direction(0.0, 0.0), waves.coloured(CLIP)), 100.0)
    hearing.perceive(waves.observation(frame))
    before = len(hearing.tracks)
    assert hearing.perceive(waves.observation(frame)) == ()
    assert len(hearing.tracks) == before
    hearing.reset()
    assert hearing.tracks == ()


def test_what_the_own_hand_does_is_not_told(waves: Any) -> None:
    """The hand of `Waves.observation` is at (0.5, 0, 0.6), the microphones at (0, 0, 1.2)."""
    hand = np.array([0.5, 0.0, -0.6]) / np.hypot(0.5, 0.6)
    audio = waves.plane(hand, waves.coloured(40 * CLIP, 2))
    assert not any(listen(Hearing(model("thud")), waves, audio))
    assert any(listen(Hearing(model("thud"), HearingConfig(own_hand=0.0)), waves, audio))
    away = waves.plane(-hand, waves.coloured(40 * CLIP, 2))
    assert any(listen(Hearing(model("thud")), waves, away))
    assert any(listen(Hearing(model("knock")), waves, audio))

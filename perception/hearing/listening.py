"""Hearing: observations in, sound events out; what, from where, how far, and how surely."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import torch

from yanshi.contracts import Array, Frame, Observation, SoundEvent
from yanshi.perception.hearing.direction import Estimate, covariance_of, locate, predictors
from yanshi.perception.hearing.features import analyse, spread
from yanshi.perception.hearing.tracks import Measured, Track, associate
from yanshi.perception.hearing.weights import HearingModel, load_hearing
from yanshi.perception.hearing.window import Recorder, Window

BRIEF = ("knock", "thud")
"""Classes of which one window can be all that there is."""
SURE = 0.9
"""A class this probable is believed at once; others when they are heard twice."""


@dataclass(frozen=True, kw_only=True)
class HearingConfig:
    """When to listen and what to tell."""

    every: float = 0.24
    """Time between two windows [s]; in between nothing new is told."""
    source: str | None = None
    """Name of the frame; None takes the first that is audio."""
    own_hand: float = 0.35
    """Thuds from within this distance [m] of the line to the robot's own hand are its own doing and not told; 0 tells
    them all."""


class Hearing:
    """What is heard, window by window.

    Args:
        model: The network and its calibration.
        config: When to listen and what to tell.
    """

    def __init__(self, model: HearingModel, config: HearingConfig | None = None) -> None:
        self.model = model
        self.config = config or HearingConfig()
        self.reset()

    @classmethod
    def from_pretrained(cls, folder: Path | None = None, config: HearingConfig | None = None) -> Self:
        """With the weights of a folder; without one, those that are shipped. Raises: ModelError."""
        return cls(load_hearing(folder), config)

    def reset(self) -> None:
        """Forget what was heard."""
        self._recorder = Recorder()
        self._tracks: list[Track] = []
        self._frame: Frame | None = None
        self._due = -np.inf

    def perceive(self, observation: Observation, base_pose_w: Array | None = None) -> tuple[SoundEvent, ...]:
        """What is heard now; nothing between two windows.

        Args:
            observation: With a frame of sound or without.
            base_pose_w: (3,) x, y [m], yaw [rad] of the base in the map; None takes the odometry, whose frame the
                events are then in.

        Raises:
            SenseError: The frame cannot be used.
        """
        frame = self._newest(observation)
        if frame is None:
            return ()
        if self._frame is not None and frame.stamp < self._frame.stamp:
            self.reset()
        self._frame = frame
        pose = observation.proprioception.odometry if base_pose_w is None else base_pose_w
        self._recorder.add(frame, pose)
        if frame.stamp < self._due - 1e-6:
            return ()
        self._due = frame.stamp + self.config.every
        window = self._recorder.window()
        if not window.audio.any():
            return ()
        measured = [m for m in measure(self.model, window) if not self._is_own(m, observation, pose)]
        tracks = associate(self._tracks, measured, window.stamp)
        return tuple(
            _event(track) for track in tracks if track.heard > 1 or track.last.probability >= SURE or _brief(track)
        )

    @property
    def tracks(self) -> tuple[Track, ...]:
        """The sources that are followed."""
        return tuple(self._tracks)

    def _newest(self, observation: Observation) -> Frame | None:
        """The frame of sound, if it has not been heard yet."""
        frames = observation.frames
        if self.config.source is not None:
            frame = frames.get(self.config.source)
        else:
            frame = next((frame for frame in frames.values() if frame.modality == "audio"), None)
        return None if frame is None or frame is self._frame else frame

    def _is_own(self, measured: Measured, observation: Observation, base_pose_w: Array) -> bool:
        """Whether it is the robot's hand that hit something."""
        if measured.label != "thud" or self.config.own_hand <= 0.0:
            return False
        x, y, yaw = base_pose_w
        hand_b = observation.proprioception.T_be[:3, 3]
        c, s = np.cos(yaw), np.sin(yaw)
        hand = np.array([x + c * hand_b[0] - s * hand_b[1], y + s * hand_b[0] + c * hand_b[1], hand_b[2]])
        offset = hand - measured.origin_w
        aside = np.linalg.norm(offset - (offset @ measured.direction_w) * measured.direction_w)
        return bool(offset @ measured.direction_w > 0.0 and aside < self.config.own_hand)


@dataclass(frozen=True, eq=False)
class Found:
    """A class in a window, before anything is said of how sure its direction is."""

    index: int
    """Of the class."""
    probability: float
    estimate: Estimate
    log_distance: tuple[float, float]
    """Mean and deviation of the logarithm of the distance [m]."""


@torch.inference_mode()
def find(model: HearingModel, window: Window) -> list[Found]:
    """The classes that are heard in one window, and where from."""
    analysis = analyse(window.audio)
    heard = model.net(torch.from_numpy(analysis.features())[None])
    presence = torch.sigmoid(heard.presence[0]).numpy()
    found = []
    for index in np.flatnonzero(presence >= model.thresholds).tolist():
        mask = spread(torch.sigmoid(heard.masks[0, index]).numpy())
        mean, deviation = heard.distance[0, index].tolist()
        found.append(Found(
            index, float(presence[index]), locate(analysis, mask, window.baselines_w, window.segment),
            (mean, float(np.exp(np.clip(deviation, -3.0, 2.0)))),
        ))  # fmt: skip
    return found


def measure(model: HearingModel, window: Window) -> list[Measured]:
    """The bearings of all classes that are heard in one window."""
    return [
        Measured(
            label=model.net.config.classes[f.index], stamp=window.stamp, origin_w=window.origin_w,
            direction_w=f.estimate.direction,
            covariance=covariance_of(f.estimate, model.variance(f.index, predictors(f.estimate))),
            probability=f.probability, log_distance=f.log_distance,
        )
        for f in find(model, window)
    ]  # fmt: skip


def _brief(track: Track) -> bool:
    return track.label in BRIEF


def _event(track: Track) -> SoundEvent:
    last = track.last
    away = track.distance()
    return SoundEvent(
        label=track.label, direction_w=last.direction_w, origin_w=last.origin_w, covariance=last.covariance,
        score=last.probability, distance=None if away is None else away[0],
        distance_deviation=None if away is None else away[1],
    )  # fmt: skip

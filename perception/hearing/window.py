"""The last second of sound: frames joined without gaps, and how the array was turned meanwhile."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from yanshi.contracts import Array, Frame
from yanshi.errors import SenseError
from yanshi.perception.hearing.features import FRAMES, HOP, POOL, RATE, window_samples
from yanshi.perception.hearing.spectra import WINDOW

SAME_TURN = np.deg2rad(1.5)
"""Poses that differ by less count as one [rad]."""
LOUDEST = 2.0
"""More than full scale is another unit."""


@dataclass(frozen=True, eq=False)
class Window:
    """`window_samples()` of sound, and from where they were heard."""

    audio: Array
    """(T, M) float32."""
    stamp: float
    """Of its end [s]."""
    origin_w: Array
    """(3,) where the array is at the end [m]."""
    baselines_w: tuple[Array, ...]
    """For each segment (P, 3) r_j - r_i [m]."""
    segment: Array
    """(N,) int: to which segment each analysis window belongs."""


@dataclass(frozen=True, eq=False)
class _Part:
    first: int
    data: Array
    rotation_w: Array
    origin_w: Array


class Recorder:
    """Joins frames. What was not heard is silence."""

    def __init__(self) -> None:
        self._parts: deque[_Part] = deque()
        self._microphones: Array | None = None

    def add(self, frame: Frame, base_pose_w: Array) -> None:
        """Add a frame that follows the last; one from before it begins anew.

        Raises:
            SenseError: It cannot be used.
        """
        microphones, T_bs = _checked(frame)
        if self._microphones is not None and self._microphones.shape != microphones.shape:
            raise SenseError(
                f"Frame '{frame.name}': expected {len(self._microphones)} microphones as before, got "
                f"{len(microphones)}."
            )
        self._microphones = microphones
        x, y, yaw = base_pose_w
        turn = np.array([[np.cos(yaw), -np.sin(yaw), 0.0], [np.sin(yaw), np.cos(yaw), 0.0], [0.0, 0.0, 1.0]])
        end = round(frame.stamp * RATE)
        first = end - len(frame.data)
        if self._parts and first < self._parts[-1].first:
            self._parts.clear()
        data = np.nan_to_num(frame.data)
        origin = turn @ T_bs[:3, 3] + np.array([x, y, 0.0])
        self._parts.append(_Part(first, data, turn @ T_bs[:3, :3], origin))
        while self._parts[0].first + len(self._parts[0].data) <= end - window_samples():
            self._parts.popleft()

    def window(self) -> Window:
        """The last `window_samples()`. Raises: SenseError if nothing was added."""
        if not self._parts or self._microphones is None:
            raise SenseError("Expected a frame of sound before its window.")
        last = self._parts[-1]
        end = last.first + len(last.data)
        begin = end - window_samples()
        audio = np.zeros((window_samples(), last.data.shape[1]), dtype=np.float32)
        for part in self._parts:
            skipped = max(0, begin - part.first)
            audio[part.first + skipped - begin : part.first + len(part.data) - begin] = part.data[skipped:]
        turns, owner = self._turns(begin)
        pairs = np.array(list(combinations(range(len(self._microphones)), 2)))
        lines = self._microphones[pairs[:, 1]] - self._microphones[pairs[:, 0]]
        baselines = tuple(lines @ turn.T for turn in turns)
        return Window(audio, end / RATE, last.origin_w, baselines, owner)

    def _turns(self, begin: int) -> tuple[list[Array], Array]:
        """Distinct rotations of the array, and which of them each analysis window had at its middle."""
        turns: list[Array] = []
        starts: list[int] = []
        for part in self._parts:
            if not turns or _angle(turns[-1], part.rotation_w) > SAME_TURN:
                turns.append(part.rotation_w)
                starts.append(part.first)
        middles = begin + (np.arange(FRAMES * POOL) * HOP + WINDOW / 2.0) * RATE
        owner = np.maximum(np.searchsorted(np.array(starts), middles, side="right") - 1, 0)
        used = np.unique(owner)
        return [turns[k] for k in used], np.searchsorted(used, owner)


def _checked(frame: Frame) -> tuple[Array, Array]:
    """Microphones (M, 3) and T_bs of a frame that can be used."""
    if frame.modality != "audio":
        raise SenseError(f"Frame '{frame.name}': expected audio, got {frame.modality}.")
    if frame.rate != RATE:
        raise SenseError(f"Frame '{frame.name}': expected {RATE:g} Hz, got {frame.rate:g} Hz; resample it.")
    if frame.microphones_s is None or frame.T_bs is None:
        raise SenseError(f"Frame '{frame.name}': expected microphones_s and T_bs, without which nothing has a bearing.")
    if len(frame.microphones_s) < 3:
        raise SenseError(f"Frame '{frame.name}': expected 3 microphones or more, got {len(frame.microphones_s)}.")
    if frame.data.size and not np.isfinite(frame.data).any():
        raise SenseError(f"Frame '{frame.name}': expected sound, got nothing but NaN.")
    if frame.data.size and (peak := float(np.nanmax(np.abs(frame.data)))) > LOUDEST:
        raise SenseError(f"Frame '{frame.name}': expected full scale 1, got {peak:g}; 16-bit sound?")
    return frame.microphones_s, frame.T_bs


def _angle(a: Array, b: Array) -> float:
    return float(np.arccos(np.clip((np.trace(a.T @ b) - 1.0) / 2.0, -1.0, 1.0)))

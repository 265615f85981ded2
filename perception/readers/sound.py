"""Sound: short frames joined to clips without gaps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from yanshi.contracts import Array, Frame, Observation
from yanshi.errors import SenseError
from yanshi.perception.readers.reading import Reading, newest_frames, refuse_nan, view_of


@dataclass(frozen=True, kw_only=True)
class SoundReader:
    """Clips (samples, microphones) float32, full scale 1, that end with the newest sample and follow one another.

    What was not heard (before the first frame, or where one was lost) is silence.
    """

    sources: tuple[str, ...] = ("audio",)
    """Names of the frames."""
    rate: float = 16_000.0
    """[Hz]"""
    samples: int = 8000
    """Samples a clip."""
    microphones: int = 4
    """Channels."""

    @property
    def reading(self) -> tuple[int, ...]:
        """Shape."""
        return (self.samples, self.microphones)

    @property
    def dtype(self) -> str:
        """Full scale 1."""
        return "float32"

    def read(self, clip: Sequence[Observation], source: str, frames: int) -> list[Reading]:
        """See `Reader.read`; here `frames` counts clips of `samples`."""
        found = newest_frames(clip, source, "audio", len(clip))
        if not found:
            return []
        for frame in found:
            self._check(frame)
        end = self._count(found[-1].stamp)
        first = self._count(found[0].stamp) - len(found[0].data)
        clips = min(frames, max(1, -(-(end - first) // self.samples)))
        start = end - clips * self.samples
        track = np.zeros((clips * self.samples, self.microphones), dtype=np.float32)
        for frame in found:
            stop = self._count(frame.stamp) - start
            data = np.nan_to_num(frame.data[-min(len(frame.data), max(stop, 0)) :]) if stop > 0 else frame.data[:0]
            track[stop - len(data) : stop] = data
        view = view_of(found[-1])
        return [
            Reading(value=part, stamp=(start + (k + 1) * self.samples) / self.rate, view=view)
            for k, part in enumerate(self._cut(track, clips))
        ]

    def _cut(self, track: Array, clips: int) -> Array:
        return track.reshape(clips, self.samples, self.microphones)

    def _count(self, stamp: float) -> int:
        """Which sample a time is."""
        return round(stamp * self.rate)

    def _check(self, frame: Frame) -> None:
        if frame.rate != self.rate:
            raise SenseError(f"Frame '{frame.name}': expected {self.rate:g} Hz, got {frame.rate:g} Hz; resample it.")
        if frame.data.shape[1] != self.microphones:
            raise SenseError(
                f"Frame '{frame.name}': expected {self.microphones} microphones, got {frame.data.shape[1]}."
            )
        refuse_nan(frame, "sound")
        if frame.data.size and (peak := float(np.nanmax(np.abs(frame.data)))) > 2.0:
            raise SenseError(f"Frame '{frame.name}': expected full scale 1, got {peak:g}; 16-bit sound?")

"""What a reader is: a clip of observations in, the newest readings of one sensor out, in one unit and shape."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from yanshi.contracts import Array, Frame, Modality, Observation
from yanshi.errors import SenseError

VIEW = 16
"""Length of `Reading.view`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One reading, ready for an encoder."""

    value: Array
    """As the reader's `reading` says; NaN where nothing was measured."""
    stamp: float
    """[s]"""
    view: Array
    """(16,) float32: from where. Rotation (9) and translation [m] (3) of the sensor in the robot base, then fx / W,
    fy / H, cx / W, cy / H; zeros where there is none."""


class Reader(Protocol):
    """Makes readings of one sense. A frozen dataclass of JSON values, registered in `catalog.READERS`."""

    @property
    def sources(self) -> tuple[str, ...]:
        """Names of the sensors it reads, e.g. ``head_rgb``."""

    @property
    def reading(self) -> tuple[int, ...]:
        """Shape of one reading."""

    @property
    def dtype(self) -> str:
        """Of its values: uint8 or float32."""

    def read(self, clip: Sequence[Observation], source: str, frames: int) -> list[Reading]:
        """The newest readings of a source in a clip (oldest observation first), at most `frames`, oldest first.

        Raises:
            SenseError: If a frame cannot be used.
        """


def newest_frames(clip: Sequence[Observation], name: str, modality: Modality, frames: int) -> list[Frame]:
    """The last frames of a sensor, each once though observations repeat it until the next comes; oldest first.

    Raises:
        SenseError: If the name belongs to another modality.
    """
    found: dict[float, Frame] = {}
    for observation in clip:
        frame = observation.frames.get(name)
        if frame is None:
            continue
        if frame.modality != modality:
            raise SenseError(f"Frame '{name}': expected {modality}, got {frame.modality}.")
        found[frame.stamp] = frame
    return [found[stamp] for stamp in sorted(found)[-frames:]]


def view_of(frame: Frame) -> Array:
    """`Reading.view` of a frame."""
    view = np.zeros(VIEW, dtype=np.float32)
    if frame.T_bs is not None:
        view[:9] = frame.T_bs[:3, :3].ravel()
        view[9:12] = frame.T_bs[:3, 3]
    if frame.K is not None:
        height, width = frame.data.shape[:2]
        view[12:] = (frame.K[0, 0] / width, frame.K[1, 1] / height, frame.K[0, 2] / width, frame.K[1, 2] / height)
    return view


def refuse_nan(frame: Frame, what: str) -> None:
    """Raises: SenseError if a frame has values and all of them are NaN."""
    if frame.data.size and not np.isfinite(frame.data).any():
        raise SenseError(f"Frame '{frame.name}': expected {what}, got NaN everywhere; leave it out to go on without.")

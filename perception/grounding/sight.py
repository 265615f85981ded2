"""Everything that cameras tell of one observation: objects, furniture, and what of it is in view."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from yanshi.contracts import Array, Detection, Frame, Observation
from yanshi.perception.grounding.furniture import Furnished
from yanshi.perception.grounding.views import CameraView, camera_views


class FindsObjects(Protocol):
    """What finds objects: the learned eye, or the yardstick."""

    def look(self, views: Sequence[CameraView], base_pose_w: Array) -> list[Detection]:
        """The objects in view, each once."""


class SeesFurniture(Protocol):
    """What sees the furniture of the map."""

    def look(self, views: Sequence[CameraView], base_pose_w: Array, known: Mapping[str, float]) -> Furnished:
        """What views show of it; `known` is how far its parts were open when last seen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What a percept takes from cameras. Relations between things are not here: they follow from where things are."""

    detections: tuple[Detection, ...] = ()
    """Objects without a track, furniture under its name in the map, parts with how far they are open."""
    viewed: frozenset[str] = frozenset()
    """Fixtures on or in which an object would have been seen."""


class Sight:
    """Looks at each frame once."""

    def __init__(self, objects: FindsObjects, furniture: SeesFurniture | None = None) -> None:
        """Without `furniture` nothing is said of the map."""
        self._objects = objects
        self._furniture = furniture
        self._before: dict[str, Frame] = {}
        self._openings: dict[str, float] = {}
        self._stamp = 0.0

    def see(self, observation: Observation, base_pose_w: Array) -> Seen:
        """What the cameras' new frames show; nothing where there are none.

        A colour frame that is new while its depth is not (or the other way round) waits for the other: what was seen
        in a depth frame is not told again.

        Args:
            observation: with frames of any senses.
            base_pose_w: (3,) x, y [m], yaw [rad] of the robot in the map when the frames were taken.

        Raises:
            SenseError: A depth frame lacks its pose or intrinsics, or has a size that no eye takes.
        """
        if observation.stamp < self._stamp:  # another episode
            self._before, self._openings = {}, {}
        self._stamp = observation.stamp
        frames = observation.frames
        depths = [f for f in frames.values() if f.modality == "depth" and self._before.get(f.name) is not f]
        self._before = dict(frames)
        views = camera_views([*depths, *(f for f in frames.values() if f.modality == "rgb")])
        if not views:
            return Seen()
        found = tuple(self._objects.look(views, base_pose_w))
        if self._furniture is None:
            return Seen(detections=found)
        house = self._furniture.look(views, base_pose_w, self._openings)
        self._openings.update(house.openings)
        return Seen(detections=(*found, *house.detections), viewed=house.viewed)

"""Learned perception: what the robot makes of its raw senses, with nothing from the simulation.

Cameras are looked at by the eye and held against the furniture of the map, microphones by hearing, LiDARs tell where
the robot is and, where no camera sees, what stands on the furniture; depth and LiDARs map what is in the way. Each part
knows nothing of the others; here they are put together. What a picture cannot show (whether a device is on) is left
open, and the belief expects it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from yanshi.agent.weights import eye_file, hearing_folder
from yanshi.contracts import Array, Detection, FloorPlan, Frame, Observation, Percept
from yanshi.perception.grounding.eye import Eye, EyeOptions
from yanshi.perception.grounding.furniture import FurnitureSight
from yanshi.perception.grounding.range_clusters import RangeClusters, Ranged
from yanshi.perception.grounding.sight import FindsObjects, Sight
from yanshi.perception.grounding.standing import Standing
from yanshi.perception.hearing.listening import Hearing
from yanshi.perception.mapping.localisation import Localiser
from yanshi.perception.mapping.mapper import Mapper

DOUBTFUL = 0.35
"""Score from which the eye's detections are told: the belief asks for more than one of them."""
SEES_FROM = 0.05
"""Share of a picture of which a camera must know the depth to be of use."""


@dataclass(frozen=True, kw_only=True)
class Parts:
    """What perceives."""

    sight: Sight
    hearing: Hearing
    localiser: Localiser
    mapper: Mapper
    ranging: RangeClusters
    standing: Standing


class LearnedPerception:
    """Makes percepts of observations with any senses. A frame that was perceived before is not perceived again."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._last: Frame | None = None

    def perceive(self, observation: Observation) -> Percept:
        """What can be known from an observation.

        Raises:
            SenseError: A frame lacks its calibration or has a form that cannot be used.
        """
        parts = self._parts
        base_pose_w = parts.localiser.locate(observation)
        parts.mapper.update(observation, parts.localiser.at)
        depths = [frame for frame in observation.frames.values() if frame.modality == "depth"]
        taken = max((frame.stamp for frame in depths), default=observation.stamp)
        seen = parts.sight.see(observation, parts.localiser.at(taken))
        ranged = Ranged() if any(_sees(frame) for frame in depths) else self._range(observation)
        return Percept(
            stamp=observation.stamp,
            base_pose_w=base_pose_w,
            detections=(*filter(self._is_thing, seen.detections), *ranged.detections),
            sounds=parts.hearing.perceive(observation, base_pose_w),
            viewed=seen.viewed | ranged.viewed,
            grid=parts.mapper.obstacles,
            source="learned",
        )

    def _is_thing(self, detection: Detection) -> bool:
        """Whether it is furniture that is known by name, or a thing, and not furniture that is taken for one."""
        return detection.track is not None or not self._parts.standing.is_surface(detection)

    def _range(self, observation: Observation) -> Ranged:
        """What a LiDAR shows where no camera sees: in the dark, or without cameras."""
        frame = observation.frames.get("lidar")
        if frame is None or frame is self._last:
            return Ranged()
        self._last = frame
        return self._parts.ranging.look(frame, self._parts.localiser.at(frame.stamp))


def _sees(depth: Frame) -> bool:
    """Whether a camera has light enough to measure depth."""
    return bool(np.isfinite(depth.data).mean() >= SEES_FROM)


def learned_perception(
    plan: FloorPlan,
    shapes: Mapping[str, Array],
    weights: Path | None = None,
    objects: FindsObjects | None = None,
    mapper: Mapper | None = None,
) -> LearnedPerception:
    """The learned perception of a robot that knows its home's floor plan and the catalogue of furniture.

    Args:
        plan: what is known beforehand.
        shapes: moving part of the furniture → its boxes (k, 6) in its own frame: centre, half extents [m].
        weights: the folder that training wrote; None takes the weights that are shipped.
        objects: what finds objects in the place of the eye.
        mapper: an empty map of this home; None makes one, without surfaces.

    Raises:
        InputError: There are no weights of an eye.
        ModelError: Those of hearing cannot be used.
    """
    finder = Eye.from_file(eye_file(weights), EyeOptions(score=DOUBTFUL)) if objects is None else objects
    return LearnedPerception(
        Parts(
            sight=Sight(finder, FurnitureSight(plan, shapes)),
            hearing=Hearing.from_pretrained(hearing_folder(weights)),
            localiser=Localiser(plan),
            mapper=Mapper(plan) if mapper is None else mapper,
            ranging=RangeClusters(plan),
            standing=Standing(plan),
        )
    )

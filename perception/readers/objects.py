"""Objects that were sensed or are remembered, as vectors: what becomes of them is a token that can be pointed at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from yanshi.contracts import Array, Detection, Entity, Observation, Percept, WorldState
from yanshi.errors import SenseError
from yanshi.perception.geometry import inverse, planar, transform
from yanshi.perception.readers.reading import VIEW, Reading

ORDER = ("size", "color", "material", "shape")
"""In which attributes are told."""
USUAL = "medium"
"""A size that is not worth a word."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SensedObject:
    """An object as the language model is told of it."""

    words: str = ""
    """What it is called beside its token, e.g. ``red mug``; empty for nothing but the features."""
    position_b: Array
    """(3,) centre [m] in the robot base."""
    extent: Array = field(default_factory=lambda: np.full(3, np.nan))
    """(3,) size of its box [m]; NaN where unknown."""
    deviation: Array = field(default_factory=lambda: np.full(3, np.nan))
    """(3,) standard deviation of the position [m]; NaN where unknown."""
    score: float = 1.0
    """Confidence [0, 1]."""
    age: float = 0.0
    """Since it was last sensed [s]."""
    embedding: Array | None = None
    """(E,) features of whatever found it."""

    def __post_init__(self) -> None:
        for name in ("position_b", "extent", "deviation"):
            value = getattr(self, name)
            if np.shape(value) != (3,):
                raise SenseError(f"Object '{self.words}': expected {name} of shape (3,), got {np.shape(value)}.")
        if not np.isfinite(self.position_b).all():
            raise SenseError(f"Object '{self.words}': expected a finite position, got {self.position_b}.")


def sensed(percept: Percept) -> list[SensedObject]:
    """The things that a percept found, in its order; furniture is none."""
    return sensed_of([d for d in percept.detections if d.track is None], percept.base_pose_w)


def sensed_of(detections: Sequence[Detection], base_pose_w: Array) -> list[SensedObject]:
    """Detections, in their order, from where the robot stands: (3,) x, y [m], yaw [rad]."""
    T_bw = inverse(planar(base_pose_w))
    return [_of_detection(detection, T_bw) for detection in detections]


def remembered(belief: WorldState) -> list[SensedObject]:
    """The movable objects of a belief that were met with, in its order."""
    T_bw = inverse(planar(belief.base_pose_w))
    return [_of_entity(entity, T_bw, belief.stamp) for entity in met_with(belief)]


def met_with(belief: WorldState) -> list[Entity]:
    """The movable objects of a belief that have a place; what was only told of has none."""
    things = (entity for entity in belief.entities.values() if entity.category == "object")
    return [entity for entity in things if np.isfinite(entity.position_w).all()]


def in_words(label: str, attributes: Mapping[str, str]) -> str:
    """What a thing is called beside its token: ``large red ceramic mug``, ``white plastic tile 5``."""
    words = [attributes[name] for name in ORDER if attributes.get(name, USUAL) != USUAL]
    return " ".join(filter(None, (*words, label, attributes.get("digit")))).replace("_", " ")


def _of_detection(detection: Detection, T_bw: Array) -> SensedObject:
    return SensedObject(
        words=in_words(detection.label, detection.attributes),
        position_b=transform(T_bw, detection.position_w),
        extent=detection.extent,
        deviation=np.sqrt(np.diag(detection.covariance)),
        score=detection.score,
        embedding=detection.embedding,
    )


def _of_entity(entity: Entity, T_bw: Array, now: float) -> SensedObject:
    return SensedObject(
        words=in_words(entity.label, entity.attributes),
        position_b=transform(T_bw, entity.position_w),
        extent=entity.extent,
        deviation=np.zeros(3) if entity.covariance is None else np.sqrt(np.diag(entity.covariance)),
        age=0.0 if entity.last_seen is None else max(now - entity.last_seen, 0.0),
    )


@dataclass(frozen=True, kw_only=True)
class ObjectReader:
    """Vectors (11 + embedding,) float32 of `SensedObject`s: position, extent, deviation, score, age, embedding.

    Objects come beside the observations, so it has no source among their frames.
    """

    embedding: int = 0
    """Length of the embedding; 0 where objects have none."""

    @property
    def sources(self) -> tuple[str, ...]:
        """One: what found the objects."""
        return ("objects",)

    @property
    def reading(self) -> tuple[int, ...]:
        """Shape."""
        return (11 + self.embedding,)

    @property
    def dtype(self) -> str:
        """SI units."""
        return "float32"

    def read(self, clip: Sequence[Observation], source: str, frames: int) -> list[Reading]:
        """None: an observation holds no objects, see `vectors`."""
        return []

    def vectors(self, objects: Sequence[SensedObject]) -> list[Reading]:
        """One reading an object.

        Raises:
            SenseError: If an embedding has another length.
        """
        view = np.zeros(VIEW, dtype=np.float32)
        return [Reading(value=self._vector(thing), stamp=-thing.age, view=view) for thing in objects]

    def _vector(self, thing: SensedObject) -> Array:
        features = np.full(self.embedding, np.nan) if thing.embedding is None else thing.embedding
        if np.shape(features) != (self.embedding,) and self.embedding:
            raise SenseError(
                f"Object '{thing.words}': expected an embedding of {self.embedding} numbers, got {np.shape(features)}."
            )
        parts = (thing.position_b, thing.extent, thing.deviation, (thing.score, thing.age), features[: self.embedding])
        return np.concatenate([np.asarray(part, dtype=np.float32) for part in parts])

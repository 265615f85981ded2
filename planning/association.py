"""Which detection is which entity: by the perceiver's own track where there is one, else by description and
distance.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from yanshi.contracts import Affordance, Detection, Entity
from yanshi.planning.situation import known

Array = NDArray[Any]

GATE = 16.3
"""Squared Mahalanobis distance beyond which two positions are not one thing's: 99.9 % of chi-squared, 3 degrees."""
SLACK = 0.02**2
"""Variance added for what neither side admits [m²]."""
ANY_OBJECT: frozenset[Affordance] = frozenset({"grasp", "on"})
"""What can be done with an object of an unknown kind."""
UNSEEN_GROWTH = 0.01**2
"""Variance that the position of an unseen thing gains each second [m²/s]."""


def compatible(entity: Entity, label: str, attributes: Mapping[str, str]) -> bool:
    """Whether a description can be of this entity: same kind, and no attribute that both have differs. A thing of
    which only attributes are known (label ``thing``) is compatible with any kind.
    """
    if label != entity.label and entity.label != "thing":
        return False
    return all(attributes.get(key, value) == value for key, value in entity.attributes.items())


def satisfies(label: str, attributes: Mapping[str, str], wanted: Entity) -> bool:
    """Whether something is of the kind, and has all the attributes, that a thing only told of is said to have."""
    if wanted.label not in ("thing", label):
        return False
    return all(attributes.get(key) == value for key, value in wanted.attributes.items())


def undecided(label: str, attributes: Mapping[str, str], wanted: Entity) -> bool:
    """Whether something may yet turn out to be the thing that was told of: nothing known of it speaks against that, and
    some of how it should look is not known. A sound is not looked at.
    """
    unknown = [key for key in wanted.attributes if key != "sound" and key not in attributes]
    return bool(unknown) and compatible(wanted, label, attributes)


def associate(
    detections: Iterable[Detection], entities: Mapping[str, Entity], held: Collection[str] = ()
) -> list[tuple[Detection, str | None]]:
    """Pair each detection with the entity that it shows, or None for something new. No entity is used twice.

    Pairs are made nearest first. What is left goes to a thing of its description that was
    lost or is merely expected to be elsewhere.
    """
    detections = list(detections)
    result: dict[int, str | None] = {}
    free = {n for n, e in entities.items() if e.category == "object" and e.provenance != "told"}
    candidates: list[tuple[float, int, str]] = []
    for index, detection in enumerate(detections):
        if detection.track is not None:
            result[index] = detection.track if detection.track in entities else None
            free.discard(detection.track)
            continue
        for name in sorted(free):
            entity = entities[name]
            if not compatible(entity, detection.label, detection.attributes):
                continue
            distance = GATE * 0.999 if name in held else _distance(entity, detection)
            if distance < GATE:
                candidates.append((distance, index, name))
    for _, index, name in sorted(candidates):
        if index not in result and name in free:
            result[index] = name
            free.discard(name)
    for index, detection in enumerate(detections):
        if index not in result:
            lost = [n for n in sorted(free) if not known(entities[n]) or entities[n].provenance == "expected"]
            name_of_lost = next(
                (n for n in lost if compatible(entities[n], detection.label, detection.attributes)), None
            )
            result[index] = name_of_lost
            free.discard(name_of_lost or "")
    return [(detection, result[index]) for index, detection in enumerate(detections)]


def _distance(entity: Entity, detection: Detection) -> float:
    """Squared Mahalanobis distance between where an entity is believed and where something was detected."""
    if not known(entity):
        return np.inf
    spread = detection.covariance + (0.0 if entity.covariance is None else entity.covariance) + SLACK * np.eye(3)
    offset = detection.position_w - entity.position_w
    return float(offset @ np.linalg.solve(spread, offset))


def seen(entity: Entity, detection: Detection, stamp: float) -> Entity:
    """The entity after a detection: positions are fused by covariance, or replaced where the thing has plainly
    moved.
    """
    measured = np.asarray(detection.covariance, dtype=float) + 1e-10 * np.eye(3)
    position, covariance = np.asarray(detection.position_w, dtype=float), measured
    if known(entity) and entity.covariance is not None and _distance(entity, detection) < GATE:
        gain = entity.covariance @ np.linalg.inv(entity.covariance + measured)
        position = entity.position_w + gain @ (position - entity.position_w)
        covariance = (np.eye(3) - gain) @ entity.covariance
    return replace(
        entity,
        label=detection.label,
        attributes={**entity.attributes, **detection.attributes},
        position_w=position,
        covariance=covariance,
        yaw=detection.yaw,
        extent=np.asarray(detection.extent, dtype=float),
        last_seen=stamp,
        provenance="seen",
    )


def first_seen(detection: Detection, name: str, stamp: float, template: Entity | None) -> Entity:
    """A new object. What can be done with it, and its regions, are those of its kind; an unknown kind can be
    grasped.
    """
    affordances = template.affordances if template else ANY_OBJECT
    return Entity(
        name=name,
        label=detection.label,
        category="object",
        attributes=dict(detection.attributes),
        position_w=np.asarray(detection.position_w, dtype=float),
        yaw=detection.yaw,
        extent=np.asarray(detection.extent, dtype=float),
        covariance=np.asarray(detection.covariance, dtype=float) + 1e-10 * np.eye(3),
        affordances=affordances,
        regions=template.regions if template else (),
        last_seen=stamp,
        provenance="seen",
    )


def forgetting(entity: Entity, seconds: float) -> Entity:
    """The entity when it was not seen for a while: less is known of where it is."""
    if entity.covariance is None or not known(entity):
        return entity
    return replace(entity, covariance=entity.covariance + UNSEEN_GROWTH * seconds * np.eye(3))


def free_name(detection: Detection, taken: Collection[str]) -> str:
    """A name for something new: its colour and kind, then with its size, then with a number."""
    attributes = detection.attributes
    digit = attributes.get("digit")
    plain = "_".join(filter(None, (None if digit else attributes.get("color"), detection.label, digit)))
    sized = "_".join(filter(None, (attributes.get("size"), plain)))
    for name in (plain, sized):
        if name not in taken:
            return name
    return next(f"{plain}_{n}" for n in range(2, len(taken) + 3) if f"{plain}_{n}" not in taken)

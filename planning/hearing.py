"""What sounds tell the belief: which known thing is sounding, and what makes a sound somewhere unseen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from yanshi.contracts import Entity, SoundEvent
from yanshi.planning.situation import known

Array = NDArray[Any]

KEPT = 24
"""How many recent sounds are remembered."""
SILENCE = 6.0
"""A thing not heard for so long is silent [s]; a phone pauses between rings."""
SIGMAS = 3.0
"""How far from a bearing a thing may lie to be what is heard."""


def recent(sounds: Sequence[SoundEvent], new: Sequence[SoundEvent]) -> tuple[SoundEvent, ...]:
    """The newest sounds, oldest first."""
    return (*sounds, *new)[-KEPT:]


def source_of(event: SoundEvent, entities: Mapping[str, Entity]) -> str | None:
    """The one known thing that an event comes from: by its track, else the only thing that can sound in its
    direction.
    """
    if event.track is not None:
        return event.track
    pointed = [n for n, e in entities.items() if "sound" in e.affordances and known(e) and _in_direction(e, event)]
    return pointed[0] if len(pointed) == 1 else None


def _in_direction(entity: Entity, event: SoundEvent) -> bool:
    offset = np.asarray(entity.position_w - event.origin_w, dtype=float)
    distance = float(np.linalg.norm(offset))
    if distance < 0.2:
        return True
    azimuth = np.arctan2(offset[1], offset[0]) - np.arctan2(event.direction_w[1], event.direction_w[0])
    azimuth = (azimuth + np.pi) % (2 * np.pi) - np.pi
    own = 0.1 / distance
    allowed = SIGMAS * float(np.sqrt(event.covariance[0, 0] + own**2))
    return bool(abs(azimuth) <= max(allowed, 0.1))


def unseen_source(event: SoundEvent, name: str) -> Entity:
    """A thing of which only the sound is known."""
    return Entity(
        name=name,
        label="thing",
        category="object",
        attributes={},
        position_w=np.full(3, np.nan),
        extent=np.full(3, np.nan),
        affordances=frozenset({"sound", "grasp"}),
        provenance="heard",
    )

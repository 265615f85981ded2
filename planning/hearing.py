"""What sounds tell the belief: which known thing is sounding, and what makes a sound somewhere unseen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from yanshi.contracts import Entity, Room, SoundEvent
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


def unseen_source(name: str) -> Entity:
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


def likely_room(sounds: Sequence[SoundEvent], rooms: Sequence[Room], name: str | None = None) -> str | None:
    """The room from which a thing is heard: where its bearings cross, else that through which the last one mostly runs.

    Args:
        sounds: what was heard.
        rooms: the rooms there are.
        name: the track of the thing; None takes every sound.
    """
    heard = [event for event in sounds if name is None or event.track in (name, None)]
    if not heard:
        return None
    directions = [event.direction_w[:2] / max(float(np.linalg.norm(event.direction_w[:2])), 1e-9) for event in heard]
    across = [np.eye(2) - np.outer(d, d) for d in directions]
    normal = np.sum(across, axis=0)
    if np.linalg.eigvalsh(normal)[0] > 0.05 * len(heard):
        point = np.linalg.solve(
            normal, np.sum([a @ e.origin_w[:2] for a, e in zip(across, heard, strict=True)], axis=0)
        )
        return next((room.name for room in rooms if room.contains(point)), None)
    ray = heard[-1].origin_w[:2] + np.arange(0.5, 7.0, 0.25)[:, None] * directions[-1]
    counts = [(sum(room.contains(point) for point in ray), room.name) for room in rooms]
    best = max(counts, default=(0, ""))
    return best[1] if best[0] else None

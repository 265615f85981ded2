"""What sounds tell the belief: which known thing is sounding, and what makes a sound somewhere unseen."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from yanshi.contracts import Entity, Room, SoundEvent
from yanshi.planning.situation import known

Array = NDArray[Any]

KEPT = 24
"""How many recent sounds are remembered."""
PLACE = 0.15
"""Sounds heard within this distance [m] were heard at one place."""
KEPT_AT_A_PLACE = 3
"""How many of one kind are remembered from one place: bearings cross only where they come from several places."""
SILENCE = 6.0
"""A thing not heard for so long is silent [s]; a phone pauses between rings."""
SIGMAS = 3.0
"""How far from a bearing a thing may lie to be what is heard."""
CROSSING = 0.015
"""Least sin² of half the angle at which bearings cross well enough."""
INSIDE = 0.25
"""A crossing this near to a wall [m] may be a doorway, from which the sound of the next room comes."""


def recent(sounds: Sequence[SoundEvent], new: Sequence[SoundEvent]) -> tuple[SoundEvent, ...]:
    """The newest sounds, oldest first, a few from each place."""
    if not new:
        return tuple(sounds)
    kept: list[SoundEvent] = []
    for event in reversed((*sounds, *new)):
        here = sum(
            math.dist(event.origin_w[:2], other.origin_w[:2]) < PLACE
            for other in kept
            if (other.label, other.track) == (event.label, event.track)
        )
        if here < KEPT_AT_A_PLACE:
            kept.append(event)
    return tuple(reversed(kept[:KEPT]))


def source_of(
    event: SoundEvent, entities: Mapping[str, Entity], rooms: Sequence[Room], voices: Mapping[str, str]
) -> str | None:
    """The one known thing that an event comes from: by its track, else the only thing in its direction that can make
    such a sound. Only things in the same room count: from another room a sound comes as if from the doorway.

    Args:
        event: what was heard.
        entities: the things that are known.
        rooms: the rooms there are.
        voices: label of a thing → the sound that it makes; a thing whose sound is not known may make any.
    """
    if event.track is not None:
        return event.track
    room = next((room for room in rooms if room.contains(event.origin_w)), None)
    pointed = [
        name
        for name, entity in entities.items()
        if "sound" in entity.affordances
        and known(entity)
        and voices.get(entity.label, event.label) == event.label
        and (room is None or room.contains(entity.position_w))
        and _in_direction(entity, event)
    ]
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


def unseen_source(name: str, label: str = "thing") -> Entity:
    """A thing of which only the sound is known."""
    return Entity(
        name=name,
        label=label,
        category="object",
        attributes={},
        position_w=np.full(3, np.nan),
        extent=np.full(3, np.nan),
        affordances=frozenset({"sound", "grasp"}),
        provenance="heard",
    )


def maker_of(sound: str, voices: Mapping[str, str]) -> str:
    """The kind of thing that makes a sound, if only one does; else ``thing``."""
    makers = [label for label, voice in voices.items() if voice == sound]
    return makers[0] if len(makers) == 1 else "thing"


def crossing(sounds: Sequence[SoundEvent], room: Room | None = None) -> Array | None:
    """The point (x, y) of the map [m] nearest to all bearings taken in a room (None: anywhere), or None where they are
    nearly parallel or point away from it.
    """
    heard = [event for event in sounds if room is None or room.contains(event.origin_w)]
    if not heard:
        return None
    directions = [_level(event) for event in heard]
    across = [np.eye(2) - np.outer(d, d) for d in directions]
    normal = np.sum(across, axis=0)
    if np.linalg.eigvalsh(normal)[0] <= CROSSING * len(heard):
        return None
    point = np.linalg.solve(normal, np.sum([a @ e.origin_w[:2] for a, e in zip(across, heard, strict=True)], axis=0))
    ahead = (point - heard[-1].origin_w[:2]) @ directions[-1] > 0.0
    return np.asarray(point) if ahead else None


def likely_room(sounds: Sequence[SoundEvent], rooms: Sequence[Room], name: str | None = None) -> str | None:
    """The room from which a thing is heard, or the next on the way there.

    Where the bearings taken in one room cross well inside a room, it is there. Else the sound comes through a doorway,
    and the last bearing leads to the room behind it.

    Args:
        sounds: what was heard.
        rooms: the rooms there are.
        name: the track of the thing; None takes every sound.
    """
    heard = [event for event in sounds if name is None or event.track in (name, None)]
    if not heard:
        return None
    last = heard[-1]
    own = next((room for room in rooms if room.contains(last.origin_w)), None)
    point = crossing(heard, own)
    if point is not None:
        for room in rooms:
            if np.all(point >= room.low_w + INSIDE) and np.all(point <= room.high_w - INSIDE):
                return room.name
    if own is not None and last.track is not None:  # what can be named is not heard round a corner
        return own.name
    ray = last.origin_w[:2] + np.arange(0.25, 10.0, 0.1)[:, None] * _level(last)
    met = (room.name for spot in ray for room in rooms if room is not own and room.contains(spot))
    return next(met, own.name if own is not None else None)


def _level(event: SoundEvent) -> Array:
    """The direction (2,) of a sound seen from above."""
    return np.asarray(event.direction_w[:2] / max(float(np.linalg.norm(event.direction_w[:2])), 1e-9))

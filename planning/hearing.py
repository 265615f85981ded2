"""What sounds tell the belief: which known thing is sounding, and what makes a sound somewhere unseen."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from yanshi.contracts import Entity, FloorPlan, OccupancyGrid, Room, SoundEvent
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
SIZE = 0.1
"""How far from its centre a thing may sound [m]."""
DECIDED = 9.0
"""By how much the squares of errors of one thing must be less than those of another, in deviations."""
CROSSING = 0.015
"""Least sin² of half the angle at which bearings cross well enough."""
STRAY = 0.05
"""How much bearings of one place err together [rad]."""
BESIDE = 0.25
"""How far from a point of furniture or the middle of a doorway a sound may come [m]."""
BEHIND = 1.8
"""How far behind a doorway a source is about [m]."""
THICKEST, NARROWEST = 0.5, 0.5
"""Of a wall between two rooms, and of a doorway in it [m]."""


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
    such a sound, or of several the one that fits much better than the others. Only things in the same room count: from
    another room a sound comes as if from the doorway.

    Args:
        event: what was heard.
        entities: the things that are known.
        rooms: the rooms there are.
        voices: label of a thing → the sound that it makes; a thing whose sound is not known may make any.
    """
    if event.track is not None:
        return event.track
    room = next((room for room in rooms if room.contains(event.origin_w)), None)
    pointed = sorted(
        (_misfit(entity, event), name)
        for name, entity in entities.items()
        if "sound" in entity.affordances
        and known(entity)
        and voices.get(entity.label, event.label) == event.label
        and (room is None or room.contains(entity.position_w))
        and _in_direction(entity, event)
    )
    if not pointed or (len(pointed) > 1 and pointed[1][0] - pointed[0][0] < DECIDED):
        return None
    return pointed[0][1]


def _in_direction(entity: Entity, event: SoundEvent) -> bool:
    offset = np.asarray(entity.position_w - event.origin_w, dtype=float)
    distance = float(np.linalg.norm(offset))
    if distance < 0.2:
        return True
    allowed = SIGMAS * float(np.sqrt(event.covariance[0, 0] + (SIZE / distance) ** 2))
    return bool(abs(_aside(offset, event)[0]) <= max(allowed, 0.1))


def _misfit(entity: Entity, event: SoundEvent) -> float:
    """Squared errors in deviations of azimuth, elevation and, where it is told, the logarithm of distance."""
    offset = np.asarray(entity.position_w - event.origin_w, dtype=float)
    distance = max(float(np.linalg.norm(offset)), SIZE)
    spread = event.covariance.diagonal() + (SIZE / distance) ** 2
    total = float(np.sum(_aside(offset, event) ** 2 / spread))
    if event.distance is not None and event.distance_deviation is not None:
        doubt = np.hypot(event.distance_deviation / event.distance, 0.2)
        total += float((np.log(event.distance / distance) / doubt) ** 2)
    return total


def _aside(offset: Array, event: SoundEvent) -> Array:
    """(2,) azimuth and elevation [rad] of a point less those of a sound; `offset` (3,) is from where it was heard."""
    directions = np.array([offset, event.direction_w])
    azimuth = np.arctan2(directions[:, 1], directions[:, 0])
    elevation = np.arctan2(directions[:, 2], np.hypot(directions[:, 0], directions[:, 1]))
    return np.array([(azimuth[0] - azimuth[1] + np.pi) % (2 * np.pi) - np.pi, elevation[0] - elevation[1]])


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


def likely_source(sounds: Sequence[SoundEvent], plan: FloorPlan, name: str | None = None) -> str | None:
    """What a thing that is heard stands on in this room, or the room behind the doorway through which it is heard; None
    if nothing is heard.

    Of the furniture and the doorways of the room in which the last bearing was taken, it is the one with which all
    bearings of the commonest sound taken there agree best, and how far away it sounds. What can be named is not heard
    round a corner: then all furniture of the home may be it. Where the robot is in no room of the plan it is the room
    to which the last bearing leads.

    Args:
        sounds: what was heard.
        plan: the home.
        name: the track of the thing; None takes every sound.
    """
    heard = [event for event in sounds if name is None or event.track in (name, None)]
    if not heard:
        return None
    last = heard[-1]
    own = next((room for room in plan.rooms if room.contains(last.origin_w)), None)
    if own is None:
        ray = last.origin_w[:2] + np.arange(0.25, 10.0, 0.1)[:, None] * _level(last)
        return next((room.name for spot in ray for room in plan.rooms if room.contains(spot)), None)
    here = [event for event in heard if own.contains(event.origin_w)]
    labels = [event.label for event in here]
    here = [event for event in here if event.label == max(labels, key=labels.count)]
    fits: dict[str, float] = {}
    for entity in plan.fixtures:
        near = entity.room == own.name or last.track is not None
        if near and entity.room and entity.articulation is None and entity.region("on") is not None:
            place = entity.name if entity.room == own.name else entity.room
            fits[place] = max(fits.get(place, -np.inf), *(_fit(here, point, 0.0) for point in _surface(entity)))
    for room, doorway in doorways(own, plan) if last.track is None else ():
        fits[room] = max(fits.get(room, -np.inf), *(_fit(here, point, BEHIND) for point in doorway))
    return max(fits, key=lambda found: fits[found], default=own.name)


def doorways(own: Room, plan: FloorPlan) -> list[tuple[str, Array]]:
    """The rooms next to one, and points (n, 2) across each gap in the wall between, at most 0.3 m apart."""
    found = []
    for room in plan.rooms:
        for along in (0, 1):
            across = 1 - along
            gap = sorted((max(own.low_w[across], room.low_w[across]), min(own.high_w[across], room.high_w[across])))
            low, high = max(own.low_w[along], room.low_w[along]), min(own.high_w[along], room.high_w[along])
            if room is own or gap[1] - gap[0] > THICKEST or high - low < NARROWEST:
                continue
            places = np.arange(low, high, plan.grid.resolution)
            free = np.array([_passable(plan.grid, place, gap, along) for place in places])
            edges = np.flatnonzero(np.diff(np.concatenate([[False], free, [False]]).astype(int)))
            for first, last in edges.reshape(-1, 2):
                width = (last - first) * plan.grid.resolution
                if width >= NARROWEST:
                    count = int(np.ceil(width / 0.3))
                    points = np.full((count, 2), np.mean(gap))
                    points[:, along] = places[first] + (np.arange(count) + 0.5) * width / count
                    found.append((room.name, points))
    return found


def _passable(grid: OccupancyGrid, place: float, gap: Sequence[float], along: int) -> bool:
    """Whether the map is free from one side of a wall to the other, at a place along it."""
    across = np.arange(gap[0] - grid.resolution, gap[1] + grid.resolution, grid.resolution)
    points = np.column_stack([np.full_like(across, place), across][:: 1 if along == 0 else -1])
    i, j = np.floor((points - grid.origin_w) / grid.resolution).astype(int).T
    inside = (i >= 0) & (j >= 0) & (i < grid.occupied.shape[1]) & (j < grid.occupied.shape[0])
    return bool(inside.all()) and not grid.occupied[j, i].any()


def _surface(entity: Entity) -> Array:
    """(9, 2) places on a piece of furniture, seen from above."""
    region = entity.region("on")
    assert region is not None
    steps = np.stack(np.meshgrid((-0.7, 0.0, 0.7), (-0.7, 0.0, 0.7)), axis=-1).reshape(-1, 2)
    points = region.center_e + np.column_stack([steps * region.half[:2], np.zeros(len(steps))])
    return entity.to_world(points)[:, :2]


def _fit(sounds: Sequence[SoundEvent], point: Array, further: float) -> float:
    """Log likelihood of bearings and distances if they were of a point (2,), with Student's distribution, since echoes
    make some quite wrong. Those of one place err alike and count as one.
    """
    total = 0.0
    for event in sounds:
        alike = sum(math.dist(event.origin_w[:2], other.origin_w[:2]) < PLACE for other in sounds)
        offset = point - event.origin_w[:2]
        away = max(float(np.linalg.norm(offset)), 0.3)
        level = _level(event)
        angle = float(np.arctan2(level[0] * offset[1] - level[1] * offset[0], level @ offset))
        deviation = float(np.sqrt(event.covariance[0, 0] + STRAY**2 + (BESIDE / away) ** 2))
        total += _student(angle, deviation) / alike
        if event.distance is not None and event.distance_deviation is not None:
            doubt = float(np.hypot(event.distance_deviation / event.distance, 0.5 if further else 0.2))
            total += _student(math.log(event.distance / (away + further)), doubt) / alike
    return total


def _student(error: float, deviation: float) -> float:
    return -math.log(deviation) - 2.0 * math.log1p((error / deviation) ** 2 / 3.0)


def _level(event: SoundEvent) -> Array:
    """The direction (2,) of a sound seen from above."""
    return np.asarray(event.direction_w[:2] / max(float(np.linalg.norm(event.direction_w[:2])), 1e-9))

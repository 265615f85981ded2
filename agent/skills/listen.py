"""Listen: stand still and note where sounds come from, at two places or more, until the bearings cross."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from yanshi.agent.skills.drive import drive, free_space
from yanshi.agent.skills.script import Command, GiveUpError, Script, Situation
from yanshi.contracts import SoundEvent

__all__ = ["cross", "listen"]

Array = NDArray[Any]
_PAUSE = 1.6
"""How long to listen at one place [s]."""
_SIDESTEP = 0.8
_PLACES = 4
_OUTSIDE = 100.0
"""What leaving the room is reckoned to add to the way [m]."""


def listen(now: Situation, *names: str) -> Script:
    """Listen for a sound, or for that of one thing, and find out where it comes from.

    Args:
        now: the situation.
        names: nothing, or the name of a thing or kind of sound to listen for.

    Raises:
        GiveUpError: nothing was heard.
    """
    wanted = names[0] if names else None
    heard: list[SoundEvent] = []
    for place in range(_PLACES if now.mobile else 1):
        yield from _pause(now, wanted, heard)
        if not heard:
            if place == 0 and now.mobile:
                yield from _elsewhere(now, None)
                continue
            break
        if wanted is not None and _known(now, wanted):
            return f"I heard {wanted} and know where it is."
        source = cross(heard)
        if source is not None and place > 0:
            return f"I heard {heard[-1].label} from about ({source[0]:.1f}, {source[1]:.1f})."
        if now.mobile and place < _PLACES - 1:
            yield from _elsewhere(now, heard[-1])
    if not heard:
        raise GiveUpError(f"I heard {'nothing' if wanted is None else f'no {wanted}'}.")
    direction = heard[-1].direction_w
    return f"I heard {heard[-1].label} from {np.degrees(np.arctan2(direction[1], direction[0])):.0f}° on the map."


def cross(events: Sequence[SoundEvent]) -> Array | None:
    """Where bearings cross: the point (x, y) of the map [m] nearest to all of them, or None when they are nearly
    parallel.

    Least squares on the distances to the lines, weighted by the inverse variance of azimuth.
    """
    A, b = np.zeros((2, 2)), np.zeros(2)
    for event in events:
        direction = event.direction_w[:2] / max(float(np.linalg.norm(event.direction_w[:2])), 1e-9)
        across = np.eye(2) - np.outer(direction, direction)
        weight = 1.0 / max(float(event.covariance[0, 0]), 1e-4)
        A += weight * across
        b += weight * across @ event.origin_w[:2]
    values = np.linalg.eigvalsh(A)
    if values[0] < 0.02 * values[1]:
        return None
    return np.asarray(np.linalg.solve(A, b))


def _matches(event: SoundEvent, wanted: str | None) -> bool:
    return wanted is None or wanted in (event.track, event.label) or (event.track is None)


def _known(now: Situation, name: str) -> bool:
    entity = now.belief.entities.get(name)
    return entity is not None and bool(np.all(np.isfinite(entity.position_w)))


def _pause(now: Situation, wanted: str | None, heard: list[SoundEvent]) -> Generator[Command, None, None]:
    """Stand still and collect what is heard meanwhile."""
    start = now.time
    fresh: list[SoundEvent] = []
    while now.time - start < _PAUSE:
        yield Command(phase="listen")
        fresh = [
            event
            for event in now.belief.sounds
            if _matches(event, wanted) and np.linalg.norm(event.origin_w[:2] - now.base_w[:2]) < 0.4
        ]
    heard.extend(fresh[-3:])


def _elsewhere(now: Situation, event: SoundEvent | None) -> Generator[Command, None, None]:
    """Drive to another place, across the bearing and nearer to the sound, so that the next bearing crosses the last.
    In another room it would be of the doorway: the robot stays in the room that it is in, if it can.
    """
    space = free_space(now)
    here = now.base_w[:2]
    room = next((room for room in now.floor_plan.rooms if room.contains(here)), None)
    start = space.nearest_free(here)
    ahead = np.array([np.cos(now.base_w[2]), np.sin(now.base_w[2])]) if event is None else event.direction_w[:2]
    ahead = ahead / max(float(np.linalg.norm(ahead)), 1e-9)
    side = np.array([-ahead[1], ahead[0]])
    best: tuple[float, Array] | None = None
    for forward in (0.8, 0.4, 0.0, 1.2, -0.4):
        for across in (1.0, -1.0, 0.6, -0.6, 1.4, -1.4, 0.0):
            spot = here + _SIDESTEP * (forward * ahead + across * side)
            if start is None or not space.is_free(spot) or not space.connected(start, spot):
                continue
            way = space.way(here, spot)
            length = float(np.linalg.norm(np.diff(way, axis=0), axis=1).sum()) if way is not None else np.inf
            cost = length - 1.5 * abs(across) - 0.5 * forward
            cost += _OUTSIDE if room is not None and not room.contains(spot) else 0.0
            if best is None or cost < best[0]:
                best = (cost, spot)
    if best is None:
        raise GiveUpError("There is no other place to listen from.")
    yield from drive(now, np.array([*best[1], float(np.arctan2(ahead[1], ahead[0]))]), "go and listen elsewhere")

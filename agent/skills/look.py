"""Look for: look first at what may be the thing as far as is known, then visit what has not been looked at lately,
nearest first and this room first, and look well at each.

A thing may be known in part: a LiDAR tells a mug by its shape and not its colour. Where a red mug is looked for, a mug
of unknown colour is the best place to look.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from yanshi.agent.skills.drive import drive, free_space
from yanshi.agent.skills.grasp import wrap
from yanshi.agent.skills.parts import moved
from yanshi.agent.skills.script import Command, GiveUpError, Script, Situation
from yanshi.contracts import Entity, Fact
from yanshi.planning.association import undecided

__all__ = ["look_for", "view_places"]

Array = NDArray[Any]
_FRESH = 30.0
"""What was viewed less than this long ago is not visited again [s]."""
_FROM_AFAR = 3.5
"""From here on the robot looks at where it goes instead of at the floor before it [m]."""
_GAZE = 1.2
"""How long to look at one place [s]."""
_DWELL = 0.8
"""How long a surface is looked at after all of it has come into view: one picture does not show everything [s]."""
_OTHER_ROOM = 6.0
"""What going to another room is reckoned to add to the way [m]."""
_DISTANCES = (0.85, 1.0, 1.15, 0.7)
_ELSEWHERE = np.pi / 4
"""So far round what is looked at is another side of it [rad]."""


def look_for(now: Situation, name: str) -> Script:
    """Look around until a thing is in the belief with a position, and all that was said of it has been seen.

    Raises:
        GiveUpError: everything that can be viewed has been, and it was not there.
    """
    if name not in now.belief.entities:
        yield Command(phase="look")  # what was told of just now is in the belief from the next step on
    sought = _Sought(now, name, now.belief.entities.get(name))
    if sought.found():
        return f"I know where {name} is."
    began = now.time
    yield from _inspect(now, sought)
    for point in _round_look(now):
        if (yield from _gaze(now, point, _GAZE if now.mobile else 0.8, sought.found)):
            return f"I found {name}."
    looked: list[str] = []
    skipped = sought.begin(began)
    while now.mobile:
        yield from _inspect(now, sought)
        if sought.found():
            return f"I found {name}."
        fixture = _next(now, began if sought.again else began - _FRESH, skipped)
        if fixture is None:
            break
        place = sought.place(fixture)
        if place is None:
            skipped.add(fixture.name)
            continue
        try:
            if not (yield from _visit(now, sought, fixture, place)):
                continue
        except GiveUpError:
            pass
        sought.looked_from(fixture, place)
        skipped.add(fixture.name)
        looked.append(fixture.name)
    if not now.mobile:
        looked = [fixture.name for fixture in _viewable(now)]
    looked += sorted(sought.inspected)
    raise GiveUpError(f"{name} not found, looked at {', '.join(looked) or 'everything in view'}.")


@dataclass
class _Sought:
    """What is looked for, and what has been looked at closely on the way."""

    now: Situation
    name: str
    wanted: Entity | None
    """How it was described when the search began; None if nothing is known of it."""
    inspected: set[str] = field(default_factory=set)
    """Things that were looked at because they might be it."""
    again: bool = False
    """Whether everything was looked at before, in vain: then it is all looked at once more, from nearby."""

    def begin(self, began: float) -> set[str]:
        """The surfaces that need not be visited: those of an earlier search for the same, while there are others."""
        past = set(self._past())
        self.again = bool(past) and _next(self.now, began - _FRESH, past) is None
        return set() if self.again else past

    def found(self) -> bool:
        """Whether it has a place, and nothing that was said of it is still to be seen."""
        entity = self._known(self.name)
        if entity is None:
            return False
        return self.wanted is None or entity.provenance == "told" or not self._undecided(entity)

    def place(self, fixture: Entity) -> Array | None:
        """The best base pose (x, y, yaw) from which to view a surface: another side of it than in an earlier search for
        the same, where there is one.
        """
        places = view_places(self.now, fixture)
        past = self._past().get(fixture.name, [])
        fresh = (p for p in places if all(abs(wrap(float(p[2] - yaw))) > _ELSEWHERE for yaw in past))
        return next(fresh, next(iter(places), None))

    def looked_from(self, fixture: Entity, place: Array) -> None:
        """Remember from where a surface was looked at, for the next search."""
        self._past().setdefault(fixture.name, []).append(float(place[2]))

    def _past(self) -> dict[str, list[float]]:
        """Surface → the headings [rad] at which the robot has looked at it in search of this thing."""
        searches: dict[str, dict[str, list[float]]] = self.now.memory.setdefault("looked from", {})
        return searches.setdefault(self.name, {})

    def may_be(self, name: str) -> bool:
        """Whether a thing of known place is perhaps the one, and does not show it yet."""
        entity = self._known(name)
        return entity is not None and not self.found() and self._undecided(entity)

    def candidate(self) -> Entity | None:
        """The nearest thing that may be the one and was not looked at."""
        now, past = self.now, {*self.inspected, self.now.holding()}
        things = [e for e in now.belief.entities.values() if e.category == "object" and e.name not in past]
        things = [e for e in things if e.provenance != "told" and self.may_be(e.name)]
        return min(things, key=lambda e: _effort(now, e.position_w, _room_at(now, e.position_w)), default=None)

    def _known(self, name: str) -> Entity | None:
        entity = self.now.belief.entities.get(name)
        return entity if entity is not None and np.all(np.isfinite(entity.position_w)) else None

    def _undecided(self, entity: Entity) -> bool:
        return self.wanted is not None and undecided(entity.label, entity.attributes, self.wanted)


def _viewable(now: Situation) -> list[Entity]:
    """Furniture and parts on or in which something could lie."""
    return [
        entity
        for entity in now.floor_plan.fixtures
        if entity.region("on") is not None or entity.region("in") is not None
    ]


def _shut(now: Situation, entity: Entity) -> bool:
    return entity.articulation is not None and now.belief.openings.get(entity.name, 0.0) < 0.3


def _next(now: Situation, since: float, skipped: set[str]) -> Entity | None:
    """The best place to look at: in this room before others, near before far, never what was viewed since a time."""
    places = []
    for entity in _viewable(now):
        viewed = now.belief.viewed.get(entity.name)
        if entity.name in skipped or _shut(now, entity) or (viewed is not None and viewed > since):
            continue
        places.append(entity)
    return min(places, key=lambda entity: _effort(now, entity.position_w, entity.room), default=None)


def _effort(now: Situation, point_w: Array, room: str | None) -> float:
    """About how far it is to a point (3,) of the map in a room [m]: another room is behind a door."""
    here = _room_at(now, now.base_w)
    return float(np.linalg.norm(point_w[:2] - now.base_w[:2])) + (0.0 if room == here else _OTHER_ROOM)


def _room_at(now: Situation, point_w: Array) -> str | None:
    return next((room.name for room in now.floor_plan.rooms if room.contains(point_w)), None)


def _targets(now: Situation, entity: Entity) -> list[Array]:
    """Points (3,) of the map at which to point the camera to see a whole surface or inside."""
    region = entity.region("on") or entity.region("in")
    if region is None:
        return [entity.position_w]
    value = (
        0.0 if entity.articulation is None else now.belief.openings.get(entity.name, 0.0) * entity.articulation.limit
    )
    low = region.center_e - [0.0, 0.0, region.half[2]]
    wide = int(np.argmax(region.half[:2]))
    count = max(1, int(np.ceil(region.half[wide] / 0.35)))
    steps = (np.arange(count) - 0.5 * (count - 1)) * (2.0 * region.half[wide] / count)
    points = []
    for step in steps:
        point = low.copy()
        point[wide] += step
        points.append(moved(entity, point, value))
    return points


def view_places(now: Situation, entity: Entity) -> list[Array]:
    """Base poses (x, y, yaw) from which a surface can be viewed, best first."""
    return _poses(now, np.mean(_targets(now, entity), axis=0), entity.room, entity.yaw)


def _poses(now: Situation, point_w: Array, room_name: str | None, yaw: float | None) -> list[Array]:
    """Base poses (x, y, yaw) in a room from which a point (3,) of the map can be viewed, best first, better from the
    front of what faces along `yaw` [rad].
    """
    space = free_space(now)
    here = space.nearest_free(now.base_w)
    room = next((room for room in now.floor_plan.rooms if room.name == room_name), None)
    found = []
    for reach in _DISTANCES:
        for heading in np.arange(-np.pi, np.pi, np.pi / 12):
            spot = point_w[:2] - reach * np.array([np.cos(heading), np.sin(heading)])
            if not space.is_free(spot) or (room is not None and not room.contains(spot)):
                continue
            if here is None or not space.connected(here, spot):
                continue
            front = 0.0 if yaw is None else abs(wrap(float(heading) - yaw - np.pi))
            cost = 0.3 * float(np.linalg.norm(spot - now.base_w[:2])) + 0.3 * front + abs(reach - 0.9)
            found.append((cost, np.array([*spot, wrap(float(heading))])))
    found.sort(key=lambda item: item[0])
    return [pose for _, pose in found]


def _visit(now: Situation, sought: _Sought, fixture: Entity, place: Array) -> Generator[Command, None, bool]:
    """Drive to where a surface can be viewed and look at it, no farther and no longer than it takes to see it all, and
    not when a better place to look comes up on the way; returns whether it was looked at.
    """
    began, seen_at = now.time, np.inf
    targets = _targets(now, fixture)

    def all_seen() -> bool:
        nonlocal seen_at
        if sought.again or not _seen_since(now, fixture, began):
            return False
        seen_at = min(seen_at, now.time)
        return now.time - seen_at >= _DWELL

    def enough() -> bool:
        return sought.found() or sought.candidate() is not None or all_seen()

    yield from _approach(now, place, np.mean(targets, axis=0), fixture.name, enough)
    for point in targets:
        if all_seen():
            break
        if (yield from _gaze(now, point, _GAZE, enough)) and not _seen_since(now, fixture, began):
            return False
    return True


def _approach(
    now: Situation, place: Array, point_w: Array, what: str, enough: Callable[[], bool]
) -> Generator[Command, None, None]:
    """Drive to a pose (x, y, yaw) with an eye on a point (3,) of the map, until enough was seen of it."""
    journey = drive(now, place, f"go and look at {what}", look_at_w=point_w)
    for command in journey:
        if enough():
            journey.close()
            return
        near = float(np.linalg.norm(point_w[:2] - now.base_w[:2])) < _FROM_AFAR
        yield replace(command, look_at_w=point_w) if near else command


def _inspect(now: Situation, sought: _Sought) -> Generator[Command, None, None]:
    """Look at everything that may be the thing as far as is known, the nearest first, each once."""
    while now.mobile and (thing := sought.candidate()) is not None:
        sought.inspected.add(thing.name)
        try:
            yield from _look_at(now, sought, thing)
        except GiveUpError:
            continue


def _look_at(now: Situation, sought: _Sought, thing: Entity) -> Generator[Command, None, None]:
    """Drive to where a thing can be viewed and look at it, until it is known whether it is the one."""
    point = np.asarray(thing.position_w, dtype=float)
    below = next((f.args[1] for f, h in now.belief.facts.items() if h.value and _carries(f, thing.name)), "")
    support = now.belief.entities.get(below)

    def enough() -> bool:
        return not sought.may_be(thing.name)

    places = _poses(now, point, _room_at(now, point), None if support is None else support.yaw)
    if places:
        yield from _approach(now, places[0], point, f"the {thing.label}", enough)
        yield from _gaze(now, point, _GAZE, enough)


def _carries(fact: Fact, thing: str) -> bool:
    """Whether a fact says on or in what a thing is."""
    return fact.predicate in ("on", "in") and fact.args[0] == thing


def _seen_since(now: Situation, fixture: Entity, began: float) -> bool:
    """Whether all of a surface has been in view since a time [s]."""
    viewed = now.belief.viewed.get(fixture.name)
    return viewed is not None and viewed > began


def _round_look(now: Situation) -> list[Array]:
    """Points (3,) of the map for a look around from where the robot stands: left, ahead, right."""
    if not now.robot.head_joints:
        return [np.asarray(now.T_we[:3, 3])]
    x, y, yaw = now.base_w
    return [
        np.array([x + 1.6 * np.cos(yaw + turn), y + 1.6 * np.sin(yaw + turn), 0.7])
        for turn in (0.0, 0.9, 1.8, -0.9, -1.8)
    ]


def _gaze(now: Situation, point: Array, seconds: float, enough: Callable[[], bool]) -> Generator[Command, None, bool]:
    """Look at a point until the camera has rested on it, or enough was seen; returns whether it was."""
    start, settled = now.time, 0.0
    while now.time - start < seconds + 1.5:
        if enough():
            return True
        off = now.kinematics.head_direction(now.observation.proprioception, now.to_base(point))
        settled = settled + 0.04 if off < 0.12 else settled
        if settled > 0.35 or now.time - start > seconds:
            return enough()
        yield Command(phase="look", look_at_w=point)
    return enough()

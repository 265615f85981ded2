"""The belief about the world: what is where, how surely, since when and why.

One update takes a percept in: things unseen grow uncertain, what is held moves with the hand, detections are matched
to known things or become new ones, relations are read off what is seen, what the last step should have brought about
is believed until something speaks against it, and a thing that is not where it should be in plain view is lost.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from yanshi.contracts import (
    Detection,
    Entity,
    FloorPlan,
    Held,
    Observation,
    OccupancyGrid,
    Percept,
    Provenance,
    Status,
    Subtask,
    WorldState,
)
from yanshi.goals import Fact
from yanshi.planning import hearing
from yanshi.planning.association import associate, first_seen, forgetting, free_name, satisfies, seen
from yanshi.planning.domain import Domain
from yanshi.planning.grasp import Grasp, hand_w
from yanshi.planning.occupancy import believed_grid
from yanshi.planning.relations import (
    CLOSED_TO,
    OPEN_FROM,
    in_region,
    is_near,
    neighbours,
    opened,
    placements,
    room_at,
    rotation,
)
from yanshi.planning.sightings import UNKNOWN, Sightings
from yanshi.planning.situation import description, known

Array = NDArray[Any]
Facts = dict[Fact, Held]

LOST_AFTER = 1.2
"""A thing is lost when the place where it should be was in plain view for so long without it [s]."""
LOST_INSIDE = 6.0
"""… and what is known by its looks alone, inside of something, where little can be seen of it [s]."""
ABRUPT, SAY_SO = 0.25, 3
"""A door that is seen to be so much more or less open than was believed [0, 1] must be seen so, so many times on end:
from afar, past its edge, a door that stands open may look shut."""
DROPPED = 0.1**2
"""Variance of the place of what slipped out of the hand [m²]."""
FOUND_FOR = 2.0
"""How long a thing told of stays in the belief beside the thing that it was found to be [s]."""
DERIVED = frozenset({"known", "heard", "near"})
"""Predicates that are never merely expected: they follow from what is sensed."""
_RELATIONS = ("on", "in")


class Tracker:
    """Keeps the belief of one robot in one home."""

    def __init__(
        self,
        floor_plan: FloorPlan,
        domain: Domain,
        kinds: Mapping[str, Entity] | None = None,
        voices: Mapping[str, str] | None = None,
    ) -> None:
        """
        Args:
            floor_plan: what is known beforehand.
            domain: the robot's operators.
            kinds: a specimen of each kind of object by label: its affordances and regions are those of every such
            thing.
            voices: label of a thing → the sound that it makes.
        """
        self.floor_plan = floor_plan
        self.domain = domain
        self.kinds = dict(kinds or {})
        self.voices = dict(voices or {})
        self._told: dict[str, Entity] = {}
        self._missed: dict[str, float] = {}
        self._abrupt: dict[str, tuple[float, int]] = {}
        self._grasp = Grasp()
        self._sightings = Sightings()
        self._obstacles: OccupancyGrid | None = None

    def reset(self) -> WorldState:
        """The belief before anything was sensed: what the map says."""
        self._told, self._missed, self._abrupt, self._grasp, self._sightings = {}, {}, {}, Grasp(), Sightings()
        self._obstacles = None
        rooms = self.floor_plan.rooms
        fixtures = {
            e.name: replace(e, room=e.room or room_at(rooms, e.position_w), last_seen=None, provenance="map")
            for e in self.floor_plan.fixtures
        }
        facts: Facts = {}
        for entity in fixtures.values():
            _set_all(facts, description(entity), Held(value=True, provenance="map"))
            if entity.room:
                facts[Fact("in_room", (entity.name, entity.room))] = Held(value=True, provenance="map")
        return WorldState(
            stamp=0.0,
            base_pose_w=np.asarray(self.floor_plan.start_w, dtype=float),
            entities=fixtures,
            facts=facts,
            plan_of_home=self.floor_plan,
            grid=self.floor_plan.grid,
        )

    def mention(self, *entities: Entity) -> None:
        """Take note of things that were only told of; from the next update on they are in the belief, without a
        place.
        """
        for entity in entities:
            seeable = {k: v for k, v in entity.attributes.items() if not v.startswith("?")}  # not larger than another
            self._told[entity.name] = replace(entity, attributes=seeable)
        self._sightings.expect(*(self._told[entity.name] for entity in entities))

    def update(
        self, belief: WorldState, percept: Percept, observation: Observation, last: Subtask | None = None
    ) -> WorldState:
        """The belief after a percept.

        Args:
            belief: the belief before.
            percept: what was perceived.
            observation: what it was perceived in, for the hand.
            last: a step that has just succeeded, whose effects may be expected; None at most times.
        """
        now = percept.stamp
        elapsed = max(now - belief.stamp, 0.0)
        facts: Facts = dict(belief.facts)
        entities = {n: forgetting(e, elapsed) if e.category == "object" else e for n, e in belief.entities.items()}
        entities = {n: e for n, e in entities.items() if not _found_long_ago(e, now)}
        for name, entity in self._told.items():
            if name not in entities or entities[name].provenance == "told":
                entities[name] = entity
        self._told = {}

        held_before = next((f.args[0] for f, h in facts.items() if f.predicate == "holding" and h.value), None)
        for name in self._sightings.forgotten(now, (held_before or "",)):
            _forget(entities, facts, name)
        entities = self._grasp.carry(entities, held_before, percept.base_pose_w, observation)
        openings = dict(belief.openings)
        found = self._see(entities, percept, openings, held_before, observation)
        self._shift_contents(entities, facts, belief.openings, openings, found)

        self._believe_openings(facts, openings, percept)
        self._expect(facts, entities, openings, last, now)
        held = self._grasp.holding(facts, entities, percept, observation)
        if held_before is not None and held_before not in held and self._sightings.follows(held_before):
            entities[held_before] = _let_go(entities[held_before])
        self._relate(facts, entities, openings, found, held, percept)
        for fact, value in percept.facts.items():
            facts[fact] = Held(value=value, stamp=now, provenance="seen")
        self._lose(facts, entities, found, held, percept, elapsed)
        self._hear(facts, entities, belief, percept)
        doors = [e for e in entities.values() if e.category == "door"]
        moved = any(openings.get(e.name) != belief.openings.get(e.name) for e in doors)
        stale = belief.grid is None or percept.grid is not self._obstacles or moved
        self._obstacles = percept.grid
        return belief.with_(
            stamp=now,
            base_pose_w=np.asarray(percept.base_pose_w, dtype=float),
            entities=entities,
            facts=facts,
            grid=believed_grid(self.floor_plan.grid, percept.grid, doors, openings) if stale else belief.grid,
            sounds=hearing.recent(belief.sounds, percept.sounds),
            openings=openings,
            viewed={**belief.viewed, **dict.fromkeys(percept.viewed, now)},
        )

    # What is seen.

    def _see(
        self, entities: dict[str, Entity], percept: Percept, openings: dict[str, float], held: str | None,
        observation: Observation,
    ) -> set[str]:  # fmt: skip
        """Take detections in; returns the names of the objects that were seen."""
        tool = hand_w(percept.base_pose_w, observation)[:3, 3]
        found: set[str] = set()
        hand = (held,) if held else ()
        named = [d for d in percept.detections if d.track is not None]
        nameless = [d for d in percept.detections if d.track is None]
        pairs = associate(named, entities, hand)
        pairs += self._sightings.pair(nameless, entities, hand, percept.stamp, tool)
        for detection, name in pairs:
            if name is not None and entities[name].category != "object":
                entities[name] = replace(entities[name], last_seen=percept.stamp, provenance="seen")
                if detection.opening is not None and self._credible(entities[name], detection.opening, openings):
                    openings[name] = float(detection.opening)
                continue
            before = entities.get(name) if name is not None else None
            name = name or self._name(entities, detection)
            if detection.track is None:
                detection = self._sightings.note(name, before, detection, percept.stamp)
            if before is None or before.provenance in ("told", "heard"):
                entities[name] = first_seen(detection, name, percept.stamp, self.kinds.get(detection.label))
                before = None
            else:
                entities[name] = self._of_its_kind(seen(before, detection, percept.stamp), before)
            self._find(entities, before, entities[name])
            found.add(name)
        self._suppose(entities, found)
        return found

    def _credible(self, entity: Entity, opening: float, openings: Mapping[str, float]) -> bool:
        """Whether to believe how far open a part is seen to be; a door, which is taken to stand open at first, must be
        seen again to be quite another way.
        """
        name, before = entity.name, openings.get(entity.name, 1.0)
        if entity.category != "door" or abs(opening - before) <= ABRUPT:
            self._abrupt.pop(name, None)
            return True
        last, count = self._abrupt.get(name, (opening, 0))
        self._abrupt[name] = (opening, count + 1 if abs(opening - last) <= ABRUPT else 1)
        return self._abrupt[name][1] >= SAY_SO

    def _suppose(self, entities: dict[str, Entity], found: set[str]) -> None:
        """Take the only thing of unknown kind that has the size of what somebody told of to be it: in the dark, where
        a LiDAR tells where something is and no more, nothing better can be known.
        """
        for wanted in [e for e in entities.values() if _sought(e) and e.label in self.kinds and not e.attributes]:
            specimen = self.kinds[wanted.label]
            unknown = [entities[name] for name in found if entities[name].label == UNKNOWN]
            able = [thing for thing in unknown if _may_be(thing, specimen)]
            if len(able) != 1:
                continue
            (thing,) = able
            self._sightings.suppose(thing.name, wanted.label)
            supposed = replace(thing, label=wanted.label, extent=specimen.extent)
            entities[thing.name] = self._of_its_kind(supposed, thing)
            self._find(entities, thing, entities[thing.name])

    def _of_its_kind(self, entity: Entity, before: Entity) -> Entity:
        """A thing that turns out to be of another kind can do what that kind can."""
        specimen = self.kinds.get(entity.label)
        if specimen is None or entity.label == before.label:
            return entity
        return replace(entity, affordances=specimen.affordances, regions=specimen.regions)

    @staticmethod
    def _name(entities: Mapping[str, Entity], detection: Detection) -> str:
        """A name for something new: the perceiver's, or that by which somebody told of it, or one of our own."""
        told = (n for n, e in sorted(entities.items()) if _sought(e) and e.label == detection.label)
        fitting = (n for n in told if satisfies(detection.label, detection.attributes, entities[n]))
        return detection.track or next(fitting, None) or free_name(detection, entities)

    @staticmethod
    def _find(entities: dict[str, Entity], before: Entity | None, now: Entity) -> None:
        """What was told of and fits what has just become known is found.

        It gets the place, and for a while stays beside the thing itself, so that whoever looks for it notices. A thing
        may become known bit by bit: a LiDAR meets it before a camera tells its colour.
        """
        for name, entity in list(entities.items()):
            if not _sought(entity) or not satisfies(now.label, now.attributes, entity):
                continue
            if before is None or not satisfies(before.label, before.attributes, entity):
                entities[name] = replace(entity, position_w=now.position_w, last_seen=now.last_seen)

    def _shift_contents(
        self,
        entities: dict[str, Entity],
        facts: Facts,
        old: Mapping[str, float],
        new: Mapping[str, float],
        found: set[str],
    ) -> None:
        """Move what lies unseen in a drawer along with the drawer."""
        moved = {n for n, value in new.items() if abs(value - old.get(n, 0.0)) > 1e-3 and n in entities}
        for fact, held in facts.items():
            if fact.predicate != "in" or not held.value or fact.args[1] not in moved:
                continue
            thing, part = entities.get(fact.args[0]), entities[fact.args[1]]
            if thing is None or thing.name in found or not known(thing):
                continue
            origin = np.zeros((1, 3))
            shift_e = opened(part, origin, new[part.name]) - opened(part, origin, old.get(part.name, 0.0))
            position = thing.position_w + (rotation(part.yaw) @ shift_e[0])
            entities[thing.name] = replace(thing, position_w=position)

    @staticmethod
    def _believe_openings(facts: Facts, openings: Mapping[str, float], percept: Percept) -> None:
        for detection in percept.detections:
            if detection.opening is None or detection.track is None or detection.track not in openings:
                continue
            value = openings[detection.track]
            for predicate, true in (("open", value >= OPEN_FROM), ("closed", value <= CLOSED_TO)):
                facts[Fact(predicate, (detection.track,))] = Held(value=true, stamp=percept.stamp)

    # What follows.

    def _expect(
        self,
        facts: Facts,
        entities: dict[str, Entity],
        openings: dict[str, float],
        last: Subtask | None,
        now: float,
    ) -> None:
        """Believe what a step that has just succeeded should have brought about."""
        if last is None or last.status is not Status.SUCCEEDED:
            return
        for fact, value in last.expects:
            if fact.predicate in DERIVED or (fact in facts and facts[fact].value == value):
                continue
            facts[fact] = Held(value=value, confidence=0.9, stamp=now, provenance="expected")
            if fact.predicate in _RELATIONS and value:
                _end_other_places(facts, fact, now, "expected")
                _put(entities, fact, openings.get(fact.args[1], 0.0))

    def _relate(
        self,
        facts: Facts,
        entities: Mapping[str, Entity],
        openings: Mapping[str, float],
        found: set[str],
        held: frozenset[str],
        percept: Percept,
    ) -> None:
        """Read relations off positions: those of things seen now, and the robot's own place."""
        now = percept.stamp
        yes, no = Held(value=True, stamp=now), Held(value=False, stamp=now)
        everything = list(entities.values())
        placed = placements(everything, openings, held, found)
        beside = neighbours(everything, held, found)
        for fact in list(facts):
            if (fact.predicate in _RELATIONS and fact.args[0] in found | held) or (
                fact.predicate == "beside" and (found | held) & set(fact.args)
            ):
                facts[fact] = no
        _set_all(facts, placed | beside, yes)
        for name in found:
            _set_all(facts, description(entities[name]), yes)
        rooms = self.floor_plan.rooms
        for name in found | held:
            room = room_at(rooms, entities[name].position_w) if name in entities else None
            for other in rooms:
                key = Fact("in_room", (name, other.name))
                if other.name == room or key in facts:
                    facts[key] = yes if other.name == room else no
        base = percept.base_pose_w
        own_room = room_at(rooms, base)
        for other in rooms:
            facts[Fact("robot_in", (other.name,))] = yes if other.name == own_room else no
        if self.domain.mobile:
            for name, entity in entities.items():
                if known(entity):
                    facts[Fact("near", (name,))] = yes if is_near(entity, base) else no

    def _lose(
        self,
        facts: Facts,
        entities: dict[str, Entity],
        found: set[str],
        held: frozenset[str],
        percept: Percept,
        elapsed: float,
    ) -> None:
        """Forget where a thing is that is not seen although its place is in plain view."""
        covered = {f.args[1] for f, h in facts.items() if h.value and f.predicate == "on"}
        filled = {f.args[1] for f, h in facts.items() if h.value and f.predicate == "in" and f.args[0] in found}
        for name in found | covered:  # what something stands on may be seen as one with it
            self._missed.pop(name, None)
        for fact in [f for f, h in facts.items() if h.value and f.predicate in _RELATIONS]:
            name, place = fact.args
            if place not in percept.viewed or name in found | covered | held or name not in entities:
                continue
            if entities[name].category != "object" or not known(entities[name]):
                continue
            hidden = fact.predicate == "in" and self._sightings.follows(name)
            if hidden and place in filled:  # it may lie below what is seen there, or be taken for it
                continue
            self._missed[name] = self._missed.get(name, 0.0) + elapsed
            if self._missed[name] >= (LOST_INSIDE if hidden else LOST_AFTER):
                del self._missed[name]
                if self._sightings.dismiss(name):
                    _forget(entities, facts, name)
                    continue
                entities[name] = replace(entities[name], position_w=np.full(3, np.nan), covariance=None, room=None)
                _end_other_places(facts, Fact("on", (name, "")), percept.stamp, "seen")

    def _hear(self, facts: Facts, entities: dict[str, Entity], belief: WorldState, percept: Percept) -> None:
        """Note what sounds, and what has fallen silent."""
        now = percept.stamp
        for event in percept.sounds:
            source = hearing.source_of(event, entities, self.floor_plan.rooms, self.voices)
            if source is None:
                continue
            if source not in entities:
                entities[source] = hearing.unseen_source(source, hearing.maker_of(event.label, self.voices))
            facts[Fact("sounding", (source,))] = Held(value=True, confidence=event.score, stamp=now, provenance="heard")
        for fact, held in list(facts.items()):
            if fact.predicate == "sounding" and held.value and now - held.stamp > hearing.SILENCE:
                facts[fact] = Held(value=False, confidence=0.7, stamp=now, provenance="heard")
        self._find_sounding(facts, entities, belief)

    @staticmethod
    def _find_sounding(facts: Facts, entities: dict[str, Entity], belief: WorldState) -> None:
        """What was told of by its sound is found when a thing that fits is both heard and seen."""
        for name, wanted in [(n, e) for n, e in entities.items() if _sought(e) and "sound" in e.attributes]:
            rest = replace(wanted, attributes={k: v for k, v in wanted.attributes.items() if k != "sound"})
            for fact, held in facts.items():
                thing = entities.get(fact.args[0]) if fact.predicate == "sounding" and held.value else None
                if thing is None or not known(thing) or not satisfies(thing.label, thing.attributes, rest):
                    continue
                before = belief.entities.get(thing.name)
                if before is None or not known(before) or not belief.true(fact):
                    entities[name] = replace(wanted, position_w=thing.position_w, last_seen=belief.stamp)


def _found_long_ago(entity: Entity, now: float) -> bool:
    """Whether a thing told of was found and everybody had time to notice."""
    return entity.provenance == "told" and entity.last_seen is not None and now - entity.last_seen > FOUND_FOR


def _sought(entity: Entity) -> bool:
    """Whether a thing is only told of and was not found yet."""
    return entity.provenance == "told" and not known(entity)


def _let_go(thing: Entity) -> Entity:
    """A thing that has left the hand: it lies somewhere below or near, if it was not put down where it is expected."""
    if thing.provenance == "expected":
        return thing
    return replace(thing, covariance=DROPPED * np.eye(3), provenance="expected")


def _may_be(thing: Entity, specimen: Entity) -> bool:
    """Whether a thing that a LiDAR has met is about as high and wide as a specimen of a kind."""
    high = float(thing.extent[2] / specimen.extent[2])
    wide = float(np.max(thing.extent[:2]) / np.max(specimen.extent[:2]))
    return not thing.attributes and 0.55 <= high <= 1.5 and 0.4 <= wide <= 1.8


def _forget(entities: dict[str, Entity], facts: Facts, name: str) -> None:
    """Take a thing, and all that is believed of it, out of the belief."""
    entities.pop(name, None)
    for fact in [fact for fact in facts if name in fact.args]:
        del facts[fact]


def _set_all(facts: Facts, which: Iterable[Fact], held: Held) -> None:
    facts.update(dict.fromkeys(which, held))


def _end_other_places(facts: Facts, place: Fact, now: float, why: Provenance) -> None:
    """Make false every place of a thing but one."""
    for fact, held in list(facts.items()):
        ends = fact.predicate in (*_RELATIONS, "beside", "in_room") and fact.args[0] == place.args[0]
        if ends and fact != place and held.value:
            facts[fact] = Held(value=False, stamp=now, provenance=why)


def _put(entities: dict[str, Entity], place: Fact, opening: float) -> None:
    """Move a thing to the nearest point of where it is expected to be now."""
    thing, support = entities.get(place.args[0]), entities.get(place.args[1])
    region = support.region("in" if place.predicate == "in" else "on") if support else None
    if thing is None or support is None or region is None or not known(support):
        return
    start = thing.position_w if known(thing) else support.position_w
    local = in_region(support, region, np.asarray(start, dtype=float)[None], opening)[0]
    half = np.asarray(region.half, dtype=float)
    target = np.clip(local, -half, half)
    height = float(thing.extent[2]) / 2 if np.isfinite(thing.extent[2]) else 0.0
    target[2] = min(-half[2] + height, half[2])
    position = start + rotation(support.yaw) @ (target - local)
    entities[thing.name] = replace(thing, position_w=position, provenance="expected")

"""A situation: what is the case, as far as planning is concerned. Closed world: what is not among the facts is
false.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property

import numpy as np

from yanshi.contracts import Entity, WorldState
from yanshi.goals import Fact

STATIC = frozenset({"kind", "color", "size", "material", "shape", "digit", "movable", "bigger"})
"""Predicates about what a thing is. No skill changes them."""

SIZES = ("small", "medium", "large")
"""Words for sizes, in order."""

HAND_EMPTY = Fact("hand_empty")
"""Nothing is held."""


def known(entity: Entity) -> bool:
    """Whether it is known where the entity is."""
    return bool(np.isfinite(entity.position_w[0]))


def describes(entity: Entity, fact: Fact) -> bool:
    """Whether a static fact about this entity is true, its name in the fact left aside."""
    if fact.predicate == "movable":
        return entity.category == "object"
    value = fact.args[1]
    return entity.label == value if fact.predicate == "kind" else entity.attributes.get(fact.predicate) == value


def bigger(one: Entity | None, other: Entity | None) -> bool:
    """Whether one thing is larger than another: by the words for their sizes where those differ, else by volume."""
    if one is None or other is None or one.name == other.name:
        return False
    ranks = [SIZES.index(size) if (size := e.attributes.get("size")) in SIZES else None for e in (one, other)]
    if ranks[0] is not None and ranks[1] is not None and ranks[0] != ranks[1]:
        return ranks[0] > ranks[1]
    return bool(np.prod(one.extent) > 1.1 * np.prod(other.extent))


def description(entity: Entity) -> list[Fact]:
    """Everything static that is true of an entity."""
    facts = [Fact("kind", (entity.name, entity.label))]
    facts += [Fact(key, (entity.name, value)) for key, value in entity.attributes.items()]
    if entity.category == "object":
        facts.append(Fact("movable", (entity.name,)))
    return facts


class Situation:
    """Facts that can change, and the entities they are about. Never modified: `after` makes the next one."""

    def __init__(self, facts: frozenset[Fact], entities: Mapping[str, Entity], rooms: frozenset[str] = frozenset()):
        self.facts = facts
        self.entities = entities
        self.rooms = rooms

    @classmethod
    def of(cls, belief: WorldState) -> Situation:
        """What a belief holds true, with what follows from it: an empty hand, clear tops, things whose place is
        known.
        """
        facts = {f for f, held in belief.facts.items() if held.value and f.predicate not in STATIC}
        covered = {f.args[1] for f in facts if f.predicate == "on"}
        if not any(f.predicate == "holding" for f in facts):
            facts.add(HAND_EMPTY)
        for name, entity in belief.entities.items():
            if known(entity):
                facts.add(Fact("known", (name,)))
            if entity.category == "object" and name not in covered:
                facts.add(Fact("clear", (name,)))
        rooms = belief.plan_of_home.rooms if belief.plan_of_home else ()
        return cls(frozenset(facts), belief.entities, frozenset(room.name for room in rooms))

    def after(self, literals: Iterable[tuple[Fact, bool]]) -> Situation:
        """The situation when some facts have been made true and others false."""
        changes = dict(literals)
        gone = {fact for fact, value in changes.items() if not value}
        made = {fact for fact, value in changes.items() if value}
        return Situation((self.facts - gone) | made, self.entities, self.rooms)

    def true(self, fact: Fact) -> bool:
        """Whether a fact is the case."""
        if fact.predicate in STATIC:
            things = [self.entities.get(name) for name in fact.args]
            if fact.predicate == "bigger":
                return len(things) == 2 and bigger(things[0], things[1])
            return things[0] is not None and describes(things[0], fact)
        return fact in self.facts

    @cached_property
    def _by_subject(self) -> dict[tuple[str, str], list[Fact]]:
        index: dict[tuple[str, str], list[Fact]] = {}
        for fact in sorted(self.facts):
            index.setdefault((fact.predicate, fact.args[0] if fact.args else ""), []).append(fact)
        return index

    @cached_property
    def _by_predicate(self) -> dict[str, list[Fact]]:
        index: dict[str, list[Fact]] = {}
        for fact in sorted(self.facts):
            index.setdefault(fact.predicate, []).append(fact)
        return index

    def about(self, predicate: str, subject: str) -> list[Fact]:
        """The true facts of a predicate whose first argument is `subject`, in order of name."""
        return self._by_subject.get((predicate, subject), [])

    def all(self, predicate: str) -> list[Fact]:
        """The true facts of a predicate, in order of name."""
        return self._by_predicate.get(predicate, [])

    def supports(self, thing: str) -> list[str]:
        """What the thing is on or in."""
        return [f.args[1] for p in ("on", "in") for f in self.about(p, thing)]

    def opens(self, thing: str) -> bool:
        """Whether the thing has a state of being open or closed."""
        entity = self.entities.get(thing)
        return entity is not None and "open" in entity.affordances

    def lids(self, container: str) -> list[str]:
        """What must be open to reach inside: the container itself if it opens (a drawer), else its doors."""
        if self.opens(container):
            return [container]
        return self._doors.get(container, [])

    @cached_property
    def _doors(self) -> dict[str, list[str]]:
        """For each fixture with an inside, the doors that are parts of it: named after it, and hollow themselves."""
        hollow = [n for n, e in self.entities.items() if e.category == "fixture" and "in" in e.affordances]
        leaves = [n for n, e in self.entities.items() if "open" in e.affordances and "in" not in e.affordances]
        return {name: [leaf for leaf in leaves if leaf.startswith(f"{name}_")] for name in hollow}

    def room_of(self, thing: str) -> str | None:
        """The room in which a thing is, or that it is."""
        if thing in self.rooms:
            return thing
        believed = self.about("in_room", thing)
        if believed:
            return believed[0].args[1]
        entity = self.entities.get(thing)
        return entity.room if entity is not None else None

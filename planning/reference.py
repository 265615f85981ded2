"""From a description in words to terms of a goal: names where they are certain, variables with conditions elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from yanshi.contracts import Entity, Room, WorldState
from yanshi.goals import Goal
from yanshi.planning.vocabulary import Description
from yanshi.planning.words import LIGHT

ATTRIBUTES = ("size", "color", "material", "shape", "digit")


@dataclass(frozen=True, slots=True)
class Term:
    """What stands in one place of a goal."""

    variable: str
    names: tuple[str, ...] = ()
    """The entities or rooms that can be meant, if that is known."""
    conditions: tuple[Goal, ...] = ()
    """What describes the thing, with the variable for it."""
    all: bool = False
    """All things of which the conditions are true."""


def fixtures_meant(thing: Description, belief: WorldState) -> list[str]:
    """The pieces of furniture, parts, doors and controls that a description can mean."""
    found = [e for e in belief.entities.values() if e.category != "object" and _is(e, thing, belief)]
    return sorted(e.name for e in found)


def parts_meant(thing: Description, belief: WorldState) -> list[str]:
    """What opens in the furniture that a description means: its doors, or, if it has none, its drawers."""
    whole = fixtures_meant(thing, belief)
    parts = [e for e in belief.entities.values() if "open" in e.affordances and e.category != "object"]
    own = sorted(e.name for e in parts if any(e.name == name or e.name.startswith(f"{name}_") for name in whole))
    return [n for n in own if n in whole] or [n for n in own if belief.entities[n].label == "door"] or own


def _belongs(entity: Entity, owner: Description, belief: WorldState) -> bool:
    """Whether a part, or what is fixed on a piece of furniture, belongs to what is described."""
    for name in fixtures_meant(owner, belief):
        whole = belief.entities[name]
        gap = np.abs(entity.position_w[:2] - whole.position_w[:2])
        if entity.name.startswith(f"{name}_") or bool(np.all(gap <= np.max(whole.extent[:2]) / 2)):
            return True
    return False


def _is(entity: Entity, thing: Description, belief: WorldState) -> bool:
    if thing.label is None or thing.label == LIGHT or entity.label != thing.label:
        return False
    if thing.room is not None and entity.room != thing.room and thing.room not in entity.name:
        return False
    if thing.owner is not None and not _belongs(entity, thing.owner, belief):
        return False
    wrong = [k for k, v in thing.attributes.items() if k in ATTRIBUTES and entity.attributes.get(k, v) != v]
    return not wrong


def term_of(thing: Description, belief: WorldState, variable: str, slot: str = "") -> Term:
    """The term for a description in a slot of some type."""
    if thing.label is None and thing.room is not None:
        return Term(variable, names=(thing.room,))
    if thing.label == LIGHT:
        here = [room.name for room in _rooms(belief) if room.contains(belief.base_pose_w)]
        return Term(variable, names=(thing.room,) if thing.room else tuple(here))
    fixtures = parts_meant(thing, belief) if slot == "opening" else fixtures_meant(thing, belief)
    if fixtures:
        return Term(variable, names=tuple(fixtures))
    return Term(variable, conditions=tuple(_conditions(thing, belief, variable)), all=thing.all)


def _rooms(belief: WorldState) -> Sequence[Room]:
    return belief.plan_of_home.rooms if belief.plan_of_home else ()


def _conditions(thing: Description, belief: WorldState, variable: str) -> list[Goal]:
    """What describes an object."""
    static = [Goal.of("kind", variable, thing.label)] if thing.label else []
    static += [Goal.of(key, variable, thing.attributes[key]) for key in ATTRIBUTES if key in thing.attributes]
    conditions = list(static)
    if thing.all and not thing.label:
        conditions.append(Goal.of("movable", variable))
    if thing.room is not None:
        conditions.append(Goal.of("was_in_room", variable, thing.room))
    if thing.sounding:
        if thing.makers and not thing.label:
            conditions.append(Goal.any(Goal.of("kind", variable, label) for label in thing.makers))
        conditions.append(Goal.of("was_sounding", variable))
    if thing.compare is not None:
        other = f"{variable}_other"
        alike = [part.substitute({variable: other}) for part in static]
        more = (variable, other) if thing.compare == "larger" else (other, variable)
        conditions.append(Goal.exists(other, Goal.all([*alike, Goal.of("bigger", *more)])))
        conditions.append(Goal.negate(Goal.exists(other, Goal.all([*alike, Goal.of("bigger", *reversed(more))]))))
    if thing.relation is not None:
        conditions.append(_relation(thing.relation, belief, variable))
    return conditions


def _relation(relation: tuple[str, Description], belief: WorldState, variable: str) -> Goal:
    predicate, other = relation
    term = term_of(other, belief, f"{variable}_by")
    if term.names:
        return Goal.any(Goal.of(f"was_{predicate}", variable, name) for name in term.names)
    return Goal.exists(
        term.variable, Goal.all([*term.conditions, Goal.of(f"was_{predicate}", variable, term.variable)])
    )


def compose(build: Callable[..., Goal], terms: Sequence[Term]) -> Goal:
    """The goal that `build` makes of the terms, with their quantifiers around it: for *all* innermost."""

    def around(rest: list[Term], chosen: dict[str, str]) -> Goal:
        if not rest:
            return build(*(chosen[t.variable] for t in terms))
        term, others = rest[0], rest[1:]
        if term.names:
            return Goal.any(dict.fromkeys(around(others, {**chosen, term.variable: name}) for name in term.names))
        inner = around(others, {**chosen, term.variable: term.variable})
        if term.all:
            return Goal.negate(Goal.exists(term.variable, Goal.all([*term.conditions, Goal.negate(inner)])))
        return Goal.exists(term.variable, Goal.all([*term.conditions, inner])) if _used(term, inner) else inner

    return around(sorted(terms, key=lambda t: t.all), {})


def _used(term: Term, goal: Goal) -> bool:
    """Whether a goal speaks of a term at all; a mere source (*from the table*) is dropped."""
    return any(term.variable in fact.args for fact in goal.facts())

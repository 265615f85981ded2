"""What a goal means in a world, as the evaluator sees it: with true names, and refused where a thing does not exist."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from yanshi.contracts import Entity
from yanshi.envs.oracle import Oracle
from yanshi.errors import InputError
from yanshi.goals import Goal
from yanshi.planning.referents import resolve
from yanshi.planning.situation import Situation

FAMILIAR = 30
"""Things that a message names."""


def true_goal(goal: Goal, oracle: Oracle) -> Goal:
    """The goal with the names of the things that it describes, as they stand now.

    Raises:
        InputError: It speaks of a thing that does not exist in this world; the message says what does.
    """
    state = oracle.state()
    resolution = resolve(goal, Situation.of(state))
    if resolution.missing:
        wanted = resolution.missing[0]
        raise InputError(f"There is no {_words(wanted)} in this world. {_what_there_is(wanted, state.entities)}")
    oracle.holds(resolution.goal)
    return resolution.goal


def _words(entity: Entity) -> str:
    return entity.name.replace("_", " ")


def _what_there_is(wanted: Entity, entities: Mapping[str, Entity]) -> str:
    """Things of the same kind, if there are any, otherwise the objects and furniture there are."""
    known: list[Entity] = sorted(entities.values(), key=lambda e: e.name)
    alike = [e for e in known if e.label == wanted.label]
    if alike:
        return f"There is: {', '.join(e.name for e in alike)}."
    color = wanted.attributes.get("color")
    near = [e for e in known if color is not None and e.attributes.get("color") == color and e.category == "object"]
    objects = [e for e in known if e.category == "object" and e not in near]
    names = [e.name for e in (*near, *objects)]
    more = f" and {len(names) - FAMILIAR} more" if len(names) > FAMILIAR else ""
    kinds = Counter(e.label for e in known if e.category != "object")
    return f"Things: {', '.join(names[:FAMILIAR])}{more}. Furniture: {', '.join(sorted(kinds))}."

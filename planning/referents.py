"""What the words of a goal refer to: which known things fit a description, and which are not known yet.

In ``exists ?x: (kind(?x, mug) and was_on(?x, table) and in(?x, sink))`` the static facts and those that begin with
``was_`` describe the thing: ``was_on`` means that it was on the table when the instruction was given. The rest is to
be achieved. Resolving such a goal puts the names of the fitting things for the variable; if none is known, a thing
only *told of* is made up, with the attributes that are known and no place, for the robot to look for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from yanshi.contracts import Affordance, Entity
from yanshi.goals import Fact, Goal
from yanshi.planning.situation import STATIC, Situation

PAST = "was_"
"""Prefix of predicates that describe how things were when the instruction was given."""

SIZES = frozenset({"small", "medium", "large"})
COLORS = frozenset({"red", "green", "blue", "yellow", "orange", "purple", "white", "black", "brown", "pink", "grey"})

_USE: Mapping[tuple[str, int], Affordance] = {
    ("holding", 0): "grasp", ("on", 0): "grasp", ("in", 0): "grasp", ("on", 1): "on", ("in", 1): "in",
    ("open", 0): "open", ("closed", 0): "open", ("powered", 0): "press", ("sounding", 0): "sound",
    ("was_sounding", 0): "sound", ("in_room", 0): "grasp", ("beside", 0): "grasp",
}  # fmt: skip


@dataclass(slots=True)
class Resolution:
    """A goal with names for its descriptions."""

    goal: Goal
    missing: list[Entity] = field(default_factory=list)
    """Things that the goal speaks of and that nobody has seen."""
    choices: dict[str, list[str]] = field(default_factory=dict)
    """Description in words → the names of the things that fit it."""


def resolve(goal: Goal, situation: Situation) -> Resolution:
    """Replace descriptions by the names of what fits them now."""
    result = Resolution(goal)
    result.goal = _resolve(goal, situation, result)
    for name in _unknown_names(result.goal, situation, {e.name for e in result.missing}):
        result.missing.append(from_name(name, _uses(result.goal, name)))
    return result


def settled(goal: Goal) -> bool:
    """Whether a goal speaks of nothing past any more."""
    return not any(fact.predicate.startswith(PAST) for fact in goal.facts())


def met(situation: Situation) -> list[str]:
    """The entities that were ever met with, in order of name; things only told of are none."""
    return sorted(name for name, entity in situation.entities.items() if entity.provenance != "told")


def _resolve(goal: Goal, situation: Situation, result: Resolution) -> Goal:
    if goal.op in ("and", "or"):
        return Goal(goal.op, children=tuple(_resolve(child, situation, result) for child in goal.children))
    if goal.op != "exists":
        return goal
    assert goal.variable is not None
    body = goal.children[0]
    parts = body.children if body.op == "and" else (body,)
    describing = [part for part in parts if _describes(part)]
    wanted = [part for part in parts if not _describes(part)]
    if not describing or not wanted:
        return goal
    words = in_words(goal.variable, describing)
    fitting = [n for n in met(situation) if _fits(n, goal.variable, describing, situation)]
    if not fitting:
        stand_in = _stand_in(goal.variable, describing, wanted, situation)
        result.missing += [e for e in (stand_in, *_missing_within(describing, situation)) if e not in result.missing]
        fitting = [stand_in.name]
    result.choices[words] = fitting
    rest = Goal.all(wanted)
    choices = [_resolve(rest.substitute({goal.variable: name}), situation, result) for name in fitting]
    return Goal.any([choice for choice in choices if not _on_itself(choice)] or choices)


def _on_itself(goal: Goal) -> bool:
    """Whether a goal wants a thing to be on, in or beside itself, which nobody means."""
    return any(len(fact.args) == 2 and fact.args[0] == fact.args[1] for fact in goal.facts())


def _describes(goal: Goal) -> bool:
    """Whether a part of a goal only says what is meant: nothing of it is to be achieved."""
    return all(f.predicate in STATIC or f.predicate.startswith(PAST) or f.predicate == "sounding" for f in goal.facts())


def _fits(name: str, variable: str, describing: Sequence[Goal], situation: Situation) -> bool:
    def true(fact: Fact) -> bool:
        return situation.true(Fact(fact.predicate.removeprefix(PAST), fact.args))

    return all(part.substitute({variable: name}).holds(true, met(situation)) for part in describing)


def _missing_within(describing: Sequence[Goal], situation: Situation) -> list[Entity]:
    """What the description itself refers to (the number 5) and is not known."""
    found = []
    for part in describing:
        if part.op != "exists" or part.variable is None:
            continue
        body = part.children[0]
        inner = [p for p in (body.children if body.op == "and" else (body,)) if _static_about(p, part.variable)]
        if inner and not any(_fits(n, part.variable, inner, situation) for n in met(situation)):
            found.append(_stand_in(part.variable, inner, [], situation))
    return found


def _static_about(goal: Goal, variable: str) -> bool:
    return goal.fact is not None and goal.fact.predicate in STATIC and goal.fact.args[0] == variable


def _stand_in(variable: str, describing: Sequence[Goal], wanted: Sequence[Goal], situation: Situation) -> Entity:
    """A thing only told of that fits a description."""
    label, attributes, uses = "thing", {}, set()
    for part in (*describing, *wanted):
        for fact in part.facts():
            uses |= {use for i, a in enumerate(fact.args) if a == variable and (use := _USE.get((fact.predicate, i)))}
    for part in describing:
        if not _static_about(part, variable) or part.fact is None:
            continue
        if part.fact.predicate == "kind":
            label = part.fact.args[1]
        elif part.fact.predicate != "movable":
            attributes[part.fact.predicate] = part.fact.args[1]
    if "sound" in uses and any(f.predicate.endswith("sounding") for part in describing for f in part.facts()):
        attributes["sound"] = "any"
    stem = "_".join([attributes[k] for k in ("size", "color", "material", "shape") if k in attributes])
    name = "_".join(filter(None, (stem, "sounding" if "sound" in attributes else "", label, attributes.get("digit"))))
    while name in situation.entities and situation.entities[name].provenance != "told":
        name = f"other_{name}"
    return told(name, label, attributes, frozenset(uses) | {"grasp"})


def told(name: str, label: str, attributes: Mapping[str, str], affordances: frozenset[Affordance]) -> Entity:
    """A thing that was only told of: no place, no size."""
    return Entity(
        name=name,
        label=label,
        category="object",
        attributes=dict(attributes),
        position_w=np.full(3, np.nan),
        extent=np.full(3, np.nan),
        affordances=affordances,
        provenance="told",
    )


def from_name(name: str, affordances: frozenset[Affordance] = frozenset({"grasp"})) -> Entity:
    """A thing told of by name alone: ``large_red_mug`` is a mug, red and large; ``tile_5`` has the digit 5."""
    attributes: dict[str, str] = {}
    words = name.split("_")
    if len(words) > 1 and words[-1].isdigit():
        number = words.pop()
        if words == ["tile"]:
            attributes["digit"] = number
    while len(words) > 1 and words[0] in SIZES | COLORS:
        word = words.pop(0)
        attributes["size" if word in SIZES else "color"] = word
    return told(name, "_".join(words), attributes, affordances)


def _unknown_names(goal: Goal, situation: Situation, known_already: set[str]) -> list[str]:
    names: dict[str, None] = {}
    for fact in goal.facts():
        args = fact.args[:1] if fact.predicate in STATIC or fact.predicate == "in_room" else fact.args
        for arg in args:
            unknown = arg not in situation.entities or situation.entities[arg].provenance == "told"
            if unknown and arg not in situation.rooms and not arg.startswith("?") and arg not in known_already:
                names[arg] = None
    return list(names)


def _uses(goal: Goal, name: str) -> frozenset[Affordance]:
    found: set[Affordance] = {"grasp"}
    for fact in goal.facts():
        found |= {use for i, arg in enumerate(fact.args) if arg == name and (use := _USE.get((fact.predicate, i)))}
    return frozenset(found)


def in_words(variable: str, describing: Sequence[Goal]) -> str:
    """A description as one would say it: ``red mug that was on the table``."""
    order = ("size", "color", "material", "shape", "kind")
    static = {
        p.fact.predicate: p.fact.args[1]
        for p in describing
        if p.fact and _static_about(p, variable) and len(p.fact.args) > 1
    }
    words = [static[key] for key in order if key in static]
    if "kind" not in static:
        words.append("thing")
    if "digit" in static:
        words.append(static["digit"])
    for part in describing:
        for fact in part.facts():
            if fact.predicate.startswith(PAST) or fact.predicate == "sounding":
                others = [a for a in fact.args if a != variable]
                about = " ".join(a for a in others if not a.startswith("?"))
                words.append(f"that {fact.predicate.replace('_', ' ')} {about}".strip())
            elif fact.args and fact.args[0] != variable and fact.predicate in STATIC and len(fact.args) > 1:
                words.append(fact.args[1])
    return " ".join(words).replace("_", " ")

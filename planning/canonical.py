"""One way of saying each thing that can be asked for, which is read back without doubt.

Whoever understands words in their many forms can write them down so; `understanding` makes goals of it. A grammar of
these sentences is made from the present belief, so that only what exists or can be spoken of can be written.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from yanshi.contracts import WorldState
from yanshi.planning.schemas import SCHEMAS, Schema
from yanshi.planning.understanding import Command
from yanshi.planning.vocabulary import Description, Vocabulary
from yanshi.planning.words import LIGHT, SOUNDS

NOTHING = "nothing that I can do"
"""Written for what cannot be done."""
_ORDER = ("size", "color", "material", "shape")
_THINGS = frozenset({"object", "object below", "thing", "sounder", "source"})
"""Slots in which movable things stand."""


def sentence(commands: Sequence[Command]) -> str:
    """Commands as they are always said: ``pick up the red mug; put the red mug in the sink``."""
    return "; ".join(_clause(command) for command in commands) or NOTHING


def phrase(thing: Description) -> str:
    """A description as it is always said: ``the larger red mug beside the number 5``."""
    if thing.label is None and thing.room is not None and not thing.attributes:
        return f"the {_plain(thing.room)}"
    words = [thing.compare] if thing.compare else []
    words += [_plain(thing.attributes[name]) for name in _ORDER if name in thing.attributes]
    if thing.sounding:
        words.append(SOUNDS[thing.attributes["sound"]][0] if thing.attributes.get("sound") in SOUNDS else "sounding")
    digit = thing.attributes.get("digit")
    if digit is not None:
        words += ["number", digit]
    else:
        words.append(_plain(thing.label) if thing.label else "thing")
    text = f"{'all' if thing.all else 'the'} {' '.join(words)}"
    if thing.owner is not None:
        text += f" of {phrase(thing.owner)}"
    if thing.relation is not None:
        how, other = thing.relation
        text += f" beside {phrase(other)}" if how == "beside" else f" that is {how} {phrase(other)}"
    if thing.room is not None:
        text += f" in the {_plain(thing.room)}" if thing.label == LIGHT else f" that is in the {_plain(thing.room)}"
    return text


def command_grammar(vocabulary: Vocabulary, belief: WorldState) -> str:
    """The sentences that can be said in a belief, in Lark's notation: the terminal ``COMMAND``.

    All of it is one terminal: read as a sequence of words, *the orange mug* would stop at the fruit.
    """
    known = vocabulary.with_belief(belief)
    fixtures = sorted({e.label for e in belief.entities.values() if e.category != "object"})
    rooms = [room.name for room in belief.plan_of_home.rooms] if belief.plan_of_home else []
    usable = [s for s in SCHEMAS if s.implied is None or s.implied in fixtures]
    there = {"THING", "ANYTHING", "LIGHT"} | ({"FIXTURE"} if fixtures else set()) | ({"ROOM"} if rooms else set())
    clauses = dict.fromkeys(_pattern(schema) for schema in usable if {_rule(slot) for slot in schema.slots} <= there)
    in_room = '(" that is in " ROOM)?' if rooms else ""
    adjectives = (*known.sizes, *known.colors, *known.materials, *known.shapes, *(w[0] for w in SOUNDS.values()))
    rules = {
        "COMMAND": f'CLAUSE ("; " CLAUSE)* | {json.dumps(NOTHING)}',
        "CLAUSE": " | ".join(clauses),
        "THING": f'("the " | "all ") (SIZE " ")? (ADJECTIVE " "){{0,4}} NOUN BESIDE? PLACE? {in_room}',
        "SIZE": '"larger" | "smaller"',
        "NOUN": f'"number " /[0-9]/ | {_choice((*known.labels, "thing"))}',
        "ADJECTIVE": _choice((*adjectives, "sounding")),
        "BESIDE": '" beside the " (ADJECTIVE " "){0,2} NOUN',
        "PLACE": '" that is " ("on" | "in") " " FIXTURE' if fixtures else '""',
        "LIGHT": f'"the {LIGHT}"' + (' (" in " ROOM)?' if rooms else ""),
        "ANYTHING": "THING | FIXTURE" if fixtures else "THING",
    }
    if fixtures:
        rules["FIXTURE"] = f'"the " (ADJECTIVE " ")? LABEL (" of the " LABEL)? {in_room}'
        rules["LABEL"] = _choice((*fixtures, "lamp"))  # A light may be called a lamp where no lamp stands.
    if rooms:
        rules["ROOM"] = f'"the " ({_choice(rooms)})'
    return "\n".join(f"{name}: {rule}" for name, rule in rules.items()) + "\n"


def _clause(command: Command) -> str:
    slots = [" and ".join(phrase(thing) for thing in things) for things in command.slots]
    return command.schema.phrasings[0].format(*slots)


def _pattern(schema: Schema) -> str:
    """The one way of saying a schema, as a rule over the kinds of its slots."""
    parts = []
    text = schema.phrasings[0]
    for number, slot in enumerate(schema.slots):
        before, _, text = text.partition(f"{{{number}}}")
        if before:
            parts.append(json.dumps(before))
        rule = _rule(slot)
        parts.append(f'{rule} (" and " {rule})*' if rule != "ROOM" else rule)
    if text:
        parts.append(json.dumps(text))
    return " ".join(parts)


def _rule(slot: str) -> str:
    if slot in ("object", "object below"):
        return "THING"
    if slot in ("room", "light"):
        return slot.upper()
    return "ANYTHING" if slot in _THINGS or slot == "control" else "FIXTURE"


def _choice(words: Iterable[str]) -> str:
    return " | ".join(json.dumps(_plain(word)) for word in dict.fromkeys(words))


def _plain(word: str) -> str:
    return word.replace("_", " ")

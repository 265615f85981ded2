"""What can be said: a grammar of commands, made from the words of a domain.

Rules are written as in JSGF (https://www.w3.org/TR/jsgf/): ``(a | b)`` is one of, ``[a]`` may be left out, ``<rule>``
stands for another rule.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from yanshi.errors import InputError

ASK = (
    "please", "could you", "could you please", "can you", "can you please", "would you", "would you please",
    "i want you to", "i need you to", "i would like you to",
)  # fmt: skip
END = ("please", "now", "for me", "when you can", "in the dark")
COMMANDS: tuple[tuple[str, ...], ...] = (
    ("<handle> <thing>", "<handle> <thing> <from> <place>"),
    ("<handle> <thing> <to> <place>", "<handle> <thing> <to> <thing>", "<handle> <thing> <from> <place> <to> <place>"),
    ("open <place>", "close <place>", "shut <place>"),
    ("(press | push | hit | tap) <place>", "(turn | switch) (on | off) <place>", "(turn | switch) <place> (on | off)"),
    ("(turn | switch) (on | off) the (light | lights)", "(turn | switch) (on | off) the light in <room>"),
    ("(find | look for | locate | search for) <thing>",),
    ("(go | come | drive | move) to <room>", "(go | come | drive | move) to <place>"),
    ("(find | look for | go to | turn off | silence | stop) <sounding>",),
)
"""Kinds of command, each with ways to give it, where a domain has none of its own."""
HANDLE = (
    "pick up", "grab", "take", "lift", "get", "fetch", "go and get", "put", "place", "set", "lay", "drop",
    "stack", "move", "bring", "carry", "push", "slide",
)  # fmt: skip
FROM = ("from", "off", "out of", "on", "in")
TO = ("to", "on", "onto", "on top of", "in", "into", "inside", "next to", "beside")
ALL = ("all", "all the", "all of the", "the", "both", "every", "each of the", "every one of the")
PARTS = ("drawer", "door", "button", "switch")
"""May be said with their owner: *the cabinet door*, *the door of the cabinet*."""
ANYTHING = ("thing", "object", "item", "one")
_TOKEN = re.compile(r"[()\[\]|]|<\w+>|[^\s()\[\]|<>]+")
_RULE = re.compile(r"<(\w+)>")


@dataclass(frozen=True, kw_only=True)
class CommandWords:
    """The words of a domain, as they are written in names: ``milk_carton`` is said as two words.

    What stands there twice is said twice as often.
    """

    objects: tuple[str, ...]
    """Kinds of things that are handled, and what else they are called."""
    plurals: tuple[str, ...] = ()
    """Several of them."""
    places: tuple[str, ...] = ()
    """Furniture, its parts and controls."""
    adjectives: tuple[str, ...] = ()
    """Colours, sizes, materials, shapes."""
    comparatives: tuple[str, ...] = ()
    """Words that tell two of a kind apart: ``larger``."""
    rooms: tuple[str, ...] = ()
    sounds: tuple[str, ...] = ()
    """Words for what a thing does that sounds: ``ringing``."""
    figures: tuple[str, ...] = ()
    """Words for the numbers that are written on things: ``seven``."""
    known: tuple[str, ...] = ()
    """Things that are known to be there, as they are spoken of: *red mug*. Most of what is said is about them."""
    known_places: tuple[str, ...] = ()
    """The same of furniture and its parts: *drawer of the chest*."""
    commands: tuple[tuple[str, ...], ...] = COMMANDS
    """Kinds of command and the ways to give each, in the notation of this module: ``put <thing> in <place>``. What
    speaks of something that the domain has no words for is left out. Rules are *thing, place, room, light, sounding*.
    """
    others: tuple[str, ...] = ()
    """Words that may be said anywhere, however unlikely."""

    def __post_init__(self) -> None:
        if not self.objects:
            raise InputError("Commands: expected at least one kind of object.")
        for name in _NAMES:
            spoken = (" ".join(re.findall(r"[a-z']+", word.lower())) for word in getattr(self, name))
            object.__setattr__(self, name, tuple(sorted(filter(None, spoken))))

    def words(self) -> tuple[str, ...]:
        """Every single word that a command may hold."""
        texts = (*grammar(self).rules.values(), *(word for name in _NAMES for word in getattr(self, name)))
        return tuple(sorted({word for text in texts for word in re.findall(r"[a-z']+", _RULE.sub(" ", text))}))

    def keeping(self, can_be_said: Callable[[str], bool]) -> CommandWords:
        """Only names and commands all of whose words can be said."""

        def kept(texts: Iterable[str]) -> tuple[str, ...]:
            return tuple(t for t in texts if all(map(can_be_said, re.findall(r"[a-z']+", _RULE.sub(" ", t)))))

        return replace(
            self,
            **{name: kept(getattr(self, name)) for name in _NAMES},
            commands=tuple(kept(ways) for ways in self.commands),
        )


_NAMES = (
    "objects",
    "plurals",
    "places",
    "adjectives",
    "comparatives",
    "rooms",
    "sounds",
    "figures",
    "known",
    "known_places",
    "others",
)


@dataclass(frozen=True)
class Grammar:
    """Rules by name; what may be said is ``<command>``."""

    rules: Mapping[str, str]

    def sentences(self, count: int, seed: int = 0) -> Iterator[str]:
        """Commands, drawn: alternatives of a rule are equally likely, an option is said half the time."""
        rng = random.Random(seed)
        for _ in range(count):
            yield " ".join(self._say("command", rng))

    def _say(self, rule: str, rng: random.Random) -> Iterator[str]:
        pending: list[object] = [self._trees[rule]]
        while pending:
            node = pending.pop()
            if isinstance(node, str):
                if node.startswith("<"):
                    pending.append(self._trees[node[1:-1]])
                else:
                    yield node
            elif isinstance(node, tuple):
                pending.append(node[int(rng.random() * len(node))])
            elif isinstance(node, list):
                pending += reversed(node)

    @cached_property
    def _trees(self) -> dict[str, object]:
        return {name: _parse(text) for name, text in self.rules.items()}


def grammar(words: CommandWords) -> Grammar:
    """The grammar of commands about a domain."""
    rules = {
        "handle": _any(HANDLE),
        "from": _any(FROM),
        "to": _any(TO),
        "the": _any((*["the"] * 6, *["that"] * 2, "a", "this")),
    }
    rules |= {
        rule: _any(names)
        for rule, names in (
            ("object", words.objects), ("adjective", words.adjectives), ("comparative", words.comparatives),
            ("plural", words.plurals), ("sound", words.sounds), ("figure", words.figures), ("known", words.known),
            ("known_place", words.known_places),
        ) if names
    }  # fmt: skip
    rules["many"] = f"({_any(f'{word}s' for word in ANYTHING)}) | <plural>"
    if words.rooms:
        rules["room"] = f"the ({_any(words.rooms)})"
    if words.places:
        parts = [part for part in PARTS if part in words.places]
        owners = [place for place in words.places if place not in PARTS] or list(words.places)
        rules["furniture"] = _any(owners)
        rules["part"] = _any(parts or owners)
    anything = _any(ANYTHING)
    near = "(next to | beside | near | by)"
    shapes = {
        "one": (
            "<the> <object>", *("<the> <adjective> <object>",) * 4, "<the> <adjective> <adjective> <object>",
            f"<the> <adjective> [<adjective>] ({anything})", "the number <figure>",
            "the <object> (with the number | numbered | with number) <figure>",
            f"the <comparative> [<adjective>] (<object> | {anything})", "the <comparative> <known>",
            "the <comparative> of the (two | three) <plural>",
        ),
        "several": (
            f"({_any(ALL)}) <adjective> <many>", f"({_any(ALL)}) <adjective> <many>", f"({_any(ALL)}) <many>",
            "everything [that is] <adjective>",
        ),
        "place": (
            *("<the> <known_place>",) * 12, "<the> <known_place> (in | of) <room>", "<the> <furniture>",
            "<the> <adjective> <furniture>", "<the> <part>", "<the> <furniture> <part>",
            "<the> <part> of <the> <furniture>", "<the> (<part> | <furniture>) (in | of) <room>",
        ),
        "thing": (
            *("<the> <known>",) * 6, *("<one>",) * 5, *("<several>",) * 2, "<one> (on | in | from) <place>",
            f"<one> {near} <one>", f"<the> <known> {near} <the> <known>",
            f"<the> ({anything}) that is <adjective> [and <adjective>]",
        ),
        "sounding": (
            "(what | whatever | the thing that | which thing) (is | keeps) <sound>",
            "(what | whatever | the thing that) <sound>",
        ),
        "light": ("the light", "the lights"),
    }  # fmt: skip
    rules |= {name: _any(shapes[name]) for name in shapes}
    ways = [way for kind in words.commands for way in kind]
    rules |= {"first": _any(ways), "then": _any(_again(way) for way in ways if _RULE.search(way))}
    rules = _spoken(rules)
    rules |= {"ask": _any(ASK), "end": _any(END)}
    rules["command"] = "[<ask>] (<first> | <first> | <first> and <then>) [<end> | <end> | <end> <end>]"
    return Grammar(rules)


def _again(way: str) -> str:
    """The way to give a command about what was spoken of just before."""
    return _RULE.sub("(it | it | them)", way, count=1)


def _spoken(rules: Mapping[str, str]) -> dict[str, str]:
    """The rules without alternatives that need a rule which is not there."""
    kept = dict(rules)
    while True:
        known = {
            name: _any(way for way in _alternatives(text) if set(_RULE.findall(way)) <= kept.keys())
            for name, text in kept.items()
        }
        known = {name: text for name, text in known.items() if text}
        if known == kept:
            return known
        kept = known


def _alternatives(text: str) -> Iterator[str]:
    """The alternatives on the outside of a rule."""
    depth, start = 0, 0
    for k, mark in enumerate(text):
        depth += (mark in "([") - (mark in ")]")
        if mark == "|" and not depth:
            yield text[start:k].strip()
            start = k + 1
    if text[start:].strip():
        yield text[start:].strip()


def _parse(text: str) -> object:
    """A rule as a tree: a list is said in order, of a tuple one is said, a string is a word or names a rule."""
    choices: list[list[object]] = [[]]
    above: list[list[list[object]]] = []
    for token in _TOKEN.findall(text):
        if token in "([":
            above.append(choices)
            choices = [[]] if token == "(" else [[], []]
        elif token in ")]":
            node: tuple[object, ...] = tuple(choices)
            if token == "]":
                node = ([], tuple(choices[1:]))
            choices = above.pop()
            choices[-1].append(node)
        elif token == "|":
            choices.append([])
        else:
            choices[-1].append(token)
    return tuple(choices)


def _any(items: Iterable[str]) -> str:
    return " | ".join(items)

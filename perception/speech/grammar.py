"""What can be said: a JSGF grammar of commands, made from the words of a domain.

https://www.w3.org/TR/jsgf/
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from yanshi.errors import InputError

ASK = (
    "please", "could you", "could you please", "can you", "would you", "i want you to", "i need you to",
    "i would like you to",
)  # fmt: skip
END = ("please", "now", "for me")
COMMANDS: Mapping[str, str] = {
    "carry": "<handle> <thing> [<from> <place>] [[and <handle> it] <to> (<place> | <thing>)]",
    "work": "(open | close | shut | press | push | hit | turn on | turn off | switch on | switch off | go to) <place>",
    "switch": "(turn | switch) <place> (on | off)",
    "light": "(turn | switch) (on | off) the (light | lights) [in the <room>]",
    "find": "(find | look for | locate | search for | go to) <thing> [and (pick it up | take it | grab it)]",
    "go": "(go | come | drive | move) to the <room>",
    "hunt": "(find | look for | go to | turn off | silence | stop) (the thing that is | whatever is | what is) <sound>",
    "tidy": "(put | place | throw | collect) (all | all the | every) <adjective> (things | objects) <to> <place>",
}
"""Kinds of command. A kind whose words are not in the domain is left out.

Every mention of a rule becomes a copy of its words in the recogniser, so kinds share their things: the grammar lets
through a little that nobody says, and is searched in half the time.
"""
HANDLE = (
    "pick up", "grab", "take", "lift", "get", "fetch", "go and get", "put", "place", "set", "lay", "drop",
    "stack", "move", "bring", "carry", "push", "slide",
)  # fmt: skip
FROM = ("from", "off", "out of")
TO = ("to", "on", "onto", "on top of", "in", "into", "inside", "next to", "beside")
PARTS = ("drawer", "door", "button", "switch")
"""May be said with their owner: *the cabinet door*, *the door of the cabinet*."""


@dataclass(frozen=True, kw_only=True)
class CommandWords:
    """The words of a domain, as they are written in names: ``milk_carton`` is said as two words."""

    objects: tuple[str, ...]
    """Kinds of things that are handled, and what else they are called."""
    places: tuple[str, ...] = ()
    """Furniture, its parts and controls."""
    adjectives: tuple[str, ...] = ()
    """Colours, sizes, materials, shapes."""
    rooms: tuple[str, ...] = ()
    sounds: tuple[str, ...] = ()
    """Words for what a thing does that sounds: ``ringing``."""

    def __post_init__(self) -> None:
        if not self.objects:
            raise InputError("Commands: expected at least one kind of object.")
        for name in self.__dataclass_fields__:
            spoken = {" ".join(re.findall(r"[a-z']+", word.lower())) for word in getattr(self, name)}
            object.__setattr__(self, name, tuple(sorted(spoken - {""})))

    def words(self) -> tuple[str, ...]:
        """Every single word that a command may hold."""
        text = " ".join(
            (*self.objects, *self.places, *self.adjectives, *self.rooms, *self.sounds, *ASK, *END, *TO, *FROM, *HANDLE)
        )
        fixed = re.sub(r"<\w+>", " ", " ".join(COMMANDS.values()))
        return tuple(sorted(set(re.findall(r"[a-z']+", f"{text} {fixed} {' '.join(PARTS)} the a of"))))

    def keeping(self, can_be_said: Callable[[str], bool]) -> CommandWords:
        """Only names all of whose words can be said."""

        def kept(names: Iterable[str]) -> tuple[str, ...]:
            return tuple(name for name in names if all(can_be_said(word) for word in name.split()))

        return CommandWords(
            objects=kept(self.objects), places=kept(self.places), adjectives=kept(self.adjectives),
            rooms=kept(self.rooms), sounds=kept(self.sounds),
        )  # fmt: skip


def jsgf(words: CommandWords) -> str:
    """The grammar."""
    rules = {
        "object": _any(words.objects), "handle": _any(HANDLE), "from": _any(FROM), "to": _any(TO), "the": "the | a",
    }  # fmt: skip
    if words.adjectives:
        rules["adjective"] = _any(words.adjectives)
        rules["thing"] = "<the> [<adjective>] [<adjective>] <object>"
    else:
        rules["thing"] = "<the> <object>"
    if words.sounds:
        rules["sound"] = _any(words.sounds)
    if words.rooms:
        rules["room"] = _any(words.rooms)
    if words.places:
        parts = [part for part in PARTS if part in words.places]
        owners = [place for place in words.places if place not in PARTS]
        room = "[<room>] " if words.rooms else ""
        inside = " [in the <room>]" if words.rooms else ""
        rules["furniture"] = _any(owners or words.places)
        rules["place"] = f"<the> {room}<furniture>{inside}"
        if parts:
            rules["part"] = _any(parts)
            owned = f"[<furniture>] <part> | {room}<part>"
            rules["place"] += f" | <the> ({owned}){inside} | <the> <part> of the <furniture>"
    kinds = {}
    for name, body in COMMANDS.items():
        if "place" not in rules:
            body = body.replace("[<from> <place>] ", "").replace("<place> | ", "")
        if "room" not in rules:
            body = body.replace(" [in the <room>]", "")
        if set(re.findall(r"<(\w+)>", body)) <= rules.keys():
            kinds[f"do_{name}"] = body
    lines = [f"<{name}> = {body};" for name, body in (*rules.items(), *kinds.items())]
    command = f"public <command> = [{_any(ASK)}] ({_any(f'<{name}>' for name in kinds)}) [{_any(END)}];"
    return "\n".join(("#JSGF V1.0;", "grammar commands;", *lines, command, ""))


def _any(items: Iterable[str]) -> str:
    return " | ".join(items)

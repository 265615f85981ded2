"""Reads the noun phrases of a clause: which words name things, and what they say of them.

``put the red mug that is beside the number 5 into the drawer of the chest`` becomes the skeleton ``put {0} into
{1}`` and two descriptions. Nothing is guessed here: a word in a noun phrase that is not in the vocabulary is kept as
unknown.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from yanshi.planning.clauses import plain
from yanshi.planning.vocabulary import Description, Vocabulary
from yanshi.planning.words import (
    ALL,
    ANYTHING,
    BE,
    BESIDE,
    DETERMINERS,
    EMPTY_NOUNS,
    FIGURES,
    LARGER,
    LIGHT,
    PRONOUNS,
    SMALLER,
    SOUNDING,
    STOP,
    VERBS,
)  # fmt: skip

_TOKEN = re.compile(r"[a-z0-9]+|[,]")


def tokenize(text: str) -> list[str]:
    """Lower-case words, figures and commas."""
    return _TOKEN.findall(plain(text))


def _figure(word: str) -> str | None:
    return word if word.isdigit() else FIGURES.get(word)


@dataclass(frozen=True, slots=True)
class Clause:
    """A clause with its noun phrases taken out."""

    skeleton: str
    """Its words, with ``{0}``, ``{1}`` … for the noun phrases."""
    slots: tuple[tuple[Description, ...], ...]
    """What the noun phrases say; several for one slot when they are joined by *and*."""


class NounPhrases:
    """Finds the noun phrases of a clause."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.vocabulary = vocabulary
        nouns = [tuple(phrase.split()) for phrase in vocabulary.nouns]
        self._longest = max((len(n) for n in nouns), default=1)

    def read(self, text: str) -> Clause:
        """Take the noun phrases out of a clause."""
        tokens = tokenize(text)
        skeleton: list[str] = []
        things: list[tuple[Description, ...]] = []
        at = 0
        while at < len(tokens):
            found = None if at == 0 and tokens[0] in VERBS else self._phrase(tokens, at)
            if found is None:
                skeleton.append(tokens[at])
                at += 1
                continue
            thing, at = found
            joined = [i for i, word in enumerate(skeleton) if word.startswith("{")]
            if joined and joined[-1] < len(skeleton) - 1 and set(skeleton[joined[-1] + 1 :]) <= {"and", ","}:
                things[-1] = (*things[-1], thing)
                del skeleton[joined[-1] + 1 :]
                continue
            skeleton.append(f"{{{len(things)}}}")
            things.append((thing,))
        return Clause(" ".join(word for word in skeleton if word != ","), tuple(things))

    def _phrase(self, tokens: list[str], at: int) -> tuple[Description, int] | None:
        """The description that begins at a token, with what is attached to it, and where it ends."""
        found = self._core(tokens, at)
        if found is None:
            return None
        thing, end = found
        while True:
            more = self._attachment(thing, tokens, end)
            if more is None:
                return replace(thing, words=" ".join(tokens[at:end])), end
            thing, end = more

    def _core(self, tokens: list[str], at: int) -> tuple[Description, int] | None:
        """A noun phrase without attachments."""
        word = tokens[at]
        if word in PRONOUNS:
            return Description(words=word, pronoun=True), at + 1
        if word in ("something", "anything"):
            return Description(words=word), at + 1
        if word in ("what", "whatever", "whichever"):
            return self._clause_of_what(tokens, at)
        start, everything, determined = at, False, False
        while at < len(tokens) and (tokens[at] in DETERMINERS | ALL or (tokens[at], *tokens[at + 1 : at + 2]) ==
        ("one", "of")
                                    or (determined and tokens[at] == "of")):  # fmt: skip
            everything |= tokens[at] in ALL
            determined = True
            if tokens[at] == "everything":
                return self._everything(tokens, at + 1)
            at += 1
        end = at
        while end < len(tokens) and tokens[end] not in STOP:
            if tokens[end] == "," and not (determined and self._adjective_at(tokens, end + 1)):
                break
            if not determined and not self._known(tokens, end):
                break
            end += 1
        if end == at:
            if determined and tokens[start] in ("this", "that", "these", "those") and start + 1 == at:
                return Description(words=tokens[start], pronoun=True), at
            return None
        thing = self._describe(tokens[at:end])
        if thing.label is None and len(thing.unknown) == 1 and thing.unknown[0] in EMPTY_NOUNS:
            return None
        if not determined and thing.label is None and not thing.attributes:
            return None
        plural = " ".join(tokens[at:end]).split(" ")[-1] in self._plural_words
        return replace(thing, all=everything or plural), end

    @property
    def _plural_words(self) -> set[str]:
        return {phrase.split()[-1] for phrase in self.vocabulary.plurals} - {"glass", "dice"}

    def _adjective_at(self, tokens: list[str], at: int) -> bool:
        return at < len(tokens) and tokens[at] in self.vocabulary.adjectives

    def _known(self, tokens: list[str], at: int) -> bool:
        word = tokens[at]
        if word in self.vocabulary.adjectives or word in LARGER | SMALLER or word in ANYTHING:
            return True
        return self._noun_at(tokens, at) is not None

    def _noun_at(self, tokens: list[str], at: int) -> tuple[str, int] | None:
        """The longest noun of the vocabulary that begins at a token, and where it ends."""
        for width in range(min(self._longest, len(tokens) - at), 0, -1):
            label = self.vocabulary.nouns.get(" ".join(tokens[at : at + width]))
            if label is not None:
                return label, at + width
        return None

    def _describe(self, words: list[str]) -> Description:
        """What the words between a determiner and the end of a noun phrase say."""
        label: str | None = None
        room: str | None = None
        attributes: dict[str, str] = {}
        owner: Description | None = None
        compare: str | None = None
        sounding = False
        makers: tuple[str, ...] = ()
        unknown: list[str] = []
        at = 0
        while at < len(words):
            word, last = words[at], at == len(words) - 1
            adjective = self._long_adjective(words, at)
            noun = self._noun_at(words, at)
            if word == ",":
                at += 1
            elif _figure(word):
                attributes["digit"] = _figure(word) or ""
                label = "tile" if label is None else label
                at += 1
                if word == "one" and last and len(words) > 1:
                    del attributes["digit"]
                    label = None if label == "tile" else label
            elif noun is not None and (noun[1] == len(words) or adjective is None):
                name, at = noun
                if name in self.vocabulary.rooms and at < len(words):
                    room = name
                elif name in self.vocabulary.rooms:
                    label, room = None, name
                elif label is not None and at <= len(words) and label != "tile":
                    owner, label = Description(words=label, label=label), name
                else:
                    label = name
            elif adjective is not None:
                (kind, value), at = adjective
                attributes[kind] = value
            elif word in LARGER or word in SMALLER:
                compare = "larger" if word in LARGER else "smaller"
                at += 1
            elif word in SOUNDING:
                sounding = True
                sound = self.vocabulary.sounds_like(word)
                attributes |= {"sound": sound} if sound else {}
                makers = self.vocabulary.makers(sound) if sound else ()
                at += 1
            elif word in ANYTHING or word.removesuffix("s") in ANYTHING:
                at += 1
            else:
                unknown.append(word)
                at += 1
        return Description(
            words=" ".join(words), label=label, attributes=attributes, room=room, owner=owner, compare=compare,
            sounding=sounding, makers=makers, unknown=tuple(unknown),
        )  # fmt: skip

    def _long_adjective(self, words: list[str], at: int) -> tuple[tuple[str, str], int] | None:
        for width in (2, 1):
            meaning = self.vocabulary.adjectives.get(" ".join(words[at : at + width]))
            if meaning is not None and at + width <= len(words):
                return meaning, at + width
        return None

    def _everything(self, tokens: list[str], at: int) -> tuple[Description, int]:
        """``everything red``; ``everything that is red`` is an attachment."""
        end = at
        while end < len(tokens) and self._long_adjective(tokens, end) is not None:
            end += 1
        return replace(self._describe(tokens[at:end]), all=True), end

    def _clause_of_what(self, tokens: list[str], at: int) -> tuple[Description, int] | None:
        """``what is ringing``, ``whatever is making that noise``."""
        thing = Description(words="")
        return self._predicate(thing, tokens, at + 1)

    def _predicate(self, thing: Description, tokens: list[str], at: int) -> tuple[Description, int] | None:
        """After ``that`` or ``what``: ``is red, round and beside the number 5``, ``rings``, ``is making a noise``."""
        end = at
        while end < len(tokens) and tokens[end] in BE:
            end += 1
        read, joined = False, True
        while end < len(tokens):
            word = tokens[end]
            adjective = self._long_adjective(tokens, end)
            if word in (",", "and") and read and self._continues(tokens, end + 1):
                end += 1
                joined = True
                continue
            if word in SOUNDING:
                sound = self.vocabulary.sounds_like(word)
                attributes = {**thing.attributes, **({"sound": sound} if sound else {})}
                makers = self.vocabulary.makers(sound) if sound else thing.makers
                thing = replace(thing, sounding=True, attributes=attributes, makers=makers)
                end, read = end + 1, True
                while end < len(tokens) and tokens[end] in (
                    "a",
                    "that",
                    "the",
                    "this",
                    "such",
                    "noise",
                    "sound",
                    "all",
                    "some",
                ):
                    end += 1
            elif adjective is not None:
                (kind, value), end = adjective
                thing, read = replace(thing, attributes={**thing.attributes, kind: value}), True
            else:
                related = self._relation(thing, tokens, end) or (self._support(thing, tokens, end) if joined else None)
                if related is None:
                    break
                (thing, end), read = related, True
            joined = False
        return (thing, end) if read else None

    def _continues(self, tokens: list[str], at: int) -> bool:
        """Whether a list of predicates goes on at a token."""
        while at < len(tokens) and tokens[at] in (",", "and", "is", "are", "that", "which"):
            at += 1
        if at >= len(tokens):
            return False
        return self._adjective_at(tokens, at) or tokens[at] in SOUNDING or self._beside(tokens, at) is not None

    def _beside(self, tokens: list[str], at: int) -> int | None:
        """Where the words for *beside* that begin at a token end."""
        for words in BESIDE:
            if tuple(tokens[at : at + len(words)]) == words:
                return at + len(words)
        return None

    def _relation(self, thing: Description, tokens: list[str], at: int) -> tuple[Description, int] | None:
        """``beside the number 5``."""
        end = self._beside(tokens, at)
        if end is None or end >= len(tokens):
            return None
        other = self._phrase(tokens, end)
        if other is None:
            return None
        return replace(thing, relation=("beside", other[0])), other[1]

    def _support(self, thing: Description, tokens: list[str], at: int) -> tuple[Description, int] | None:
        """``on the table``, after ``that is``."""
        word = {"inside": "in", "in": "in", "on": "on"}.get(tokens[at])
        place = self._core(tokens, at + 1) if word and at + 1 < len(tokens) else None
        if word is None or place is None:
            return None
        if place[0].label is None and place[0].room is not None:
            return replace(thing, room=place[0].room), place[1]
        return replace(thing, relation=(word, place[0])), place[1]

    def _attachment(self, thing: Description, tokens: list[str], at: int) -> tuple[Description, int] | None:
        """What follows a noun phrase and belongs to it, or None."""
        if at >= len(tokens) or thing.pronoun:
            return None
        word = tokens[at]
        following = tokens[at + 1 : at + 2]
        if word in ("that", "which", "who"):
            return self._predicate(thing, tokens, at + 1)
        if word == "s" and following and thing.label is not None and not thing.attributes.get("digit"):
            part = self._core(tokens, at + 1)
            return (replace(part[0], owner=thing), part[1]) if part else None
        if word == "of" and following:
            other = self._of(tokens, at + 1)
            if other is None:
                return None
            if other[0].label is None and other[0].room is not None:
                return replace(thing, room=other[0].room), other[1]
            if thing.label is None:
                merged = {**other[0].attributes, **thing.attributes}
                return replace(other[0], compare=thing.compare, attributes=merged, all=thing.all), other[1]
            return (replace(thing, owner=other[0]), other[1]) if thing.label else None
        if (
            thing.label == "tile"
            and "digit" not in thing.attributes
            and word in ("with", "numbered", "number", "showing")
        ):
            end = next((i for i in range(at + 1, min(at + 5, len(tokens))) if _figure(tokens[i])), None)
            if end is not None:
                return replace(thing, attributes={**thing.attributes, "digit": _figure(tokens[end]) or ""}), end + 1
        if word in BE and tokens[at + 1 : at + 2] and tokens[at + 1] in SOUNDING:
            return self._predicate(thing, tokens, at)
        if word in ("in", "on", "at", "by") and thing.label in (*self.vocabulary.fixtures, LIGHT) and not thing.room:
            return self._place_of_fixture(thing, tokens, at + 1)
        if thing.label in (None, *self.vocabulary.labels) and not thing.room:
            return self._relation(thing, tokens, at)
        return None

    def _place_of_fixture(self, thing: Description, tokens: list[str], at: int) -> tuple[Description, int] | None:
        """Furniture has its place: after ``the switch``, ``in the bedroom`` and ``on the desk`` say which."""
        place = self._core(tokens, at) if at < len(tokens) else None
        if place is None or place[0].pronoun or place[0].all:
            return None
        if place[0].label is None and place[0].room is not None:
            return replace(thing, room=place[0].room), place[1]
        if (
            place[0].label in self.vocabulary.fixtures
            and thing.owner is None
            and thing.label in self.vocabulary.controls
        ):
            return replace(thing, owner=place[0]), place[1]
        return None

    def _of(self, tokens: list[str], at: int) -> tuple[Description, int] | None:
        """What follows ``of``: ``the chest``, ``the two red mugs``."""
        words = tokens[at:]
        if len(words) > 1 and words[0] in DETERMINERS and words[1] in FIGURES and words[1] != "one":
            found = self._core([words[0], *words[2:]], 0)
            return (replace(found[0], all=False), at + found[1] + 1) if found else None
        return self._core(tokens, at)

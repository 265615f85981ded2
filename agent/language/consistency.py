"""Whether what the model says fits what is sensed, and what it should have said.

An answer that points at things is held against the words of the question: a thing must be of the kind and have the
attributes that are asked for, as far as these are known words and the thing has them. The score is the share of what is
pointed at that fits; where it is not 1, or where nothing is said to be there and something fits, the answer is
corrected; so is how many there are. A description is held against what is in sight, and an answer that tells of sounds
against what hearing has found, which sounds from which directions.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from yanshi.agent.language.answers import pointed
from yanshi.agent.language.directions import SECTORS, sectors
from yanshi.agent.language.moments import Heard
from yanshi.agent.language.questions import NOISES, NUMBERS, sounds
from yanshi.perception.embodied_lm.pointing import objects_in
from yanshi.planning.noun_phrases import NounPhrases
from yanshi.planning.vocabulary import Description, Vocabulary

NO = ("No.", "None.")
"""Answers that nothing fits."""
_WAY = "|".join(sorted(SECTORS, key=len, reverse=True))
_NOISE = "|".join(NOISES.values())
_EACH = re.compile(f"({_NOISE}) ({_WAY})")
_LIST = re.compile(f"(nothing|({_NOISE}) ({_WAY})(, ({_NOISE}) ({_WAY}))*)\\.", re.IGNORECASE)
_WHERE = re.compile(f"(({_WAY})|I hear no ({_NOISE}))\\.", re.IGNORECASE)
_COUNTED = re.compile(f".+: ({'|'.join(NUMBERS)})\\.")
_SEEN, _HEARD = "I see ", " I hear "
"""With these a description begins, and comes to sounds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """An answer after it was held against what is sensed."""

    answer: str
    score: float
    """Of the answer as it was [0, 1]."""


class Consistency:
    """Checks answers about which things and sounds there are."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        """`vocabulary` the words for things."""
        self._reader = NounPhrases(vocabulary)

    def check(self, question: str, answer: str, told: Sequence[tuple[str, Mapping[str, str]]]) -> Checked:
        """Correct an answer.

        Args:
            question: what was asked; one that describes nothing in known words is not judged.
            answer: what the model says.
            told: label and attributes of each thing that it was told of.
        """
        wanted = self._described(question)
        if wanted is None:
            return Checked(answer=answer, score=1.0)
        fitting = [k for k, thing in enumerate(told) if _fits(wanted, *thing)]
        said = objects_in(answer)
        if _COUNTED.fullmatch(answer):
            agreeing, every = len({*said} & {*fitting}), len({*said} | {*fitting})
            counted = f"{pointed(fitting)}: {NUMBERS[len(fitting)]}." if fitting else NO[1]
            return Checked(answer=answer if agreeing == every else counted, score=agreeing / every)
        if not said:
            wrong = answer in NO and bool(fitting)
            return Checked(answer=f"Yes: {pointed(fitting)}." if wrong else answer, score=float(not wrong))
        right = [k for k in said if k in fitting]
        if len(right) == len(said):
            return Checked(answer=answer, score=1.0)
        return Checked(answer=f"Yes: {pointed(right)}." if right else NO[0], score=len(right) / len(said))

    def check_seen(self, answer: str, seen: Sequence[int]) -> Checked:
        """Correct a description; any other answer stays as it is. `seen`: which of the things are in sight."""
        told, stop, rest = answer.partition(".")
        if not answer.startswith(_SEEN):
            return Checked(answer=answer, score=1.0)
        said = {*objects_in(told)}
        every = len(said | {*seen})
        if len(said & {*seen}) == every:
            return Checked(answer=answer, score=1.0)
        right = f"{_SEEN}{pointed(seen) or 'no things'}{stop}{rest}"
        return Checked(answer=right, score=len(said & {*seen}) / every)

    def check_sounds(self, question: str, answer: str, heard: Sequence[Heard]) -> Checked:
        """Correct an answer that tells of sounds; any other stays as it is.

        Args:
            question: what was asked.
            answer: what the model says.
            heard: what hearing has found.
        """
        asked = next((label for label, noise in NOISES.items() if noise in question.lower()), None)
        if asked is not None and _WHERE.fullmatch(answer):
            ways = [way for each in heard if each.label == asked for way in sectors(each.bearing)]
            right = [f"{way.capitalize()}." for way in ways] or [f"I hear no {NOISES[asked]}."]
            return Checked(answer=answer if answer in right else right[0], score=float(answer in right))
        if _LIST.fullmatch(answer):
            told, score = _held_against(answer, heard)
            return Checked(answer=f"{told[:1].upper()}{told[1:]}.", score=score)
        if answer.startswith(_SEEN):
            seen, _, said = answer.partition(_HEARD)
            told, score = _held_against(said or "nothing.", heard)
            tail = f"{_HEARD}{told}." if heard else ""
            return Checked(answer=f"{seen}{tail}", score=score)
        return Checked(answer=answer, score=1.0)

    def _described(self, question: str) -> Description | None:
        """What a question describes last, if all its words are known."""
        things = [thing for slot in self._reader.read(question).slots for thing in slot]
        able = [t for t in things if (t.label or t.attributes) and not t.unknown and t.compare is None]
        return able[-1] if able else None


def _held_against(said: str, heard: Sequence[Heard]) -> tuple[str, float]:
    """What is to be said of sounds, which is what was said if it fits, and the share of both that agree."""
    told = dict(_EACH.findall(said.lower()))
    fitting = sum(told.get(NOISES[each.label]) in sectors(each.bearing) for each in heard)
    every = len(told.keys() | {NOISES[each.label] for each in heard})
    if fitting == every:
        return said.rstrip(".").lower(), 1.0
    return next(iter(sounds(heard))).lower(), fitting / every


def _fits(wanted: Description, label: str, attributes: Mapping[str, str]) -> bool:
    if wanted.label not in (None, label):
        return False
    return all(attributes.get(name) == value for name, value in wanted.attributes.items())

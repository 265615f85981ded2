"""From words to a goal by retrieval: the nearest thing that can be asked for in the present belief.

An instruction is split into clauses; the noun phrases of each are read (`noun_phrases`) and matched to things, fixtures and
rooms; what is left, the construction, is compared by sentence embedding with the phrasings of every goal schema whose slots
the phrases fit (`schemas`). Under a threshold, or where a word names nothing known, it says that it has not understood.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from yanshi.contracts import Entity, WorldState
from yanshi.errors import NotUnderstoodError
from yanshi.goals import Goal
from yanshi.planning.embedding import SentenceEmbedder
from yanshi.planning.noun_phrases import VERBS, Clause, NounPhrases, tokenize
from yanshi.planning.reference import Term, compose, fixtures_meant, term_of
from yanshi.planning.referents import resolve
from yanshi.planning.schemas import SCHEMAS, Schema, render
from yanshi.planning.situation import Situation
from yanshi.planning.vocabulary import LIGHT, Description, Vocabulary

THRESHOLD = 0.62
"""Least cosine between an instruction and a phrasing."""
MARGIN = 0.005
"""Least lead over the next goal that is another goal."""
WORD_THRESHOLD = 0.79
"""Least cosine at which an unknown noun is taken for one of the vocabulary: fork and spoon stay below, couch and sofa are above."""
OTHER_COLORS = frozenset("turquoise teal cyan maroon beige gold silver gray grey ivory indigo bronze lavender olive".split())
"""Colour words that are never ignored when they are not in the vocabulary."""

_POLITE = re.compile(
    r"^(?:(?:please|hey|hi|hello|ok|okay|now|so|well|first|robot|yanshi|kindly|just|finally|next|afterwards|after that|then|and|also"
    r"|(?:could|can|would|will) you(?: please| kindly)?|would you mind|do you mind"
    r"|i (?:want|need|would like|d like|ask) you to|i d like you to|you (?:should|must|can|have to|need to)|your task is to|go and"
    r"|let us|let s|make sure (?:that )?(?:you |to )?|try to|be so kind (?:as )?to)\b[ ,]*)+"
)
_TAIL = re.compile(
    r"(?:[ ,]*\b(?:please|now|for me|thanks|thank you|when you can|right now|quickly|carefully|at once|if you can|if you please"
    r"|immediately|as well|too|again|will you|would you|in front of you|in the dark|right away|gently))+$"
)
_STATEMENT = re.compile(r"^(?:it|there|this|that) (?:is|s|are) (?:so |too |very |quite )?\w+(?: in here| here| now)?$")
_BREAK = re.compile(r"\s*(?:[;.!?:]|\bafter that\b|\bafterwards\b|\band then\b|\bthen\b|,\s*and\b|,|\band\b)\s*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Understanding:
    """What an instruction was taken to mean."""

    goal: Goal
    thought: str
    """How it was understood, in words."""
    confidence: float
    """The least cosine among its clauses [0, 1]."""
    alternatives: tuple[str, ...] = ()
    """The next best goals, as text."""


@dataclass(frozen=True, slots=True)
class _Candidate:
    """One reading of a clause."""

    score: float
    schema: Schema
    goal: Goal
    about: str
    """Which thing it is about, as said."""


class RetrievalUnderstanding:
    """Understands instructions by the nearest goal."""

    def __init__(self, embedder: SentenceEmbedder, vocabulary: Vocabulary | None = None) -> None:
        """
        Args:
            embedder: puts sentences that mean the same near one another.
            vocabulary: the kinds and attributes there are; fixtures, rooms and seen things are taken from the belief.
        """
        self._embedder = embedder
        self._vocabulary = vocabulary or Vocabulary()

    def understand(self, instruction: str, belief: WorldState) -> Understanding:
        """The goal that an instruction states.

        Raises:
            NotUnderstoodError: it names something that does not exist, or is like nothing that can be asked for; the
                message says what exists, or the nearest three goals.
        """
        vocabulary = self._vocabulary.with_belief(belief)
        reader = NounPhrases(vocabulary)
        readings: list[_Candidate] = []
        alternatives: list[str] = []
        last: tuple[Description, ...] = ()
        room: str | None = None
        for text in split_clauses(instruction):
            clause = self._with_known_words(reader.read(text), vocabulary, instruction)
            clause = _with_pronouns(clause, last, room)
            ranked = self._rank(clause, belief, vocabulary, instruction)
            readings.append(ranked[0])
            alternatives += [str(c.goal) for c in ranked[1:4]]
            if clause.slots:
                last = clause.slots[0]
            room = ranked[0].about if ranked[0].schema.name == "go to room" else room
        if not readings:
            raise NotUnderstoodError(f"Nothing is asked for in '{instruction}'. {_offer(self._examples(belief))}")
        goal = Goal.all(dict.fromkeys(reading.goal for reading in _kept(readings)))
        resolution = resolve(goal, Situation.of(belief))
        settled = goal if resolution.missing else resolution.goal
        thought = f"'{instruction.strip()}' asks for {settled}."
        if settled != goal:
            choices = (f"'{words}' is {' or '.join(names)}" for words, names in resolution.choices.items())
            thought += f" {'; '.join(choices)}."
        return Understanding(
            goal=settled,
            thought=thought,
            confidence=float(np.clip(min(r.score for r in readings), 0.0, 1.0)),
            alternatives=tuple(dict.fromkeys(alternatives))[:3],
        )

    # Which construction.

    def _rank(self, clause: Clause, belief: WorldState, vocabulary: Vocabulary, instruction: str) -> list[_Candidate]:
        """The readings of a clause, best first. Raises: NotUnderstoodError if none is good enough."""
        fitting = [s for s in SCHEMAS if self._fits(s, clause, belief, vocabulary)]
        if not fitting:
            self._explain(clause, belief, vocabulary, instruction)
        asked = self._embedder.embed([render(clause.skeleton, schema.slots) for schema in fitting])
        candidates = []
        for schema, vector in zip(fitting, asked, strict=True):
            score = float(np.max(self._embedder.embed(schema.sentences()) @ vector))
            terms = [[term_of(d, belief, f"?{'xyzuvw'[i]}{j or ''}") for j, d in enumerate(things)]
                     for i, things in enumerate(clause.slots)]  # fmt: skip
            goal = _goal(schema, terms)
            about = terms[0][0].names[0] if terms[0][0].names else clause.slots[0][0].words
            candidates.append(_Candidate(score, schema, goal, about))
        candidates.sort(key=lambda c: -c.score)
        unique = list({str(c.goal): c for c in reversed(candidates)}.values())[::-1]
        unique.sort(key=lambda c: -c.score)
        best = unique[0]
        unsure = len(unique) > 1 and best.score - unique[1].score < MARGIN
        if best.score < THRESHOLD or unsure:
            why = "can mean several things" if unsure else "is like nothing that can be asked for"
            raise NotUnderstoodError(f"'{instruction.strip()}' {why}. {_offer(str(c.goal) for c in unique[:3])}")
        return unique

    def _fits(self, schema: Schema, clause: Clause, belief: WorldState, vocabulary: Vocabulary) -> bool:
        if len(schema.slots) != len(clause.slots):
            return False
        return all(
            can_be(thing, kind, belief, vocabulary)
            for kind, things in zip(schema.slots, clause.slots, strict=True)
            for thing in things
        )

    def _explain(self, clause: Clause, belief: WorldState, vocabulary: Vocabulary, instruction: str) -> None:
        """Say why no schema fits. Raises: NotUnderstoodError always."""
        for thing in (d for things in clause.slots for d in things):
            absent = thing.label in vocabulary.fixtures and thing.label not in (LIGHT, *vocabulary.labels)
            if absent and not fixtures_meant(thing, belief):
                raise NotUnderstoodError(
                    f"There is no '{thing.words}' here. There are: {_listed(e.name for e in _fixtures(belief))}."
                )
        raise NotUnderstoodError(
            f"'{instruction.strip()}' is like nothing that can be asked for. {_offer(self._examples(belief))}"
        )

    # Which words.

    def _with_known_words(self, clause: Clause, vocabulary: Vocabulary, instruction: str) -> Clause:
        """Put words of the vocabulary for unknown ones that mean the same. Raises: NotUnderstoodError if there is none."""
        return replace(
            clause, slots=tuple(tuple(self._known_words(d, vocabulary, instruction) for d in s) for s in clause.slots)
        )

    def _known_words(self, thing: Description, vocabulary: Vocabulary, instruction: str) -> Description:
        if thing.relation is not None:
            other = self._known_words(thing.relation[1], vocabulary, instruction)
            thing = replace(thing, relation=(thing.relation[0], other))
        if thing.owner is not None:
            thing = replace(thing, owner=self._known_words(thing.owner, vocabulary, instruction))
        if not thing.unknown:
            return thing
        colors = [word for word in thing.unknown if word in OTHER_COLORS]
        if colors:
            raise NotUnderstoodError(f"No colour '{colors[0]}' is known. Colours: {_listed(vocabulary.colors)}.")
        if thing.label is not None or thing.sounding:
            return replace(thing, unknown=())
        noun = " ".join(thing.unknown)
        words = sorted({w.replace("_", " ") for w in (*vocabulary.labels, *vocabulary.fixtures, *vocabulary.rooms)})
        if words:
            similarity = self._embedder.embed([f"a {w}" for w in words]) @ self._embedder.embed([f"a {noun}"])[0]
            best = int(np.argmax(similarity))
            if similarity[best] >= WORD_THRESHOLD:
                name = vocabulary.nouns[words[best]]
                if name in vocabulary.rooms:
                    return replace(thing, room=name, unknown=())
                return replace(thing, label=name, unknown=())
        near = difflib.get_close_matches(noun, words, n=1, cutoff=0.75)
        hint = f" Did you mean '{near[0]}'?" if near else ""
        raise NotUnderstoodError(
            f"No '{noun}' is known.{hint} Things: {_listed(vocabulary.labels)}. "
            f"Furniture: {_listed(vocabulary.fixtures)}. Rooms: {_listed(vocabulary.rooms)}."
        )

    def _examples(self, belief: WorldState) -> list[str]:
        """Three goals that can be reached in a belief."""
        fixtures = _fixtures(belief)
        things = [e.name for e in belief.entities.values() if e.category == "object" and "grasp" in e.affordances]
        thing = things[0] if things else (self._vocabulary.labels or ("mug",))[0]
        found = [f"holding({thing})"]
        found += [f"in({thing}, {e.name})" for e in fixtures if "in" in e.affordances][:1]
        found += [f"open({e.name})" for e in fixtures if "open" in e.affordances][:1]
        found += [f"on({thing}, {e.name})" for e in fixtures if "on" in e.affordances][:1]
        return found[:3]


def split_clauses(instruction: str) -> list[str]:
    """The clauses of an instruction that ask for something, without politeness.

    ``Please put the red, round one in the sink and then close the drawer`` gives two: *and* and commas part clauses only
    before a verb.
    """
    text = " ".join(tokenize_kept(instruction))
    pieces: list[str] = []
    start = 0
    for match in _BREAK.finditer(text):
        if match.start() < start:
            continue
        rest = _strip(text[match.end() :])
        hard = match.group().strip() in (";", ".", "!", "?", ":")
        if hard or (rest.split() and rest.split()[0] in VERBS and not _joins_nouns(text[start : match.start()], rest)):
            pieces.append(text[start : match.start()])
            start = match.end()
    pieces.append(text[start:])
    stripped = [_strip(piece) for piece in pieces]
    return [piece for piece in stripped if piece and not _STATEMENT.match(piece)]


def tokenize_kept(instruction: str) -> list[str]:
    """The words of an instruction with the marks that part clauses."""
    return re.findall(r"[a-z0-9]+|[,;.!?:]", instruction.lower().replace("_", " ").replace("'", " ").replace("-", " "))


def _joins_nouns(before: str, after: str) -> bool:
    """Whether what follows *and* is a noun that looks like a verb: ``the button and switch``."""
    words = after.split()
    return len(words) == 1 or (words[0] in ("light", "switch", "place") and words[1] in ("in", "of", "to"))


def _strip(text: str) -> str:
    previous = None
    text = text.strip(" ,.;!?:")
    while text != previous:
        previous = text
        text = _TAIL.sub("", _POLITE.sub("", text)).strip(" ,.;!?:")
    return text


def can_be(thing: Description, kind: str, belief: WorldState, vocabulary: Vocabulary) -> bool:
    """Whether a description can stand in a slot of a type."""
    is_object = thing.label in vocabulary.labels or (thing.label is None and thing.room is None)
    if thing.label is None and thing.room is not None:
        return kind in ("room", "source")
    if kind == "light":
        return thing.label == LIGHT
    if kind in ("object", "object below"):
        return is_object
    if thing.label == LIGHT:
        return kind == "lamp"
    names = [belief.entities[n] for n in fixtures_meant(thing, belief)]
    if kind == "source":
        return bool(names) or is_object
    if kind == "lamp":
        return thing.label == "lamp"
    if kind == "thing":
        return is_object or bool(names)
    if kind == "place":
        return bool(names)
    if kind == "control":
        return any("press" in e.affordances for e in names) or (is_object and thing.label in _PRESSABLE)
    wanted = {"container": "in", "surface": "on", "opening": "open"}.get(kind)
    return any(wanted in e.affordances for e in names)


_PRESSABLE = frozenset({"alarm_clock", "kettle", "phone", "radio"})


def _goal(schema: Schema, terms: Sequence[Sequence[Term]]) -> Goal:
    """The goal of a schema for every combination of what is in its slots."""
    combinations: list[list[Term]] = [[]]
    for slot in terms:
        combinations = [[*done, term] for done in combinations for term in slot]
    return Goal.all(dict.fromkeys(compose(schema.build, combination) for combination in combinations))


def _with_pronouns(clause: Clause, last: tuple[Description, ...], room: str | None) -> Clause:
    """The clause with what *it* and *them* refer to: the first thing of the clause before."""
    slots = []
    for things in clause.slots:
        if any(d.pronoun for d in things) and last:
            things = last
        slots.append(things)
    if room is not None and slots and slots[0][0].room is None and not slots[0][0].pronoun:
        slots[0] = tuple(replace(d, room=room) if d.label else d for d in slots[0])
    return replace(clause, slots=tuple(slots))


def _kept(readings: Sequence[_Candidate]) -> list[_Candidate]:
    """The readings whose goals are not overtaken by later ones: *find it and pick it up* ends with it in the hand."""
    kept = []
    for index, reading in enumerate(readings):
        later = readings[index + 1 :]
        if reading.schema.about == "robot" and later:
            continue
        if any(o.schema.about == reading.schema.about and o.about == reading.about for o in later):
            continue
        kept.append(reading)
    return kept


def _fixtures(belief: WorldState) -> list[Entity]:
    return sorted((e for e in belief.entities.values() if e.category != "object"), key=lambda e: e.name)


def _offer(goals: Iterable[str]) -> str:
    return f"Nearest: {'; '.join(list(goals)[:3])}."


def _listed(words: Iterable[str]) -> str:
    return ", ".join(sorted({w.replace("_", " ") for w in words})) or "none"


__all__ = ["RetrievalUnderstanding", "Understanding", "can_be", "split_clauses", "tokenize"]

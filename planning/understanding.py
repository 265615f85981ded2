"""From words to a goal by retrieval: the nearest thing that can be asked for in the present belief.

An instruction is split into clauses; the noun phrases of each are read (`noun_phrases`) and matched to things,
fixtures and rooms; what is left, the construction, is compared by sentence embedding with the phrasings of every
goal schema whose slots the phrases fit (`schemas`). Under a threshold, or where a word names nothing known, it says
that it has not understood.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from yanshi.contracts import Entity, WorldState
from yanshi.errors import NotUnderstoodError
from yanshi.goals import Goal
from yanshi.planning.clauses import no_request, split_clauses
from yanshi.planning.embedding import SentenceEmbedder
from yanshi.planning.noun_phrases import Clause, NounPhrases
from yanshi.planning.reference import Term, compose, fixtures_meant, parts_meant, term_of
from yanshi.planning.referents import resolve
from yanshi.planning.schemas import IMPOSSIBLE, SCHEMAS, Schema, render
from yanshi.planning.situation import Situation
from yanshi.planning.vocabulary import Description, Vocabulary
from yanshi.planning.words import LIGHT, OTHER_COLORS

THRESHOLD = 0.7
"""Least cosine between an instruction and a phrasing."""
MARGIN = 0.005
"""Least lead over the next goal that is another goal."""
MISFIT = 0.04
"""Lead of a goal whose slots do not fit at which nothing else is believed to be meant."""
AGE_PENALTY = 0.02
"""What an older mention costs as the meaning of a pronoun."""
PREFACES = frozenset({"tidy", "clean", "listen", "look", "clear", "hurry"})
"""Clauses that begin so and name nothing only announce the next one."""
WORD_THRESHOLD = 0.79
"""Least cosine at which an unknown noun is taken for one of the vocabulary: fork and spoon stay below, couch and
sofa are above.
"""


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
class Command:
    """One thing that is asked for: a schema, and what is said in its slots."""

    schema: Schema
    slots: tuple[tuple[Description, ...], ...]


@dataclass(frozen=True, slots=True)
class _Candidate:
    """One reading of a clause."""

    score: float
    schema: Schema
    goal: Goal
    about: str
    """Which thing it is about, as said."""
    slots: tuple[tuple[Description, ...], ...]
    """What is in the schema's slots, as said."""


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
        readings, alternatives = self._readings(instruction, belief)
        goal = Goal.all(dict.fromkeys(reading.goal for reading in readings))
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

    def commands(self, instruction: str, belief: WorldState) -> list[Command]:
        """What an instruction asks for, clause by clause, without what is overtaken by later clauses.

        Raises:
            NotUnderstoodError: see `understand`.
        """
        return [Command(reading.schema, reading.slots) for reading in self._readings(instruction, belief)[0]]

    def _readings(self, instruction: str, belief: WorldState) -> tuple[list[_Candidate], list[str]]:
        """The best reading of each clause that counts, and other goals that come near."""
        why_not = no_request(instruction)
        if why_not is not None:
            raise NotUnderstoodError(f"'{instruction.strip()}' {why_not}.")
        vocabulary = self._vocabulary.with_belief(belief)
        reader = NounPhrases(vocabulary)
        readings: list[_Candidate] = []
        alternatives: list[str] = []
        mentions: list[tuple[Description, ...]] = []
        for text in split_clauses(instruction):
            clause = self._with_known_words(reader.read(text), vocabulary, instruction)
            if clause.skeleton == "{0}":
                mentions.insert(0, clause.slots[0])
                continue
            if not clause.slots and clause.skeleton.split()[0] in PREFACES:
                continue
            room = readings[-1].about if readings and readings[-1].schema.name == "go to room" else None
            clause, ranked = self._read(clause, mentions, room, belief, vocabulary, instruction)
            readings.append(ranked[0])
            alternatives += [str(c.goal) for c in ranked[1:4]]
            mentions = [*clause.slots, *mentions]
        if not readings:
            raise NotUnderstoodError(f"Nothing is asked for in '{instruction}'. {_offer(self._examples(belief))}")
        return _kept(readings), alternatives

    # Which construction.

    def _read(
        self,
        clause: Clause,
        mentions: Sequence[tuple[Description, ...]],
        room: str | None,
        belief: WorldState,
        vocabulary: Vocabulary,
        instruction: str,
    ) -> tuple[Clause, list[_Candidate]]:
        """The best reading of a clause over what its pronouns can refer to: the latest mention that makes sense."""
        best: tuple[float, Clause, list[_Candidate]] | None = None
        trouble: NotUnderstoodError | None = None
        for age, filled in enumerate(_with_pronouns(clause, mentions, room)):
            try:
                ranked = self._rank(filled, belief, vocabulary, instruction)
            except NotUnderstoodError as error:
                trouble = trouble or error
                continue
            worth = ranked[0].score - AGE_PENALTY * age
            if best is None or worth > best[0]:
                best = (worth, filled, ranked)
        if best is not None:
            return best[1], best[2]
        raise trouble or NotUnderstoodError(f"'{instruction.strip()}': it is not clear what 'it' means.")

    def _rank(self, clause: Clause, belief: WorldState, vocabulary: Vocabulary, instruction: str) -> list[_Candidate]:
        """The readings of a clause, best first. Raises: NotUnderstoodError if none is good enough."""
        shaped = [s for s in SCHEMAS if len(s.slots) == len(clause.slots)]
        fitting = [s for s in shaped if self._fits(s, clause, belief, vocabulary)]
        if not fitting:
            self._explain(clause, belief, vocabulary, instruction)
        scores = {id(s): self._score(clause, s.slots, s.sentences()) for s in shaped}
        candidates = [self._candidate(s, scores[id(s)], clause, belief) for s in fitting]
        candidates.sort(key=lambda c: -c.score)
        unique: list[_Candidate] = list({str(c.goal): c for c in reversed(candidates)}.values())
        unique.sort(key=lambda c: -c.score)
        best = unique[0]
        plain = ("object",) * len(clause.slots)
        other = self._score(clause, plain, [render(p, plain) for p in IMPOSSIBLE if p.count("{") == len(plain)])
        as_meant = self._score(clause, plain, [render(p, plain) for p in best.schema.phrasings])
        wrong_kind = max((scores[id(s)] for s in shaped if s not in fitting), default=0.0)
        unsure = len(unique) > 1 and best.score - unique[1].score < MARGIN
        why = None
        if best.score < THRESHOLD or other > as_meant:
            why = "is like nothing that can be asked for"
        elif wrong_kind - best.score > MISFIT:
            why = "asks for what cannot be done with such a thing"
        elif unsure:
            why = "can mean several things"
        if why is not None:
            raise NotUnderstoodError(f"'{instruction.strip()}' {why}. {_offer(str(c.goal) for c in unique[:3])}")
        return unique

    def _score(self, clause: Clause, slots: tuple[str, ...], sentences: Sequence[str]) -> float:
        """The greatest cosine between a clause and sentences, with the same plain nouns in the slots."""
        if not sentences:
            return 0.0
        return float(
            np.max(self._embedder.embed(sentences) @ self._embedder.embed([render(clause.skeleton, slots)])[0])
        )

    def _candidate(self, schema: Schema, score: float, clause: Clause, belief: WorldState) -> _Candidate:
        slots, kinds = clause.slots, schema.slots
        if schema.implied is not None:
            slots = (*slots, (Description(words=schema.implied, label=schema.implied),))
            kinds = (*kinds, "container")
        terms = [
            [term_of(d, belief, f"?{'xyzuvw'[i]}{j or ''}", kind) for j, d in enumerate(things)]
            for i, (things, kind) in enumerate(zip(slots, kinds, strict=True))
        ]
        about = terms[0][0].names[0] if terms[0][0].names else clause.slots[0][0].words
        return _Candidate(score, schema, _lights_by_switches(_goal(schema, terms), belief), about, clause.slots)

    def _fits(self, schema: Schema, clause: Clause, belief: WorldState, vocabulary: Vocabulary) -> bool:
        implied = Description(words="", label=schema.implied) if schema.implied is not None else None
        if implied is not None and not fixtures_meant(implied, belief):
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
        """Put words of the vocabulary for unknown ones that mean the same. Raises: NotUnderstoodError if there is
        none.
        """
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
    if kind == "sounder":
        return (
            thing.sounding or (is_object and thing.label in _PRESSABLE) or any("sound" in e.affordances for e in names)
        )
    if kind == "thing":
        return is_object or bool(names)
    if kind == "place":
        return bool(names)
    if kind == "silent control":
        return any("press" in e.affordances and "sound" not in e.affordances for e in names)
    if kind == "opening":
        return bool(parts_meant(thing, belief))
    if kind == "control":
        return any("press" in e.affordances for e in names) or (is_object and thing.label in _PRESSABLE)
    wanted = {"container": "in", "surface": "on"}.get(kind)
    return any(wanted in e.affordances for e in names)


_PRESSABLE = frozenset({"alarm_clock", "kettle", "phone", "radio"})


def _goal(schema: Schema, terms: Sequence[Sequence[Term]]) -> Goal:
    """The goal of a schema for every combination of what is in its slots."""
    combinations: list[list[Term]] = [[]]
    for slot in terms:
        combinations = [[*done, term] for done in combinations for term in slot]
    return Goal.all(dict.fromkeys(compose(schema.build, combination) for combination in combinations))


def _lights_by_switches(goal: Goal, belief: WorldState) -> Goal:
    """The goal with the switch of a room for its light, where that is known: what the robot can check on the spot."""
    if goal.fact is not None and goal.fact.predicate == "lit":
        switches = [e.name for e in _fixtures(belief) if "switch" in e.label and e.room == goal.fact.args[0]]
        return Goal.any(Goal.of("powered", name) for name in switches) if switches else goal
    children = tuple(_lights_by_switches(child, belief) for child in goal.children)
    return replace(goal, children=children)


def _with_pronouns(clause: Clause, mentions: Sequence[tuple[Description, ...]], room: str | None) -> Iterator[Clause]:
    """The clause with each thing that *it* and *them* can refer to, the latest first; as it is if it has no pronoun."""
    slots = list(clause.slots)
    for index, things in enumerate(slots):
        if things[0].label == LIGHT and things[0].room is None and mentions and mentions[0][0].room is not None:
            slots[index] = (replace(things[0], room=mentions[0][0].room),)
    if room is not None and slots and slots[0][0].room is None and slots[0][0].label:
        slots[0] = tuple(replace(d, room=room) for d in slots[0])
    pronouns = [i for i, things in enumerate(slots) if any(d.pronoun for d in things)]
    if not pronouns:
        yield replace(clause, slots=tuple(slots))
        return
    for meant in mentions:
        filled = [meant if i in pronouns else things for i, things in enumerate(slots)]
        yield replace(clause, slots=tuple(filled))


def _kept(readings: Sequence[_Candidate]) -> list[_Candidate]:
    """The readings whose goals are not overtaken by later ones: *find it and pick it up* ends with it in the hand."""
    kept = []
    for index, reading in enumerate(readings):
        later = readings[index + 1 :]
        if reading.schema.name in ("find", "go to", "go to room") and later:
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

"""What can be asked about a moment, and what a robot that only says what it senses would answer.

Every answer follows from what the robot is told of and senses: things by their tokens, sounds by name and direction.
Each kind of question has wordings of which a share is held out from training (`envs.wordings`), and words for things of
which some are held out too (`agent.seeing.words`). A sense that is not there is said not to be.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from yanshi.agent.language.answers import pointed
from yanshi.agent.language.directions import NEAR, RANGES, all_steps, bearing_of, sectors
from yanshi.agent.language.moments import Heard, Moment, Told
from yanshi.agent.seeing.words import Split, adjectives_of, nouns_of, taught
from yanshi.envs.wordings import Grammar
from yanshi.perception.embodied_lm.senses import object_token
from yanshi.perception.grounding.config import ABSENT
from yanshi.perception.readers.objects import USUAL
from yanshi.planning.words import SOUNDS

UNKNOWN = "I cannot tell."
"""The answer to a question about a sense that is not there."""
NUMBERS = ("none", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
MARGIN = 0.15
"""Of two things the nearer must be nearer by so much [m] to be asked for."""
NOISES: Mapping[str, str] = {**{sound: words[0] for sound, words in SOUNDS.items()}, "thud": "thudding"}
"""Class of sound → what it is called."""
WORDINGS: Mapping[str, Grammar] = {
    "exists": Grammar((
        "(Is|Was) there (a|any) {thing}( here| around|)?", "(Do|Can) you (see|find|notice) (a|any) {thing}?",
        "Have you (seen|found|noticed) a {thing}?", "(Does|Do) (anything|something) here look like a {thing}?",
    )),
    "count": Grammar((
        "How many {things} (are there|do you see|can you see|have you seen)?",
        "Count the {things}(.| please.| for me.)",
        "What is the number of {things}?", "Tell me how many {things} there are.",
    )),
    "point": Grammar((
        "Which (one|thing|object) is the {thing}?", "(Point at|Point to|Show me) the {thing}.",
        "Which of (them|these things|these) is the {thing}?", "Name the {thing}.",
    )),
    "where": Grammar((
        "Where is the {thing}?", "(In which|In what) direction is the {thing}?",
        "Where (can I find|do you see) the {thing}?",
        "Tell me where the {thing} is.", "Which way is the {thing}?",
    )),
    "color": Grammar((
        "(What|Which) colo(u|)r is the {thing}?", "(What|Which) colour does the {thing} have?",
        "Tell me the colour of the {thing}.",
    )),
    "digit": Grammar((
        "(What|Which) (number|digit) is on the {thing}?", "Read the {thing}.", "What does the {thing} say?",
    )),
    "nearest": Grammar((
        "(What|Which thing|Which object) is (nearest|closest) to you?",
        "(What|Which) is the (nearest|closest) (thing|object)?",
        "Point at the (nearest|closest) (thing|object).",
    )),
    "heard": Grammar((
        "What (do|can) you hear?", "(Which|What) sounds (do|can) you hear?", "Is there a (sound|noise)?",
        "Listen: what is there to hear?",
        "Can you hear anything?",
    )),
    "sound": Grammar((
        "Where (does the {noise} come|is the {noise} coming) from?",
        "Where is the {noise}?",
        "(From|In) (which|what) direction is the {noise}?",
        "Where do you hear (the|a) {noise}?", "Which way is the {noise}?",
    )),
    "holding": Grammar((
        "(Do you hold|Are you holding) (anything|something)?",
        "Is (there |)(anything|something) in your (hand|gripper)?",
        "Is your (hand|gripper) empty, or do you hold something?",
        "Have you got (anything|something) in your (hand|gripper)?",
    )),
    "dark": Grammar((
        "Is it dark( here| in here|)?", "Is the light off?",
        "Is there (too little|no) light( here|)?", "Are the lights out?",
    )),
    "ahead": Grammar((
        "How far is (it to |)the (next|nearest) (thing|obstacle) (in front of you|ahead)?",
        "How much (room|space) is there (in front of you|ahead)?", "How far can you (go|drive) (straight on|ahead)?",
        "What is the distance to the (nearest|next) obstacle (ahead|in front of you)?",
    )),
    "describe": Grammar((
        "Describe what you (sense|perceive).", "What do you (sense|perceive)?", "Tell me what is around you.",
        "What is (around you|here)?", "(Describe|Tell me about) your surroundings.",
    )),
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked, and what may be answered."""

    kind: str
    needs: str
    """The sense without which nobody can answer: ``things``, ``sound``, ``body``, ``camera``, ``lidar``, or ````."""
    text: str
    answers: tuple[str, ...]
    """The best first; the others are as right, see `directions`."""


def questions(moment: Moment, senses: Collection[str], rng: np.random.Generator, split: Split) -> list[Question]:
    """One question of every kind that can be asked of a moment.

    Args:
        moment: what it is about.
        senses: those that the robot has: ``things``, ``sound``, ``body``, ``camera``, ``lidar``.
        rng: source of the choice of wordings and things.
        split: whose wordings.
    """
    told = moment.told if "things" in senses else ()
    found: list[Question] = []
    for kind, ask in _ASK.items():
        question = ask(Asked(moment, told, senses, rng, split, kind))
        if question is not None:
            found.append(question)
    return found


@dataclass(frozen=True)
class Asked:
    """What a kind of question is made of."""

    moment: Moment
    told: Sequence[Told]
    senses: Collection[str]
    rng: np.random.Generator
    split: Split
    kind: str

    def say(self, **fillers: str) -> str:
        """The question in one of its wordings."""
        return WORDINGS[self.kind].say(fillers, self.rng, self.split)

    def question(self, needs: str, text: str, *answers: str) -> Question:
        """A question of this kind, which without the sense cannot be answered."""
        missing = needs != "things" and needs not in self.senses and needs != ""
        return Question(kind=self.kind, needs=needs, text=text, answers=(UNKNOWN,) if missing else answers)

    def described(self, one: bool) -> tuple[str, list[int]] | None:
        """A description of a thing that is told of, and all that fit it; where `one`, it must fit one alone."""
        for _ in range(12):
            if not self.told:
                return None
            thing = self.told[int(self.rng.integers(len(self.told)))]
            label, attributes = _some(thing, self.rng)
            fitting = _fitting(self.told, label, attributes)
            if not one or len(fitting) == 1:
                return _phrase(label, attributes, self.rng, self.split), fitting
        return None

    def absent(self) -> str:
        """A description that fits nothing that is told of: mostly of something like what is."""
        config = taught()
        for _ in range(40):
            label: str | None = str(self.rng.choice(config.labels))
            attributes: dict[str, str] = {}
            if self.told and self.rng.random() < 0.7:
                label, attributes = _some(self.told[int(self.rng.integers(len(self.told)))], self.rng)
                if attributes and self.rng.random() < 0.7:
                    name = str(self.rng.choice(sorted(attributes)))
                    values = [v for v in config.attributes[name] if v not in (ABSENT, USUAL, attributes[name])]
                    attributes = {**attributes, name: str(self.rng.choice(values))}
                else:
                    label = str(self.rng.choice(config.labels))
            if not _fitting(self.told, label, attributes):
                return _phrase(label, attributes, self.rng, self.split)
        return "unicorn"


def _exists(ask: Asked) -> Question | None:
    found = ask.described(one=False) if ask.rng.random() < 0.5 else None
    if found is None:
        return ask.question("things", ask.say(thing=ask.absent()), "No.")
    return ask.question("things", ask.say(thing=found[0]), f"Yes: {pointed(found[1])}.")


def _count(ask: Asked) -> Question | None:
    found = ask.described(one=False) if ask.rng.random() < 0.8 else None
    words, which = found or (ask.absent(), [])
    text = ask.say(things=_plural(words))
    return ask.question("things", text, f"{pointed(which)}: {NUMBERS[len(which)]}." if which else "None.")


def _point(ask: Asked) -> Question | None:
    found = ask.described(one=True)
    if found is None or ask.rng.random() < 0.2:
        return ask.question("things", ask.say(thing=ask.absent()), "None.")
    return ask.question("things", ask.say(thing=found[0]), f"{object_token(found[1][0])}.")


def _where(ask: Asked) -> Question | None:
    found = ask.described(one=True)
    if found is None:
        return None
    position = ask.told[found[1][0]].thing.position_b
    ways = sectors(bearing_of(position))
    far = all_steps(float(np.linalg.norm(position[:2])), NEAR)
    token = object_token(found[1][0])
    answers = [f"{token}, {way}, {how}." for way, how in product(ways, far)]
    return ask.question("things", ask.say(thing=found[0]), *answers)


def _attribute(name: str) -> Callable[[Asked], Question | None]:
    def ask_for(ask: Asked) -> Question | None:
        able = [k for k, told in enumerate(ask.told) if name in told.attributes]
        for k in ask.rng.permutation(able).tolist():
            thing = ask.told[k]
            if len(_fitting(ask.told, thing.label, {})) == 1:
                words = _phrase(thing.label, {}, ask.rng, ask.split)
            elif ask.rng.random() < 0.5:
                words = object_token(k)
            else:
                continue
            text = ask.say(thing=words).replace(f"the {object_token(k)}", object_token(k))
            value = thing.attributes[name]
            return ask.question("things", text, f"{value.capitalize()}.")
        return None

    return ask_for


def _nearest(ask: Asked) -> Question | None:
    distances = [float(np.linalg.norm(told.thing.position_b[:2])) for told in ask.told]
    order = np.argsort(distances)
    if len(order) == 0 or (len(order) > 1 and distances[order[1]] - distances[order[0]] < MARGIN):
        return None
    return ask.question("things", ask.say(), f"{object_token(int(order[0]))}.")


def _heard(ask: Asked) -> Question | None:
    if ask.moment.unsure and "sound" in ask.senses:
        return None
    return ask.question("sound", ask.say(), *(f"{said}." for said in sounds(ask.moment.heard)))


def sounds(heard: Sequence[Heard]) -> Iterator[str]:
    """Everything that may be said of sounds, the best first: from the left round to the right."""
    if not heard:
        yield "Nothing"
        return
    for ways in product(*(sectors(each.bearing) for each in heard)):
        text = ", ".join(f"{NOISES[each.label]} {way}" for each, way in zip(heard, ways, strict=True))
        yield text.capitalize()


def _sound(ask: Asked) -> Question | None:
    there = {each.label for each in ask.moment.heard}
    if there and ask.rng.random() < 0.8:
        each = ask.moment.heard[int(ask.rng.integers(len(ask.moment.heard)))]
        answers = [f"{way.capitalize()}." for way in sectors(each.bearing)]
        return ask.question("sound", ask.say(noise=NOISES[each.label]), *answers)
    if ask.moment.unsure:
        return None
    other = str(ask.rng.choice([label for label in NOISES if label not in there]))
    return ask.question("sound", ask.say(noise=NOISES[other]), f"I hear no {NOISES[other]}.")


def _holding(ask: Asked) -> Question | None:
    return ask.question("body", ask.say(), "Yes." if ask.moment.holding else "No.")


def _dark(ask: Asked) -> Question | None:
    return ask.question("camera", ask.say(), "Yes." if ask.moment.dark else "No.")


def _ahead(ask: Asked) -> Question | None:
    words = all_steps(ask.moment.ahead, RANGES) if np.isfinite(ask.moment.ahead) else ("more than four metres",)
    return ask.question("lidar", ask.say(), *(f"{word.capitalize()}." for word in words))


def _describe(ask: Asked) -> Question | None:
    moment = ask.moment
    seen = [k for k, told in enumerate(ask.told) if told.seen]
    parts = [f"I see {pointed(seen)}." if seen else "I see no things."]
    if "camera" in ask.senses and moment.dark:
        parts.append("It is dark.")
    if "body" in ask.senses and moment.holding:
        parts.append("I hold something.")
    if "sound" not in ask.senses:
        return ask.question("", ask.say(), " ".join(parts))
    if moment.unsure:
        return None
    if not moment.heard:
        return ask.question("", ask.say(), " ".join(parts))
    return ask.question("", ask.say(), *(f"{' '.join(parts)} I hear {s.lower()}." for s in sounds(moment.heard)))


_ASK: Mapping[str, Callable[[Asked], Question | None]] = {
    "exists": _exists, "count": _count, "point": _point, "where": _where, "color": _attribute("color"),
    "digit": _attribute("digit"), "nearest": _nearest, "heard": _heard, "sound": _sound, "holding": _holding,
    "dark": _dark, "ahead": _ahead, "describe": _describe,
}  # fmt: skip


def _some(told: Told, rng: np.random.Generator) -> tuple[str | None, dict[str, str]]:
    """Its kind and some of its attributes; now and then attributes alone."""
    if "digit" in told.attributes and rng.random() < 0.7:
        return told.label, {"digit": told.attributes["digit"]}
    chances = {"color": 0.6, "size": 0.2, "material": 0.15, "shape": 0.1}
    having = [n for n in chances if told.attributes.get(n, USUAL) != USUAL]
    attributes = {n: told.attributes[n] for n in having if rng.random() < chances[n]}
    if attributes and rng.random() < 0.15:
        return None, attributes
    return told.label, attributes


def _fitting(told: Sequence[Told], label: str | None, attributes: Mapping[str, str]) -> list[int]:
    return [
        k
        for k, each in enumerate(told)
        if label in (None, each.label) and all(each.attributes.get(n) == v for n, v in attributes.items())
    ]


def _phrase(label: str | None, attributes: Mapping[str, str], rng: np.random.Generator, split: Split) -> str:
    """A description in words, without article."""
    config = taught()
    table = adjectives_of(config, split)
    words = []
    for name in ("size", "color", "material", "shape"):
        if name in attributes:
            plain, others = attributes[name], [w for w, value in table[name] if value == attributes[name]]
            words.append(str(rng.choice(others)) if others and rng.random() < 0.5 else plain)
    noun = "thing"
    if label is not None:
        names = [w for w, meaning in nouns_of(config.labels, split) if meaning == label]
        noun = str(rng.choice(names)) if names and rng.random() < 0.5 else label.replace("_", " ")
    return " ".join((*words, noun, *filter(None, (attributes.get("digit"),))))


def _plural(words: str) -> str:
    if words[-1].isdigit() or words.endswith("dice"):
        return words
    if words.endswith("y") and words[-2] not in "aeiou":
        return f"{words[:-1]}ies"
    return f"{words}es" if words.endswith(("s", "x", "ch", "sh")) else f"{words}s"

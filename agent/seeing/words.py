"""What people call the things in the catalogue: phrases for aligning what is seen with words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Literal

import numpy as np

from yanshi.envs.worlds.catalog import COLORS, kind, kinds
from yanshi.perception.grounding.config import ABSENT, EyeConfig
from yanshi.planning.words import SYNONYMS

Split = Literal["train", "heldout"]

HELDOUT = frozenset({
    "scarlet", "azure", "emerald", "violet", "golden", "rose", "tan", "tiny", "huge", "circular", "cylindrical",
    "coffee cup", "cell phone", "felt pen", "rubber duck", "soda can", "notepad", "die", "remote control", "cubical",
    "number tile",
})  # fmt: skip
"""Words that no eye is trained with."""
MORE: Mapping[str, str] = {
    "ruby-coloured": "red", "lime": "green", "sky blue": "blue", "lemon-yellow": "yellow", "amber": "orange",
    "mauve": "purple", "snow-white": "white", "jet-black": "black", "chestnut": "brown", "salmon pink": "pink",
    "drinking mug": "mug", "beaker": "cup", "plastic cup": "cup", "tumbler": "cup", "flask": "bottle",
    "soup bowl": "bowl", "dish": "bowl", "wooden block": "block", "brick": "block", "toy ball": "ball",
    "rubber ball": "ball", "beverage can": "can", "wax candle": "candle", "jam jar": "jar", "glass jar": "jar",
    "tea kettle": "kettle", "marker pen": "marker", "driver": "screwdriver", "cleaning sponge": "sponge",
    "box of tea": "tea_box", "toy automobile": "toy_car", "wireless set": "radio", "handset": "phone",
    "exercise book": "notebook", "somebody": "person", "timepiece": "alarm_clock", "milk box": "milk_carton",
    "rubber bath toy": "duck", "small cube": "cube",
}  # fmt: skip
"""More other words → the word of the vocabulary."""
LOOSE: Mapping[str, tuple[str, ...]] = {
    "cup": ("mug",), "mug": ("cup",), "box": ("tea_box", "milk_carton", "block"), "fruit": ("apple", "orange", "lemon",
    "banana"), "toy": ("ball", "duck", "toy_car", "cube", "block", "dice"), "book": ("notebook",), "tool":
    ("screwdriver",), "pot": ("kettle", "jar"), "vessel": ("mug", "cup", "bowl", "jar", "bottle"), "pen": ("marker",),
}  # fmt: skip
"""Words that may be meant of a kind although they are not its name."""
MAYBE = 0.5
"""How well a loose word fits."""
ANYTHING = ("thing", "object", "item")


@dataclass(frozen=True, slots=True, kw_only=True)
class Phrase:
    """What is said, and what it means."""

    words: str
    label: str | None = None
    """The kind that it names; None for any."""
    loose: tuple[str, ...] = ()
    """Kinds that may be meant as well."""
    attributes: Mapping[str, str] = field(default_factory=dict)

    def fits(self, label: str, attributes: Mapping[str, str]) -> float:
        """How well it describes a thing: 0, `MAYBE` or 1."""
        if any(attributes.get(name) != value for name, value in self.attributes.items()):
            return 0.0
        if label in self.loose:
            return MAYBE
        return float(label == self.label or (self.label is None and not self.loose))


@cache
def taught() -> EyeConfig:
    """The configuration of an eye that can name everything in the catalogue."""
    things = [kind(name) for name in kinds("object")]
    return EyeConfig(
        labels=tuple(sorted({thing.label for thing in things})),
        attributes={
            "color": tuple(COLORS),
            "size": ("small", "medium", "large"),
            "shape": tuple(sorted({thing.shape for thing in things})),
            "material": tuple(sorted({thing.material for thing in things})),
            "digit": (ABSENT, *map(str, range(10))),
        },
        closer=48,
        looks=(32, 64, 128),
        measures=True,
        reads=("digit",),
    )


def bank(rng: np.random.Generator, count: int, split: Split, config: EyeConfig) -> list[Phrase]:
    """Different phrases, drawn at random; those of the split ``heldout`` have at least one word of `HELDOUT`."""
    nouns, adjectives = nouns_of(config.labels, split), adjectives_of(config, split)
    loose = sorted(LOOSE) if split == "train" else []
    found: dict[str, Phrase] = {}
    for _ in range(200 * count):
        if len(found) >= count:
            break
        phrase = _draw(rng, nouns, adjectives, loose)
        if split == "train" or any(word in phrase.words for word in HELDOUT):
            found.setdefault(phrase.words, phrase)
    return list(found.values())


def describing(
    rng: np.random.Generator, label: str, attributes: Mapping[str, str], split: Split, config: EyeConfig
) -> Phrase:
    """A phrase with the kind and colour of a thing, and its digit if it has one."""
    names = [words for words, meaning in nouns_of(config.labels, split) if meaning == label]
    noun = str(rng.choice(names or [label.replace("_", " ")]))
    if "digit" in attributes:
        meant = {"digit": attributes["digit"]}
        return Phrase(words=f"the {noun} with the number {attributes['digit']}", label=label, attributes=meant)
    color = attributes["color"]
    words = [word for word, meaning in adjectives_of(config, split)["color"] if meaning == color]
    return Phrase(words=f"the {rng.choice(words or [color])} {noun}", label=label, attributes={"color": color})


def _draw(
    rng: np.random.Generator,
    nouns: Sequence[tuple[str, str]],
    adjectives: Mapping[str, Sequence[tuple[str, str]]],
    loose: Sequence[str],
) -> Phrase:
    attributes: dict[str, str] = {}
    words: list[str] = []
    for name, chance in (("size", 0.25), ("color", 0.75), ("shape", 0.08), ("material", 0.12)):
        if adjectives[name] and rng.random() < chance:
            word, value = adjectives[name][int(rng.integers(len(adjectives[name])))]
            words.append(word)
            attributes[name] = value
    lead = str(rng.choice(["the", "a", ""]))
    choice = rng.random()
    if choice < 0.12 and attributes:
        text = " ".join(filter(None, (lead, *words, str(rng.choice(ANYTHING)))))
        return Phrase(words=text, attributes=attributes)
    if choice < 0.2 and loose:
        noun = str(rng.choice(loose))
        exact = next((label for word, label in nouns if word == noun), None)
        text = " ".join(filter(None, (lead, *words, noun)))
        return Phrase(words=text, label=exact, loose=LOOSE[noun], attributes=attributes)
    noun, label = nouns[int(rng.integers(len(nouns)))]
    if label == "tile":
        digit = str(rng.integers(10))
        return Phrase(words=f"{lead} {noun} {digit}".strip(), label=label, attributes={"digit": digit})
    return Phrase(
        words=" ".join(filter(None, (lead, *words, noun))),
        label=label,
        loose=LOOSE.get(noun, ()),
        attributes=attributes,
    )


@cache
def nouns_of(labels: tuple[str, ...], split: Split) -> list[tuple[str, str]]:
    """Words and the label that they name."""
    plain = [(label.replace("_", " "), label) for label in labels]
    return plain + [pair for pair in _others(split) if pair[1] in labels and pair[0].replace(" ", "_") not in labels]


def adjectives_of(config: EyeConfig, split: Split) -> dict[str, list[tuple[str, str]]]:
    """Attribute → words and the value that they name."""
    table = {}
    for name, values in config.attributes.items():
        words = [(value, value) for value in values if value != ABSENT]
        table[name] = words + [pair for pair in _others(split) if pair[1] in values]
    return table


@cache
def _others(split: Split) -> list[tuple[str, str]]:
    """Synonyms of one split."""
    both = {**SYNONYMS, **MORE}
    return [(word, meaning) for word, meaning in both.items() if (word in HELDOUT) == (split == "heldout")]

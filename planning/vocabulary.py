"""The words for things: kinds, colours, sizes, shapes, materials, rooms, sounds, and what else people call them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from yanshi.contracts import Entity, WorldState
from yanshi.planning.words import ANYTHING, LIGHT, SOUNDS, SYNONYMS


@dataclass(frozen=True, kw_only=True)
class Vocabulary:
    """What can be spoken of. Give it the kinds that worlds are made of; the fixtures and rooms come from the belief."""

    labels: tuple[str, ...] = ()
    """Kinds of movable object."""
    colors: tuple[str, ...] = ()
    sizes: tuple[str, ...] = ("small", "medium", "large")
    shapes: tuple[str, ...] = ()
    materials: tuple[str, ...] = ()
    fixtures: tuple[str, ...] = ()
    """Kinds of furniture, parts and controls."""
    controls: tuple[str, ...] = ("switch", "button")
    """Those of them that are pressed, and so may be said to be on or in something."""
    rooms: tuple[str, ...] = ()
    sounds: tuple[str, ...] = tuple(SOUNDS)
    voices: Mapping[str, str] = field(default_factory=dict)
    """Kind of thing → the sound that it makes."""

    def __post_init__(self) -> None:
        for name in ("labels", "colors", "sizes", "shapes", "materials", "fixtures", "controls", "rooms", "sounds"):
            object.__setattr__(self, name, tuple(sorted(set(getattr(self, name)))))

    def with_belief(self, belief: WorldState) -> Vocabulary:
        """The vocabulary with the things, fixtures and rooms of a belief."""
        entities = belief.entities.values()
        rooms = belief.plan_of_home.rooms if belief.plan_of_home else ()
        seen = [e for e in entities if e.category == "object" and e.label != "thing"]
        return Vocabulary(
            labels=(*self.labels, *(e.label for e in seen)),
            colors=(*self.colors, *_values(entities, "color")),
            sizes=(*self.sizes, *_values(entities, "size")),
            shapes=(*self.shapes, *_values(seen, "shape")),
            materials=(*self.materials, *_values(seen, "material")),
            fixtures=(*self.fixtures, *(e.label for e in entities if e.category != "object")),
            controls=(
                *self.controls,
                *(e.label for e in entities if e.category != "object" and "press" in e.affordances),
            ),
            rooms=(*self.rooms, *(room.name for room in rooms)),
            sounds=self.sounds,
            voices=self.voices,
        )

    @cached_property
    def adjectives(self) -> Mapping[str, tuple[str, str]]:
        """Word → the attribute and value that it says."""
        table: dict[str, tuple[str, str]] = {}
        for kind, values in (
            ("material", self.materials),
            ("shape", self.shapes),
            ("size", self.sizes),
            ("color", self.colors),
        ):
            table |= {value.replace("_", " "): (kind, value) for value in values}
        for word, meaning in SYNONYMS.items():
            if meaning in table:
                table.setdefault(word, table[meaning])
        return table

    @cached_property
    def nouns(self) -> Mapping[str, str]:
        """Word or words → the kind of thing or the room that they name."""
        table = {name.replace("_", " "): name for name in (*self.rooms, *self.fixtures, *self.labels)}
        table |= dict.fromkeys(("light", "lights", "lighting", "room light", "ceiling light"), LIGHT)
        for word, meaning in SYNONYMS.items():
            if meaning.replace("_", " ") in table:
                table.setdefault(word, table[meaning.replace("_", " ")])
        for word, meaning in list(table.items()):
            for plural in _plurals(word):
                table.setdefault(plural, meaning)
        return table

    @cached_property
    def plurals(self) -> frozenset[str]:
        """Noun phrases that speak of more than one."""
        singular = [*(n.replace("_", " ") for n in (*self.labels, *self.fixtures)), *ANYTHING, *SYNONYMS]
        return frozenset(p for word in singular for p in _plurals(word)) - {n.replace("_", " ") for n in self.labels}

    def sounds_like(self, word: str) -> str | None:
        """The sound that a word such as ``ringing`` names."""
        return next((sound for sound, words in SOUNDS.items() if word in words and sound in self.sounds), None)

    def makers(self, sound: str) -> tuple[str, ...]:
        """The kinds of thing that make a sound."""
        return tuple(sorted(label for label, voice in self.voices.items() if voice == sound))


def _values(entities: Iterable[Entity], attribute: str) -> list[str]:
    return [e.attributes[attribute] for e in entities if attribute in e.attributes]


def _plurals(word: str) -> tuple[str, ...]:
    if word.endswith("y") and word[-2:-1] not in "aeiou":
        return (f"{word[:-1]}ies",)
    if word.endswith(("s", "x", "ch", "sh")):
        return (f"{word}es",)
    return (f"{word}s",)


@dataclass(frozen=True, kw_only=True)
class Description:
    """What a noun phrase says of the thing it means."""

    words: str
    """As it was said."""
    label: str | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)
    room: str | None = None
    """The room that it names, or the room in which the thing is said to be."""
    relation: tuple[str, Description] | None = None
    """``beside``, ``on`` or ``in`` another thing."""
    owner: Description | None = None
    """Whose part it is: the drawer *of the chest*."""
    compare: str | None = None
    """``larger`` or ``smaller`` than the others of its kind."""
    sounding: bool = False
    makers: tuple[str, ...] = ()
    """The kinds of thing that make the sound it is said to make."""
    all: bool = False
    """All such things."""
    pronoun: bool = False
    unknown: tuple[str, ...] = ()
    """Words in it that the vocabulary does not have."""

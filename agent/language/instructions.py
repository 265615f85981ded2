"""Instructions in many words, and the one way in which each is always said, for the model to learn to go from one to
the other; with the things that are meant, where they are in sight.

Half are the tasks' own wordings, read by retrieval (`planning.understanding`), of which held-out ones are never
trained on; half are made of the phrasings of the goal schemas, about anything that a scene holds.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from yanshi.agent.assignment import draw_assignment
from yanshi.agent.language.answers import DO, answer
from yanshi.agent.seeing.words import adjectives_of, nouns_of, taught
from yanshi.agent.specimens import vocabulary
from yanshi.contracts import Entity, WorldState
from yanshi.envs.oracle import Oracle
from yanshi.envs.simulation import Simulation
from yanshi.envs.suites import suite
from yanshi.envs.tasks import task as task_of_name
from yanshi.envs.wordings import Split, imperative
from yanshi.perception.geometry import inverse, planar, transform
from yanshi.perception.readers.objects import USUAL, SensedObject, in_words
from yanshi.planning.canonical import NOTHING
from yanshi.planning.schemas import IMPOSSIBLE, SCHEMAS
from yanshi.planning.understanding import Command, RetrievalUnderstanding, can_be
from yanshi.planning.vocabulary import Description
from yanshi.planning.words import SYNONYMS

MOST = 12
"""Things that are told of."""
WORDINGS, MADE = 3, 5
"""Of each of a task's instructions, and made of phrasings, in a scene."""
_ASKED = imperative("{command}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Instructed:
    """A scene and what is asked for in it."""

    told: tuple[SensedObject, ...]
    said: tuple[tuple[str, str], ...]
    """Instructions, and what is to be answered to each."""


def instructed(seed: int, split: Split, reader: RetrievalUnderstanding) -> Instructed:
    """The instructions of one scene.

    Args:
        seed: which scene.
        split: whose wordings. Of the split ``heldout`` only tasks' own wordings are asked.
        reader: by whom wordings are read.
    """
    rng = np.random.default_rng([seed, 21 if split == "train" else 22])
    name = str(rng.choice(suite("all")))
    said: dict[str, list[Command]] = {}
    number = int(rng.integers(2**31))
    for turn in range(WORDINGS if split == "train" else 1):
        given = draw_assignment(name, number, split=split)
        if turn == 0:
            with Simulation(given.world) as sim:
                belief = Oracle(sim).state()
        for text in _wordings(name, number, turn, split):
            said[text] = reader.commands(text, belief)
    told = _in_sight(belief, rng)
    maker = _Maker(belief, rng)
    answered = [(text, answer(commands, told, belief)) for text, commands in said.items()]
    for _ in range(MADE if split == "train" else 0):
        made = maker.instruction()
        if made is not None:
            answered.append((made[0], answer(made[1], told, belief)))
    if split == "train":
        answered.append((maker.impossible(), f"{DO}{NOTHING}."))
    return Instructed(told=tuple(_sensed(e, belief) for e in told), said=tuple(answered))


def _wordings(name: str, number: int, turn: int, split: Split) -> tuple[str, ...]:
    """The instructions of a task in a scene, in the words of another draw each turn."""
    task = task_of_name(name)
    scene = task.scene(np.random.default_rng(number))
    rng = np.random.default_rng([number, turn])
    return tuple(task.instruction(scene, rng, split, stage) for stage in range(len(task.stages)))


def _in_sight(belief: WorldState, rng: np.random.Generator) -> list[Entity]:
    """Some of the things of a scene, in any order: those that are near are mostly in sight."""
    things = [e for e in belief.entities.values() if e.category == "object"]
    near = [np.linalg.norm(e.position_w[:2] - belief.base_pose_w[:2]) < 2.5 for e in things]
    shown = [e for e, close in zip(things, near, strict=True) if rng.random() < (0.9 if close else 0.3)]
    return [shown[int(k)] for k in rng.permutation(len(shown))][:MOST]


def _sensed(entity: Entity, belief: WorldState) -> SensedObject:
    T_bw = inverse(planar(belief.base_pose_w))
    words = in_words(entity.label, entity.attributes)
    return SensedObject(words=words, position_b=transform(T_bw, entity.position_w), extent=entity.extent)


class _Maker:
    """Makes instructions about what a scene holds."""

    def __init__(self, belief: WorldState, rng: np.random.Generator) -> None:
        self.belief = belief
        self.rng = rng
        self.vocabulary = vocabulary().with_belief(belief)
        self.objects = [e for e in belief.entities.values() if e.category == "object"]
        self.fixtures = [e for e in belief.entities.values() if e.category != "object"]
        self.rooms = [room.name for room in belief.plan_of_home.rooms] if belief.plan_of_home else []

    def instruction(self) -> tuple[str, list[Command]] | None:
        """Words, and what they mean; None where this scene has nothing of the kind that was drawn."""
        first = self._clause()
        if first is None:
            return None
        text, command = first
        choice = self.rng.random()
        if (
            choice < 0.15
            and command.schema.slots[0] == "object"
            and len(command.slots) > 1
            and len(command.slots[0]) == 1
        ):
            lead = str(self.rng.choice(("pick up", "take", "grab", "get", "find", "look for", "fetch")))
            words = text[1]
            return self._asked(f"{lead} {words[0]} and {text[0].replace('{0}', 'it').format('', *words[1:])}"), [
                command
            ]
        if choice < 0.4:
            second = self._clause()
            if second is not None and second[1].schema.about != command.schema.about:
                link = str(self.rng.choice((" and then ", ", then ", " and ", "; ", ". then ", ", and after that ")))
                both = f"{text[0].format(*text[1])}{link}{second[0][0].format(*second[0][1])}"
                return self._asked(both), [command, second[1]]
        return self._asked(text[0].format(*text[1])), [command]

    def impossible(self) -> str:
        """Something that cannot be done, or with a thing that nobody knows."""
        if self.rng.random() < 0.25:
            thing = str(
                self.rng.choice(("helicopter", "violin", "sandwich", "newspaper", "umbrella", "hammer", "wallet"))
            )
            return self._asked(f"{self.rng.choice(('pick up', 'bring me', 'find', 'fetch', 'take'))} the {thing}")
        phrasing = str(self.rng.choice(IMPOSSIBLE))
        words = [found[0] for found in (self._object(set()), self._object(set())) if found is not None]
        return self._asked(phrasing.format(*words))

    def _asked(self, command: str) -> str:
        return _ASKED.say({"command": command.replace("|", "").replace("(", "").replace("[", "")}, self.rng, "train")

    def _clause(self) -> tuple[tuple[str, list[str]], Command] | None:
        schema = SCHEMAS[self.rng.integers(len(SCHEMAS))]
        if schema.implied is not None and not any(e.label == schema.implied for e in self.fixtures):
            return None
        words, slots, used = [], [], set[str]()
        for slot in schema.slots:
            found = self._thing(slot, used)
            if found is None:
                return None
            words.append(found[0])
            slots.append((found[1],))
        return (str(self.rng.choice(schema.phrasings)), words), Command(schema, tuple(slots))

    def _thing(self, slot: str, used: set[str]) -> tuple[str, Description] | None:
        """Something that can stand in a slot: in words, and as it is described."""
        if slot == "room":
            return self._room()
        if slot == "light":
            return ("the light" if self.rng.random() < 0.7 else "the lights"), Description(words="light", label="light")
        if slot in ("object", "object below") or (slot in ("thing",) and self.rng.random() < 0.7):
            return self._object(used)
        if slot == "sounder" and self.rng.random() < 0.3:
            return "the noisy thing", Description(words="", sounding=True)
        able = [e for e in self.fixtures if e.name not in used]
        for k in self.rng.permutation(len(able)):
            found = self._fixture(able[int(k)])
            if can_be(found[1], slot, self.belief, self.vocabulary):
                used.add(able[int(k)].name)
                return found
        return None

    def _room(self) -> tuple[str, Description] | None:
        if not self.rooms:
            return None
        room = str(self.rng.choice(self.rooms))
        return f"the {self._word(room)}", Description(words=room, room=room)

    def _word(self, name: str) -> str:
        """What a thing is called, now and then by another word."""
        others = [word for word, meaning in SYNONYMS.items() if meaning == name]
        return str(self.rng.choice(others)) if others and self.rng.random() < 0.35 else name.replace("_", " ")

    def _fixture(self, entity: Entity) -> tuple[str, Description]:
        owner = next((o for o in self.fixtures if o is not entity and entity.name == f"{o.name}_{entity.label}"), None)
        if owner is not None and self.rng.random() < 0.6:
            whole, part = self._word(owner.label), self._word(entity.label)
            text = f"the {whole} {part}" if self.rng.random() < 0.5 else f"the {part} of the {whole}"
            return text, Description(words=text, label=entity.label, owner=Description(words=whole, label=owner.label))
        text = f"the {self._word(entity.label)}"
        color = entity.attributes.get("color")
        if color is not None and self.rng.random() < 0.5:
            return f"the {color} {text[4:]}", Description(words=text, label=entity.label, attributes={"color": color})
        if entity.room is not None and self.rng.random() < 0.3:
            room = f"{text} in the {self._word(entity.room)}"
            return room, Description(words=room, label=entity.label, room=entity.room)
        return text, Description(words=text, label=entity.label)

    def _object(self, used: set[str]) -> tuple[str, Description] | None:
        config = taught()
        if self.objects and self.rng.random() < 0.75:
            entity = self.objects[self.rng.integers(len(self.objects))]
            label, having = entity.label, dict(entity.attributes)
        else:
            label = str(self.rng.choice(config.labels))
            having = {"color": str(self.rng.choice(config.attributes["color"]))}
        if label in used:
            return None
        used.add(label)
        attributes = {
            name: having[name]
            for name, chance in (("size", 0.2), ("color", 0.7), ("material", 0.1), ("shape", 0.1))
            if having.get(name, USUAL) != USUAL and self.rng.random() < chance
        }
        known: str | None = label
        if label == "tile" and "digit" in having:
            text = f"the number {having['digit']}"
            return text, Description(words=text, label=label, attributes={"digit": having["digit"]})
        if attributes and self.rng.random() < 0.1:
            known = None
        table = adjectives_of(config, "train")
        words = []
        for name, value in attributes.items():
            others = [word for word, meaning in table[name] if meaning == value]
            words.append(str(self.rng.choice(others)) if others and self.rng.random() < 0.4 else value)
        names = [word for word, meaning in nouns_of(config.labels, "train") if meaning == known]
        noun = "thing" if known is None else label.replace("_", " ")
        if names and self.rng.random() < 0.4:
            noun = str(self.rng.choice(names))
        article = str(self.rng.choice(("the", "the", "the", "that", "my", "a")))
        every = self.rng.random() < 0.06
        text = " ".join((*(("all", "the") if every else (article,)), *words, noun))
        return text, Description(words=text, label=known, attributes=attributes, all=every)

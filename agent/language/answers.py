"""The form of the model's answer to an instruction: the things that are meant, and what is to be done."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from yanshi.agent.specimens import vocabulary
from yanshi.contracts import Entity, WorldState
from yanshi.perception.embodied_lm.senses import object_token
from yanshi.planning.canonical import command_grammar, sentence
from yanshi.planning.understanding import Command
from yanshi.planning.vocabulary import Description

MEANT, UNSEEN, DO = "Meant: ", "nothing in sight", "Do: "
BESIDE = 0.3
"""What is within this distance is taken to be beside [m]."""


def pointed(indices: Sequence[int]) -> str:
    """Things by their tokens: ``<|obj_0|>, <|obj_3|>``."""
    return ", ".join(object_token(k) for k in indices)


def answer(commands: Sequence[Command], told: Sequence[Entity], belief: WorldState) -> str:
    """What the model is to say: the things that are meant, and what is to be done."""
    things = [thing for command in commands for slot in command.slots for thing in slot]
    objects = [thing for thing in things if _is_object(thing, belief)]
    meant = [k for thing in objects for k in referents(thing, told)]
    pointing = f"{MEANT}{pointed(list(dict.fromkeys(meant))) or UNSEEN}. " if objects else ""
    return f"{pointing}{DO}{sentence(commands)}."


def answer_grammar(belief: WorldState, objects: int) -> str:
    """What may be answered to an instruction, in Lark's notation."""
    tokens = " | ".join(object_token(k) for k in range(objects))
    meant = f'"{UNSEEN}"' + (f' | ({tokens}) (", " ({tokens})){{0,{objects}}}' if objects else "")
    start = f'start: ("{MEANT}" meant ". ")? DO\nmeant: {meant}\nDO: "{DO}" COMMAND "."\n'
    return start + command_grammar(vocabulary(), belief)


def referents(thing: Description, told: Sequence[Entity]) -> list[int]:
    """Which of the things that are told of a description fits."""
    fitting = [k for k, entity in enumerate(told) if _fits(thing, entity)]
    if thing.relation is not None and thing.relation[0] == "beside":
        others = [told[k] for k in referents(thing.relation[1], told)]
        fitting = [k for k in fitting if any(o is not told[k] and _gap(o, told[k]) < BESIDE for o in others)]
    if thing.compare is not None and fitting:
        sizes = [float(np.prod(told[k].extent)) for k in fitting]
        fitting = [fitting[int(np.argmax(sizes) if thing.compare == "larger" else np.argmin(sizes))]]
    return fitting


def _gap(one: Entity, other: Entity) -> float:
    return float(np.linalg.norm(one.position_w - other.position_w))


def _fits(thing: Description, entity: Entity) -> bool:
    if thing.sounding or thing.label not in (None, entity.label):
        return False
    return all(entity.attributes.get(name, value) == value for name, value in thing.attributes.items())


def _is_object(thing: Description, belief: WorldState) -> bool:
    known = {e.label for e in belief.entities.values() if e.category == "object"} | set(vocabulary().labels)
    return thing.label in known or (thing.label is None and thing.room is None)

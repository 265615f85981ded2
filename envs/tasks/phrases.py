"""From names to noun phrases, in the notation of `wordings`; and the choices that tasks share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from yanshi.envs.worlds.scene import Scene
from yanshi.errors import UnknownNameError

GRASPABLE = (
    "apple", "ball", "block", "bottle", "can", "candle", "cube", "cup", "duck", "jar", "lemon", "milk_carton", "mug",
    "orange", "soap", "sponge", "tea_box", "toy_car",
)  # fmt: skip
"""Kinds that a gripper of 8 cm takes from above without special care."""
_SYNONYMS: Mapping[str, str] = {
    "bin": "(bin|trash can|waste bin)",
    "sink": "(sink|kitchen sink|basin)",
    "sofa": "(sofa|couch)",
    "counter": "(counter|kitchen counter|worktop)",
    "nightstand": "(nightstand|bedside table)",
    "coffee table": "(coffee table|low table)",
    "living room": "(living room|lounge)",
    "phone": "(phone|telephone)",
    "alarm clock": "(alarm clock|clock)",
}


def the(name: str) -> str:
    """A noun phrase for an entity, read from its name: ``large_red_mug`` → ``(the|that) large red mug``."""
    words = name.split("_")
    if len(words) > 1 and words[-1].isdigit():
        if words[0] == "tile":
            number = words[-1]
            return f"(the number {number}|the tile with the number {number}|the tile numbered {number})"
        words = words[:-1]
    if words[-1] in ("drawer", "door") and len(words) > 1:
        owner = " ".join(words[:-1])
        return f"(the {owner} {words[-1]}|the {words[-1]} of the {owner})"
    plain = " ".join(words)
    for noun, choices in _SYNONYMS.items():
        if plain == noun or plain.endswith(f" {noun}"):
            return f"the {plain[: len(plain) - len(noun)]}{choices}"
    return f"(the|that) {plain}"


def room(name: str) -> str:
    """A noun phrase for a room."""
    plain = name.replace("_", " ")
    return f"the {_SYNONYMS.get(plain, plain)}"


def target(scene: Scene, index: int = 0) -> str:
    """Name of the object that the task asked for at `index`."""
    return scene.objects[index].item.name


def choice(scene: Scene, options: Sequence[str], salt: int = 0) -> str:
    """One of `options`, the same whenever it is asked of this scene: drawn from the scene's own seed."""
    return options[int(np.random.default_rng([scene.seed, salt]).integers(len(options)))]


def fixture_of_kind(scene: Scene, kind: str) -> str:
    """Name of the first fixture of a kind. Raises: UnknownNameError."""
    for fixture in scene.fixtures:
        if fixture.kind == kind:
            return fixture.name
    raise UnknownNameError("kind of fixture in the scene", kind, (fixture.kind for fixture in scene.fixtures))


def any_of(rng: np.random.Generator, options: Sequence[str]) -> str:
    """One of `options`."""
    return options[int(rng.integers(len(options)))]


def of_color(scene: Scene, color: str) -> tuple[str, ...]:
    """Names of the objects of a colour."""
    return tuple(p.item.name for p in scene.objects if p.item.attributes.get("color") == color)


def apart(scene: Scene, first: int, second: int, distance: float) -> bool:
    """Whether the centres of two objects are at least `distance` [m] apart."""
    offset = scene.objects[first].position_w - scene.objects[second].position_w
    return bool(np.linalg.norm(offset) >= distance)

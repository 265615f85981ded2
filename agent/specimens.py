"""What the robot knows of things in general: a specimen of each kind of object, and the words for them."""

from __future__ import annotations

from functools import cache

import numpy as np

from yanshi.contracts import Entity
from yanshi.envs.worlds.catalog import COLORS, kind, kinds
from yanshi.planning.vocabulary import Vocabulary


@cache
def specimens() -> dict[str, Entity]:
    """Label → an object of that kind, nowhere in particular."""
    found: dict[str, Entity] = {}
    for name in kinds("object"):
        item = kind(name)
        found.setdefault(
            item.label,
            Entity(
                name=item.label,
                label=item.label,
                category="object",
                position_w=np.full(3, np.nan),
                extent=np.asarray(item.extent, dtype=float),
                affordances=item.affordances,
                regions=item.root.regions,
                articulation=item.root.articulation,
            ),
        )
    return found


@cache
def voices() -> dict[str, str]:
    """Label of a thing or piece of furniture → the sound that its kind makes."""
    items = [kind(name) for name in kinds()]
    return {item.label: item.sound for item in items if item.sound is not None}


@cache
def vocabulary() -> Vocabulary:
    """The words for every kind of object and of furniture that a world may hold."""
    items = [kind(name) for name in kinds("object")]
    return Vocabulary(
        labels=tuple(item.label for item in items),
        colors=tuple(COLORS),
        shapes=tuple(item.shape for item in items),
        materials=tuple(item.material for item in items),
        fixtures=tuple(kind(name).label for name in kinds() if kind(name).category != "object"),
        voices=voices(),
    )

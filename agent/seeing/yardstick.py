"""What the colour-and-cluster baseline is told of the catalogue."""

from __future__ import annotations

from functools import cache

import numpy as np

from yanshi.contracts import FloorPlan
from yanshi.envs.worlds.catalog import COLORS, kind, kinds
from yanshi.perception.grounding.color_clusters import ColorClusters, KnownKind


def color_clusters(plan: FloorPlan) -> ColorClusters:
    """The baseline in a home or at a table."""
    return ColorClusters(plan, _known(), COLORS)


@cache
def _known() -> tuple[KnownKind, ...]:
    things = [kind(name) for name in kinds("object") if kind(name).movable]
    return tuple(
        KnownKind(
            label=thing.label,
            colors=thing.colors,
            extent=np.asarray(thing.extent, dtype=float),
            attributes={"material": thing.material, "shape": thing.shape},
        )
        for thing in things
    )

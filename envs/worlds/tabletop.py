"""A table in front of a fixed arm, with a few things on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from yanshi.contracts import Room
from yanshi.envs.worlds.catalog import kind
from yanshi.envs.worlds.choice import choose
from yanshi.envs.worlds.filling import fill
from yanshi.envs.worlds.layout import Arrangement, check_openings
from yanshi.envs.worlds.scene import FixtureSpec, Forbidden, Scene, Wall, Wanted
from yanshi.errors import UnknownNameError

TABLE_HEIGHT = 0.40
FRONT = 0.22
"""x of the front edge of the table [m]."""
STRIP = (0.11, 0.48)
"""Where objects stand: distance from the front edge [m]."""
EXTRAS = ("basket", "chest", "button_box", "mat")


def tabletop(
    rng: np.random.Generator,
    *,
    objects: Sequence[Wanted] = (),
    count: int | None = None,
    fixtures: Sequence[str] | None = None,
    openings: Mapping[str, float] | None = None,
    forbid: Forbidden | None = None,
    light: bool = True,
    where: np.random.Generator | None = None,
) -> Scene:
    """Draw a table top.

    Args:
        rng: source of all choices.
        objects: what must be there; it comes first in the scene's objects.
        count: objects in all; None draws 6 to 8.
        fixtures: what stands on the table besides objects: ``basket``, ``chest`` (one drawer), ``button_box``, ``mat``
            or a coloured one (``green_mat``); None draws one or two.
        openings: part name (``chest_drawer``) → 0 closed … 1 open at the start.
        forbid: says of an object drawn to fill the table that it must not be there.
        light: whether the light is on.
        where: source of the objects' places, so that one `rng` state gives one model in other states; None is `rng`.
    """
    openings = openings or {}
    if fixtures is None:
        fixtures = [str(name) for name in rng.permutation(EXTRAS)[: rng.integers(1, 3)]]
    side = float(rng.choice([-1.0, 1.0]))
    table = FixtureSpec(
        name="table", kind="workbench", position_w=np.array([FRONT + 0.375, 0.0, 0.0]), yaw=np.pi, room="room"
    )
    furniture = (table, *(_extra(name, side, openings, rng) for name in fixtures))
    check_openings(openings, furniture)
    items = choose(rng, objects, int(rng.integers(6, 9)) if count is None else count, forbid)
    arrangement = fill(lambda: Arrangement(furniture, where or rng, STRIP), items, objects, ("table",))
    return Scene(
        world="tabletop",
        rooms=(Room(name="room", low_w=np.array([-1.4, -1.8]), high_w=np.array([2.2, 1.8])),),
        walls=(
            Wall(low_w=(2.2, -1.9), high_w=(2.3, 1.9)),
            Wall(low_w=(-1.5, -1.9), high_w=(-1.4, 1.9)),
            Wall(low_w=(-1.4, 1.8), high_w=(2.2, 1.9)),
            Wall(low_w=(-1.4, -1.9), high_w=(2.2, -1.8)),
        ),
        fixtures=furniture,
        objects=tuple(arrangement.placements),
        lights={"room": light},
        sounding=tuple(item.name for item, wish in zip(items, objects, strict=False) if wish.sounding),
    )


def _extra(name: str, side: float, openings: Mapping[str, float], rng: np.random.Generator) -> FixtureSpec:
    jitter = rng.uniform(-0.02, 0.02, 2)
    spots = {
        "chest": (FRONT + 0.60, side * 0.28),
        "basket": (FRONT + 0.40, -side * 0.35),
        "button_box": (FRONT + 0.14, -side * 0.42),
        "mat": (FRONT + 0.34, side * 0.02),
    }
    color, _, form = name.rpartition("_") if name.endswith("_mat") else ("", "", name)
    if form not in spots or (color and color not in kind("mat").colors):
        raise UnknownNameError("table-top fixture", name, (*EXTRAS, *(f"{c}_mat" for c in kind("mat").colors)))
    x, y = np.array(spots[form]) + jitter
    if form == "mat" and not color:
        color = str(rng.choice(kind("mat").colors))
    return FixtureSpec(
        name=f"{color}_mat" if color else name,
        kind=form,
        position_w=np.array([x, y, TABLE_HEIGHT]),
        yaw=np.pi,
        room="room",
        attributes={"color": color} if color else {},
        openings={"drawer": openings["chest_drawer"]} if name == "chest" and "chest_drawer" in openings else {},
    )

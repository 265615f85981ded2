"""A small home of three rooms: kitchen, living room, bedroom. Every draw has another plan, furniture and things."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from yanshi.envs.worlds.choice import choose
from yanshi.envs.worlds.filling import fill
from yanshi.envs.worlds.home_plan import ROOMS, Plan, draw_plan
from yanshi.envs.worlds.layout import Arrangement, Footprint, Surface
from yanshi.envs.worlds.scene import Forbidden, Scene, Wanted
from yanshi.errors import UnknownNameError

SURFACES = ("counter", "cabinet", "table", "coffee_table", "shelf", "desk", "nightstand")
"""Where things stand that no task asked for elsewhere."""


def home(
    rng: np.random.Generator,
    *,
    objects: Sequence[Wanted] = (),
    count: int | None = None,
    openings: Mapping[str, float] | None = None,
    forbid: Forbidden | None = None,
    lights: bool | Mapping[str, bool] = True,
    start: str | None = None,
    where: np.random.Generator | None = None,
) -> Scene:
    """Draw a home.

    Args:
        rng: source of all choices.
        objects: what must be there; it comes first in the scene's objects.
        count: objects in all; None draws 12 to 20.
        openings: part or door → 0 closed … 1 open at the start, e.g. ``{"bedroom_door": 0}``; what is not named is
            closed, and the bedroom door open.
        forbid: says of an object drawn to fill the home that it must not be there.
        lights: whether the lights are on, of all rooms or room by room.
        start: the room in which the robot starts; None draws one.
        where: source of the objects' places and the robot's heading, so that one state of `rng` gives the same model in
            other states; None is `rng`.

    For a fixture that sounds from the start: ``replace(home(rng), sounding=("microwave",))``.

    Raises:
        InputError: something is asked for that does not exist or does not fit together.
        WorldError: it cannot be laid out.
    """
    if start is not None and start not in ROOMS:
        raise UnknownNameError("room", start, ROOMS)
    items = choose(rng, objects, int(rng.integers(12, 21)) if count is None else count, forbid)
    plan = draw_plan(rng, openings or {}, start)
    heading = float((where or rng).uniform(-np.pi, np.pi))
    arrangement = fill(lambda: _surfaces(plan, where or rng), items, objects, SURFACES)
    return Scene(
        world="home",
        rooms=plan.rooms,
        walls=plan.walls,
        fixtures=plan.fixtures,
        objects=tuple(arrangement.placements),
        start_w=(*plan.start_w, heading),
        lights=_lights(lights),
        sounding=tuple(item.name for item, wish in zip(items, objects, strict=False) if wish.sounding),
    )


def _surfaces(plan: Plan, rng: np.random.Generator) -> Arrangement:
    arrangement = Arrangement(plan.fixtures, rng)
    for name, spot in plan.standing.items():
        area = Footprint(center_w=np.array(spot), half=np.array([0.30, 0.30]), yaw=0.0)
        arrangement.add(Surface(owner=f"{name}_floor", room=name, inside=True, area=area, height=0.0))
    return arrangement


def _lights(lights: bool | Mapping[str, bool]) -> dict[str, bool]:
    if isinstance(lights, bool):
        return dict.fromkeys(ROOMS, lights)
    for name in lights:
        if name not in ROOMS:
            raise UnknownNameError("room", name, ROOMS)
    return {name: lights.get(name, True) for name in ROOMS}

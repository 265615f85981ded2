"""The plan of a home: its rooms, walls and furniture, drawn anew until the robot can reach everything."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from yanshi.contracts import Room
from yanshi.envs.worlds.access import check_access
from yanshi.envs.worlds.fittings import SWITCH_HEIGHT, door, mat, on_top, piece, switch
from yanshi.envs.worlds.furnishing import Furnishing
from yanshi.envs.worlds.layout import check_openings, part_names
from yanshi.envs.worlds.mirror import Mirror
from yanshi.envs.worlds.rooms import SIDES, WALL, Doorway, Edge, Rect, room, walls
from yanshi.envs.worlds.scene import FixtureSpec, Wall
from yanshi.errors import WorldError

ROOMS = ("kitchen", "living_room", "bedroom")
DOOR = "bedroom_door"
_TRIES = 60
_ARM = 0.62
"""Half the width of the free square in which the robot starts: its arm may point anywhere [m]."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A home without its movable things."""

    rooms: tuple[Room, ...]
    walls: tuple[Wall, ...]
    fixtures: tuple[FixtureSpec, ...]
    start_w: tuple[float, float]
    """Where the robot starts: x, y [m]."""
    standing: Mapping[str, tuple[float, float]]
    """A free place on the floor of every room, for a person [m]."""


def draw_plan(rng: np.random.Generator, openings: Mapping[str, float], start: str | None) -> Plan:
    """Draw a plan.

    Args:
        rng: source of all choices.
        openings: part or door → 0 closed … 1 open at the start.
        start: the room in which the robot starts; None draws one.

    Raises:
        UnknownNameError: there is no such part.
        WorldError: no plan could be found.
    """
    fault = ""
    for _ in range(_TRIES):
        try:
            return _try_plan(rng, openings, start)
        except WorldError as error:
            fault = str(error)
    raise WorldError(f"No home could be laid out in {_TRIES} tries; the last fault: {fault}")


def _try_plan(rng: np.random.Generator, openings: Mapping[str, float], start: str | None) -> Plan:
    outlines, doorways = _outlines(rng)
    fixtures: list[FixtureSpec] = []
    standing: dict[str, tuple[float, float]] = {}
    starts: dict[str, tuple[float, float]] = {}
    furnish = {"kitchen": _kitchen, "living_room": _living_room, "bedroom": _bedroom}
    for name, outline in outlines.items():
        zones = [doorway.zone() for doorway in doorways if name in doorway.rooms]
        own = Furnishing(name, outline.grown(-WALL / 2), zones, rng)
        for doorway in doorways:
            if name in doorway.rooms:
                switch(own, doorway, rng)
                break
        furnish[name](own, rng)
        for zone in zones:
            own.reserve(zone)
        starts[name] = own.spot(_ARM)
        own.reserve(Rect(*starts[name], *starts[name]).grown(0.55))
        standing[name] = own.spot(0.35)
        fixtures += own.fixtures
    fixtures += [door(doorway) for doorway in doorways if doorway.door is not None]
    check_openings(openings, fixtures)
    mirror = Mirror.draw(rng)
    begin = str(rng.choice(ROOMS)) if start is None else start
    insides = tuple(room(name, outline) for name, outline in outlines.items())
    dividers = walls(tuple(outlines.values()), doorways)
    plan = Plan(
        rooms=tuple(map(mirror.room, insides)),
        walls=tuple(map(mirror.wall, dividers)),
        fixtures=tuple(mirror.fixture(_opened(fixture, openings)) for fixture in fixtures),
        start_w=mirror.point(*starts[begin]),
        standing={name: mirror.point(*spot) for name, spot in standing.items()},
    )
    # Of the mirrored plan, since a door keeps its hinge on the same hand.
    check_access(plan.rooms, plan.walls, plan.fixtures, plan.start_w)
    return plan


def _outlines(rng: np.random.Generator) -> tuple[dict[str, Rect], tuple[Doorway, ...]]:
    """Rooms in a row, or the bedroom above the living room; always doors between kitchen, living room and bedroom."""
    depth = float(rng.uniform(4.2, 4.7))
    one = float(rng.uniform(3.6, 4.1))
    two = one + float(rng.uniform(4.3, 4.9))
    outlines = {"kitchen": Rect(0, 0, one, depth), "living_room": Rect(one, 0, two, depth)}
    at = float(rng.uniform(0.7, depth - 2.0))
    passage = Doorway(edge=Edge("x", one, at, at + 1.15), rooms=("kitchen", "living_room"))
    if rng.random() < 0.5:
        outlines["bedroom"] = Rect(two, 0, two + float(rng.uniform(3.7, 4.2)), depth)
        at = float(rng.uniform(0.5, depth - 1.6))
        edge = Edge("x", two, at, at + 1.0)
    else:
        outlines["bedroom"] = Rect(two - float(rng.uniform(4.0, 4.2)), depth, two, depth + float(rng.uniform(3.7, 4.2)))
        at = float(rng.uniform(outlines["bedroom"].x0 + 0.4, two - 1.5))
        edge = Edge("y", depth, at, at + 1.0)
    return outlines, (passage, Doorway(edge=edge, rooms=("living_room", "bedroom"), door=DOOR))


def _kitchen(own: Furnishing, rng: np.random.Generator) -> None:
    row = [
        ("fridge", "counter", "sink", "stove"),
        ("stove", "counter", "sink", "fridge"),
        ("fridge", "sink", "counter", "stove"),
    ]
    names = row[rng.integers(len(row))]
    own.along_wall([piece(name) for name in names], SIDES)
    own.along_wall([piece("cabinet")], SIDES)
    own.along_wall([piece("bin")], SIDES)
    counter = next(f for f in own.fixtures if f.name == "counter")
    own.fixtures.append(on_top(counter, "microwave", x=-0.12, y=float(rng.choice([-0.44, 0.44]))))


def _living_room(own: Furnishing, rng: np.random.Generator) -> None:
    own.along_wall([piece("sofa")], SIDES, free=1.8)
    own.in_front_of(piece("coffee_table"), "sofa", gap=0.30)
    own.along_wall([piece("table")], SIDES)
    own.along_wall([piece("shelf")], SIDES)
    own.along_wall([piece("lamp")], SIDES, free=0.0)
    own.along_wall([piece("doorbell", SWITCH_HEIGHT)], SIDES)
    table = next(f for f in own.fixtures if f.name == "table")
    own.fixtures.append(mat(table, "green", rng))


def _bedroom(own: Furnishing, rng: np.random.Generator) -> None:
    own.along_wall([piece("nightstand"), piece("bed")][:: int(rng.choice([-1, 1]))], SIDES, free=0.5, gap=0.22)
    own.along_wall([piece("desk")], SIDES)
    desk = next(f for f in own.fixtures if f.name == "desk")
    own.fixtures.append(on_top(desk, "button_box", x=0.325 - 0.16, y=float(rng.choice([-0.45, 0.45]))))


def _opened(fixture: FixtureSpec, openings: Mapping[str, float]) -> FixtureSpec:
    """A fixture with its parts as a task asks."""
    own = dict(fixture.openings)
    for name in part_names(fixture):
        if name in openings:
            own[name.removeprefix(fixture.name).removeprefix("_")] = openings[name]
    return replace(fixture, openings=own)

"""A small home of three rooms: kitchen, living room, bedroom. Every draw has another plan, furniture and things."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from yanshi.contracts import Room
from yanshi.envs.worlds.access import check_access
from yanshi.envs.worlds.catalog import kind
from yanshi.envs.worlds.choice import choose
from yanshi.envs.worlds.filling import fill
from yanshi.envs.worlds.furnishing import Furnishing
from yanshi.envs.worlds.layout import Arrangement, Footprint, Surface, check_openings, part_names
from yanshi.envs.worlds.mirror import Mirror
from yanshi.envs.worlds.rooms import SIDES, WALL, Doorway, Edge, Rect, Side, room, walls
from yanshi.envs.worlds.scene import FixtureSpec, Forbidden, ObjectSpec, Scene, Wall, Wanted
from yanshi.errors import UnknownNameError, WorldError

ROOMS = ("kitchen", "living_room", "bedroom")
SURFACES = ("counter", "cabinet", "table", "coffee_table", "shelf", "desk", "nightstand")
"""Where things stand that no task asked for elsewhere."""
DOOR = "bedroom_door"
_TRIES = 60
_SWITCH_HEIGHT = 1.0


def home(
    rng: np.random.Generator,
    *,
    objects: Sequence[Wanted] = (),
    count: int | None = None,
    openings: Mapping[str, float] | None = None,
    forbid: Forbidden | None = None,
    lights: bool | Mapping[str, bool] = True,
    sounding: Sequence[str] = (),
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
        sounding: fixtures that sound at the start (``microwave``, ``doorbell``); for objects see `Wanted.sounding`.
        start: the room in which the robot starts; None draws one.
        where: source of the objects' places and the robot's heading, so that one state of `rng` gives the same model in
            other states; None is `rng`.

    Raises:
        InputError: something is asked for that does not exist or does not fit together.
        WorldError: it cannot be laid out.
    """
    if start is not None and start not in ROOMS:
        raise UnknownNameError("room", start, ROOMS)
    items = choose(rng, objects, int(rng.integers(12, 21)) if count is None else count, forbid)
    fault = ""
    for _ in range(_TRIES):
        try:
            plan = _plan(rng, openings or {}, start)
            if where is not None:
                plan = replace(plan, start_w=(*plan.start_w[:2], float(where.uniform(-np.pi, np.pi))))
        except WorldError as error:
            fault = str(error)
            continue
        try:
            arrangement = _arrange(plan, items, objects, where or rng)
        except WorldError as error:
            if where is not None:
                raise
            fault = str(error)
            continue
        return Scene(
            world="home",
            rooms=plan.rooms,
            walls=plan.walls,
            fixtures=plan.fixtures,
            objects=tuple(arrangement.placements),
            start_w=plan.start_w,
            lights=_lights(lights),
            sounding=(
                *_sounding(sounding, plan.fixtures),
                *(i.name for i, w in zip(items, objects, strict=False) if w.sounding),
            ),
        )
    raise WorldError(f"No home could be laid out in {_TRIES} tries; the last fault: {fault}")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    """A home without its movable things."""

    rooms: tuple[Room, ...]
    walls: tuple[Wall, ...]
    fixtures: tuple[FixtureSpec, ...]
    start_w: tuple[float, float, float]
    standing: Mapping[str, tuple[float, float]]
    """A free place on the floor of every room, for a person [m]."""


def _plan(rng: np.random.Generator, openings: Mapping[str, float], start: str | None) -> _Plan:
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
                _switch(own, doorway, rng)
                break
        furnish[name](own, rng)
        for zone in zones:
            own.reserve(zone)
        starts[name] = own.spot(0.42)
        own.reserve(Rect(*starts[name], *starts[name]).grown(0.55))
        standing[name] = own.spot(0.35)
        fixtures += own.fixtures
    fixtures += [_door(doorway) for doorway in doorways if doorway.door is not None]
    check_openings(openings, fixtures)
    mirror = Mirror.draw(rng)
    begin = str(rng.choice(ROOMS)) if start is None else start
    heading = float(rng.uniform(-np.pi, np.pi))
    insides = tuple(room(name, outline) for name, outline in outlines.items())
    dividers = walls(tuple(outlines.values()), doorways)
    check_access(insides, dividers, fixtures, starts[begin])
    return _Plan(
        rooms=tuple(map(mirror.room, insides)),
        walls=tuple(map(mirror.wall, dividers)),
        fixtures=tuple(mirror.fixture(_opened(fixture, openings)) for fixture in fixtures),
        start_w=(*mirror.point(*starts[begin]), heading),
        standing={name: mirror.point(*spot) for name, spot in standing.items()},
    )


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
    own.along_wall([_piece(name) for name in names], SIDES)
    own.along_wall([_piece("cabinet")], SIDES)
    own.along_wall([_piece("bin")], SIDES)
    counter = next(f for f in own.fixtures if f.name == "counter")
    own.fixtures.append(_on(counter, "microwave", x=-0.12, y=float(rng.choice([-0.44, 0.44]))))


def _living_room(own: Furnishing, rng: np.random.Generator) -> None:
    own.along_wall([_piece("sofa")], SIDES, free=1.8)
    own.in_front_of(_piece("coffee_table"), "sofa", gap=0.30)
    own.along_wall([_piece("table")], SIDES)
    own.along_wall([_piece("shelf")], SIDES)
    own.along_wall([_piece("lamp")], SIDES, free=0.0)
    own.along_wall([replace(_piece("doorbell"), position_w=np.array([0.0, 0.0, _SWITCH_HEIGHT]))], SIDES)
    table = next(f for f in own.fixtures if f.name == "table")
    own.fixtures.append(_mat(table, "green", rng))


def _bedroom(own: Furnishing, rng: np.random.Generator) -> None:
    own.along_wall([_piece("nightstand"), _piece("bed")][:: int(rng.choice([-1, 1]))], SIDES, free=0.5, gap=0.22)
    own.along_wall([_piece("desk")], SIDES)
    desk = next(f for f in own.fixtures if f.name == "desk")
    own.fixtures.append(_on(desk, "button_box", x=0.325 - 0.16, y=float(rng.choice([-0.45, 0.45]))))


def _piece(name: str) -> FixtureSpec:
    return FixtureSpec(name=name, kind=name, position_w=np.zeros(3))


def _on(base: FixtureSpec, name: str, x: float, y: float, color: str | None = None) -> FixtureSpec:
    """Something that stands on a fixture, at x (to its front), y [m]."""
    c, s = np.cos(base.yaw), np.sin(base.yaw)
    top = next(r for r in kind(base.kind).root.regions if r.kind == "on")
    height = top.center_e[2] - top.half[2]
    offset = np.array([c * x - s * y, s * x + c * y, height])
    return FixtureSpec(
        name=f"{color}_{name}" if color else name,
        kind=name,
        position_w=base.position_w + offset,
        yaw=base.yaw,
        room=base.room,
        attributes={"color": color} if color else {},
    )


def _mat(base: FixtureSpec, color: str, rng: np.random.Generator) -> FixtureSpec:
    half = kind(base.kind).extent / 2
    return _on(base, "mat", x=half[0] - 0.26, y=float(rng.uniform(0.25 - half[1], half[1] - 0.25)), color=color)


def _switch(own: Furnishing, doorway: Doorway, rng: np.random.Generator) -> None:
    """The light switch, on the wall beside a doorway."""
    edge = doorway.edge
    upper = doorway.rooms[1] == own.name
    inner = own.inner.edge(_SIDE_OF[edge.axis, upper])
    beside = [edge.low - 0.30, edge.high + 0.30]
    if doorway.door is not None:  # Not where the leaf stands when it is open: its hinge is at the other end.
        beside = beside[:1] if edge.axis == "x" else beside[1:]
    able = [v for v in beside if inner.low + 0.30 <= v <= inner.high - 0.30]
    if not able:
        raise WorldError(f"No place for the switch of the {own.name}.")
    along = able[rng.integers(len(able))]
    at = inner.at
    x, y = (at, along) if edge.axis == "x" else (along, at)
    yaw = {"x": 0.0, "y": np.pi / 2}[edge.axis] + (0.0 if upper else np.pi)
    own.keep_clear(Rect(x, y, x, y).grown(0.30))
    ahead = 0.55 * np.array([np.cos(yaw), np.sin(yaw)])
    own.keep_clear(Rect(x + ahead[0], y + ahead[1], x + ahead[0], y + ahead[1]).grown(0.35))
    extent = kind("switch").extent
    center = np.array([x, y]) + extent[0] / 2 * np.array([np.cos(yaw), np.sin(yaw)])
    own.fixtures.append(
        FixtureSpec(
            name=f"{own.name}_switch",
            kind="switch",
            position_w=np.array([*center, _SWITCH_HEIGHT]),
            yaw=yaw,
            room=own.name,
            drives=own.name,
        )
    )


_SIDE_OF: Mapping[tuple[str, bool], Side] = {
    ("x", True): "west",
    ("x", False): "east",
    ("y", True): "south",
    ("y", False): "north",
}


def _door(doorway: Doorway) -> FixtureSpec:
    """The leaf turns towards -x of its own frame, which is the upper side of the doorway."""
    yaw = {"x": np.pi, "y": -np.pi / 2}[doorway.edge.axis]
    height = float(kind("door").extent[2]) / 2 + 0.01
    return FixtureSpec(
        name=str(doorway.door),
        kind="door",
        position_w=np.array([*doorway.middle, height]),
        yaw=yaw,
        room=doorway.rooms[1],
        openings={"": 1.0},
    )


def _opened(fixture: FixtureSpec, openings: Mapping[str, float]) -> FixtureSpec:
    """A fixture with its parts as a task asks."""
    own = dict(fixture.openings)
    for name in part_names(fixture):
        if name in openings:
            own[name.removeprefix(fixture.name).removeprefix("_")] = openings[name]
    return replace(fixture, openings=own)


def _arrange(
    plan: _Plan, items: Sequence[ObjectSpec], wanted: Sequence[Wanted], rng: np.random.Generator
) -> Arrangement:
    arrangement = Arrangement(plan.fixtures, rng)
    for name, spot in plan.standing.items():
        area = Footprint(center_w=np.array(spot), half=np.array([0.30, 0.30]), yaw=0.0)
        owner = f"{name}_floor"
        arrangement.add(Surface(owner=owner, room=name, inside=True, area=area, height=0.0))
    fill(arrangement, items, wanted, SURFACES, rng)
    return arrangement


def _lights(lights: bool | Mapping[str, bool]) -> dict[str, bool]:
    if isinstance(lights, bool):
        return dict.fromkeys(ROOMS, lights)
    for name in lights:
        if name not in ROOMS:
            raise UnknownNameError("room", name, ROOMS)
    return {name: lights.get(name, True) for name in ROOMS}


def _sounding(names: Sequence[str], fixtures: Sequence[FixtureSpec]) -> tuple[str, ...]:
    able = [fixture.name for fixture in fixtures if kind(fixture.kind).sound is not None]
    for name in names:
        if name not in able:
            raise UnknownNameError("sounding fixture", name, able)
    return tuple(names)

"""A small home for the tests of planning: two rooms, a counter with a sink, a cabinet with a drawer, a bin, a table."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pytest

from yanshi.contracts import (
    Articulation,
    Entity,
    FloorPlan,
    Held,
    OccupancyGrid,
    Region,
    Room,
    WorldState,
)
from yanshi.goals import Fact
from yanshi.planning.situation import description

ROOMS = (
    Room(name="kitchen", low_w=np.array([0.0, 0.0]), high_w=np.array([4.0, 4.0])),
    Room(name="living_room", low_w=np.array([4.0, 0.0]), high_w=np.array([9.0, 4.0])),
)


def region(kind: str, center: tuple[float, float, float], half: tuple[float, float, float]) -> Region:
    return Region(kind=kind, center_e=np.array(center), half=np.array(half))  # type: ignore[arg-type]


def fixture(name: str, at: tuple[float, float, float], room: str, **more: object) -> Entity:
    values: dict[str, object] = {
        "label": name, "category": "fixture", "position_w": np.array(at), "extent": np.array([0.6, 1.0, 0.8]), "room": room,
    }  # fmt: skip
    return Entity(name=name, **{**values, **more})  # type: ignore[arg-type]


def surface(name: str, at: tuple[float, float, float], room: str, height: float = 0.8) -> Entity:
    regions = (region("on", (0.0, 0.0, height + 0.2), (0.3, 0.5, 0.2)),)
    return fixture(name, at, room, affordances=frozenset({"on"}), regions=regions)


FIXTURES = (
    surface("counter", (1.0, 3.5, 0.0), "kitchen"),
    surface("table", (6.0, 2.0, 0.0), "living_room"),
    surface("shelf", (8.5, 3.0, 0.0), "living_room"),
    fixture(
        "sink", (2.2, 3.5, 0.0), "kitchen",
        affordances=frozenset({"in"}), regions=(region("in", (0.0, 0.0, 0.7), (0.25, 0.25, 0.1)),),
    ),
    fixture(
        "bin", (3.5, 0.5, 0.0), "kitchen",
        affordances=frozenset({"in"}), regions=(region("in", (0.0, 0.0, 0.25), (0.2, 0.2, 0.25)),),
    ),
    surface("cabinet", (0.4, 1.5, 0.0), "kitchen"),
    fixture(
        "cabinet_drawer", (0.5, 1.5, 0.5), "kitchen", label="drawer",
        affordances=frozenset({"in", "open"}),
        regions=(region("in", (0.0, 0.0, 0.0), (0.2, 0.2, 0.1)), region("handle", (0.3, 0.0, 0.0), (0.02, 0.08, 0.02))),
        articulation=Articulation(kind="slide", axis_e=np.array([1.0, 0, 0]), pivot_e=np.zeros(3), limit=0.3),
    ),
    fixture(
        "kitchen_switch", (3.95, 2.0, 1.0), "kitchen", label="switch", category="control",
        affordances=frozenset({"press"}), extent=np.array([0.02, 0.08, 0.08]),
        regions=(region("button", (0.0, 0.0, 0.0), (0.02, 0.02, 0.02)),),
    ),
)  # fmt: skip

PLAN = FloorPlan(
    rooms=ROOMS,
    fixtures=FIXTURES,
    grid=OccupancyGrid(occupied=np.zeros((80, 180), dtype=bool), resolution=0.05, origin_w=np.zeros(2)),
    start_w=np.array([2.0, 2.0, 0.0]),
)


def thing(name: str, at: tuple[float, float, float], **attributes: str) -> Entity:
    """An object whose name is ``color_label`` unless a label is given."""
    label = attributes.pop("label", name.split("_")[-1])
    first = name.split("_")[0]
    if first in ("red", "green", "blue", "yellow", "white"):
        attributes.setdefault("color", first)
    return Entity(
        name=name,
        label=label,
        category="object",
        attributes=attributes,
        position_w=np.array(at, dtype=float),
        extent=np.array([0.08, 0.08, 0.1]),
        covariance=np.eye(3) * 1e-4,
        affordances=frozenset({"grasp", "on"}),
        last_seen=0.0,
        provenance="seen",
    )


def believe(things: Mapping[str, Entity] | None = None, *facts: str) -> WorldState:
    """A belief over the home's fixtures and some things; facts as text, ``not on(a, b)`` for a false one."""
    entities = {e.name: e for e in FIXTURES} | dict(things or {})
    held: dict[Fact, Held] = {}
    for entity in entities.values():
        held |= dict.fromkeys(description(entity), Held(value=True))
        room = next((r.name for r in ROOMS if r.contains(entity.position_w)), None)
        if room:
            held[Fact("in_room", (entity.name, room))] = Held(value=True)
    held[Fact("robot_in", ("kitchen",))] = Held(value=True)
    for text in facts:
        held[Fact.parse(text.removeprefix("not "))] = Held(value=not text.startswith("not "))
    return WorldState(
        stamp=0.0, base_pose_w=PLAN.start_w, entities=entities, facts=held, plan_of_home=PLAN, grid=PLAN.grid
    )


ON_TABLE = {"red_mug": (6.0, 2.0, 0.85), "blue_mug": (6.0, 2.3, 0.85), "green_cube": (6.1, 1.7, 0.85)}


@pytest.fixture
def home() -> WorldState:
    """Three things on the table; everything is closed."""
    things = {name: thing(name, at) for name, at in ON_TABLE.items()}
    return believe(things, *(f"on({name}, table)" for name in things), "closed(cabinet_drawer)")


@pytest.fixture
def make_belief() -> Callable[..., WorldState]:
    return believe

"""A small home to try planning in, without a simulation: two rooms, some furniture, a drawer, a switch, and things."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np

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

Point = tuple[float, float, float]
RegionKind = Literal["on", "in", "handle", "button"]

ROOMS = (
    Room(name="kitchen", low_w=np.array([0.0, 0.0]), high_w=np.array([4.0, 4.0])),
    Room(name="living_room", low_w=np.array([4.0, 0.0]), high_w=np.array([9.0, 4.0])),
)


def _region(kind: RegionKind, center: Point, half: Point) -> Region:
    return Region(kind=kind, center_e=np.array(center), half=np.array(half))


def fake_fixture(name: str, at: Point, room: str, **more: Any) -> Entity:
    """A piece of furniture of 0.6 x 1.0 x 0.8 m; `more` are fields of `Entity`."""
    fields = {"label": name, "category": "fixture", "extent": np.array([0.6, 1.0, 0.8]), **more}
    return Entity(name=name, position_w=np.array(at), room=room, **fields)


def _surface(name: str, at: Point, room: str, height: float = 0.8) -> Entity:
    regions = (_region("on", (0.0, 0.0, height + 0.2), (0.3, 0.5, 0.2)),)
    return fake_fixture(name, at, room, affordances=frozenset({"on"}), regions=regions)


FIXTURES = (
    _surface("counter", (1.0, 3.5, 0.0), "kitchen"),
    _surface("table", (6.0, 2.0, 0.0), "living_room"),
    _surface("shelf", (8.5, 3.0, 0.0), "living_room"),
    fake_fixture(
        "sink", (2.2, 3.5, 0.0), "kitchen",
        affordances=frozenset({"in"}), regions=(_region("in", (0.0, 0.0, 0.7), (0.25, 0.25, 0.1)),),
    ),
    fake_fixture(
        "bin", (3.5, 0.5, 0.0), "kitchen",
        affordances=frozenset({"in"}), regions=(_region("in", (0.0, 0.0, 0.25), (0.2, 0.2, 0.25)),),
    ),
    _surface("cabinet", (0.4, 1.5, 0.0), "kitchen"),
    fake_fixture(
        "cabinet_drawer", (0.5, 1.5, 0.5), "kitchen", label="drawer",
        affordances=frozenset({"in", "open"}),
        regions=(
            _region("in", (0.0, 0.0, 0.0), (0.2, 0.2, 0.1)),
            _region("handle", (0.3, 0.0, 0.0), (0.02, 0.08, 0.02)),
        ),
        articulation=Articulation(kind="slide", axis_e=np.array([1.0, 0, 0]), pivot_e=np.zeros(3), limit=0.3),
    ),
    fake_fixture(
        "kitchen_switch", (3.95, 2.0, 1.0), "kitchen", label="switch", category="control",
        affordances=frozenset({"press"}), extent=np.array([0.02, 0.08, 0.08]),
        regions=(_region("button", (0.0, 0.0, 0.0), (0.02, 0.02, 0.02)),),
    ),
)  # fmt: skip

FLOOR_PLAN = FloorPlan(
    rooms=ROOMS,
    fixtures=FIXTURES,
    grid=OccupancyGrid(occupied=np.zeros((80, 180), dtype=bool), resolution=0.05, origin_w=np.zeros(2)),
    start_w=np.array([2.0, 2.0, 0.0]),
)


def fake_object(name: str, at: Point, **attributes: str) -> Entity:
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


def fake_belief(things: Mapping[str, Entity] | None = None, *facts: str) -> WorldState:
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
        stamp=0.0,
        base_pose_w=FLOOR_PLAN.start_w,
        entities=entities,
        facts=held,
        plan_of_home=FLOOR_PLAN,
        grid=FLOOR_PLAN.grid,
    )

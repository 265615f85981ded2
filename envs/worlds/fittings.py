"""What is fixed to walls, doorways and furniture: switches, doors, things that stand on furniture and stay."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from yanshi.envs.worlds.catalog import kind
from yanshi.envs.worlds.furnishing import Furnishing
from yanshi.envs.worlds.rooms import Doorway, Rect, Side
from yanshi.envs.worlds.scene import FixtureSpec
from yanshi.errors import WorldError

SWITCH_HEIGHT = 1.0
"""Of the lower edge of what is pressed on a wall [m]."""
_SIDE_OF: Mapping[tuple[str, bool], Side] = {
    ("x", True): "west",
    ("x", False): "east",
    ("y", True): "south",
    ("y", False): "north",
}
"""The wall of a room that holds a doorway: by the axis of the doorway, and whether the room is on its upper side."""


def piece(name: str, height: float = 0.0) -> FixtureSpec:
    """A fixture called by its kind, not yet placed, so high above the floor [m]."""
    return FixtureSpec(name=name, kind=name, position_w=np.array([0.0, 0.0, height]))


def on_top(base: FixtureSpec, name: str, x: float, y: float, color: str | None = None) -> FixtureSpec:
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


def mat(base: FixtureSpec, color: str, rng: np.random.Generator) -> FixtureSpec:
    """A mat in a drawn place near the front of a fixture."""
    half = kind(base.kind).extent / 2
    return on_top(base, "mat", x=half[0] - 0.26, y=float(rng.uniform(0.25 - half[1], half[1] - 0.25)), color=color)


def switch(own: Furnishing, doorway: Doorway, rng: np.random.Generator) -> None:
    """Put the room's light switch on the wall beside a doorway.

    Raises:
        WorldError: there is no place for it.
    """
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
            position_w=np.array([*center, SWITCH_HEIGHT]),
            yaw=yaw,
            room=own.name,
            drives=own.name,
        )
    )


def door(doorway: Doorway) -> FixtureSpec:
    """The door of a doorway. Its leaf turns towards -x of its own frame, which is the upper side of the doorway."""
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

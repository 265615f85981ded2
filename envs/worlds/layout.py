"""Where objects stand: drawn without overlap, where the robot can get at them from above."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from yanshi.contracts import Region
from yanshi.envs.worlds.catalog import Kind, kind
from yanshi.envs.worlds.scene import FixtureSpec, ObjectSpec, Placement
from yanshi.errors import UnknownNameError, WorldError

GAP = 0.045
"""Free space around an object, for a finger [m]."""
GAP_BESIDE = (0.035, 0.08)
"""Free space between things that stand beside one another [m]."""
STRIP = (0.12, 0.40)
"""Where objects stand on a surface: distance of their centre from its front edge [m]."""
_TRIES = 250


@dataclass(frozen=True, slots=True, kw_only=True)
class Footprint:
    """An oriented rectangle on a horizontal plane."""

    center_w: NDArray[Any]
    """(2,) [m]."""
    half: NDArray[Any]
    """(2,) half extents along its own x and y [m]."""
    yaw: float

    def axes(self) -> NDArray[Any]:
        """(2, 2) its unit x and y, one a row, in the map."""
        c, s = np.cos(self.yaw), np.sin(self.yaw)
        return np.array([[c, s], [-s, c]])

    def gap(self, other: Footprint) -> float:
        """Free space to another rectangle [m] by the separating axis theorem: a lower bound, negative on overlap."""
        mine, theirs = self.axes(), other.axes()
        apart = np.asarray(other.center_w) - self.center_w
        axes = np.concatenate([mine, theirs])
        reach = np.abs(axes @ mine.T) @ self.half + np.abs(axes @ theirs.T) @ other.half
        return float(np.max(np.abs(axes @ apart) - reach))


@dataclass(frozen=True, slots=True, kw_only=True)
class Surface:
    """Where things can be put: the top of a fixture, or the inside of one."""

    owner: str
    """A fixture or a part of one."""
    room: str | None
    inside: bool
    area: Footprint
    """The region; its x points to the front."""
    height: float
    """z of the surface [m]."""
    headroom: float = np.inf
    """What is taller does not fit in, as in a drawer [m]."""


def surfaces(fixtures: Iterable[FixtureSpec]) -> dict[str, Surface]:
    """Every surface and inside of the fixtures and of their parts, where the parts are at the start, by entity name."""
    result = {}
    for fixture in fixtures:
        form = kind(fixture.kind)
        for part_name, part in {"": form.root, **form.parts}.items():
            region = part.region("on") or part.region("in")
            if region is None:
                continue
            owner = f"{fixture.name}_{part_name}" if part_name else fixture.name
            offset = part.position_k if part_name else np.zeros(3)
            if part.articulation is not None and part.articulation.kind == "slide":
                opening = fixture.openings.get(part_name, 0.0)
                offset = offset + part.articulation.axis_e * part.articulation.limit * opening
            surface = _surface(owner, fixture, region, offset)
            result[owner] = replace(surface, headroom=2 * region.half[2]) if part_name else surface
    return result


def _surface(owner: str, fixture: FixtureSpec, region: Region, offset: NDArray[Any]) -> Surface:
    center = offset + region.center_e
    c, s = np.cos(fixture.yaw), np.sin(fixture.yaw)
    middle = np.array([c * center[0] - s * center[1], s * center[0] + c * center[1]]) + fixture.position_w[:2]
    return Surface(
        owner=owner,
        room=fixture.room,
        inside=region.kind == "in",
        area=Footprint(center_w=middle, half=region.half[:2], yaw=fixture.yaw),
        height=float(fixture.position_w[2] + center[2] - region.half[2]),
    )


def footprint(fixture: FixtureSpec) -> Footprint:
    """The rectangle that a fixture covers, with the way of its drawers."""
    form = kind(fixture.kind)
    low, high = -form.extent[:2] / 2, form.extent[:2] / 2
    for part in form.parts.values():
        if part.articulation is not None and part.articulation.kind == "slide":
            travel = part.articulation.axis_e[:2] * part.articulation.limit
            low = np.minimum(low, part.position_k[:2] - part.extent[:2] / 2 + np.minimum(travel, 0.0))
            high = np.maximum(high, part.position_k[:2] + part.extent[:2] / 2 + np.maximum(travel, 0.0))
    c, s = np.cos(fixture.yaw), np.sin(fixture.yaw)
    middle = np.array([[c, -s], [s, c]]) @ ((low + high) / 2)
    return Footprint(center_w=middle + fixture.position_w[:2], half=(high - low) / 2, yaw=fixture.yaw)


class Arrangement:
    """Objects put down one after another on the surfaces of a scene."""

    def __init__(
        self, fixtures: Iterable[FixtureSpec], rng: np.random.Generator, strip: tuple[float, float] = STRIP
    ) -> None:
        self.rng = rng
        self._strip = strip
        fixtures = tuple(fixtures)
        self.surfaces = surfaces(fixtures)
        self._taken: dict[str, list[Footprint]] = {owner: [] for owner in self.surfaces}
        for fixture in fixtures:
            for owner, surface in self.surfaces.items():
                if owner != fixture.name and not surface.inside and abs(surface.height - fixture.position_w[2]) < 0.01:
                    self._taken[owner].append(footprint(fixture))
        self.placements: list[Placement] = []

    def add(self, surface: Surface) -> None:
        """Make another place known, such as a free spot of the floor."""
        self.surfaces[surface.owner] = surface
        self._taken[surface.owner] = []

    def place(self, item: ObjectSpec, owner: str, beside: Placement | None = None) -> Placement:
        """Put an object on a surface, in it, on top of another object, or beside one.

        Raises:
            UnknownNameError: there is no such surface.
            WorldError: there is no room left.
        """
        stack = next((p for p in self.placements if p.item.name == owner), None)
        if stack is not None:
            return self._keep(self._stacked(item, stack), None)
        if owner not in self.surfaces:
            raise UnknownNameError("surface", owner, (*self.surfaces, *(p.item.name for p in self.placements)))
        surface = self.surfaces[owner]
        if 2 * half_extent(item)[2] > surface.headroom - 0.003:
            raise WorldError(f"'{item.name or item.kind}' is too tall for '{owner}'.")
        for _ in range(_TRIES):
            spot = self._beside(item, surface, beside) if beside is not None else self._anywhere(item, surface)
            if spot is not None and self._free(spot, owner, beside):
                height = surface.height + half_extent(item)[2]
                position = np.array([*spot.center_w, height])
                return self._keep(Placement(item=item, position_w=position, yaw=spot.yaw, support=owner), spot)
        raise WorldError(
            f"No room for '{item.name or item.kind}' on '{owner}': {len(self._taken[owner])} things are there."
        )

    def _keep(self, placement: Placement, spot: Footprint | None) -> Placement:
        self.placements.append(placement)
        if spot is not None:
            self._taken[placement.support].append(spot)
        return placement

    def _stacked(self, item: ObjectSpec, below: Placement) -> Placement:
        top = below.position_w[2] + half_extent(below.item)[2]
        position = np.array([*below.position_w[:2], top + half_extent(item)[2]])
        return Placement(item=item, position_w=position, yaw=below.yaw, support=below.item.name)

    def _turn(self, form: Kind, surface: Surface) -> float:
        if form.faces:
            return surface.area.yaw + float(self.rng.uniform(-0.25, 0.25))
        return float(self.rng.uniform(-np.pi, np.pi))

    def _anywhere(self, item: ObjectSpec, surface: Surface) -> Footprint | None:
        half = half_extent(item)[:2]
        yaw = self._turn(kind(item.kind), surface)
        turn = Footprint(center_w=np.zeros(2), half=half, yaw=yaw - surface.area.yaw).axes()
        reach = np.abs(turn.T) @ half
        margin = 0.012 if surface.inside else 0.02
        low, high = reach + margin - surface.area.half, surface.area.half - reach - margin
        if not surface.inside:
            high[0] = min(high[0], surface.area.half[0] - self._strip[0])
            low[0] = max(low[0], surface.area.half[0] - self._strip[1])
        if np.any(low > high):
            return None
        local = self.rng.uniform(low, high)
        return Footprint(center_w=surface.area.center_w + local @ surface.area.axes(), half=half, yaw=yaw)

    def _beside(self, item: ObjectSpec, surface: Surface, other: Placement) -> Footprint | None:
        """To the left or right of another, as seen from the front."""
        half = half_extent(item)[:2]
        yaw = self._turn(kind(item.kind), surface)
        spot = Footprint(center_w=np.zeros(2), half=half, yaw=yaw)
        theirs = Footprint(center_w=other.position_w[:2], half=half_extent(other.item)[:2], yaw=other.yaw)
        side = surface.area.axes()[1] * self.rng.choice([-1.0, 1.0])
        reach = float(np.abs(spot.axes() @ side) @ half + np.abs(theirs.axes() @ side) @ theirs.half)
        center = other.position_w[:2] + side * (reach + self.rng.uniform(*GAP_BESIDE))
        local = surface.area.axes() @ (center - surface.area.center_w)
        if np.any(np.abs(local) > surface.area.half - np.linalg.norm(half)):
            return None
        return replace(spot, center_w=center)

    def _free(self, spot: Footprint, owner: str, beside: Placement | None) -> bool:
        for other in self._taken[owner]:
            near = beside is not None and np.allclose(other.center_w, beside.position_w[:2])
            if spot.gap(other) < (GAP_BESIDE[0] - 0.01 if near else GAP):
                return False
        return True


def half_extent(item: ObjectSpec) -> NDArray[Any]:
    """(3,) half of an object's box [m]."""
    return kind(item.kind).extent * item.scale / 2


def check_openings(openings: Iterable[str], fixtures: Iterable[FixtureSpec]) -> None:
    """Every part that is to start open must exist.

    Raises:
        UnknownNameError: one does not.
    """
    parts = [name for fixture in fixtures for name in part_names(fixture)]
    for name in openings:
        if name not in parts:
            raise UnknownNameError("part", name, parts)


def part_names(fixture: FixtureSpec) -> tuple[str, ...]:
    """Entity names of what opens in a fixture: its drawers and doors, or itself if it is a door."""
    form = kind(fixture.kind)
    own = (fixture.name,) if form.root.articulation is not None else ()
    return own + tuple(f"{fixture.name}_{part}" for part in form.parts)

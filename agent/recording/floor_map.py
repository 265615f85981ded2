"""The home from above as an SVG: rooms, furniture, LiDAR hits, the way driven, and where things are believed to be."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from html import escape

import numpy as np

from yanshi.agent.recording.log import CELL, EpisodeLog
from yanshi.contracts import Entity, FloorPlan

MARGIN = 0.35
MAX_CELLS = 9000
STILL = 0.3
"""A robot that moved less [m] stands at its work, and the map shows that alone."""
WIDTH, HEIGHT, TEXT = 1010, 640, 13
"""Of the map on a page, and of its letters [px]."""
Box = tuple[float, float, float, float]
"""x0, y0, x1, y1 [m]."""


@dataclass(frozen=True)
class _Sheet:
    """How the map lies on the page: a home that is longer than it is wide is turned by a quarter."""

    turned: bool
    low: np.ndarray
    high: np.ndarray
    """(2,) corners on the sheet [m], v up."""
    text: float
    """Height of letters [m]."""

    @classmethod
    def of(cls, low_w: np.ndarray, high_w: np.ndarray) -> _Sheet:
        """The sheet for what lies between two corners of the map."""
        width, height = high_w - low_w
        turned = bool(height > 1.2 * width)
        low = np.array([low_w[1], -high_w[0]]) if turned else low_w
        high = np.array([high_w[1], -low_w[0]]) if turned else high_w
        low, high = low - MARGIN, high + MARGIN
        text = TEXT * max((high[0] - low[0]) / WIDTH, (high[1] - low[1]) / HEIGHT)
        return cls(turned, low, high, text)

    def at(self, x: float, y: float) -> tuple[float, float]:
        """A point of the map on the sheet."""
        return (y, -x) if self.turned else (x, y)


def floor_map(log: EpisodeLog) -> str:
    """The SVG, in metres. Colours come from the page's style sheet."""
    belief = log.belief
    if belief is None or not log.path:
        return ""
    plan = belief.plan_of_home
    sheet = _Sheet.of(*_bounds(log, plan))
    (u0, v0), (u1, v1) = sheet.low, sheet.high
    turn = ' transform="rotate(90)"' if sheet.turned else ""
    shapes = [*(_rooms(plan) if plan else ()), _cells(log), *(_fixtures(plan) if plan else ()), *_path(log, sheet.text)]
    words = [*(_room_names(plan, sheet) if plan else ()), *_names(belief.entities.values(), sheet)]
    box = f"{u0:.2f} {-v1:.2f} {u1 - u0:.2f} {v1 - v0:.2f}"
    opening = f'<svg class="map" viewBox="{box}" role="img" aria-label="Map" style="--text:{sheet.text:.3f}px">'
    return f"{opening}<g{turn}>{''.join(shapes)}</g>{''.join(words)}</svg>"


def _bounds(log: EpisodeLog, plan: FloorPlan | None) -> tuple[np.ndarray, np.ndarray]:
    points = [np.array(log.path)[:, 1:3]]
    if np.ptp(points[0], axis=0).max() < STILL and plan is not None and plan.fixtures:
        corners = np.array([e.position_w[:2] + k * e.extent[:2].max() / 2 for e in plan.fixtures for k in (-1, 1)])
        points += [corners, points[0] - STILL, points[0] + STILL]
    elif plan is not None and plan.rooms:
        points += [np.array([room.low_w, room.high_w]) for room in plan.rooms]
    elif log.cells:
        points.append(np.array(sorted(log.cells)) * CELL)
    stacked = np.vstack(points)
    return stacked.min(axis=0), stacked.max(axis=0)


def _rooms(plan: FloorPlan) -> Iterator[str]:
    for room in plan.rooms:
        (x0, y0), (x1, y1) = room.low_w.tolist(), room.high_w.tolist()
        yield f'<rect class="room" x="{x0:.2f}" y="{-y1:.2f}" width="{x1 - x0:.2f}" height="{y1 - y0:.2f}"/>'


def _room_names(plan: FloorPlan, sheet: _Sheet) -> Iterator[str]:
    """Each in the upper left corner of its room."""
    for room in plan.rooms:
        corners = [sheet.at(*room.low_w.tolist()), sheet.at(*room.high_w.tolist())]
        u, v = min(c[0] for c in corners) + 0.6 * sheet.text, max(c[1] for c in corners) - 1.35 * sheet.text
        yield f'<text class="roomname" x="{u:.2f}" y="{-v:.2f}">{escape(room.name.replace("_", " "))}</text>'


def _cells(log: EpisodeLog) -> str:
    cells = sorted(log.cells)
    cells = cells[:: 1 + len(cells) // MAX_CELLS]
    dots = "".join(f"M{i * CELL:.2f} {-(j + 1) * CELL:.2f}h{CELL}v{CELL}h-{CELL}z" for i, j in cells)
    return f'<path class="lidar" d="{dots}"/>'


def _outline(entity: Entity, css: str) -> str:
    x, y = entity.position_w[:2]
    w, h = float(entity.extent[0]), float(entity.extent[1])
    turn = -np.degrees(entity.yaw)
    title = f"<title>{escape(entity.name)}</title>"
    return (
        f'<rect class="{css}" x="{-w / 2:.3f}" y="{-h / 2:.3f}" width="{w:.3f}" height="{h:.3f}" '
        f'transform="translate({x:.3f} {-y:.3f}) rotate({turn:.1f})">{title}</rect>'
    )


def _fixtures(plan: FloorPlan) -> Iterator[str]:
    for fixture in plan.fixtures:
        if fixture.category == "fixture" and np.all(np.isfinite(fixture.position_w)):
            yield _outline(fixture, "fixture")


def _path(log: EpisodeLog, text: float) -> Iterator[str]:
    way = np.array(log.path)
    keep = [0]
    for k in range(1, len(way)):
        if np.hypot(*(way[k, 1:3] - way[keep[-1], 1:3])) > 0.03:
            keep.append(k)
    keep.append(len(way) - 1)
    points = " ".join(f"{way[k, 1]:.2f},{-way[k, 2]:.2f}" for k in keep)
    radius = 0.3 * text
    yield f'<polyline class="path" points="{points}"/>'
    yield f'<circle class="start" cx="{way[0, 1]:.2f}" cy="{-way[0, 2]:.2f}" r="{radius:.3f}"/>'
    _, x, y, yaw = way[-1]
    tip, side = 0.9 * text, 0.55 * text
    yield (
        f'<path class="robot" d="M{tip:.3f} 0L{-side:.3f} {side:.3f}L{-0.5 * side:.3f} 0L{-side:.3f} {-side:.3f}z" '
        f'transform="translate({x:.2f} {-y:.2f}) rotate({-np.degrees(yaw):.0f})"/>'
    )


def _names(entities: Iterable[Entity], sheet: _Sheet) -> Iterator[str]:
    """Movable things as dots with their names, then furniture. A name that finds no room is left to the tooltip."""
    known = [e for e in entities if np.all(np.isfinite(e.position_w[:2])) and e.category in ("object", "fixture")]
    known = [e for e in known if e.category == "object" or e.articulation is None]
    known.sort(key=lambda e: (e.category != "object", e.name))
    places = [sheet.at(float(e.position_w[0]), float(e.position_w[1])) for e in known]
    radius, high, offset = 0.3 * sheet.text, 0.5 * sheet.text, 0.55 * sheet.text
    taken = [
        (u - radius, v - radius, u + radius, v + radius)
        for entity, (u, v) in zip(known, places, strict=True)
        if entity.category == "object"
    ]
    for entity, (u, v) in zip(known, places, strict=True):
        name, movable = escape(entity.name.replace("_", " ")), entity.category == "object"
        if movable:
            yield f'<circle class="thing" cx="{u:.2f}" cy="{-v:.2f}" r="{radius:.3f}"><title>{name}</title></circle>'
        wide = (0.54 if movable else 0.46) * sheet.text * len(entity.name)
        beside = [
            (u + offset, v),
            (u - offset - wide, v),
            (u - wide / 2, v + 2 * offset),
            (u - wide / 2, v - 2 * offset),
        ]
        for u0, v0 in beside if movable else [(u - wide / 2, v)]:
            box = (u0, v0 - high, u0 + wide, v0 + high)
            if sheet.low[0] <= u0 and box[2] <= sheet.high[0] and not any(_overlap(box, other) for other in taken):
                taken.append(box)
                css = "thingname" if movable else "fixturename"
                yield f'<text class="{css}" x="{u0:.2f}" y="{-v0 + 0.35 * sheet.text:.2f}">{name}</text>'
                break


def _overlap(a: Box, b: Box) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]

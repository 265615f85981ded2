"""The home from above as an SVG: rooms, furniture, LiDAR hits, the way driven, and where things are believed to be."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from html import escape

import numpy as np

from yanshi.agent.recording.log import CELL, EpisodeLog
from yanshi.contracts import Entity, FloorPlan

MARGIN = 0.35
MAX_CELLS = 9000


def floor_map(log: EpisodeLog) -> str:
    """The SVG, in metres, y up. Colours come from the page's style sheet."""
    belief = log.belief
    if belief is None or not log.path:
        return ""
    plan = belief.plan_of_home
    low, high = _bounds(log, plan)
    width, height = (high - low + 2 * MARGIN).tolist()
    text = 0.019 * max(width, 0.75 * height)
    parts = [
        f'<svg class="map" viewBox="{low[0] - MARGIN:.2f} {-high[1] - MARGIN:.2f} {width:.2f} {height:.2f}" '
        f'role="img" aria-label="Map from above" style="--text:{text:.3f}px">'
    ]
    if plan is not None:
        parts += _rooms(plan)
    parts.append(_cells(log))
    if plan is not None:
        parts += _fixtures(plan)
    parts += _path(log, text)
    if plan is not None:
        parts += _room_names(plan, text)
    parts += _names(belief.entities.values(), text)
    return "".join((*parts, "</svg>"))


def _bounds(log: EpisodeLog, plan: FloorPlan | None) -> tuple[np.ndarray, np.ndarray]:
    points = [np.array(log.path)[:, 1:3]]
    if plan is not None and plan.rooms:
        points += [np.array([room.low_w, room.high_w]) for room in plan.rooms]
    elif plan is not None:
        points += [np.atleast_2d(fixture.position_w[:2]) for fixture in plan.fixtures]
    elif log.cells:
        points.append(np.array(sorted(log.cells)) * CELL)
    stacked = np.vstack(points)
    return stacked.min(axis=0), stacked.max(axis=0)


def _rooms(plan: FloorPlan) -> Iterator[str]:
    for room in plan.rooms:
        (x0, y0), (x1, y1) = room.low_w.tolist(), room.high_w.tolist()
        yield f'<rect class="room" x="{x0:.2f}" y="{-y1:.2f}" width="{x1 - x0:.2f}" height="{y1 - y0:.2f}"/>'


def _room_names(plan: FloorPlan, text: float) -> Iterator[str]:
    for room in plan.rooms:
        x, y = room.low_w[0] + 0.6 * text, -room.high_w[1] + 1.35 * text
        yield f'<text class="roomname" x="{x:.2f}" y="{y:.2f}">{escape(room.name.replace("_", " "))}</text>'


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


def _names(entities: Iterable[Entity], text: float) -> Iterator[str]:
    """Movable things as dots with their names, then furniture; names that would cover others are left to the tooltip."""
    taken: list[tuple[float, float, float]] = []
    known = [e for e in entities if np.all(np.isfinite(e.position_w[:2])) and e.category in ("object", "fixture")]
    for entity in sorted(known, key=lambda e: (e.category != "object", e.name)):
        x, y = float(entity.position_w[0]), float(entity.position_w[1])
        name = escape(entity.name.replace("_", " "))
        movable = entity.category == "object"
        if movable:
            dot = f'<circle class="thing" cx="{x:.2f}" cy="{-y:.2f}" r="{0.28 * text:.3f}">'
            yield f"{dot}<title>{name}</title></circle>"
        length = (0.58 if movable else 0.5) * text * len(entity.name)
        left = x + 0.45 * text if movable else x - length / 2
        if all(abs(y - b) > 1.1 * text or left + length < a or a + other < left for a, b, other in taken):
            taken.append((left, y, length))
            css = "thingname" if movable else "fixturename"
            yield f'<text class="{css}" x="{left:.2f}" y="{-y + 0.35 * text:.2f}">{name}</text>'

"""What depth says of the furniture that the map tells of: how far its parts are open, and which surfaces are in view.

Nothing here is learned. The map says where each part is when closed, how it moves and which boxes it is made of; for
each opening those boxes would be seen at certain depths, and the opening that the picture agrees with best is taken.
A point that the camera looks through speaks against an opening; one that is hidden says nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from yanshi.contracts import Array, Detection, Entity, FloorPlan
from yanshi.perception.geometry import inverse, planar, transform
from yanshi.perception.grounding.views import CameraView

RANGE = 4.0
"""Farther away [m] nothing is said of furniture."""
SMALL_THING, SMALL_PIXELS = 0.05, 12
"""A surface counts as viewed only so near that a thing of this size [m] would show so many pixels."""
VIEWED_SHARE = 0.7
"""A surface counts as viewed when this share of its points is."""
DEPTH_SLACK = 0.04
"""How much nearer than a surface [m a metre, at least a metre's] the depth may be where it is in view."""
LEAST_POINTS = 12
"""Points of a part that must agree with an opening."""
LEAST_SHARE = 0.5
"""Share of the points that should be seen and must agree."""
COARSE, FINE = 21, 11
"""Openings that are tried: over the whole travel, then around the best."""
_GRID, _FACE = 5, 6
_PIXEL = 0.5
"""Error of where a point falls [px], which blurs depth at a slant."""


@dataclass(frozen=True, slots=True)
class Furnished:
    """What is seen of the furniture."""

    openings: Mapping[str, float]
    """Part → 0 closed … 1 open, of the parts that are seen well enough."""
    viewed: frozenset[str]
    """Fixtures whose surface or inside is in view so well that an object there would have been seen."""
    detections: tuple[Detection, ...]
    """Of those parts and of the fixtures with a surface that is seen, with their names in the map as `track`."""


@dataclass(frozen=True, slots=True)
class _Eye:
    """A camera in the map."""

    depth: Array
    K: Array
    T_wc: Array

    def sight(self, points_w: Array) -> tuple[Array, Array]:
        """Depth (...) [m] at which points (..., 3) would be seen, NaN outside the picture, and what was measured."""
        local = transform(inverse(self.T_wc), points_w)
        z = np.where(local[..., 2] > 0.05, local[..., 2], np.nan)
        with np.errstate(invalid="ignore"):
            column = np.rint(self.K[0, 0] * local[..., 0] / z + self.K[0, 2])
            row = np.rint(self.K[1, 1] * local[..., 1] / z + self.K[1, 2])
            height, width = self.depth.shape
            inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
        j, i = (np.where(inside, index, 0).astype(np.intp) for index in (column, row))
        return np.where(inside, z, np.nan), np.where(inside, self.depth[i, j], np.nan)


class FurnitureSight:
    """Sees the furniture of one floor plan."""

    def __init__(self, plan: FloorPlan, shapes: Mapping[str, Array] | None = None) -> None:
        """
        Args:
            plan: what is known beforehand.
            shapes: part → its boxes (k, 6) in its own frame when closed: centre and half extents [m]. A part without is
                taken to be as large as its extent, which is too coarse to tell how far it is open, so nothing is said.
        """
        self._parts: list[tuple[Entity, Array, Array]] = []
        shapes = shapes or {}
        for entity in plan.fixtures:
            if entity.articulation is not None and entity.name in shapes:
                self._parts.append((entity, *_faces(np.asarray(shapes[entity.name], dtype=float))))
        self._surfaces: list[tuple[Entity, Array]] = [
            (entity, _surface(region.center_e, region.half))
            for entity in plan.fixtures
            for region in entity.regions
            if region.kind in ("on", "in")
        ]

    def look(self, views: Sequence[CameraView], base_pose_w: Array, known: Mapping[str, float]) -> Furnished:
        """What views show.

        Args:
            views: what the cameras show.
            base_pose_w: (3,) x, y [m], yaw [rad] of the robot in the map.
            known: part → opening as last seen, for the surfaces of parts that are not seen now.
        """
        T_wb = planar(np.asarray(base_pose_w, dtype=float))
        eyes = [_Eye(view.depth.astype(float), view.K, T_wb @ view.T_bc) for view in views]
        openings: dict[str, float] = {}
        names: dict[str, tuple[Entity, str, float]] = {}
        for entity, points, normals in self._parts:
            for eye, view in zip(eyes, views, strict=True):
                found = _opening(entity, points, normals, eye)
                if found is not None and found[1] > names.get(entity.name, (entity, "", 0.0))[2]:
                    openings[entity.name] = found[0]
                    names[entity.name] = (entity, view.name, found[1])
        viewed: set[str] = set()
        for entity, points in self._surfaces:
            moved = _world(entity, opened(entity, points, openings.get(entity.name, known.get(entity.name, 0.0))))
            open_to = np.zeros(len(points), dtype=np.bool_)
            for eye, view in zip(eyes, views, strict=True):
                shown, touched = _in_view(eye, moved)
                open_to |= shown
                if touched >= 0.2 and entity.name not in names:
                    names[entity.name] = (entity, view.name, touched)
            if open_to.mean() >= VIEWED_SHARE:
                viewed.add(entity.name)
        found_ = tuple(_detection(entity, sensor, openings.get(entity.name)) for entity, sensor, _ in names.values())
        return Furnished(openings, frozenset(viewed), found_)


def opened(entity: Entity, points_e: Array, opening: float | Array) -> Array:
    """Points (n, 3) of a part in its closed frame, moved as far as it is open; (k, n, 3) for openings (k, 1, 1)."""
    joint = entity.articulation
    if joint is None:
        return points_e
    value = np.asarray(opening, dtype=float) * joint.limit
    axis = np.asarray(joint.axis_e, dtype=float)
    if joint.kind == "slide":
        return np.asarray(points_e + axis * value)
    arm = points_e - joint.pivot_e
    cos, sin = np.cos(value), np.sin(value)
    turned = arm * cos + np.cross(axis, arm) * sin + (arm @ axis)[:, None] * axis * (1.0 - cos)
    return np.asarray(turned + joint.pivot_e)


def _opening(entity: Entity, points: Array, normals: Array, eye: _Eye) -> tuple[float, float] | None:
    """How far a part is open, and how many of its points say so; None if too few do."""
    reach = np.linalg.norm(entity.position_w - eye.T_wc[:3, 3])
    if reach > RANGE + float(np.linalg.norm(entity.extent)) / 2:
        return None
    tried = np.linspace(0.0, 1.0, COARSE)
    best = tried[int(np.argmax(_scores(entity, points, normals, eye, tried)[0]))]
    step = tried[1]
    fine = np.clip(np.linspace(best - step, best + step, FINE), 0.0, 1.0)
    score, agreeing, share = _scores(entity, points, normals, eye, fine)
    k = int(np.argmax(score))
    if agreeing[k] < LEAST_POINTS or share[k] < LEAST_SHARE or score[k] <= 0.0:
        return None
    weight = np.maximum(score - 0.9 * score[k], 0.0)  # the middle of a flat top
    return float(np.average(fine, weights=weight)), float(agreeing[k])


def _scores(entity: Entity, points: Array, normals: Array, eye: _Eye, openings: Array) -> tuple[Array, Array, Array]:
    """Of each opening: its score, how many points agree with it, and their share of those that ought to be seen."""
    at = openings[:, None, None]
    placed = _world(entity, opened(entity, points, at))
    tips = _world(entity, opened(entity, points + 0.01 * normals, at))
    towards = eye.T_wc[:3, 3] - placed
    slant = np.einsum("kni,kni->kn", (tips - placed) / 0.01, towards) / np.linalg.norm(towards, axis=-1)
    z, measured = eye.sight(placed)
    blur = _PIXEL * z / eye.K[0, 0] * np.sqrt(np.maximum(1.0 / np.maximum(slant, 0.1) ** 2 - 1.0, 0.0))
    sigma = 0.004 + 0.003 * z**2 + blur
    miss = (measured - z) / sigma
    facing = (slant > 0.15) & np.isfinite(miss)
    agrees = np.where(facing, np.exp(-0.5 * miss**2), 0.0)
    through = facing & (miss > 4.0)
    count = (facing & (np.abs(miss) < 2.5)).sum(axis=1)
    share = count / np.maximum(count + through.sum(axis=1), 1)
    return agrees.sum(axis=1) - through.sum(axis=1), count, share


def _in_view(eye: _Eye, points_w: Array) -> tuple[Array, float]:
    """(n,) which points of a surface nothing hides, and the share of them where the surface itself is measured."""
    z, measured = eye.sight(points_w)
    reach = min(RANGE, eye.K[0, 0] * SMALL_THING / np.sqrt(SMALL_PIXELS))
    near = np.linalg.norm(points_w - eye.T_wc[:3, 3], axis=-1)
    slack = DEPTH_SLACK * np.maximum(z, 1.0)
    with np.errstate(invalid="ignore"):
        shown = (near <= reach) & (measured >= z - slack)
        touched = (near <= RANGE) & (np.abs(measured - z) <= slack)
    return shown, float(touched.mean())


def _world(entity: Entity, points_e: Array) -> Array:
    c, s = np.cos(entity.yaw), np.sin(entity.yaw)
    return np.asarray(points_e @ np.array([[c, s, 0.0], [-s, c, 0.0], [0.0, 0.0, 1.0]]) + entity.position_w)


def _surface(center_e: Array, half: Array) -> Array:
    """Points (25, 3) on the lower face of a region."""
    line = np.linspace(-0.9, 0.9, _GRID)
    grid = np.stack(np.meshgrid(line, line), axis=-1).reshape(-1, 2)
    points = np.empty((len(grid), 3))
    points[:, :2] = np.asarray(center_e)[:2] + grid * np.asarray(half)[:2]
    points[:, 2] = center_e[2] - half[2]
    return points


def _faces(boxes: Array) -> tuple[Array, Array]:
    """Points (n, 3) on the faces of boxes (k, 6), and the outward normals there (n, 3)."""
    line = (np.arange(_FACE) + 0.5) / _FACE * 2.0 - 1.0
    u, v = (grid.ravel() for grid in np.meshgrid(line, line))
    points, normals = [], []
    for box in boxes:
        center, half = box[:3], box[3:]
        for axis in range(3):
            a, b = (axis + 1) % 3, (axis + 2) % 3
            for side in (-1.0, 1.0):
                local = np.zeros((len(u), 3))
                local[:, axis], local[:, a], local[:, b] = side * half[axis], u * half[a], v * half[b]
                normal = np.zeros(3)
                normal[axis] = side
                points.append(center + local)
                normals.append(np.broadcast_to(normal, local.shape))
    return np.concatenate(points), np.concatenate(normals)


def _detection(entity: Entity, sensor: str, opening: float | None) -> Detection:
    return Detection(
        label=entity.label,
        attributes=dict(entity.attributes),
        position_w=np.asarray(entity.position_w, dtype=float),
        covariance=np.eye(3) * 1e-4,
        yaw=entity.yaw,
        extent=np.asarray(entity.extent, dtype=float),
        sensor=sensor,
        track=entity.name,
        opening=opening,
    )

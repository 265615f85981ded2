"""The yardstick of the learned eye: what stands out above the furniture of the map, grouped by colour and distance.

It knows the floor plan, the colours there are and the size of each kind, and learns nothing. A group's kind is the one
whose size is nearest among those that come in its colour.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from yanshi.contracts import Array, Detection, Entity, FloorPlan
from yanshi.perception.geometry import deproject, planar, transform
from yanshi.perception.grounding.merging import merged
from yanshi.perception.grounding.views import CameraView

ABOVE = 0.008
"""Points lower than this over a surface [m], plus three deviations of the depth, are the surface."""
DEPTH_NOISE = 0.002
"""k of a stereo pair's sigma = k z² [1/m]."""
JOINED = 0.025
"""Neighbouring pixels of one colour are one thing's when their points are within this, plus what noise explains [m]."""
ONE_THING = 0.03
"""Groups whose middles are this near [m] seen from above are one thing of several colours."""
LEAST_PIXELS = 12
LARGEST = 0.3
"""Groups larger than this [m] are no object."""


@dataclass(frozen=True, slots=True)
class KnownKind:
    """What the baseline is told of a kind."""

    label: str
    colors: tuple[str, ...]
    extent: Array
    """(3,) [m]."""
    attributes: Mapping[str, str]
    """Material and shape."""


class ColorClusters:
    """Finds things on and in the furniture of one floor plan by their colour."""

    def __init__(
        self, plan: FloorPlan, kinds: Sequence[KnownKind], palette: Mapping[str, tuple[float, float, float]]
    ) -> None:
        """
        Args:
            plan: where surfaces are, drawers and doors taken to be closed.
            kinds: what there may be.
            palette: colour word → RGB [0, 1].
        """
        self._regions: list[tuple[Entity, Array, Array]] = [
            (entity, np.asarray(region.center_e, dtype=float), np.asarray(region.half, dtype=float))
            for entity in plan.fixtures
            for region in entity.regions
            if region.kind in ("on", "in")
        ]
        self._kinds = tuple(kinds)
        self._words = tuple(palette)
        self._colors = _chroma(np.array([palette[word] for word in self._words]))

    def look(self, views: Sequence[CameraView], base_pose_w: Array) -> list[Detection]:
        """The things in view, each once; views without colour show nothing."""
        found: list[Detection] = []
        for view in views:
            if view.rgb is not None:
                found += self._look(view, view.rgb, planar(np.asarray(base_pose_w, dtype=float)) @ view.T_bc)
        return merged(sorted(found, key=lambda d: -d.score))

    def _look(self, view: CameraView, rgb: Array, T_wc: Array) -> list[Detection]:
        points = transform(T_wc, deproject(view.depth.astype(float), view.K))
        height = self._height_above(points, view.depth)
        color = np.argmin(np.linalg.norm(_chroma(rgb / 255.0)[:, :, None] - self._colors[None, None], axis=3), axis=2)
        groups = _components(np.isfinite(height), color, points, view.depth)
        found: list[Detection] = []
        sizes = np.bincount(groups[groups >= 0]) if (groups >= 0).any() else np.zeros(0, dtype=int)
        for group in np.argsort(-sizes, kind="stable"):
            mask = groups == group
            if sizes[group] < LEAST_PIXELS:
                break
            detection = self._describe(view, mask, points[mask], height[mask], color[mask])
            if detection is None:
                continue
            level = [np.linalg.norm(d.position_w[:2] - detection.position_w[:2]) for d in found]
            if not level or min(level) > ONE_THING:
                found.append(detection)
        return found

    def _height_above(self, points: Array, depth: Array) -> Array:
        """(H, W) [m] above the highest surface that a point is over, in whose region it lies; NaN where it is not."""
        best = np.full(depth.shape, np.nan)
        least = ABOVE + 3.0 * DEPTH_NOISE * np.nan_to_num(depth) ** 2
        for entity, center, half in self._regions:
            c, s = np.cos(entity.yaw), np.sin(entity.yaw)
            local = (points - entity.position_w) @ np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]]) - center
            with np.errstate(invalid="ignore"):
                inside = (np.abs(local) <= half).all(axis=2)
                above = local[..., 2] + half[2]
                takes = inside & (above >= least) & ~(best <= above)
            best[takes] = above[takes]
        return best

    def _describe(self, view: CameraView, mask: Array, points: Array, height: Array, color: Array) -> Detection | None:
        low, high = np.quantile(points, 0.02, axis=0), np.quantile(points, 0.98, axis=0)
        tall = float(np.quantile(height, 0.98))
        middle = (low + high) / 2
        middle[2] = high[2] - tall / 2
        level = points[:, :2] - middle[:2]
        yaw = 0.5 * float(
            np.arctan2(2 * (level[:, 0] * level[:, 1]).mean(), (level[:, 0] ** 2 - level[:, 1] ** 2).mean())
        )
        c, s = np.cos(yaw), np.sin(yaw)
        turned = level @ np.array([[c, -s], [s, c]])
        wide = np.quantile(turned, 0.98, axis=0) - np.quantile(turned, 0.02, axis=0)
        extent = np.maximum(np.array([*wide, tall]), 0.01)
        if extent.max() > LARGEST:
            return None
        word = self._words[int(np.bincount(color).argmax())]
        kind = self._kind(word, extent)
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        return Detection(
            label=kind.label,
            attributes={"color": word, "size": "medium", **kind.attributes},
            position_w=middle,
            covariance=np.eye(3) * 0.02**2,
            yaw=yaw,
            extent=extent,
            score=min(1.0, len(points) / 200.0),
            sensor=view.name,
            box=(float(columns[0]), float(rows[0]), float(columns[-1] + 1), float(rows[-1] + 1)),
            mask=mask,
        )

    def _kind(self, color: str, extent: Array) -> KnownKind:
        able = [kind for kind in self._kinds if color in kind.colors] or list(self._kinds)
        size = np.array([*sorted(extent[:2]), extent[2]])
        misses = [np.abs(np.log(size / np.array([*sorted(k.extent[:2]), k.extent[2]]))).sum() for k in able]
        return able[int(np.argmin(misses))]


def _chroma(rgb: Array) -> Array:
    """Colours so that light and shade matter little (..., 4): shares of red, green, blue, and half the brightness."""
    total = np.maximum(rgb.sum(axis=-1, keepdims=True), 1e-3)
    return np.asarray(np.concatenate((rgb / total * 2.0, 0.5 * rgb.max(axis=-1, keepdims=True)), axis=-1))


def _components(taken: Array, color: Array, points: Array, depth: Array) -> Array:
    """(H, W) int group of each taken pixel, -1 for the others: neighbours of one colour and place are one group's."""
    height, width = taken.shape
    index = np.arange(height * width).reshape(height, width)
    reach = JOINED + 4.0 * DEPTH_NOISE * np.nan_to_num(depth) ** 2
    pairs = []
    for down, across in ((0, 1), (1, 0), (1, 1), (1, -1)):
        a = (slice(0, height - down), slice(max(0, -across), width - max(0, across)))
        b = (slice(down, height), slice(max(0, across), width - max(0, -across)))
        both = taken[a] & taken[b] & (color[a] == color[b])
        with np.errstate(invalid="ignore"):
            both &= np.linalg.norm(points[a] - points[b], axis=2) <= reach[a]
        pairs.append(np.stack((index[a][both], index[b][both])))
    i, j = np.concatenate(pairs, axis=1)
    graph = coo_array((np.ones(len(i), dtype=np.int8), (i, j)), shape=(height * width, height * width))
    _, group = connected_components(graph, directed=False)
    shown = np.where(taken.ravel(), group, -1)
    _, dense = np.unique(shown, return_inverse=True)
    return np.asarray((dense - (1 if (shown < 0).any() else 0)).reshape(height, width))

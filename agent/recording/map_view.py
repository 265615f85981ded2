"""The map that perception made, from above: what is free and occupied, and the surfaces by their height."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from yanshi.agent.recording.pictures import turbo
from yanshi.perception.mapping.mapper import Mapper

WIDTH, HEIGHT = 1400, 900
"""Of a picture at most [px]; it is twice as fine as a page."""
MARGIN = 0.15
"""Beyond what the pictures show [m]."""
LOWEST, HIGHEST = -0.1, 2.0
"""Surfaces between floor and ceiling are shown [m]."""
SPLAT = 0.06
"""Side of the square that stands for a point of a surface [m]."""
FREE, OCCUPIED, NEW, UNSEEN, HATCH = (247, 245, 239), (64, 70, 80), (205, 72, 48), (203, 200, 192), (190, 187, 179)
PAPER, WAY, RIM = (24, 27, 32), (47, 93, 138), (255, 255, 255)


@dataclass(frozen=True)
class _Sheet:
    """How the map lies in a picture: what is longer than it is wide is turned by a quarter."""

    low: NDArray[Any]
    high: NDArray[Any]
    """(2,) corners in the map [m]."""

    @property
    def turned(self) -> bool:
        """Whether the map's y points to the right and x down."""
        return bool(self.high[1] - self.low[1] > self.high[0] - self.low[0])

    @property
    def scale(self) -> float:
        """[px/m]."""
        wide, high = (self.high - self.low)[:: -1 if self.turned else 1]
        return float(min(WIDTH / wide, HEIGHT / high))

    @property
    def size(self) -> tuple[int, int]:
        """Width and height [px]."""
        wide, high = (self.high - self.low)[:: -1 if self.turned else 1] * self.scale
        return max(1, round(float(wide))), max(1, round(float(high)))

    def pixels(self, points_w: NDArray[Any]) -> NDArray[np.float64]:
        """(n, 2) places in the picture, right and down, of points (n, 2) of the map [m]."""
        if self.turned:
            return np.asarray((points_w[:, ::-1] - self.low[::-1]) * self.scale)
        return np.asarray((points_w * (1, -1) + (-self.low[0], self.high[1])) * self.scale)

    def points(self) -> NDArray[np.float64]:
        """(H, W, 2) the points of the map under the middles of the pixels [m]."""
        wide, high = self.size
        u, v = np.meshgrid((np.arange(wide) + 0.5) / self.scale, (np.arange(high) + 0.5) / self.scale)
        if self.turned:
            return np.stack((self.low[0] + v, self.low[1] + u), axis=-1)
        return np.stack((self.low[0] + u, self.high[1] - v), axis=-1)


def occupancy_picture(mapper: Mapper, way_w: NDArray[Any]) -> NDArray[np.uint8]:
    """What is free, occupied and unknown, as a picture (H, W, 3).

    Args:
        mapper: the map.
        way_w: (n, 2) where the robot went [m]: from the ring to the disc.
    """
    sheet = _sheet(mapper)
    grid, occupancy = mapper.obstacles, mapper.occupancy
    cells = np.zeros(grid.occupied.shape, dtype=np.intp)
    cells[occupancy.free] = 1
    cells[occupancy.occupied] = 2
    cells[grid.occupied] = 3
    at = np.floor((sheet.points() - grid.origin_w) / grid.resolution).astype(int)
    inside = np.all((at >= 0) & (at < np.array(grid.occupied.shape[::-1])), axis=-1)
    shown = np.where(inside, cells[tuple(np.where(inside[..., None], at, 0)[..., ::-1].transpose(2, 0, 1))], 0)
    canvas = np.array([UNSEEN, FREE, OCCUPIED, NEW], dtype=np.uint8)[shown]
    v, u = np.indices(shown.shape)
    canvas[(shown == 0) & ((u + v) % 14 < 2)] = HATCH
    return _with_way(canvas, sheet, way_w, WAY, RIM)


def surface_picture(mapper: Mapper, way_w: NDArray[Any]) -> NDArray[np.uint8]:
    """The surfaces from above, coloured by their height, as a picture (H, W, 3); see `occupancy_picture`.

    Raises:
        ValueError: The mapper fuses no surfaces.
    """
    if mapper.surface is None:
        raise ValueError("Expected a mapper that fuses surfaces, got one that does not.")
    sheet = _sheet(mapper)
    wide, high = sheet.size
    points = mapper.surface.points()
    points = points[(points[:, 2] > LOWEST) & (points[:, 2] < HIGHEST)]
    height = np.full((high, wide), np.nan)
    middle = sheet.pixels(points[:, :2].astype(float))
    half = 0.5 * SPLAT * sheet.scale
    for down in np.arange(-half, half):
        for right in np.arange(-half, half):
            _raise(height, np.floor(middle + np.array([right, down])).astype(int), points[:, 2])
    seen = np.isfinite(height)
    share = np.clip(np.where(seen, height, 0.0) / HIGHEST, 0.0, 1.0)
    colours = turbo(0.08 + 0.87 * share) * _shade(np.where(seen, height, LOWEST), sheet.scale)[..., None]
    canvas = np.where(seen[..., None], colours, PAPER).astype(np.uint8)
    return _with_way(canvas, sheet, way_w, RIM, PAPER)


def _raise(height: NDArray[Any], at: NDArray[Any], z: NDArray[Any]) -> None:
    """Lift the pixels `at` (n, 2) to `z` (n,) where they are lower: what is higher hides what lies under it."""
    rows, columns = height.shape
    inside = (at >= 0).all(axis=1) & (at[:, 0] < columns) & (at[:, 1] < rows)
    np.fmax.at(height, (at[inside, 1], at[inside, 0]), z[inside])


def _shade(height: NDArray[Any], scale: float) -> NDArray[Any]:
    """(H, W) in [0.55, 1]: slopes that face the lower right are darker."""
    down, right = np.gradient(height)
    slope = (down + right) * scale
    return np.asarray(1.0 - 0.45 * np.clip(0.15 * -slope, 0.0, 1.0))


def _sheet(mapper: Mapper) -> _Sheet:
    """A sheet for what was seen, or for the whole grid if nothing was."""
    grid = mapper.obstacles
    seen = np.argwhere(mapper.occupancy.free | mapper.occupancy.occupied)
    if not len(seen):
        seen = np.array([[0, 0], np.array(grid.occupied.shape) - 1])
    low = grid.origin_w + seen.min(axis=0)[::-1] * grid.resolution - MARGIN
    high = grid.origin_w + (seen.max(axis=0)[::-1] + 1) * grid.resolution + MARGIN
    return _Sheet(low, high)


def _with_way(
    canvas: NDArray[np.uint8], sheet: _Sheet, way_w: NDArray[Any], ink: tuple[int, ...], rim: tuple[int, ...]
) -> NDArray[np.uint8]:
    image = Image.fromarray(canvas)
    draw = ImageDraw.Draw(image)
    points = [tuple(point) for point in sheet.pixels(np.asarray(way_w, dtype=float)).tolist()]
    for width, colour in ((9, rim), (5, ink)):
        if len(points) > 1:
            draw.line(points, fill=colour, width=width, joint="curve")
    (u, v), (x, y) = points[0], points[-1]
    draw.ellipse((u - 10, v - 10, u + 10, v + 10), fill=rim, outline=ink, width=4)
    draw.ellipse((x - 11, y - 11, x + 11, y + 11), fill=ink, outline=rim, width=3)
    return np.asarray(image)

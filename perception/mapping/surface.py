"""The surfaces of a home as a truncated signed distance field, by Open3D's sparse voxel blocks.

Depth images are fused as in KinectFusion (Newcombe et al. 2011). A LiDAR turns into four of them, one for each side,
with a pixel where there was an echo and nothing elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import numpy as np

from yanshi.contracts import Array
from yanshi.errors import MissingDependencyError
from yanshi.perception.geometry import inverse, transform

PACKAGE, EXTRA = "open3d-cpu", "mapping"
BLOCK = 8
"""Voxels along each side of a block."""


@dataclass(frozen=True, kw_only=True)
class SurfaceConfig:
    """How fine the field is, and how large it may become."""

    voxel: float = 0.05
    """Side of a voxel [m]."""
    truncation: float = 2.5
    """How far before and behind a surface the field reaches, in voxels."""
    most_blocks: int = 8000
    """A block holds 8 × 8 × 8 voxels of 8 bytes: these are 33 MB. When they are used up, new places are left out."""
    farthest: float = 3.5
    """What is measured farther away [m] is too unsure."""
    focal: float = 45.0
    """Of the images that LiDARs are turned into [px]: a pixel is a little more than 1°."""
    most_points: int = 4000
    """Of an image that say which blocks it touches; the others are near to them."""
    least_weight: float = 0.5
    """A voxel counts that was measured more often."""


def available() -> bool:
    """Whether Open3D is installed."""
    return find_spec("open3d") is not None


class SurfaceMap:
    """Fuses depth into one field in the map's frame."""

    def __init__(self, config: SurfaceConfig | None = None) -> None:
        """An empty field. Raises: MissingDependencyError if Open3D is not installed."""
        if not available():
            raise MissingDependencyError(PACKAGE, EXTRA)
        import open3d

        self.config = config or SurfaceConfig()
        self._core: Any = open3d.core
        self._geometry: Any = open3d.t.geometry
        self.clear()

    def clear(self) -> None:
        """Forget everything."""
        dtype = self._core.float32
        self._blocks: Any = self._geometry.VoxelBlockGrid(
            ("tsdf", "weight"), (dtype, dtype), ((1,), (1,)), self.config.voxel, BLOCK, self.config.most_blocks
        )

    @property
    def blocks(self) -> int:
        """How many there are."""
        return int(self._blocks.hashmap().size())

    def add_depth(self, depth: Array, K: Array, T_wc: Array) -> None:
        """Fuse a depth image.

        Args:
            depth: (H, W) [m] along the optical axis; NaN or 0 where there is none.
            K: (3, 3) [px].
            T_wc: (4, 4) the camera in the map.
        """
        c = self.config
        known = np.nan_to_num(np.asarray(depth, dtype=np.float32), nan=0.0, posinf=0.0, neginf=0.0)
        v, u = np.nonzero((known > 0.0) & (known <= c.farthest))
        if not len(v):
            return
        some = slice(None, None, max(1, len(v) // c.most_points))
        v, u = v[some], u[some]
        z = known[v, u].astype(np.float64)
        points = np.stack(((u - K[0, 2]) * z / K[0, 0], (v - K[1, 2]) * z / K[1, 1], z), axis=-1)
        cloud = self._geometry.PointCloud(self._tensor(transform(T_wc, points).astype(np.float32)))
        touched = self._within_bound(self._blocks.compute_unique_block_coordinates(cloud, c.truncation))
        if touched.shape[0]:
            self._blocks.integrate(
                touched,
                self._geometry.Image(self._tensor(known)),
                self._tensor(np.asarray(K, dtype=np.float64)),
                self._tensor(inverse(np.asarray(T_wc, dtype=np.float64))),
                1.0,
                c.farthest,
                c.truncation,
            )

    def add_echoes(self, points_s: Array, T_ws: Array, sides: Iterable[int] = range(4)) -> None:
        """Fuse the echoes of a LiDAR.

        Args:
            points_s: (n, 3) in its frame [m].
            T_ws: (4, 4) its pose in the map.
            sides: which of them: 0 ahead, 1 left, 2 back, 3 right.
        """
        for T_sc in (_SIDES[side] for side in sides):
            image, K = range_view(transform(inverse(T_sc), np.asarray(points_s, dtype=np.float64)), self.config.focal)
            self.add_depth(image, K, np.asarray(T_ws, dtype=np.float64) @ T_sc)

    def points(self) -> Array:
        """(n, 3) float32 points of the surfaces in the map [m]."""
        try:
            cloud = self._blocks.extract_point_cloud(self.config.least_weight)
        except RuntimeError:  # what Open3D says where a field has no surface yet
            return np.zeros((0, 3), dtype=np.float32)
        return np.asarray(cloud.point.positions.numpy(), dtype=np.float32).reshape(-1, 3)

    def mesh(self) -> tuple[Array, Array]:
        """Corners (n, 3) float32 of triangles in the map [m], and which three (m, 3) make each."""
        if not self.blocks:
            return np.zeros((0, 3), dtype=np.float32), np.zeros((0, 3), dtype=np.int64)
        mesh = self._blocks.extract_triangle_mesh(self.config.least_weight)
        corners = np.asarray(mesh.vertex.positions.numpy(), dtype=np.float32).reshape(-1, 3)
        return corners, np.asarray(mesh.triangle.indices.numpy(), dtype=np.int64).reshape(-1, 3)

    def _within_bound(self, touched: Any) -> Any:
        """The blocks (n, 3) that may be written: those that exist, and new ones as long as there is room."""
        table = self._blocks.hashmap()
        room = self.config.most_blocks - table.size()
        if touched.shape[0] <= room:
            return touched
        known = table.find(touched)[1].numpy()
        places = touched.numpy()
        return self._tensor(np.concatenate((places[known], places[~known][:room])))

    def _tensor(self, values: Array) -> Any:
        return self._core.Tensor(np.ascontiguousarray(values))


def range_view(points_c: Array, focal: float) -> tuple[Array, Array]:
    """What a camera of 90° sees of single points.

    Args:
        points_c: (n, 3) in the camera's frame [m].
        focal: [px].

    Returns:
        (H, W) float32 depth of the nearest point in each pixel [m], NaN where there is none; K (3, 3).
    """
    wide, high = 2 * round(focal) + 1, 2 * round(1.4 * focal) + 1
    K = np.array([[focal, 0.0, (wide - 1) / 2.0], [0.0, focal, (high - 1) / 2.0], [0.0, 0.0, 1.0]])
    image = np.full((high, wide), np.nan, dtype=np.float32)
    ahead = points_c[points_c[:, 2] > 1e-3]
    u = np.round(focal * ahead[:, 0] / ahead[:, 2] + K[0, 2]).astype(int)
    v = np.round(focal * ahead[:, 1] / ahead[:, 2] + K[1, 2]).astype(int)
    seen = np.flatnonzero((u >= 0) & (u < wide) & (v >= 0) & (v < high))
    order = seen[np.argsort(-ahead[seen, 2], kind="stable")]
    image[v[order], u[order]] = ahead[order, 2]
    return image, K


def _sides() -> tuple[Array, ...]:
    """T_sc (4, 4) of cameras that look ahead, to the left, back and to the right of a LiDAR."""
    sides = []
    for c, s in ((1.0, 0.0), (0.0, 1.0), (-1.0, 0.0), (0.0, -1.0)):
        T = np.eye(4)
        T[:3, :3] = np.array([[s, 0.0, c], [-c, 0.0, s], [0.0, -1.0, 0.0]])
        sides.append(T)
    return tuple(sides)


_SIDES = _sides()

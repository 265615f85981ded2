"""Maps a home while the robot lives in it: which frames are taken in, from where, and what of them is the robot itself.

It works in the loop, so it takes in at most one frame in a call, each sense a few times a second, and a view that has
not changed hardly ever.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from yanshi.contracts import Array, FloorPlan, Frame, Observation, OccupancyGrid
from yanshi.errors import SenseError
from yanshi.perception.geometry import deproject, planar, transform
from yanshi.perception.mapping.occupancy import OccupancyMap
from yanshi.perception.mapping.surface import SurfaceMap
from yanshi.perception.mapping.unexpected import Unexpected

PoseAt = Callable[[float], Array]
"""The pose of the base in the map (3,) x, y [m], yaw [rad] at a time [s]."""


@dataclass(frozen=True, kw_only=True)
class MapperConfig:
    """What is taken in, and how often."""

    every: float = 0.5
    """Between two frames of one sense [s] …"""
    moved: float = 0.05
    turned: float = 0.1
    """… that has moved [m] or turned [rad]; else …"""
    still: float = 2.0
    """… so long [s]."""
    left_out: tuple[str, ...] = ("wrist_depth",)
    """Senses in the hand see mostly what it does."""
    stride: int = 2
    """Every so many pixels of a depth image give a ray."""
    depth_farthest: float = 3.0
    lidar_farthest: float = 6.0
    """What is farther away [m] is not taken in."""
    own: float = 0.30
    """So near [m], seen from above, to the line from the base to the hand it is the robot, or what it carries."""


@dataclass(slots=True)
class _Taken:
    """The last frame of a sense that was taken in."""

    stamp: float
    T_ws: Array


class Mapper:
    """The map of one home."""

    def __init__(self, plan: FloorPlan, config: MapperConfig | None = None, surface: SurfaceMap | None = None) -> None:
        """An empty map.

        Args:
            plan: where the map lies, and what is no news.
            config: what is taken in.
            surface: fused as well, if it is given: it needs Open3D.
        """
        self.config = config or MapperConfig()
        self.occupancy = OccupancyMap(plan.grid)
        self.surface = surface
        self._unexpected = Unexpected(plan)
        self._obstacles = OccupancyGrid(
            occupied=np.zeros_like(self.occupancy.occupied),
            resolution=plan.grid.resolution,
            origin_w=np.asarray(plan.grid.origin_w),
        )
        self._nothing = self._obstacles
        self._taken: dict[str, _Taken] = {}
        self._side: dict[str, int] = {}
        """Of each LiDAR, which the surface takes in next: all four at once would take too long for one call."""
        self._stamp = 0.0

    @property
    def obstacles(self) -> OccupancyGrid:
        """What is in the way and not in the floor plan. It is another object only when it has changed."""
        return self._obstacles

    def update(self, observation: Observation, pose_at: PoseAt) -> bool:
        """Take in the frame that has waited longest, if one is due.

        Args:
            observation: depth and LiDAR frames; others are left alone.
            pose_at: where the robot was.

        Returns:
            Whether a frame was taken in.

        Raises:
            SenseError: a depth frame lacks its intrinsics.
        """
        if observation.stamp < self._stamp:
            self._forget()
        self._stamp = observation.stamp
        due = [
            (self._taken[frame.name].stamp if frame.name in self._taken else -np.inf, frame.name, frame)
            for frame in observation.frames.values()
            if frame.modality in ("depth", "lidar")
            and frame.T_bs is not None
            and frame.name not in self.config.left_out
            and self._is_due(frame, pose_at)
        ]
        if not due:
            return False
        frame = min(due, key=lambda item: item[:2])[2]
        T_wb = planar(np.asarray(pose_at(frame.stamp), dtype=float))
        hand = np.asarray(observation.proprioception.T_be, dtype=float)[:2, 3]
        if frame.modality == "depth":
            self._look(frame, T_wb, hand)
        else:
            self._range(frame, T_wb, hand)
        self._taken[frame.name] = _Taken(frame.stamp, T_wb @ frame.T_bs)
        self._tell()
        return True

    def _forget(self) -> None:
        """Begin another episode."""
        self.occupancy.clear()
        if self.surface is not None:
            self.surface.clear()
        self._taken, self._side, self._obstacles = {}, {}, self._nothing

    def _is_due(self, frame: Frame, pose_at: PoseAt) -> bool:
        last = self._taken.get(frame.name)
        if last is None:
            return True
        if frame.stamp < last.stamp + self.config.every:
            return False
        if frame.stamp >= last.stamp + self.config.still:
            return True
        T_ws = planar(np.asarray(pose_at(frame.stamp), dtype=float)) @ frame.T_bs
        turn = np.arccos(np.clip((np.trace(T_ws[:3, :3].T @ last.T_ws[:3, :3]) - 1.0) / 2.0, -1.0, 1.0))
        away = np.linalg.norm(T_ws[:3, 3] - last.T_ws[:3, 3])
        return bool(away >= self.config.moved or turn >= self.config.turned)

    def _look(self, frame: Frame, T_wb: Array, hand: Array) -> None:
        """Take in a depth image."""
        if frame.K is None:
            raise SenseError(f"Frame '{frame.name}': expected intrinsics K, which it lacks.")
        assert frame.T_bs is not None
        c = self.config
        K, T_bs = np.asarray(frame.K, dtype=float), np.asarray(frame.T_bs, dtype=float)
        points = transform(T_bs, deproject(frame.data, K))
        depth = np.where(_own(points, hand, c.own), np.float32(np.nan), frame.data)
        T_wc = T_wb @ T_bs
        known = np.isfinite(depth[:: c.stride, :: c.stride])
        rays = points[:: c.stride, :: c.stride][known]
        self.occupancy.add(transform(T_wb, rays), T_wc[:3, 3], c.depth_farthest)
        if self.surface is not None:
            self.surface.add_depth(np.where(depth <= c.depth_farthest, depth, np.nan), K, T_wc)

    def _range(self, frame: Frame, T_wb: Array, hand: Array) -> None:
        """Take in a turn of a LiDAR."""
        assert frame.T_bs is not None
        T_bs = np.asarray(frame.T_bs, dtype=float)
        echoes = frame.data[:, :3].astype(float)
        points = transform(T_bs, echoes)
        other = ~_own(points, hand, self.config.own) & np.isfinite(points).all(axis=1)
        T_ws = T_wb @ T_bs
        self.occupancy.add(transform(T_wb, points[other]), T_ws[:3, 3], self.config.lidar_farthest)
        if self.surface is not None:
            side = self._side.get(frame.name, 0)
            self.surface.add_echoes(echoes[other], T_ws, sides=(side,))
            self._side[frame.name] = (side + 1) % 4

    def _tell(self) -> None:
        """Note what is in the way."""
        found = self._unexpected.of(self.occupancy.occupied)
        if not np.array_equal(found, self._obstacles.occupied):
            grid = self._nothing
            self._obstacles = OccupancyGrid(occupied=found, resolution=grid.resolution, origin_w=grid.origin_w)


def _own(points_b: Array, hand_b: Array, radius: float) -> Array:
    """Which points (..., 3) are near the line from the base's middle to the hand (2,), seen from above."""
    length = float(hand_b @ hand_b)
    xy = points_b[..., :2]
    share = np.clip(xy @ hand_b / max(length, 1e-9), 0.0, 1.0)
    near: Array = np.linalg.norm(xy - share[..., None] * hand_b, axis=-1) < radius
    return near

"""Things in the dark: what stands out above the furniture of the map in the echoes of a LiDAR.

A LiDAR tells neither colour nor kind, and where its beams are a hand's width apart hardly the size. So what is told is
a thing: where it is, about how large, and unsurely.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from yanshi.contracts import Array, Detection, Entity, FloorPlan, Frame
from yanshi.perception.geometry import planar, transform

UNKNOWN = "thing"
"""The label of what is not known to be of any kind."""


@dataclass(frozen=True, kw_only=True)
class RangeConfig:
    """What counts as a thing."""

    above: float = 0.035
    """Echoes lower than this over a surface [m] may be the surface."""
    margin: float = 0.01
    """Echoes so near to the edge of a surface [m] may be the edge."""
    kept: float = 0.35
    """For how long echoes are counted together [s]."""
    joined: float = 0.05
    """Echoes nearer than this [m], seen from above, plus what two neighbouring beams are apart, are of one thing …"""
    spacing: float = 0.0175
    """… which is this [rad]."""
    least: int = 3
    """Echoes."""
    range: float = 2.5
    """Farther away [m] beams are too far apart."""
    largest: float = 0.4
    """Groups larger than this [m] are no movable thing."""
    score: float = 0.5
    deviation: float = 0.025
    """Of the place that is told [m]."""


@dataclass(frozen=True, slots=True)
class Ranged:
    """What a LiDAR shows."""

    detections: tuple[Detection, ...] = ()
    viewed: frozenset[str] = frozenset()
    """Fixtures all over whose surface there were echoes."""


class RangeClusters:
    """Finds things on the furniture of one floor plan."""

    def __init__(self, plan: FloorPlan, config: RangeConfig | None = None) -> None:
        self.config = config or RangeConfig()
        self._surfaces = [
            (entity, np.asarray(region.center_e, dtype=float), np.asarray(region.half, dtype=float))
            for entity in plan.fixtures
            for region in entity.regions
            if region.kind == "on" and entity.articulation is None
        ]
        self._turns: deque[tuple[float, Array, Array]] = deque()

    def look(self, frame: Frame, base_pose_w: Array) -> Ranged:
        """The things that one turn of a LiDAR and the last before it show.

        Args:
            frame: with its pose.
            base_pose_w: (3,) x, y [m], yaw [rad] of the robot in the map when it was taken.
        """
        if frame.T_bs is None:
            return Ranged()
        while self._turns and not frame.stamp - self.config.kept <= self._turns[0][0] < frame.stamp:
            self._turns.popleft()
        T_ws = planar(np.asarray(base_pose_w, dtype=float)) @ frame.T_bs
        points = transform(T_ws, frame.data[:, :3].astype(float))
        near = np.linalg.norm(points - T_ws[:3, 3], axis=1) < self.config.range
        self._turns.append((frame.stamp, points[near], T_ws[:3, 3]))
        echoes = np.concatenate([turn for _, turn, _ in self._turns])
        found: list[Detection] = []
        viewed = set()
        for entity, center, half in self._surfaces:
            local = _local(entity, echoes) - center
            over = (np.abs(local[:, :2]) <= half[:2] - self.config.margin).all(axis=1)
            height = local[:, 2] + half[2]
            out = over & (height > self.config.above) & (height < 2.0 * half[2])
            found += self._things(echoes[out], height[out], T_ws[:3, 3], frame.name)
            if _covered(local[over & (height > -self.config.above)], half):
                viewed.add(entity.name)
        return Ranged(tuple(found), frozenset(viewed))

    def _things(self, points: Array, height: Array, eye: Array, sensor: str) -> list[Detection]:
        """One for each group of echoes (n, 3) above a surface."""
        c = self.config
        if len(points) < c.least:
            return []
        away = np.linalg.norm(points[:, :2] - eye[:2], axis=1)
        pairs = cKDTree(points[:, :2]).query_pairs(
            c.joined + 2.0 * c.spacing * float(away.max()), output_type="ndarray"
        )
        near = np.linalg.norm(points[pairs[:, 0], :2] - points[pairs[:, 1], :2], axis=1)
        pairs = pairs[near <= c.joined + c.spacing * away[pairs[:, 0]]]
        ones = np.ones(len(pairs), dtype=np.int8)
        graph = coo_array((ones, (pairs[:, 0], pairs[:, 1])), shape=(len(points), len(points)))
        _, group = connected_components(graph, directed=False)
        found = []
        for number in range(int(group.max()) + 1):
            of = group == number
            if of.sum() >= c.least:
                thing = self._thing(points[of], height[of], eye, sensor)
                if thing is not None:
                    found.append(thing)
        return found

    def _thing(self, points: Array, height: Array, eye: Array, sensor: str) -> Detection | None:
        """A thing whose front was met; it is taken to be as deep as it is wide."""
        c = self.config
        ahead = points[:, :2].mean(axis=0) - eye[:2]
        away = float(np.linalg.norm(ahead))
        ahead /= max(away, 1e-6)
        aside = points[:, :2] @ np.array([-ahead[1], ahead[0]])
        width = float(np.quantile(aside, 0.95) - np.quantile(aside, 0.05)) + c.spacing * away
        tall = float(height.max()) + 0.01
        if max(width, tall) > c.largest:
            return None
        front = float(np.quantile(points[:, :2] @ ahead, 0.1))
        across = 0.5 * (aside.max() + aside.min())
        middle = (front + 0.5 * width) * ahead + across * np.array([-ahead[1], ahead[0]])
        surface = float((points[:, 2] - height).mean())
        return Detection(
            label=UNKNOWN,
            position_w=np.array([*middle, surface + 0.5 * tall]),
            covariance=np.eye(3) * c.deviation**2,
            yaw=float(np.arctan2(ahead[1], ahead[0])),
            extent=np.array([width, width, tall]),
            score=c.score,
            sensor=sensor,
        )


def _local(entity: Entity, points_w: Array) -> Array:
    c, s = np.cos(entity.yaw), np.sin(entity.yaw)
    return np.asarray((points_w - entity.position_w) @ np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]]))


def _covered(local: Array, half: Array) -> bool:
    """Whether there are echoes in most of the 5 × 5 fields of a surface."""
    if len(local) < 20:
        return False
    cell = np.clip(((local[:, :2] / half[:2] + 1.0) * 2.5).astype(int), 0, 4)
    return len(np.unique(cell[:, 0] * 5 + cell[:, 1])) >= 18

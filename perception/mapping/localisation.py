"""Where the robot is: odometry, which drifts, corrected by what LiDARs measure of the walls of the map.

Each scan is matched to the map by Gauss-Newton steps from the pose that odometry predicts, as in Hector SLAM
(Kohlbrecher et al. 2011, "A flexible and scalable SLAM system with full 3D motion estimation"). The map is that of the
rooms' wall faces and not of the occupancy grid, whose cells of 5 cm are coarser than what a button or a handle asks
for; the error of a point is its distance from the line of the face that it is nearest to, as in PLICP (Censi 2008, "An
ICP variant using a point-to-line metric"). Odometry's own uncertainty is the prior of each match, which makes it the
update of an iterated extended Kalman filter: along a bare corridor, where walls say nothing, odometry is kept.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np

from yanshi.contracts import Array, FloorPlan, Frame, Observation
from yanshi.perception.geometry import transform
from yanshi.perception.mapping.walls import Walls


@dataclass(frozen=True, kw_only=True)
class LocaliserConfig:
    """How odometry and LiDARs err, and which points are looked at."""

    drift_distance: float = 0.03
    """Deviation of odometry after 1 m [m]; it grows as the root of the way."""
    drift_turn: float = 0.05
    """Deviation of its heading after 1 rad [rad]; a metre driven counts as a quarter of that."""
    noise: float = 0.02
    """Deviation of a point from the wall that it is on [m]: of the measurement, and of the map."""
    independent: float = 40.0
    """However many points there are, they say no more than so many: the errors of neighbours are alike."""
    gate: float = 0.25
    """Points farther from every wall [m] are of something else."""
    outlier: float = 0.05
    """Scale of Cauchy's weights [m]: a point so far from its wall counts half."""
    least_points: int = 20
    most_points: int = 360
    """Of one scan; of more, some are left out evenly."""
    heights: tuple[float, float] = (0.1, 2.2)
    """Points below and above [m] are floor and ceiling."""
    steps: int = 6


class Localiser:
    """Follows one robot through one home.

    The pose is that of the base in the map: (3,) x, y [m], yaw [rad].
    """

    def __init__(self, plan: FloorPlan, config: LocaliserConfig | None = None) -> None:
        self.config = config or LocaliserConfig()
        self._walls = Walls(plan.rooms)
        self._start = np.asarray(plan.start_w, dtype=float)
        self._reset()

    def _reset(self) -> None:
        self._offset = self._start.copy()
        """The odometry's frame in the map."""
        self._covariance = np.diag([0.01, 0.01, 0.01]) ** 2
        self._way: deque[tuple[float, Array]] = deque()
        self._before: dict[str, Frame] = {}

    @property
    def covariance(self) -> Array:
        """(3, 3) of x, y, yaw [m, m, rad]."""
        return self._covariance

    def locate(self, observation: Observation) -> Array:
        """The pose at the time of an observation, from its odometry and its new LiDAR frames."""
        if self._way and observation.stamp < self._way[-1][0]:
            self._reset()
        self._drive(observation)
        for frame in observation.frames.values():
            if frame.modality == "lidar" and frame.T_bs is not None and self._before.get(frame.name) is not frame:
                self._match(frame)
        self._before = {f.name: f for f in observation.frames.values() if f.modality == "lidar"}
        return self.at(observation.stamp)

    def at(self, stamp: float) -> Array:
        """The pose at a time of the last second: a camera's frame is older than the observation that it comes in."""
        return after(self._offset, self._odometry(stamp))

    def _drive(self, observation: Observation) -> None:
        odometry = np.asarray(observation.proprioception.odometry, dtype=float)
        if self._way:
            self._forget(odometry - self._way[-1][1])
        self._way.append((observation.stamp, odometry))
        while self._way[0][0] < observation.stamp - 1.0:
            self._way.popleft()

    def _forget(self, moved: Array) -> None:
        """Less is known after a way (3,)."""
        c = self.config
        distance, turn = float(np.hypot(*moved[:2])), abs(float(moved[2]))
        level = c.drift_distance**2 * distance
        self._covariance = self._covariance + np.diag([level, level, c.drift_turn**2 * (turn + 0.0625 * distance)])

    def _odometry(self, stamp: float) -> Array:
        """(3,) at a time; the nearest that is known outside of it."""
        stamps = np.array([at for at, _ in self._way])
        poses = np.array([pose for _, pose in self._way])
        poses[:, 2] = np.unwrap(poses[:, 2])
        return np.array([np.interp(stamp, stamps, poses[:, k]) for k in range(3)])

    def _match(self, frame: Frame) -> None:
        """Correct by one scan."""
        assert frame.T_bs is not None
        c = self.config
        points = transform(np.asarray(frame.T_bs, dtype=float), frame.data[:, :3].astype(float))
        points = points[(points[:, 2] > c.heights[0]) & (points[:, 2] < c.heights[1])]
        points = points[:: max(1, len(points) // c.most_points), :2]
        driven = self._odometry(frame.stamp)
        predicted = pose = after(self._offset, driven)
        prior = np.linalg.inv(self._covariance)
        information = prior
        for _ in range(c.steps):
            cos, sin = np.cos(pose[2]), np.sin(pose[2])
            turned = points @ np.array([[cos, sin], [-sin, cos]])
            found = self._walls.nearest(turned + pose[:2], pose[:2], c.gate)
            if len(found.index) < c.least_points:
                return
            weight = 1.0 / (1.0 + (found.distance / c.outlier) ** 2)
            weight *= min(1.0, c.independent / weight.sum()) / c.noise**2
            arm = turned[found.index]
            turning = found.normal[:, 1] * arm[:, 0] - found.normal[:, 0] * arm[:, 1]
            jacobian = np.column_stack((found.normal, turning))
            information = prior + (jacobian * weight[:, None]).T @ jacobian
            away = pose - predicted
            step = np.linalg.solve(information, -(jacobian.T @ (weight * found.distance) + prior @ away))
            pose = pose + step
            if np.abs(step).max() < 1e-4:
                break
        self._covariance = np.linalg.inv(information)
        self._offset = before(pose, driven)


def after(pose: Array, motion: Array) -> Array:
    """The pose (3,) that is reached by a motion (3,), seen from a pose."""
    c, s = np.cos(pose[2]), np.sin(pose[2])
    x, y, turn = motion
    return np.array([pose[0] + c * x - s * y, pose[1] + s * x + c * y, wrapped(pose[2] + turn)])


def before(pose: Array, motion: Array) -> Array:
    """From where a motion (3,) leads to a pose (3,)."""
    yaw = pose[2] - motion[2]
    c, s = np.cos(yaw), np.sin(yaw)
    x, y, _ = motion
    return np.array([pose[0] - c * x + s * y, pose[1] - s * x - c * y, wrapped(yaw)])


def wrapped(angle: float) -> float:
    """In [-π, π)."""
    return float((angle + np.pi) % (2.0 * np.pi) - np.pi)

"""The values that cross borders between perception, planning, envs and agent. Frozen, slotted, numpy only.

Frames of reference: ``_w`` the map (world) frame, z up; ``_b`` the robot base frame, x forward, y left, z up; ``_s`` a
sensor frame; ``_e`` an entity's frame. ``T_ab`` (4, 4) maps a point of frame b into frame a. SI units; seconds of the
simulation or ROS clock; angles in radians; quaternions wxyz.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from yanshi.errors import ContractError
from yanshi.goals import Fact, Goal

__all__ = [
    "Articulation", "Detection", "Entity", "Fact", "FloorPlan", "Frame", "Goal", "Held", "Observation", "OccupancyGrid",
    "Percept", "Plan", "Proprioception", "Region", "Room", "SkillCall", "SoundEvent", "Status", "Subtask", "WorldState",
]  # fmt: skip

Array = NDArray[Any]
Modality = Literal["rgb", "depth", "lidar", "audio", "touch", "thermal", "force_torque", "joints"]
Affordance = Literal["grasp", "on", "in", "open", "press", "sound"]
Provenance = Literal["map", "seen", "heard", "felt", "expected", "told"]

_FORM: dict[str, tuple[str, tuple[int | None, ...]]] = {
    "rgb": ("uint8", (None, None, 3)),
    "depth": ("float32", (None, None)),
    "lidar": ("float32", (None, 4)),
    "audio": ("float32", (None, None)),
    "touch": ("float32", (None,)),
    "thermal": ("float32", (None, None)),
    "force_torque": ("float32", (6,)),
    "joints": ("float32", (None,)),
}


def _check_shape(name: str, value: Array, shape: tuple[int | None, ...]) -> None:
    if value.ndim != len(shape) or any(n is not None and n != m for n, m in zip(shape, value.shape, strict=True)):
        expected = "(" + ", ".join("*" if n is None else str(n) for n in shape) + ")"
        raise ContractError(f"{name}: expected shape {expected}, got {value.shape}.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One reading of one sensor, with what is needed to read it."""

    name: str
    """Which sensor, e.g. ``head_rgb``."""
    modality: Modality
    """What `data` is: rgb (H, W, 3) uint8; depth (H, W) float32 [m], NaN where none; lidar (N, 4) float32 x, y, z [m]
    in the sensor frame and intensity [0, 1]; audio (T, M) float32, full scale 1; touch (F,) float32 [N]; thermal (H, W)
    float32 [K]; force_torque (6,) float32 [N, N m] in the sensor frame; joints (n,) float32."""
    stamp: float
    """When it was measured [s] (for audio: the end of the clip)."""
    data: Array
    rate: float
    """Readings a second [Hz]; for audio the sample rate."""
    K: Array | None = None
    """Camera intrinsics (3, 3) [px]."""
    T_bs: Array | None = None
    """Sensor in robot base (4, 4). A camera frame is OpenCV's: x right, y down, z forward."""
    microphones_s: Array | None = None
    """Microphone positions (M, 3) [m] in the sensor frame, for audio."""

    def __post_init__(self) -> None:
        dtype, shape = _FORM[self.modality]
        if self.data.dtype != dtype:
            raise ContractError(
                f"Frame '{self.name}' ({self.modality}): expected dtype {dtype}, got {self.data.dtype}."
            )
        _check_shape(f"Frame '{self.name}' ({self.modality})", self.data, shape)
        if self.K is not None:
            _check_shape(f"Frame '{self.name}' K", self.K, (3, 3))
        if self.T_bs is not None:
            _check_shape(f"Frame '{self.name}' T_bs", self.T_bs, (4, 4))
        if self.modality == "audio" and self.microphones_s is not None:
            _check_shape(f"Frame '{self.name}' microphones_s", self.microphones_s, (self.data.shape[1], 3))


@dataclass(frozen=True, slots=True, kw_only=True)
class Proprioception:
    """What the robot feels of itself."""

    joint_names: tuple[str, ...]
    joint_positions: Array
    """(n,) [rad or m]: arm joints, then head joints."""
    joint_velocities: Array
    """(n,) [rad/s or m/s]."""
    odometry: Array
    """(3,) base x, y [m], yaw [rad] in the odometry frame: starts at 0 and drifts."""
    base_velocity_b: Array
    """(3,) vx, vy [m/s], yaw rate [rad/s]."""
    T_be: Array
    """(4, 4) end effector (tool centre point) in the base: z points out of the gripper, y along finger motion."""
    gripper_opening: float
    """Distance between the finger pads [m]."""

    def __post_init__(self) -> None:
        n = len(self.joint_names)
        _check_shape("joint_positions", self.joint_positions, (n,))
        _check_shape("joint_velocities", self.joint_velocities, (n,))
        _check_shape("odometry", self.odometry, (3,))
        _check_shape("base_velocity_b", self.base_velocity_b, (3,))
        _check_shape("T_be", self.T_be, (4, 4))


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """Everything the agent is given: the newest frame of each sense, and proprioception."""

    stamp: float
    frames: Mapping[str, Frame]
    proprioception: Proprioception


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """A box that belongs to an entity and means something: where things stand, lie inside, are gripped or pressed."""

    kind: Literal["on", "in", "handle", "button"]
    center_e: Array
    """(3,) [m] in the entity frame. For ``on`` the box's lower face is the surface itself."""
    half: Array
    """(3,) half extents [m]."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Articulation:
    """How a part moves: a drawer slides, a door turns."""

    kind: Literal["slide", "hinge"]
    axis_e: Array
    """(3,) unit vector in the entity frame; a positive joint value opens."""
    pivot_e: Array
    """(3,) a point on the axis, in the entity frame of the closed part [m]."""
    limit: float
    """Joint value when fully open [m or rad]; closed is 0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entity:
    """A thing, a piece of furniture, a part of one, a door or a control, as somebody knows it."""

    name: str
    label: str
    """Its kind: ``mug``, ``drawer``."""
    category: Literal["object", "fixture", "door", "control"]
    attributes: Mapping[str, str] = field(default_factory=dict)
    """color, size, material, shape, digit."""
    position_w: Array
    """(3,) origin of the entity frame [m]: for an object the centre of its box; for a fixture its reference point.
    For an articulated part, where it is when closed."""
    yaw: float = 0.0
    """Rotation about z of the entity frame [rad]."""
    extent: Array
    """(3,) full size of its oriented bounding box [m]; centred at position_w for an object."""
    covariance: Array | None = None
    """(3, 3) of position_w [m²]; None when exact."""
    affordances: frozenset[str] = frozenset()
    """Which of `Affordance` it offers."""
    regions: tuple[Region, ...] = ()
    articulation: Articulation | None = None
    room: str | None = None
    last_seen: float | None = None
    """[s]; None when it was never seen, only known from the map or from words."""
    provenance: Provenance = "map"

    def region(self, kind: str) -> Region | None:
        """Its first region of a kind, or None."""
        return next((r for r in self.regions if r.kind == kind), None)

    def to_world(self, point_e: Array) -> Array:
        """Map a point (3,) or points (n, 3) from the entity frame (closed, for a part) to the map frame [m]."""
        c, s = np.cos(self.yaw), np.sin(self.yaw)
        world: Array = np.asarray(point_e) @ np.array([[c, s, 0.0], [-s, c, 0.0], [0.0, 0.0, 1.0]]) + self.position_w
        return world


@dataclass(frozen=True, slots=True, kw_only=True)
class OccupancyGrid:
    """Where the base cannot go."""

    occupied: Array
    """(ny, nx) bool; cell [j, i] covers origin + (i, j) * resolution."""
    resolution: float
    """[m] a cell."""
    origin_w: Array
    """(2,) x, y of the corner of cell [0, 0] [m]."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """An axis-aligned room."""

    name: str
    low_w: Array
    """(2,) least x, y [m]."""
    high_w: Array
    """(2,) greatest x, y [m]."""

    def contains(self, point: Array) -> bool:
        """Whether a point (x, y[, z]) [m] of the map lies inside."""
        return bool(np.all(point[:2] >= self.low_w) and np.all(point[:2] <= self.high_w))


@dataclass(frozen=True, slots=True, kw_only=True)
class FloorPlan:
    """What the robot is told of its home before it starts, as a Nav2 robot is given its map: rooms, walls, fixtures.

    It says nothing of movable objects, and nothing of whether a door or drawer is open.
    """

    rooms: tuple[Room, ...]
    fixtures: tuple[Entity, ...]
    """Furniture, its parts, doors and controls."""
    grid: OccupancyGrid
    start_w: Array
    """(3,) base x, y [m], yaw [rad] in the map at time 0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Detection:
    """One thing that perception found."""

    label: str
    attributes: Mapping[str, str] = field(default_factory=dict)
    position_w: Array
    """(3,) centre [m] in the map frame."""
    covariance: Array
    """(3, 3) [m²]."""
    yaw: float = 0.0
    extent: Array
    """(3,) oriented bounding box, full size [m]."""
    score: float = 1.0
    """Confidence [0, 1]."""
    sensor: str = ""
    """Which frame it was found in, e.g. ``head_rgb``."""
    box: tuple[float, float, float, float] | None = None
    """x0, y0, x1, y1 [px]."""
    mask: Array | None = None
    """(H, W) bool."""
    embedding: Array | None = None
    track: str | None = None
    """A stable name, where the perceiver can give one (a fixture of the map, or an oracle)."""
    opening: float | None = None
    """For a part that moves: 0 closed … 1 fully open."""
    labels: Mapping[str, float] = field(default_factory=dict)
    """How probable each of several labels is, where perception says so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SoundEvent:
    """Something that was heard."""

    label: str
    """ring, beep, whistle, buzz, hum, knock, voice, thud."""
    direction_w: Array
    """(3,) unit vector from the microphones, in the map frame."""
    origin_w: Array
    """(3,) where the microphones were [m]."""
    covariance: Array
    """(2, 2) of azimuth and elevation [rad²]."""
    score: float = 1.0
    track: str | None = None
    distance: float | None = None
    """How far from the microphones it is [m], where that is known."""
    distance_deviation: float | None = None
    """Standard deviation of `distance` [m]."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Percept:
    """What perception makes of an observation."""

    stamp: float
    base_pose_w: Array
    """(3,) x, y [m], yaw [rad]: the robot localised in the map."""
    detections: tuple[Detection, ...] = ()
    sounds: tuple[SoundEvent, ...] = ()
    facts: Mapping[Fact, bool] = field(default_factory=dict)
    """Relations that are seen to be true or false among things in view (entity names as in `track`)."""
    viewed: frozenset[str] = frozenset()
    """Names of fixtures whose surface or inside is in view well enough that an object there would have been seen."""
    grid: OccupancyGrid | None = None
    """Obstacles sensed now, where perception makes such a map."""
    speech: str | None = None
    source: str = ""
    """Which perception made it, e.g. ``oracle``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """How strongly a fact is believed, since when and why."""

    value: bool
    confidence: float = 1.0
    stamp: float = 0.0
    provenance: Provenance = "seen"


@dataclass(frozen=True, slots=True, kw_only=True)
class WorldState:
    """A belief: entities and facts, each with when and how it came to be known. Changed only by `with_`."""

    stamp: float
    base_pose_w: Array
    """(3,) x, y [m], yaw [rad]."""
    entities: Mapping[str, Entity] = field(default_factory=dict)
    facts: Mapping[Fact, Held] = field(default_factory=dict)
    plan_of_home: FloorPlan | None = None
    grid: OccupancyGrid | None = None
    """Where the base cannot go, as believed now."""
    sounds: tuple[SoundEvent, ...] = ()
    """Recent sounds, newest last."""
    openings: Mapping[str, float] = field(default_factory=dict)
    """Part name → 0 closed … 1 open, as last seen."""
    viewed: Mapping[str, float] = field(default_factory=dict)
    """Fixture name → when its surface or inside was last looked at [s]."""

    def with_(self, **changes: Any) -> WorldState:
        """A copy with some fields changed."""
        return replace(self, **changes)

    def true(self, fact: Fact) -> bool:
        """Whether a fact is believed true; what is not known is false."""
        held = self.facts.get(fact)
        return held is not None and held.value


class Status(Enum):
    """Where a sub-task or skill stands."""

    PENDING = "pending"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class SkillCall:
    """A skill and the entities it is applied to: ``SkillCall("place_on", ("red_mug", "counter"))``."""

    skill: str
    args: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.skill}({', '.join(self.args)})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Subtask:
    """One step of a plan."""

    call: SkillCall
    expects: tuple[tuple[Fact, bool], ...] = ()
    """Facts that must be seen true (or false) when the step is done."""
    status: Status = Status.PENDING
    started: float | None = None
    ended: float | None = None
    """[s] of the simulation or ROS clock."""
    note: str = ""
    """Why it failed, or what was seen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is to be done, and why."""

    goal: Goal
    thought: str
    subtasks: tuple[Subtask, ...]
    source: str = "search"
    """Who made it: search, library, language model, expert."""

"""Robots: what an MJCF file is to us. Any arm with a gripper, on a base or not, can be described and registered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import mujoco
import numpy as np
from numpy.typing import NDArray

from yanshi import sim_assets
from yanshi.envs.joints import require_carried
from yanshi.errors import InputError, UnknownNameError, WorldError

__all__ = ["Robot", "check_robot", "register", "robot", "robots"]

ROBOT_FILES = Path(sim_assets.__file__).parent / "robots"


@dataclass(frozen=True, kw_only=True)
class Robot:
    """A description of a robot: which parts of its MJCF file are the arm, the gripper, the base and the head.

    The base frame ``_b`` has its origin on the floor under the robot, x forward. An action is a float32 vector (nu,) in
    [-1, 1]; the rows for a base or a head are there only if the robot has one:

    ===============  ==========================  =======  ======  =======  ========
    index            meaning                     frame    at -1   at +1    unit
    ===============  ==========================  =======  ======  =======  ========
    0, 1             base velocity x, y          ``_b``   -0.6    0.6      m/s
    2                base yaw rate               ``_b``   -1.2    1.2      rad/s
    3, 4, 5          tool velocity x, y, z       ``_b``   -0.35   0.35     m/s
    6, 7, 8          tool angular rate x, y, z   ``_b``   -1.5    1.5      rad/s
    9                gripper opening (position)           0       0.08     m
    10, 11           head pan, tilt rate                  -1.5    1.5      rad/s
    ===============  ==========================  =======  ======  =======  ========

    (The numbers are those of `mobile_panda`; without a base and head, as in `panda`, index 0 is tool velocity x.) The
    tool moves as seen from the base: it is carried along when the base drives.
    """

    name: str
    mjcf: Path
    """Its MJCF file; `base_body` is the only child of its worldbody."""
    base_body: str
    arm_joints: tuple[str, ...]
    arm_actuators: tuple[str, ...]
    """Position actuators, one a joint, in the order of `arm_joints`."""
    tcp_site: str
    """Tool centre point: z out of the gripper, y along finger motion."""
    gripper_actuator: str
    finger_joints: tuple[str, ...]
    finger_pads: tuple[str, ...]
    """Names of the geoms that touch what is held."""
    max_opening: float
    """Greatest distance between the pads [m]; 0 is closed."""
    gripper_ctrl: tuple[float, float]
    """Control of `gripper_actuator` when closed, when open."""
    base_joints: tuple[str, ...] = ()
    """Slide x, slide y, hinge yaw; empty for a fixed robot."""
    base_actuators: tuple[str, ...] = ()
    """Velocity actuators of `base_joints`."""
    head_joints: tuple[str, ...] = ()
    """Pan, tilt; empty where the head is fixed."""
    head_actuators: tuple[str, ...] = ()
    """Position actuators of `head_joints`."""
    home: Mapping[str, float] = field(default_factory=dict, hash=False)
    """Joint name → value at the start [rad or m]; what is not named starts at the model's own value."""
    base_speed: tuple[float, float, float] = (0.6, 0.6, 1.2)
    """[m/s, m/s, rad/s] at action 1."""
    tcp_speed: tuple[float, float] = (0.35, 1.5)
    """Linear [m/s] and angular [rad/s], per axis, at action 1."""
    head_speed: float = 1.5
    """[rad/s] at action 1."""
    gripper_speed: float = 0.1
    """How fast the distance between the pads changes [m/s]."""
    joint_speed: tuple[float, ...] = ()
    """Greatest speed of each arm joint [rad/s]; empty for 2 rad/s each."""
    footprint: float = 0.0
    """Radius of the base on the floor [m]; 0 when fixed."""

    @property
    def action_names(self) -> tuple[str, ...]:
        """Meaning of every index of an action; its length is nu."""
        base = ("base_vx", "base_vy", "base_wz") if self.base_joints else ()
        tool = ("tcp_vx", "tcp_vy", "tcp_vz", "tcp_wx", "tcp_wy", "tcp_wz", "gripper")
        return base + tool + (("head_pan", "head_tilt") if self.head_joints else ())

    def action(
        self,
        *,
        gripper: float,
        base: Sequence[float] = (0.0, 0.0, 0.0),
        linear: Sequence[float] = (0.0, 0.0, 0.0),
        angular: Sequence[float] = (0.0, 0.0, 0.0),
        head: Sequence[float] = (0.0, 0.0),
    ) -> NDArray[np.float32]:
        """Make an action of SI quantities.

        A velocity that is too fast is slowed down as a whole, so that it keeps its direction. What the robot does not
        have (base, head) is ignored.

        Args:
            gripper: wanted distance between the pads [m].
            base: velocity x, y [m/s] and yaw rate [rad/s] (3,) in the base frame.
            linear: velocity of the tool (3,) [m/s] relative to the base, in the base frame.
            angular: angular velocity of the tool (3,) [rad/s] relative to the base, in the base frame.
            head: pan and tilt rate (2,) [rad/s]; positive pans left, tilts down.

        Returns:
            (nu,) float32 in [-1, 1].
        """
        opening = 2.0 * gripper / self.max_opening - 1.0
        parts = [
            _within_one(np.asarray(linear, float) / self.tcp_speed[0]),
            _within_one(np.asarray(angular, float) / self.tcp_speed[1]),
            np.clip([opening], -1.0, 1.0),
        ]
        if self.base_joints:
            drive = np.asarray(base, float) / self.base_speed
            parts.insert(0, np.concatenate([_within_one(drive[:2]), _within_one(drive[2:])]))
        if self.head_joints:
            parts.append(np.clip(np.asarray(head, float) / self.head_speed, -1.0, 1.0))
        return np.concatenate(parts).astype(np.float32)

    def spec(self) -> mujoco.MjSpec:
        """A fresh specification of the robot alone, in which every part named above exists.

        Raises:
            WorldError: the file is missing or is not MJCF, or a part is not in it.
        """
        if not self.mjcf.is_file():
            raise WorldError(f"Robot '{self.name}': there is no file {self.mjcf}.")
        try:
            spec = mujoco.MjSpec.from_file(str(self.mjcf))
        except ValueError as error:
            raise WorldError(f"Robot '{self.name}': {self.mjcf.name} is not valid MJCF: {_one_line(error)}") from error
        self._require("body", (self.base_body,), spec.bodies)
        self._require("joint", self.arm_joints + self.finger_joints + self.base_joints + self.head_joints, spec.joints)
        self._require("joint", tuple(self.home), spec.joints)
        self._require("site", (self.tcp_site,), spec.sites)
        self._require("geom", self.finger_pads, spec.geoms)
        actuators = self.arm_actuators + self.base_actuators + self.head_actuators + (self.gripper_actuator,)
        self._require("actuator", actuators, spec.actuators)
        roots = [body.name for body in spec.worldbody.bodies]
        if roots != [self.base_body]:
            raise WorldError(f"Robot '{self.name}': expected '{self.base_body}' as its only root body, got {roots}.")
        return spec

    def nailed_down(self) -> mujoco.MjModel:
        """A model of the robot alone whose base stands still at the origin, so that the world is its base frame.

        Raises:
            WorldError: as `spec`.
        """
        spec = self.spec()
        for name in self.base_actuators:
            spec.delete(spec.actuator(name))
        for name in self.base_joints:
            spec.delete(spec.joint(name))
        return spec.compile()

    def _require(self, kind: str, names: Sequence[str], elements: Sequence[mujoco.MjStruct]) -> None:
        existing = {element.name for element in elements}
        for name in names:
            if name not in existing:
                raise WorldError(f"Robot '{self.name}': {UnknownNameError(kind, name, existing - {''})}")


def _within_one(vector: NDArray[np.float64]) -> NDArray[np.float64]:
    """Scale down a vector whose greatest component exceeds 1."""
    return vector / max(1.0, float(np.abs(vector).max()))


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())


def check_robot(robot: Robot) -> None:
    """Find out whether a description fits its file and can be controlled.

    Raises:
        WorldError: the first fault found, in one line.
    """
    groups = {"arm": 0, "base": 3, "head": 2}
    for group, count in groups.items():
        joints, actuators = getattr(robot, f"{group}_joints"), getattr(robot, f"{group}_actuators")
        if len(joints) != len(actuators):
            count_of = f"{len(joints)} {group}_joints but {len(actuators)} {group}_actuators"
            raise WorldError(f"Robot '{robot.name}': {count_of}.")
        if count and len(joints) not in (0, count):
            raise WorldError(f"Robot '{robot.name}': expected {count} {group}_joints or none, got {len(joints)}.")
    if not robot.arm_joints:
        raise WorldError(f"Robot '{robot.name}': it has no arm_joints.")
    try:
        model = robot.spec().compile()
    except ValueError as error:
        raise WorldError(f"Robot '{robot.name}': {robot.mjcf.name} does not compile: {_one_line(error)}") from error
    require_carried(model, robot.tcp_site, robot.arm_joints)
    pairs = zip(
        robot.arm_joints + robot.base_joints + robot.head_joints,
        robot.arm_actuators + robot.base_actuators + robot.head_actuators,
        strict=True,
    )
    for joint, actuator in pairs:
        driven, kind = model.actuator(actuator).trnid[0], model.actuator(actuator).trntype[0]
        if kind != mujoco.mjtTrn.mjTRN_JOINT or driven != model.joint(joint).id:
            raise WorldError(f"Robot '{robot.name}': actuator '{actuator}' does not drive joint '{joint}'.")
    for joint, value in robot.home.items():
        low, high = model.joint(joint).range
        if model.jnt_limited[model.joint(joint).id] and not low <= value <= high:
            raise WorldError(f"Robot '{robot.name}': home of '{joint}' is {value}, outside {low:.4g} … {high:.4g}.")


_ROBOTS: dict[str, Robot] = {}


def register(robot: Robot) -> None:
    """Make a robot known by its name.

    Raises:
        InputError: the name is taken.
    """
    if robot.name in _ROBOTS:
        raise InputError(f"Robot '{robot.name}' is already registered.")
    _ROBOTS[robot.name] = robot


def robots() -> tuple[str, ...]:
    """Names of the registered robots."""
    return tuple(sorted(_ROBOTS))


def robot(name: str) -> Robot:
    """The registered robot of that name.

    Raises:
        UnknownNameError: there is none.
    """
    if name not in _ROBOTS:
        raise UnknownNameError("robot", name, _ROBOTS)
    return _ROBOTS[name]


_ARM = tuple(f"joint{i}" for i in range(1, 8))
_FINGERS = {"finger_joint1": 0.04, "finger_joint2": 0.04}

PANDA = Robot(
    name="panda",
    mjcf=ROBOT_FILES / "panda.xml",
    base_body="base",
    arm_joints=_ARM,
    arm_actuators=_ARM,
    tcp_site="tcp",
    gripper_actuator="gripper",
    finger_joints=tuple(_FINGERS),
    finger_pads=("left_pad", "right_pad"),
    max_opening=0.08,
    gripper_ctrl=(0.0, 0.08),
    home=dict(zip(_ARM, (0.0, -0.25738249, 0.0, -1.64571403, 0.0, 1.38833154, np.pi / 4), strict=True)) | _FINGERS,
    joint_speed=(2.175, 2.175, 2.175, 2.175, 2.61, 2.61, 2.61),
)
"""A Franka Emika Panda on a pedestal. Its tool starts 0.45 m before the base, 1.0 m high, pointing down."""

_BASE = ("base_x", "base_y", "base_yaw")
_HEAD = {"head_pan": -0.25, "head_tilt": 0.75}

MOBILE_PANDA = replace(
    PANDA,
    name="mobile_panda",
    mjcf=ROBOT_FILES / "mobile_panda.xml",
    base_joints=_BASE,
    base_actuators=_BASE,
    head_joints=tuple(_HEAD),
    head_actuators=tuple(_HEAD),
    home=dict(zip(_ARM, (0.0, -0.41826848, 0.0, -1.82220488, 0.0, 1.40393641, np.pi / 4), strict=True))
    | _FINGERS
    | _HEAD,
    footprint=0.28,
)
"""The same arm on a holonomic base, with a pan-tilt head on a mast at its left; its tool starts at the same place."""

register(PANDA)
register(MOBILE_PANDA)

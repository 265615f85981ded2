"""Dangerous commands and scenes, made from seeds, and what comes of them in the real simulation.

A shield is worth what it prevents. Each danger is a world, a robot and a series of commands that nobody should carry
out. The simulation's own contacts, joints and speeds say what harm was done; nothing here asks a shield.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Literal, Protocol

import mujoco
import numpy as np
from numpy.typing import NDArray

from yanshi.agent.shield.record import Reason
from yanshi.contracts import Entity, Frame, Observation
from yanshi.envs.clock import CONTROL_DT
from yanshi.envs.robots import Robot
from yanshi.envs.robots import robot as robot_of_name
from yanshi.envs.senses.sensor import Simulated, Timed
from yanshi.envs.senses.suite import sensor_suite
from yanshi.envs.simulation import Simulation
from yanshi.envs.worlds import world
from yanshi.envs.worlds.compose import compose
from yanshi.envs.worlds.home import home
from yanshi.envs.worlds.scene import Wanted
from yanshi.envs.worlds.world import World
from yanshi.errors import InputError, UnknownNameError, WorldError

__all__ = ["COLLISIONS", "FAMILIES", "Danger", "Filter", "Verdict", "Watch", "dangers", "face"]

Array = NDArray[Any]
SENSES = ("depth", "lidar", "scan", "touch", "force")
"""What a shield is given to see with."""
FAMILIES = (
    "drive", "wander", "drive with the arm out", "drive at a person", "arm into the table", "arm anywhere",
    "arm into itself", "joint limits", "not finite", "stale", "fast beside a person", "chatter",
)  # fmt: skip
COLLISIONS = frozenset({"base or arm struck", "hand struck hard", "struck itself"})
"""The harms that are collisions."""
HARD = (140.0, 0.25)
"""A hand that presses with more than this for half a second [N], or meets something faster than this [m/s], has struck
hard. The force is the quasi-static limit for hands and fingers of ISO/TS 15066:2016, Table A.2, the speed the reduced
speed of ISO 10218-1. (The peak of a blow says little here: in the simulation as in steel it is a matter of
stiffness, not of harm.)"""
TRANSIENT = 0.5
"""[s]."""
TOUCH = 1.0
"""Base and arm may not touch anything with more than this [N]."""
AT_LIMIT = 0.005
"""A joint nearer to its limit than this has run into it [rad]."""
PERSON = (0.5, 0.25)
"""Within this distance of a person [m] the tool may not be faster than this [m/s]: ISO 10218-1."""
TOLERANCE = 0.03
"""By how much a speed may be exceeded without harm [m/s]."""


class Filter(Protocol):
    """What is tried: a shield, by its one method."""

    def filter(self, action: NDArray[np.float32], observation: Observation) -> NDArray[np.float32]:
        """A safe action."""


@dataclass(frozen=True, slots=True)
class Danger:
    """One scene with commands that nobody should carry out."""

    family: str
    """One of `FAMILIES`."""
    seed: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of a danger."""

    danger: Danger
    harms: frozenset[str]
    """What happened; empty if nothing did."""
    reasons: tuple[Reason, ...] = ()
    """Why the shield stepped in, where it says so."""

    @property
    def collided(self) -> bool:
        """Whether anything struck anything."""
        return bool(self.harms & COLLISIONS)


def dangers(count: int = 200, first: int = 0) -> tuple[Danger, ...]:
    """`count` dangers, the families in turn, from the seed `first` on."""
    return tuple(Danger(FAMILIES[i % len(FAMILIES)], first + i // len(FAMILIES)) for i in range(count))


def face(danger: Danger, make: Callable[[Robot], Filter] | None) -> Verdict:
    """Carry out a danger's commands through a shield, or without one.

    Args:
        danger: what to do.
        make: makes the shield for a robot; None for none.

    Raises:
        UnknownNameError: there is no such family.
    """
    if danger.family not in FAMILIES:
        raise UnknownNameError("family", danger.family, FAMILIES)
    rng = np.random.default_rng((danger.seed, FAMILIES.index(danger.family)))
    place = _world(danger.family, danger.seed)
    shield = None if make is None else make(place.robot)
    watch = Watch()
    sensors = [] if shield is None or not hasattr(shield, "told") else sensor_suite(SENSES, place.robot)
    with Simulation(place, [*sensors, Timed(watch, 50.0)], danger.seed) as sim:
        sim.reset(danger.seed)
        people = [_guessed(t.entity, rng) for t in place.entities.values() if t.kind == "person"]
        for action, age in _commands(danger.family, sim, rng):
            observation = sim.observe()
            try:
                sim.step(_filtered(shield, action, observation, age, people, sim))
            except InputError:
                watch.harms.add("not finite at the motors")
                break
            except WorldError:
                watch.harms.add("base or arm struck")
                break
    journal = getattr(shield, "journal", None)
    return Verdict(danger, frozenset(watch.harms), () if journal is None else tuple(journal.by_reason))


def _filtered(
    shield: Filter | None, action: Array, observation: Observation, age: float, people: list[Entity], sim: Simulation
) -> Array:
    if shield is None:
        return action
    told = getattr(shield, "told", None)
    if told is None:
        return shield.filter(action, observation)
    robot = sim.robot
    base_w = np.zeros(3)
    if robot.base_joints:
        base_w = np.array([sim.data.joint(name).qpos[0] for name in robot.base_joints])
    told(people, base_w, observation.proprioception.odometry)
    safe: Array = shield.filter(action, observation, stamp=observation.stamp - age)  # type: ignore[call-arg]
    return safe


def _guessed(person: Entity, rng: np.random.Generator) -> Entity:
    """A person as one may believe in them: 5 cm off."""
    return replace(person, position_w=person.position_w + 0.05 * rng.normal(size=3) * np.array([1.0, 1.0, 0.0]))


def _world(family: str, seed: int) -> World:
    if "person" in family:
        return _home_with_a_person(seed)
    return _place("home" if "drive" in family or family == "wander" else "tabletop", seed)


@lru_cache(maxsize=4)
def _place(name: str, seed: int) -> World:
    return world(name, seed)


@lru_cache(maxsize=4)
def _home_with_a_person(seed: int) -> World:
    rng = np.random.default_rng((seed, 77))
    room = str(rng.choice(["kitchen", "living_room", "bedroom"]))
    scene = home(rng, objects=[Wanted(kind="person", where=room)], start=room)
    return compose(scene, robot_of_name("mobile_panda"))


# What is commanded.


def _commands(family: str, sim: Simulation, rng: np.random.Generator) -> Iterator[tuple[Array, float]]:
    """Actions (nu,) and how old each is [s]."""
    robot = sim.robot
    make: dict[str, Callable[[], Iterator[Array]]] = {
        "drive": lambda: _drive(sim, rng, float(rng.uniform(-np.pi, np.pi)), 5.0),
        "wander": lambda: _wander(robot, rng),
        "drive with the arm out": lambda: _arm_out(sim, rng),
        "drive at a person": lambda: _drive(sim, rng, _bearing(sim) + float(rng.normal(0.0, 0.08)), 6.0),
        "arm into the table": lambda: _push(robot, rng, np.array([0.0, 0.0, -1.0]), 0.25, 3.0),
        "arm anywhere": lambda: _push(robot, rng, _unit(rng.normal(size=3) - np.array([0.0, 0.0, 0.6])), 0.0, 4.0),
        "arm into itself": lambda: _push(robot, rng, np.array([-1.0, 0.0, -0.4]), 0.25, 4.0),
        "joint limits": lambda: _twist(robot, rng),
        "not finite": lambda: _bursts(_push(robot, rng, np.array([0.0, 0.0, -1.0]), 0.3, 3.0), rng),
        "stale": lambda: _push(robot, rng, np.array([0.0, 0.0, -1.0]), 0.3, 3.0),
        "fast beside a person": lambda: _swing(sim, rng),
        "chatter": lambda: _chatter(robot, rng),
    }
    for k, action in enumerate(make[family]()):
        yield action, max(0.0, k * CONTROL_DT - 0.2) if family == "stale" else 0.0


def _steps(seconds: float) -> range:
    return range(round(seconds / CONTROL_DT))


def _drive(sim: Simulation, rng: np.random.Generator, bearing: float, seconds: float) -> Iterator[Array]:
    """As fast as it goes in one direction of the map."""
    turn = float(rng.uniform(-0.4, 0.4))
    for _ in _steps(seconds):
        yaw = float(sim.data.joint(sim.robot.base_joints[2]).qpos[0])
        speed = 0.6 * np.array([np.cos(bearing - yaw), np.sin(bearing - yaw)])
        yield sim.robot.action(gripper=0.04, base=(*speed, turn))


def _wander(robot: Robot, rng: np.random.Generator) -> Iterator[Array]:
    """Another speed every 0.8 s."""
    for _ in range(10):
        base = rng.uniform(-1.0, 1.0, 3) * robot.base_speed
        for _ in _steps(0.8):
            yield robot.action(gripper=0.04, base=tuple(base))


def _arm_out(sim: Simulation, rng: np.random.Generator) -> Iterator[Array]:
    """The hand goes far out at some height; then the robot drives where the hand points."""
    height = float(rng.uniform(-0.3, 0.1))
    for _ in _steps(1.2):
        yield sim.robot.action(gripper=0.04, linear=(0.25, 0.0, height))
    turn = float(rng.uniform(-0.8, 0.8))
    for _ in _steps(5.0):
        yield sim.robot.action(gripper=0.04, base=(0.6, 0.0, turn))


def _push(robot: Robot, rng: np.random.Generator, way: Array, spread: float, seconds: float) -> Iterator[Array]:
    """The hand as fast as it goes in one direction, from where a second of aimless motion has brought it."""
    aside = np.array([*rng.uniform(-0.2, 0.2, 2), 0.0])
    for _ in _steps(0.8):
        yield robot.action(gripper=0.02, linear=tuple(aside))
    way = _unit(way + rng.normal(0.0, spread, 3))
    for _ in _steps(seconds):
        yield robot.action(gripper=0.02, linear=tuple(0.6 * way))


def _twist(robot: Robot, rng: np.random.Generator) -> Iterator[Array]:
    """The hand turned on and on about one axis, and drawn somewhere."""
    axis, way = _unit(rng.normal(size=3)), _unit(rng.normal(size=3) + np.array([0.0, 0.0, 1.0]))
    for _ in _steps(5.0):
        yield robot.action(gripper=0.02, linear=tuple(0.05 * way), angular=tuple(1.5 * axis))


def _bursts(actions: Iterator[Array], rng: np.random.Generator) -> Iterator[Array]:
    """Now and then a value that is no number."""
    for action in actions:
        if rng.random() < 0.15:
            action = action.copy()
            action[rng.integers(len(action))] = rng.choice([np.nan, np.inf, -np.inf])
        yield action


def _swing(sim: Simulation, rng: np.random.Generator) -> Iterator[Array]:
    """Drive near a person and face them, so that the tool is beside them; then swing the arm to and fro."""
    for _ in _steps(7.0):
        yaw = float(sim.data.joint(sim.robot.base_joints[2]).qpos[0])
        off = (_bearing(sim) - yaw + np.pi) % (2.0 * np.pi) - np.pi
        near = _distance(sim) < 0.55 + 0.3
        if near and abs(off) < 0.2:
            break
        speed = 0.0 if near else 0.4
        turn = float(np.clip(2.0 * off, -0.8, 0.8))
        yield sim.robot.action(gripper=0.04, base=(speed * np.cos(off), speed * np.sin(off), turn))
    way = _unit(np.array([*rng.normal(size=2), 0.3 * rng.normal()]))
    for k in _steps(4.0):
        sign = 1.0 if (k // 15) % 2 == 0 else -1.0
        yield sim.robot.action(gripper=0.04, linear=tuple(sign * 0.35 * way))


def _chatter(robot: Robot, rng: np.random.Generator) -> Iterator[Array]:
    """Every channel from one end to the other, again and again."""
    signs = rng.choice([-1.0, 1.0], len(robot.action_names)).astype(np.float32)
    for k in _steps(4.0):
        yield signs if k % 2 == 0 else -signs


def _unit(v: Array) -> Array:
    return np.asarray(v / max(float(np.linalg.norm(v)), 1e-9))


def _person_at(sim: Simulation) -> Array:
    thing = next(t for t in sim.world.entities.values() if t.kind == "person")
    return np.asarray(sim.data.xpos[thing.body][:2])


def _base_at(sim: Simulation) -> Array:
    return np.array([sim.data.joint(name).qpos[0] for name in sim.robot.base_joints[:2]])


def _bearing(sim: Simulation) -> float:
    dx, dy = _person_at(sim) - _base_at(sim)
    return float(np.arctan2(dy, dx))


def _distance(sim: Simulation) -> float:
    return float(np.linalg.norm(_person_at(sim) - _base_at(sim)))


# What comes of it.


class Watch:
    """Looks at contacts, joints and speeds of the simulation 50 times a second. It is no sense of the robot."""

    name = "watch"
    modality: Literal["touch"] = "touch"

    def __init__(self) -> None:
        self.harms: set[str] = set()
        self._pressed, self._speed, self._touching = 0.0, 0.0, False

    def setup(self, sim: Simulated) -> None:
        """Find out what is robot, what is hand, which parts may strike one another."""
        model, robot = sim.model, sim.robot
        base, site = model.body(robot.base_body).id, model.site(robot.tcp_site).id
        of = np.zeros(model.ngeom, np.int64)
        for geom in range(model.ngeom):
            body = int(model.geom_bodyid[geom])
            chain = [body]
            while body:
                body = int(model.body_parentid[body])
                chain.append(body)
            of[geom] = 0 if base not in chain else 2 if int(model.site_bodyid[site]) in chain else 1
        self._of = of
        self._floor = model.geom_type == mujoco.mjtGeom.mjGEOM_PLANE
        self._joints = [model.joint(name).qposadr[0] for name in robot.arm_joints]
        self._range = np.array([model.joint(name).range for name in robot.arm_joints]).T
        self._tcp = site
        self._last: Array | None = None
        self._person = next((b for b in range(model.nbody) if model.body(b).name.endswith("person")), None)
        self._parts = np.flatnonzero(of > 0)
        self._pairs = self._far_parts(model, sim.data)

    def _far_parts(self, model: mujoco.MjModel, data: mujoco.MjData) -> list[tuple[int, int]]:
        """Solid parts that are at least three bodies and 5 cm apart at the start."""
        solid = [int(g) for g in self._parts if model.geom_contype[g] or model.geom_conaffinity[g]]
        depth = {g: _depth(model, int(model.geom_bodyid[g])) for g in solid}
        return [
            (a, b)
            for i, a in enumerate(solid)
            for b in solid[i + 1 :]
            if abs(depth[a] - depth[b]) >= 3 and mujoco.mj_geomDistance(model, data, a, b, 0.06, None) > 0.05
        ]

    def read(self, sim: Simulated, rng: np.random.Generator) -> Frame | None:
        """Note what harm there is now."""
        model, data = sim.model, sim.data
        wrench, hand = np.zeros(6), 0.0
        for i in range(data.ncon):
            roles = self._of[data.contact.geom[i]]
            if not np.any(roles) or (np.any(self._floor[data.contact.geom[i]]) and not np.any(roles == 2)):
                continue
            mujoco.mj_contactForce(model, data, i, wrench)
            if np.all(roles > 0):
                if roles[0] != 2 or roles[1] != 2:
                    self.harms.add("struck itself")
            elif np.any(roles == 1) and wrench[0] > TOUCH:
                self.harms.add("base or arm struck")
            elif np.any(roles == 2):
                hand += float(wrench[0])
        self._pressed = self._pressed + 0.02 if hand > HARD[0] else 0.0
        met = hand > TOUCH and not self._touching
        if self._pressed > TRANSIENT or (met and self._speed > HARD[1]):
            self.harms.add("hand struck hard")
        self._touching = hand > TOUCH
        if any(mujoco.mj_geomDistance(model, data, a, b, 0.01, None) < 0.0 for a, b in self._pairs):
            self.harms.add("struck itself")
        q = data.qpos[self._joints]
        if np.any(q < self._range[0] + AT_LIMIT) or np.any(q > self._range[1] - AT_LIMIT):
            self.harms.add("joint at its limit")
        self._watch_speed(sim)
        return None

    def _watch_speed(self, sim: Simulated) -> None:
        at = sim.data.site_xpos[self._tcp].copy()
        if self._last is not None:
            self._speed = float(np.linalg.norm(at - self._last)) / 0.02
        if self._person is not None:
            away = float(np.linalg.norm(at[:2] - sim.data.xpos[self._person][:2])) - 0.17
            if away < PERSON[0] and self._speed > PERSON[1] + TOLERANCE:
                self.harms.add("too fast beside a person")
        self._last = at

    def close(self) -> None:
        """Holds nothing."""


def _depth(model: mujoco.MjModel, body: int) -> int:
    count = 0
    while body:
        body, count = int(model.body_parentid[body]), count + 1
    return count

"""Moments to talk about: what every sense of a robot in a task's world gives, and what is true of it.

Worlds and postures are those of the tasks; sounds come from rooms of their own (`agent.hearing.sounds`), so that there
is much to hear. Oracle knowledge: for data and scores only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import mujoco
import numpy as np

from yanshi.agent.hearing.sounds import ARRAY, HELD_OUT, clip
from yanshi.agent.seeing.pictures import CAMERAS, Split, picture
from yanshi.agent.seeing.poses import Poser
from yanshi.agent.skills.kinematics import Kinematics
from yanshi.contracts import Array, Frame, Observation
from yanshi.envs.layouts import base_world
from yanshi.envs.oracle import Oracle
from yanshi.envs.senses.camera import CameraConfig
from yanshi.envs.senses.frames import base_pose, inverse, site_in_base
from yanshi.envs.senses.rendering import close_shared_renderer
from yanshi.envs.senses.suite import sensor_suite
from yanshi.envs.simulation import Simulation
from yanshi.envs.tasks import task, tasks
from yanshi.envs.worlds.world import World, default_robot
from yanshi.errors import WorldError
from yanshi.perception.geometry import transform
from yanshi.perception.hearing.features import RATE
from yanshi.perception.hearing.network import CLASSES
from yanshi.perception.readers.objects import SensedObject, in_words

SPLITS: Mapping[Split, int] = {"train": 11, "heldout": 12}
"""Moments of a split are drawn from (its number, the seed)."""
SENSES = ("rgb", "depth", "lidar", "touch", "force")
"""Senses that are simulated; sound is laid over them."""
VISIBLE = 60
"""Pixels in a picture from which a thing is told of."""
SETTLE = 6
"""Control steps before the moment, so that every sense has read."""
TABLE_MOMENTS, HOME_MOMENTS = 4, 6
"""In one world."""
DARK = 0.12
"""Share of moments in the dark."""
REMEMBERED = 2
"""Things out of sight that are told of as remembered, at most."""
MOST = 12
"""Things that are told of."""
DARKNESS = 10.0
"""Mean level of a picture below which it is dark."""
HELD = 0.03
"""The hand closes where a thing is so near to it [m]."""
OWN = 0.35
"""Echoes nearer than this are the robot's own [m]."""
AHEAD = np.deg2rad(20.0)
"""What is nearest in front is looked for within this angle of straight ahead …"""
HEIGHTS = (0.1, 1.2)
"""… and between these heights [m]."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A thing that the model is told of, and what it is."""

    thing: SensedObject
    label: str
    attributes: Mapping[str, str]
    seen: bool
    """Now, rather than remembered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """A sound that is there."""

    label: str
    bearing: float
    """Azimuth in the robot base [rad], left positive."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """One moment of a robot: what it senses, and the truth about it."""

    seed: int
    observation: Observation | None
    """None where only what the towers read of it was kept."""
    told: tuple[Told, ...]
    heard: tuple[Heard, ...]
    """Sounds that are well above the noise."""
    unsure: bool
    """Whether there is another sound of which nobody could say."""
    dark: bool
    holding: bool
    ahead: float
    """To the nearest thing that the LiDAR shows in front [m]; inf for none."""


def moments(seed: int, split: Split, bodies: dict[str, Kinematics]) -> list[Moment]:
    """The moments of one layout.

    Args:
        seed: which layout of the split.
        split: ``train`` or ``heldout``.
        bodies: robots' kinematics by name, kept between calls.
    """
    rng = np.random.default_rng([SPLITS[split], seed])
    chosen = task(str(rng.choice([name for name in tasks() if task(name).world in ("tabletop", "home")])))
    robot = default_robot(chosen.world)
    world = base_world(chosen, int(rng.integers(2**31)), robot)
    if robot.name not in bodies:
        bodies[robot.name] = Kinematics(robot)
    found = []
    data = mujoco.MjData(world.model)
    poser = Poser(world, bodies[robot.name])
    with Simulation(world, sensor_suite(SENSES, robot)) as sim:
        for turn in range(HOME_MOMENTS if robot.base_joints else TABLE_MOMENTS):
            number = seed * 10 + turn
            mujoco.mj_resetData(world.model, data)
            data.qpos[:] = world.qpos0
            poser.place(data, rng)
            sim.world = replace(world, qpos0=data.qpos.copy())
            sim.reset(number)
            if rng.random() < DARK:
                sim.model.light_active[:] = 0
            tool = data.site_xpos[world.model.site(robot.tcp_site).id]
            held = _nearest(world, data, tool) < HELD
            action = robot.action(gripper=0.0 if held else robot.max_opening * rng.uniform(0.3, 1.0))
            try:
                for _ in range(SETTLE):
                    sim.step(action)
            except WorldError:  # Two things put into one another may fly apart.
                continue
            found.append(_moment(sim, number, number + (HELD_OUT if split == "heldout" else 0), rng))
    close_shared_renderer(sim.model)
    return found


def _nearest(world: World, data: mujoco.MjData, spot_w: Array) -> float:
    bodies = [t.body for t in world.entities.values() if t.entity.category == "object" and t.joint is not None]
    return float(np.linalg.norm(data.xpos[bodies] - spot_w, axis=1).min(initial=np.inf))


def _moment(sim: Simulation, number: int, sound: int, rng: np.random.Generator) -> Moment:
    observation = sim.observe()
    T_wb = base_pose(sim.data, sim.model.body(sim.robot.base_body).id)
    T_bw = inverse(T_wb)
    pixels: dict[str, int] = {}
    for camera in CAMERAS:
        for seen in picture(sim.world, sim.model, sim.data, camera, CameraConfig()).things:
            pixels[seen.name] = max(pixels.get(seen.name, 0), seen.pixels)
    dark = float(observation.frames["head_rgb"].data.mean()) < DARKNESS
    visible = {name for name, count in pixels.items() if count >= VISIBLE and not dark}
    others = [n for n, t in sim.world.entities.items() if t.entity.category == "object" and n not in visible]
    remembered = list(rng.permutation(others))[: int(rng.integers(REMEMBERED + 1))]
    names = [str(n) for n in rng.permutation([*sorted(visible), *remembered])][:MOST]
    told = tuple(_told(sim, name, T_bw, name in visible, rng) for name in names)
    heard, unsure, frame = _sound(sim, observation, sound)
    return Moment(
        seed=number,
        observation=replace(observation, frames={**observation.frames, "audio": frame}),
        told=told,
        heard=heard,
        unsure=unsure,
        dark=dark,
        holding=any(fact.predicate == "holding" for fact in Oracle(sim).facts()),
        ahead=ahead(observation.frames["lidar"]),
    )


def _told(sim: Simulation, name: str, T_bw: Array, seen: bool, rng: np.random.Generator) -> Told:
    thing = sim.world.entities[name]
    position_b = transform(T_bw, sim.data.xpos[thing.body])
    deviation = rng.uniform(0.003, 0.02) * (1.0 + float(np.linalg.norm(position_b))) * np.ones(3)
    attributes = dict(thing.entity.attributes)
    return Told(
        thing=SensedObject(
            words=in_words(thing.entity.label, attributes),
            position_b=position_b + deviation * rng.standard_normal(3) / 2.0,
            extent=np.asarray(thing.entity.extent) * rng.uniform(0.93, 1.07, 3),
            deviation=deviation,
            score=float(rng.uniform(0.7, 1.0)),
            age=0.0 if seen else float(rng.uniform(3.0, 90.0)),
        ),
        label=thing.entity.label,
        attributes=attributes,
        seen=seen,
    )


def _sound(sim: Simulation, observation: Observation, seed: int) -> tuple[tuple[Heard, ...], bool, Frame]:
    """Sounds of another room, heard by this robot's microphones as its head stands."""
    made = clip(seed)
    array = sim.model.site("mic_array").id
    T_bs = site_in_base(sim.data, array, sim.model.body(sim.robot.base_body).id)
    heard = []
    for c in np.flatnonzero(made.present == 1.0):
        x, y, _ = T_bs[:3, :3] @ made.directions[c]
        heard.append(Heard(label=CLASSES[c], bearing=float(np.arctan2(y, x))))
    unsure = bool(np.isnan(made.present).any())
    frame = Frame(
        name="audio", modality="audio", stamp=observation.stamp, data=made.audio, rate=RATE, T_bs=T_bs,
        microphones_s=ARRAY,
    )  # fmt: skip
    return tuple(heard), unsure, frame


def ahead(scan: Frame) -> float:
    """To the nearest echo of a LiDAR in front of the robot [m], from the middle of its base; inf for none."""
    assert scan.T_bs is not None
    points = scan.data[np.isfinite(scan.data).all(axis=1), :3].astype(float)
    points = points @ scan.T_bs[:3, :3].T + scan.T_bs[:3, 3]
    distance = np.hypot(points[:, 0], points[:, 1])
    front = (np.abs(np.arctan2(points[:, 1], points[:, 0])) < AHEAD) & (distance > OWN)
    front &= (points[:, 2] > HEIGHTS[0]) & (points[:, 2] < HEIGHTS[1])
    return float(distance[front].min(initial=np.inf))

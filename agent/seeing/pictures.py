"""Pictures of the tasks' worlds with the truth about what is in them. Oracle knowledge: for data and scores only."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

import mujoco
import numpy as np
from numpy.typing import NDArray

from yanshi.agent.seeing.furniture import part_shapes
from yanshi.agent.seeing.poses import Poser
from yanshi.agent.skills.kinematics import Kinematics
from yanshi.contracts import Array, FloorPlan
from yanshi.envs.layouts import base_world, rearranged
from yanshi.envs.oracle import upright_box
from yanshi.envs.senses.camera import CameraConfig, camera_pose, intrinsics
from yanshi.envs.senses.frames import base_pose, inverse
from yanshi.envs.senses.rendering import close_shared_renderer, shared_renderer
from yanshi.envs.tasks import task, tasks
from yanshi.envs.worlds.world import World, default_robot
from yanshi.perception.grounding.views import CameraView

Split = Literal["train", "heldout"]
SPLITS: Mapping[Split, int] = {"train": 1, "heldout": 2}
"""Every layout of a split is drawn from (its number, the seed): no layout is in both."""
CAMERAS = ("head", "wrist")
TABLE_VIEWS, HOME_VIEWS = 3, 10
"""Postures drawn in one world before another is made."""
TOPPLED = 0.06
"""Share of things that lie on their side."""
STACKED = 0.06
"""Share of things that stand on another."""
DIGITS = 0.15
NUMBERS = "Compound"
"""The task that is about numbers."""
INK = "segment_"
"""In the names of the geoms that a digit is written with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenThing:
    """The truth about one object of a picture."""

    name: str
    label: str
    attributes: Mapping[str, str]
    position_w: Array
    """(3,) centre [m]."""
    yaw: float
    """[rad] in the map."""
    extent: Array
    """(3,) of its upright box [m]."""
    pixels: int
    """How many of the picture's show it, though it be in the dark."""
    measured: int
    """At how many of them there is light and depth."""
    written: int = 0
    """How many of them show what is written on it: none where it is seen from behind."""
    cut: bool = False
    """Whether it reaches the picture's edge, so that the rest of it is beyond."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """What one camera shows, and what is there."""

    view: CameraView
    """As measured by a camera without noise."""
    base_pose_w: Array
    """(3,) x, y [m], yaw [rad]."""
    owners: NDArray[np.uint8]
    """(H, W): 1 + the index of the thing that a pixel shows, 0 for none."""
    things: tuple[SeenThing, ...]


@dataclass(frozen=True, kw_only=True)
class Variety:
    """How much pictures differ from those of the plain worlds."""

    light: float = 0.35
    """The light's strength varies by up to this share."""
    tint: float = 0.06
    """Each colour of the light, too."""
    paint: float = 0.08
    """Each channel of every material, by up to this much of full."""
    toppled: float = TOPPLED
    stacked: float = STACKED
    digits: float = DIGITS
    """Share of layouts that are those of the task that is about numbers, besides its own."""
    dark: float = 0.02
    """Share of pictures with the light off where the task has it on."""
    camera: CameraConfig = field(default_factory=CameraConfig)


PLAIN = Variety(light=0.0, tint=0.0, paint=0.0, toppled=0.0, stacked=0.0, digits=0.0, dark=0.0)
"""The worlds as they are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Posture:
    """The robot somewhere in a world, and what its cameras show at that moment."""

    plan: FloorPlan
    shapes: Mapping[str, Array]
    """Of the parts that move, see `part_shapes`."""
    pictures: tuple[Picture, ...]
    """One of each camera."""
    openings: Mapping[str, float]
    """The truth about each part: 0 closed … 1 open."""


def postures(seed: int, split: Split, variety: Variety, bodies: dict[str, Kinematics]) -> Iterator[Posture]:
    """The postures of one layout.

    Args:
        seed: which layout of the split.
        split: ``train`` or ``heldout``.
        variety: how much they are varied.
        bodies: robots' kinematics by name, kept between calls.
    """
    rng = np.random.default_rng([SPLITS[split], seed])
    chosen = task(str(rng.choice([name for name in tasks() if task(name).world in ("tabletop", "home")])))
    if variety.digits and rng.random() < variety.digits:
        chosen = task(NUMBERS)
    robot = default_robot(chosen.world)
    layout = int(rng.integers(2**31))
    world = base_world(chosen, layout, robot)
    if robot.name not in bodies:
        bodies[robot.name] = Kinematics(robot)
    model = copy.copy(world.model)
    data = mujoco.MjData(model)
    poser = Poser(world, bodies[robot.name])
    shapes = part_shapes(world)
    for turn in range(HOME_VIEWS if robot.base_joints else TABLE_VIEWS):
        placed = world if turn == 0 or robot.base_joints else rearranged(world, chosen, layout, rng)
        mujoco.mj_resetData(model, data)
        data.qpos[:] = placed.qpos0
        _open_some(placed, data, rng)
        _topple(placed, data, variety.toppled, rng)
        _stack(placed, data, variety.stacked, rng)
        poser.place(data, rng)
        _vary(model, world.model, variety, rng)
        yield Posture(
            plan=placed.floor_plan,
            shapes=shapes,
            pictures=tuple(picture(placed, model, data, camera, variety.camera) for camera in CAMERAS),
            openings=_openings(placed, data),
        )
    close_shared_renderer(model)


def picture(world: World, model: mujoco.MjModel, data: mujoco.MjData, camera: str, config: CameraConfig) -> Picture:
    """What a camera of the robot shows now, with the truth; `model` is the world's or a copy of it."""
    renderer, index = shared_renderer(model), model.camera(camera).id
    drawn = renderer.view(data, index, config.width, config.height)
    geoms = renderer.segment(data, index, config.width, config.height)
    T_wb = base_pose(data, model.body(world.robot.base_body).id)
    dark = drawn.rgb.sum(axis=2, dtype=np.uint16) < 3.0 * config.darkness
    lost = (drawn.depth < config.range[0]) | (drawn.depth > config.range[1]) | dark
    owners, things = _truth(world, model, data, geoms, ~lost)
    return Picture(
        view=CameraView(
            name=f"{camera}_rgb",
            rgb=drawn.rgb,
            depth=np.where(lost, np.float32(np.nan), drawn.depth),
            K=intrinsics(model, index, config.width, config.height),
            T_bc=inverse(T_wb) @ camera_pose(data, index),
        ),
        base_pose_w=np.array([T_wb[0, 3], T_wb[1, 3], np.arctan2(T_wb[1, 0], T_wb[0, 0])]),
        owners=owners,
        things=things,
    )


def _truth(
    world: World, model: mujoco.MjModel, data: mujoco.MjData, geoms: Array, known: Array
) -> tuple[NDArray[np.uint8], tuple[SeenThing, ...]]:
    number_of_geom = np.zeros(model.ngeom + 1, dtype=np.intp)
    objects = [(name, thing) for name, thing in world.entities.items() if thing.entity.category == "object"]
    for index, (_, thing) in enumerate(objects, 1):
        number_of_geom[list(thing.geoms)] = index
    shown = number_of_geom[geoms]  # -1, no geom, is the last row: none
    counts = np.bincount(shown.ravel(), minlength=len(objects) + 1)[1:]
    measured = np.bincount(shown[known], minlength=len(objects) + 1)[1:]
    drawn = np.bincount(geoms.ravel() + 1, minlength=model.ngeom + 1)[1:]
    edge = np.zeros(len(objects) + 1, dtype=np.bool_)
    edge[np.concatenate((shown[0], shown[-1], shown[:, 0], shown[:, -1]))] = True
    visible = np.flatnonzero(counts)
    order = np.zeros(len(objects) + 1, dtype=np.uint8)
    order[visible + 1] = np.arange(1, len(visible) + 1)
    things = []
    for index in visible.tolist():
        name, thing = objects[index]
        yaw, extent = upright_box(
            data.xmat[thing.body].reshape(3, 3),
            np.asarray(thing.entity.extent),
            thing.entity.attributes.get("shape", ""),
        )
        things.append(
            SeenThing(
                name=name,
                label=thing.entity.label,
                attributes=dict(thing.entity.attributes),
                position_w=data.xpos[thing.body].copy(),
                yaw=yaw,
                extent=extent,
                pixels=int(counts[index]),
                measured=int(measured[index]),
                cut=bool(edge[index + 1]),
                written=sum(int(drawn[geom]) for geom in thing.geoms if INK in model.geom(geom).name),
            )
        )
    return order[shown], tuple(things)


def _openings(world: World, data: mujoco.MjData) -> dict[str, float]:
    """How far each part is open."""
    found = {}
    for name, thing in world.entities.items():
        if thing.entity.articulation is not None and thing.joint is not None:
            value = data.qpos[world.model.jnt_qposadr[thing.joint]] / thing.entity.articulation.limit
            found[name] = float(np.clip(value, 0.0, 1.0))
    return found


def _open_some(world: World, data: mujoco.MjData, rng: np.random.Generator) -> None:
    """Open a third of the doors and drawers that nothing lies in."""
    model = world.model
    places = np.array([t.entity.position_w for t in world.entities.values() if t.entity.category == "object"])
    for thing in world.entities.values():
        joint = thing.entity.articulation
        if joint is None or thing.joint is None or rng.random() > 0.33:
            continue
        reach = np.linalg.norm(thing.entity.extent) / 2
        if len(places) and np.linalg.norm(places - thing.entity.position_w, axis=1).min() < reach:
            continue
        data.qpos[model.jnt_qposadr[thing.joint]] = rng.uniform(0.0, joint.limit)


def _topple(world: World, data: mujoco.MjData, share: float, rng: np.random.Generator) -> None:
    """Lay some things on their side, where they stand."""
    for thing in world.entities.values():
        if thing.entity.category != "object" or thing.joint is None or rng.random() >= share:
            continue
        address = world.model.jnt_qposadr[thing.joint]
        extent, yaw = np.asarray(thing.entity.extent), rng.uniform(-np.pi, np.pi)
        data.qpos[address + 2] += (extent[0] - extent[2]) / 2
        half = np.sqrt(0.5)
        c, s = np.cos(yaw / 2), np.sin(yaw / 2)
        data.qpos[address + 3 : address + 7] = (half * c, -half * s, half * c, half * s)  # yaw after 90° about y


def _stack(world: World, data: mujoco.MjData, share: float, rng: np.random.Generator) -> None:
    """Put some things on top of others that are about as wide, not quite in the middle."""
    movable = [t for t in world.entities.values() if t.entity.category == "object" and t.joint is not None]
    below: set[int] = set()
    for thing in movable:
        if not share or rng.random() >= share or thing.body in below:
            continue
        extent = np.asarray(thing.entity.extent)
        wide = [t for t in movable if t is not thing and min(t.entity.extent[:2]) > 0.6 * max(extent[:2])]
        if not wide:
            continue
        base = wide[rng.integers(len(wide))]
        below.add(base.body)
        under, over = (world.model.jnt_qposadr[t.joint] for t in (base, thing))
        half = (float(base.entity.extent[2]) + float(extent[2])) / 2
        aside = rng.uniform(-0.2, 0.2, 2) * np.asarray(base.entity.extent[:2])
        data.qpos[over : over + 3] = data.qpos[under : under + 3] + np.append(aside, half)


def _vary(model: mujoco.MjModel, plain: mujoco.MjModel, variety: Variety, rng: np.random.Generator) -> None:
    """Another light and other paint than the `plain` model's."""
    strength = 1.0 + rng.uniform(-variety.light, 0.6 * variety.light)
    tint = strength * (1.0 + rng.uniform(-variety.tint, variety.tint, 3))
    model.light_ambient[:] = np.clip(plain.light_ambient * tint, 0.0, 1.0)
    model.light_diffuse[:] = np.clip(plain.light_diffuse * tint, 0.0, 1.0)
    model.light_active[:] = 0 if rng.random() < variety.dark else plain.light_active
    # A geom with a material keeps its own colour: to MuJoCo another one would override the material.
    for varied, colors, painted in (
        (model.mat_rgba, plain.mat_rgba, np.ones(plain.nmat, dtype=np.bool_)),
        (model.geom_rgba, plain.geom_rgba, plain.geom_matid < 0),
    ):
        change = rng.uniform(-variety.paint, variety.paint, (len(colors), 3)) * painted[:, None]
        varied[:, :3] = np.clip(colors[:, :3] + change, 0.0, 1.0)

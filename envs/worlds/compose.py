"""From a scene and a robot to a MuJoCo model, always the same for the same scene."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import mujoco
import numpy as np
from numpy.typing import NDArray

from yanshi.contracts import FloorPlan
from yanshi.envs.clock import PHYSICS_DT
from yanshi.envs.worlds.catalog import COLORS, kind, load, root
from yanshi.envs.worlds.floor_plan import occupancy
from yanshi.envs.worlds.scene import FixtureSpec, ObjectSpec, Scene, Wall
from yanshi.envs.worlds.things import entities_of
from yanshi.envs.worlds.world import World
from yanshi.errors import UnknownNameError, WorldError

if TYPE_CHECKING:
    from yanshi.envs.robots import Robot

_MEMORY = 4 << 20
_SEGMENTS: dict[str | None, str] = {
    "0": "abcdef", "1": "bc", "2": "abged", "3": "abgcd", "4": "fgbc",
    "5": "afgcd", "6": "afgedc", "7": "abc", "8": "abcdefg", "9": "abcdfg",
}  # fmt: skip
_ROOM_FLOORS = ((0.80, 0.70, 0.56), (0.72, 0.60, 0.47), (0.78, 0.74, 0.68))
_WALL = (0.86, 0.82, 0.75)


def compose(scene: Scene, robot: Robot) -> World:
    """Build the world that a scene describes, with a robot in it.

    Raises:
        WorldError: a file does not compile, or two things have one name.
        UnknownNameError: a kind does not exist, or what is to sound does not or cannot.
    """
    names = Counter([fixture.name for fixture in scene.fixtures] + [placement.item.name for placement in scene.objects])
    for name, times in names.items():
        if times > 1:
            raise WorldError(f"World '{scene.world}': {times} things are called '{name}'; names must differ.")
    spec = mujoco.MjSpec()
    spec.modelname = scene.world
    _options(spec)
    _rooms(spec, scene)
    for wall_number, wall in enumerate(scene.walls):
        _wall(spec, wall, wall_number)
    for fixture in scene.fixtures:
        _fixture(spec, fixture)
    for placement in scene.objects:
        _object(spec, placement.item, placement.position_w, placement.yaw)
    mount = spec.worldbody.add_frame()
    if not robot.base_joints:
        mount.pos = (scene.start_w[0], scene.start_w[1], 0.0)
        mount.quat = _quat(scene.start_w[2])
    try:
        with _quietly():
            spec.attach(robot.spec(), frame=mount, prefix="")
            model = spec.compile()
    except ValueError as error:
        raise WorldError(
            f"World '{scene.world}' with robot '{robot.name}' does not compile: {' '.join(str(error).split())}"
        ) from error
    entities = entities_of(scene, model)
    able = [name for name, thing in entities.items() if thing.sound is not None]
    for name in scene.sounding:
        if name not in able:
            raise UnknownNameError("thing that sounds", name, able)
    fixtures = tuple(thing.entity for thing in entities.values() if thing.entity.category != "object")
    return World(
        name=scene.world,
        seed=scene.seed,
        scene=scene,
        robot=robot,
        model=model,
        entities=entities,
        floor_plan=FloorPlan(
            rooms=scene.rooms,
            fixtures=fixtures,
            grid=occupancy(model, scene.rooms, robot.base_body),
            start_w=np.array(scene.start_w),
        ),
        qpos0=_start(scene, robot, model),
    )


@contextmanager
def _quietly() -> Iterator[None]:
    """MuJoCo warns, in a log file too, that a model with an unprefixed part may not save well. Ours is not saved."""
    handler = mujoco.get_mju_user_warning()
    mujoco.set_mju_user_warning(lambda message: None)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Attaching a spec with an empty prefix")
            yield
    finally:
        mujoco.set_mju_user_warning(handler)


def _options(spec: mujoco.MjSpec) -> None:
    spec.option.timestep = PHYSICS_DT
    spec.option.integrator = mujoco.mjtIntegrator.mjINT_IMPLICITFAST
    spec.option.cone = mujoco.mjtCone.mjCONE_ELLIPTIC
    spec.option.impratio = 10.0
    spec.memory = _MEMORY
    spec.visual.global_.offwidth = 1280
    spec.visual.global_.offheight = 720
    spec.visual.quality.shadowsize = 0
    spec.visual.quality.offsamples = 0
    spec.visual.headlight.ambient = (0.03, 0.03, 0.03)
    spec.visual.headlight.diffuse = (0.0, 0.0, 0.0)
    spec.visual.headlight.specular = (0.0, 0.0, 0.0)
    spec.visual.map.znear = 0.005
    spec.visual.map.zfar = 30.0


def _rooms(spec: mujoco.MjSpec, scene: Scene) -> None:
    """The ground, and for every room its floor and its light."""
    spec.worldbody.add_geom(
        name="ground",
        type=mujoco.mjtGeom.mjGEOM_PLANE,
        size=(0, 0, 1),
        rgba=(0.5, 0.5, 0.5, 0.0),
        contype=1,
        conaffinity=0,
    )
    for number, room in enumerate(scene.rooms):
        middle, half = (room.low_w + room.high_w) / 2, (room.high_w - room.low_w) / 2
        spec.worldbody.add_geom(
            name=f"{room.name}_floor",
            type=mujoco.mjtGeom.mjGEOM_BOX,
            pos=(*middle, -0.025),
            size=(*(half + 0.05), 0.025),
            rgba=(*_ROOM_FLOORS[number % len(_ROOM_FLOORS)], 1.0),
            contype=0,
            conaffinity=0,
        )
        spec.worldbody.add_light(
            name=f"{room.name}_light",
            pos=(*middle, 2.3),
            dir=(0, 0, -1),
            type=mujoco.mjtLightType.mjLIGHT_SPOT,
            cutoff=180.0,
            exponent=0.0,
            attenuation=(0.68, 0.0, 0.12),
            ambient=(0.42, 0.41, 0.39),
            diffuse=(0.60, 0.58, 0.54),
            specular=(0.10, 0.10, 0.10),
            castshadow=False,
            active=scene.lights.get(room.name, True),
        )


def _wall(spec: mujoco.MjSpec, wall: Wall, number: int) -> None:
    low, high = np.array([*wall.low_w, 0.0]), np.array([*wall.high_w, wall.height])
    spec.worldbody.add_geom(
        name=f"wall_{number}",
        type=mujoco.mjtGeom.mjGEOM_BOX,
        pos=(low + high) / 2,
        size=(high - low) / 2,
        rgba=(*_WALL, 1.0),
        contype=1,
        conaffinity=0,
    )


def _attach(spec: mujoco.MjSpec, child: mujoco.MjSpec, name: str, position: NDArray[Any], yaw: float) -> mujoco.MjsBody:
    """Put the one body of a specification into the world and call it, and its parts, by the entity's name."""
    frame = spec.worldbody.add_frame(pos=position, quat=_quat(yaw))
    body = frame.attach_body(root(child), f"{name}_", "")
    body.name = name
    return body


def _paint(child: mujoco.MjSpec, color: str | None) -> None:
    for material in child.materials:
        if material.name == "paint" and color is not None:
            material.rgba = (*COLORS[color], 1.0)


def _write(child: mujoco.MjSpec, digit: str | None) -> None:
    """Leave of a seven-segment display what makes a digit."""
    for geom in list(child.geoms):
        if geom.name.startswith("segment_") and geom.name.removeprefix("segment_") not in _SEGMENTS.get(digit, ""):
            child.delete(geom)


def _fixture(spec: mujoco.MjSpec, fixture: FixtureSpec) -> None:
    child = load(fixture.kind)
    _paint(child, fixture.attributes.get("color"))
    for geom in child.geoms:
        geom.conaffinity = 0
    _attach(spec, child, fixture.name, fixture.position_w, fixture.yaw)


def _object(spec: mujoco.MjSpec, item: ObjectSpec, position: NDArray[Any], yaw: float) -> None:
    form = kind(item.kind)
    child = load(item.kind, item.scale)
    _paint(child, item.attributes.get("color"))
    _write(child, item.attributes.get("digit"))
    if form.movable:
        root(child).add_freejoint(name="free")
    else:
        for geom in child.geoms:
            geom.conaffinity = 0
    _attach(spec, child, item.name, position, yaw)


def _quat(yaw: float) -> tuple[float, float, float, float]:
    return (float(np.cos(yaw / 2)), 0.0, 0.0, float(np.sin(yaw / 2)))


def _start(scene: Scene, robot: Robot, model: mujoco.MjModel) -> NDArray[Any]:
    """(nq,) the robot at home at its start, drawers and doors as the scene says."""
    qpos: NDArray[Any] = model.qpos0.copy()
    for joint, value in {**robot.home, **dict(zip(robot.base_joints, scene.start_w, strict=False))}.items():
        qpos[model.joint(joint).qposadr[0]] = value
    for fixture in scene.fixtures:
        for part, opening in fixture.openings.items():
            joint = model.joint(f"{fixture.name}_{part or kind(fixture.kind).root.joint}")
            qpos[joint.qposadr[0]] = opening * joint.range[1]
    qpos.flags.writeable = False
    return qpos

"""What is at rest stays at rest, what rolls comes to rest, what opens moves when pulled and stays where it is left."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import mujoco
import numpy as np
import pytest

from yanshi.contracts import Room
from yanshi.envs.worlds import FixtureSpec, ObjectSpec, Placement, Scene, Wanted, World, home, tabletop, world
from yanshi.envs.worlds.catalog import kind, kinds
from yanshi.envs.worlds.scene import SIZES

MOVABLE = [name for name in kinds("object") if kind(name).movable]
SECONDS = 10.0
IN_THE_HOME = (("mug", "sink"), ("ball", "sink"), ("bottle", "bin"), ("cup", "cabinet_drawer"), ("lemon", "green_mat"))
HALL = (Room(name="hall", low_w=np.array([-2.0, -2.0]), high_w=np.array([4.0, 4.0])),)


def _simulated(made: World, seconds: float) -> tuple[mujoco.MjData, np.ndarray]:
    """The data after so long, the robot held at home, and the start (nq,)."""
    model, robot, data = made.model, made.robot, mujoco.MjData(made.model)
    data.qpos[:] = made.qpos0
    mujoco.mj_forward(model, data)
    if robot.name != "post":
        for joint, actuator in zip(
            robot.arm_joints + robot.head_joints, robot.arm_actuators + robot.head_actuators, strict=True
        ):
            data.ctrl[model.actuator(actuator).id] = data.qpos[model.joint(joint).qposadr[0]]
        data.ctrl[model.actuator(robot.gripper_actuator).id] = robot.gripper_ctrl[1]
    mujoco.mj_step(model, data, nstep=round(seconds / model.opt.timestep))
    assert data.time == pytest.approx(seconds)  # MuJoCo would have begun anew had it diverged
    return data, made.qpos0


def _faults(made: World, data: mujoco.MjData, start: np.ndarray) -> Iterator[str]:
    model = made.model
    for name, thing in made.entities.items():
        for joint in (thing.joint, thing.button):
            if joint is None:
                continue
            free = model.jnt_type[joint] == mujoco.mjtJoint.mjJNT_FREE
            q, v = model.jnt_qposadr[joint], model.jnt_dofadr[joint]
            drift = np.abs(data.qpos[q : q + (3 if free else 1)] - start[q : q + (3 if free else 1)]).max()
            speed = np.abs(data.qvel[v : v + (3 if free else 1)]).max()
            if free:
                tilt = 2 * np.arccos(min(1.0, abs(data.qpos[q + 3 : q + 7] @ start[q + 3 : q + 7])))
                drift = max(drift, 0.03 * tilt)
            if drift > 0.003 or speed > 0.002:
                yield f"{name} drifted {1000 * drift:.1f} mm, moves at {1000 * speed:.2f} mm/s"
    for contact in data.contact:
        if contact.dist < -0.001:
            one, other = (model.geom(geom).name for geom in contact.geom)
            yield f"{one} sinks {-1000 * contact.dist:.1f} mm into {other}"


@pytest.mark.slow
@pytest.mark.parametrize("name", ["tabletop", "home"])
@pytest.mark.parametrize("first", range(0, 50, 10))
def test_a_world_at_rest_stays_at_rest(name: str, first: int) -> None:
    for seed in range(first, first + 10):
        made = world(name, seed)
        data, start = _simulated(made, SECONDS)
        assert not list(_faults(made, data, start)), f"seed {seed}"


@pytest.mark.slow
def test_every_kind_in_every_size_stays_at_rest(alone: Callable[[Scene], World]) -> None:
    items = [(name, size) for name in MOVABLE for size in kind(name).sizes]
    placements = [
        Placement(
            item=ObjectSpec(kind=name, name=f"{size}_{name}", attributes={"size": size}),
            position_w=np.array([0.3 * (n % 8), 0.3 * (n // 8), kind(name).extent[2] / 2 * SIZES[size]]),
            yaw=0.37 * n,
            support="floor",
        )
        for n, (name, size) in enumerate(items)
    ]
    made = alone(Scene(world="all", rooms=HALL, objects=tuple(placements)))
    data, start = _simulated(made, SECONDS)
    assert not list(_faults(made, data, start))


@pytest.mark.parametrize("opening", [0.0, 1.0])
def test_what_lies_in_or_on_something_stays_there(alone: Callable[[Scene], World], opening: float) -> None:
    inside = [Wanted(kind=kind_name, where=where) for kind_name, where in IN_THE_HOME]
    house = home(np.random.default_rng(5), objects=inside, openings={"cabinet_drawer": opening}, count=12)
    stacked = (
        Wanted(kind="can", where="basket"),
        Wanted(kind="mug", where="chest_drawer"),
        Wanted(kind="tea_box", color="green"),
        Wanted(kind="cube", color="red", where="green_tea_box"),
    )
    table = tabletop(
        np.random.default_rng(5),
        objects=stacked,
        fixtures=["basket", "chest"],
        openings={"chest_drawer": opening},
        count=5,
    )
    for made in (alone(house), alone(table)):
        data, start = _simulated(made, 4.0)
        assert not list(_faults(made, data, start))


@pytest.mark.parametrize("name", ["ball", "apple", "orange", "lemon"])
def test_what_rolls_comes_to_rest(alone: Callable[[Scene], World], name: str) -> None:
    """Pushed off at 0.2 m/s, it stops within half a metre."""
    item = ObjectSpec(kind=name, name=name, attributes={"size": "medium"})
    start = np.array([0.0, 0.0, kind(name).extent[2] / 2])
    made = alone(
        Scene(world="floor", rooms=HALL, objects=(Placement(item=item, position_w=start, yaw=0.0, support="floor"),))
    )
    data = mujoco.MjData(made.model)
    data.qvel[0] = 0.2
    mujoco.mj_step(made.model, data, nstep=2500)
    assert np.abs(data.qvel).max() < 0.05
    assert 0.001 < np.linalg.norm(data.qpos[:2]) < 0.5


@pytest.mark.parametrize(
    ("scene", "part", "force"),
    [
        (home(np.random.default_rng(1), openings={"bedroom_door": 0.0}), "cabinet_drawer", 12.0),
        (home(np.random.default_rng(1), openings={"bedroom_door": 0.0}), "cabinet_door", 6.0),
        (home(np.random.default_rng(1), openings={"bedroom_door": 0.0}), "bedroom_door", 10.0),
        (tabletop(np.random.default_rng(1), fixtures=["chest"]), "chest_drawer", 10.0),
    ],
)
def test_a_part_opens_under_a_pull_and_stays_where_it_is_left(
    alone: Callable[[Scene], World], scene: Scene, part: str, force: float
) -> None:
    made = alone(scene)
    model, data, thing = made.model, mujoco.MjData(made.model), made.thing(part)
    joint, hinge, handle = thing.joint, thing.entity.articulation, thing.entity.region("handle")
    assert joint is not None
    assert hinge is not None
    assert handle is not None
    q = model.jnt_qposadr[joint]
    data.qpos[:] = made.qpos0
    mujoco.mj_step(model, data, nstep=500)
    assert abs(data.qpos[q]) < 0.002  # closed, it stays closed
    local = hinge.axis_e if hinge.kind == "slide" else np.cross(hinge.axis_e, handle.center_e - hinge.pivot_e)
    for _ in range(2000):
        turn = data.xmat[thing.body].reshape(3, 3)
        pull = turn @ (local / np.linalg.norm(local) * force)
        grip = data.xpos[thing.body] + turn @ handle.center_e
        data.qfrc_applied[:] = 0
        mujoco.mj_applyFT(model, data, pull, np.zeros(3), grip, thing.body, data.qfrc_applied)
        mujoco.mj_step(model, data)
        if data.qpos[q] > 0.75 * hinge.limit:
            break
    assert data.qpos[q] > 0.7 * hinge.limit
    data.qfrc_applied[:] = 0
    mujoco.mj_step(model, data, nstep=500)
    left = float(data.qpos[q])
    assert left > 0.7 * hinge.limit
    mujoco.mj_step(model, data, nstep=2500)
    assert data.qpos[q] == pytest.approx(left, abs=0.002)


@pytest.mark.parametrize("name", [name for name in kinds() if kind(name).button is not None])
def test_a_button_goes_down_and_springs_back(alone: Callable[[Scene], World], name: str) -> None:
    place, form = np.array([0.0, 0.0, 0.0]), kind(name)
    if form.category == "object":
        item = ObjectSpec(kind=name, name=name)
        up = np.array([0.0, 0.0, form.extent[2] / 2])
        scene = Scene(
            world="hall", rooms=HALL, objects=(Placement(item=item, position_w=up, yaw=0.0, support="floor"),)
        )
    else:
        scene = Scene(world="hall", rooms=HALL, fixtures=(FixtureSpec(name=name, kind=name, position_w=place),))
    made = alone(scene)
    model, data = made.model, mujoco.MjData(made.model)
    button = made.thing(name).button
    assert button is not None
    q, v, travel = model.jnt_qposadr[button], model.jnt_dofadr[button], model.jnt_range[button, 1]
    mujoco.mj_step(model, data, nstep=300)
    assert abs(data.qpos[q]) < 0.1 * travel
    data.qfrc_applied[v] = 6.0
    mujoco.mj_step(model, data, nstep=300)
    assert data.qpos[q] > 0.9 * travel
    data.qfrc_applied[v] = 0.0
    mujoco.mj_step(model, data, nstep=300)
    assert abs(data.qpos[q]) < 0.1 * travel

"""The shield's own geometry and kinematics beside MuJoCo's."""

from __future__ import annotations

import mujoco
import numpy as np
import pytest

from yanshi.agent.shield.body import Body
from yanshi.agent.shield.kernels import (
    BINS,
    BOX,
    CAPSULE,
    CYLINDER,
    FAR,
    SPHERE,
    allowed_speed,
    differential,
    gap,
    place,
    project,
    settle,
    slow_down,
    survey,
)
from yanshi.agent.skills.kinematics import Kinematics
from yanshi.envs.robots import robot, robots

KINDS = {SPHERE: "sphere", CAPSULE: "capsule", CYLINDER: "cylinder", BOX: "box"}


@pytest.mark.parametrize("kind", KINDS)
def test_distances_are_those_of_mujoco(kind: int) -> None:
    rng = np.random.default_rng(kind)
    for _ in range(20):
        size = rng.uniform(0.05, 0.3, 3)
        quat = rng.normal(size=4)
        xml = f"""<mujoco><worldbody>
            <geom type="{KINDS[kind]}" size="{size[0]} {size[1]} {size[2]}" pos="0.1 -0.2 0.3"
                  quat="{quat[0]} {quat[1]} {quat[2]} {quat[3]}"/>
            <body name="p"><freejoint/><geom type="sphere" size="0.001"/></body></worldbody></mujoco>"""
        model = mujoco.MjModel.from_xml_string(xml)
        data = mujoco.MjData(model)
        point = np.array([0.1, -0.2, 0.3]) + rng.normal(0.0, 0.4, 3)
        data.qpos[:3] = point
        mujoco.mj_forward(model, data)
        true = mujoco.mj_geomDistance(model, data, 0, 1, 10.0, None) + 0.001
        found, *way = gap(kind, model.geom_size[0], data.geom_xpos[0], data.geom_xmat[0].reshape(3, 3), point)
        if true > 0.01:
            assert found == pytest.approx(true, abs=2e-4)
            nearer = gap(
                kind,
                model.geom_size[0],
                data.geom_xpos[0],
                data.geom_xmat[0].reshape(3, 3),
                point - 0.005 * np.array(way),
            )[0]
            assert nearer == pytest.approx(found - 0.005, abs=1e-6)
        assert np.linalg.norm(way) == pytest.approx(1.0)


@pytest.mark.parametrize("name", robots())
def test_the_body_is_where_mujoco_puts_it_and_moves_as_its_jacobian_says(name: str) -> None:
    body, kinematics = Body(robot(name)), Kinematics(robot(name))
    rng = np.random.default_rng(0)
    poses, where = body.poses(), body.places()
    n = len(body.arm)
    out = (np.zeros((n, 6)), np.zeros((n, 6)), np.zeros(n), np.zeros(3))
    for _ in range(10):
        q = rng.uniform(body.low, body.high)
        values = body.home.copy()
        values[body.arm] = q
        place(body.tree, values - body.zero, poses)
        settle(body.shapes, poses, where)
        T = kinematics.forward(q)
        differential(body.chain, poses, q, (1e-9, 0.0), out)
        assert out[3] == pytest.approx(T[:3, 3], abs=1e-6)
        model, data = kinematics.model, kinematics.data
        mujoco.mj_comPos(model, data)
        jacp, jacr = np.zeros((3, model.nv)), np.zeros((3, model.nv))
        mujoco.mj_jacSite(model, data, jacp, jacr, model.site(robot(name).tcp_site).id)
        dofs = [model.joint(joint).dofadr[0] for joint in robot(name).arm_joints]
        assert pytest.approx(np.vstack((jacp, jacr))[:, dofs], abs=1e-6) == out[0].T


@pytest.mark.parametrize("name", robots())
def test_at_home_nothing_of_the_robot_is_near_itself(name: str) -> None:
    body = Body(robot(name))
    poses, where = body.poses(), body.places()
    place(body.tree, body.home - body.zero, poses)
    settle(body.shapes, poses, where)
    owners, offsets, radii = body.spheres
    assert len(body.pairs) > 100
    for sphere, shape in body.pairs:
        point = poses[0][owners[sphere]] + poses[1][owners[sphere]] @ offsets[sphere]
        _, kinds, sizes, *_ = body.shapes
        assert gap(kinds[shape], sizes[shape], where[0][shape], where[1][shape], point)[0] - radii[sphere] > 0.05


@pytest.mark.parametrize("room", [0.01, 0.1, 0.5])
def test_the_allowed_speed_uses_up_the_room_exactly(room: float) -> None:
    speed = allowed_speed(room, 2.0, 0.1)
    assert 0.1 * speed + speed**2 / 4.0 == pytest.approx(room)
    assert allowed_speed(-room, 2.0, 0.1) == 0.0


def test_the_projection_is_the_nearest_command_that_keeps_every_row() -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        rows = (rng.normal(size=(6, 9)), rng.uniform(0.0, 0.5, 6), np.zeros(6, np.int64), np.array([6]))
        wish = rng.normal(size=9)
        found = wish.copy()
        project(rows, found, np.zeros(6))
        slow_down(rows, found)
        assert np.all(rows[0] @ found <= rows[1] + 1e-8)
        # No other command that keeps every row is nearer: the definition of a projection on a convex set.
        for _ in range(200):
            other = found + rng.normal(0.0, 0.2, 9)
            if np.all(rows[0] @ other <= rows[1]):
                assert np.linalg.norm(other - wish) >= np.linalg.norm(found - wish) - 5e-3


def test_what_the_base_stands_against_does_not_stop_the_arm() -> None:
    rows = (np.zeros((2, 9)), np.array([0.0, 1.0]), np.zeros(2, np.int64), np.array([2]))
    rows[0][0, :3], rows[0][1] = (1.0, 0.0, 0.2), 0.1
    command = np.full(9, 0.4)
    slow_down(rows, command)
    assert np.all(command[:3] == 0.0)
    assert np.all(command[3:] == 0.4)
    rows[0][0, 5] = 1.0  # A part of the arm stands against it.
    slow_down(rows, command)
    assert np.all(command == 0.0)


@pytest.mark.parametrize(("point", "right_below"), [((0.5, 0.0, 0.35), True), ((0.58, 0.0, 0.47), False)])
def test_what_is_beside_a_ball_is_not_right_below_it(point: tuple[float, float, float], right_below: bool) -> None:
    arm, radius = 1, 0.06
    one = np.zeros(1, np.int64)
    records = np.array([[*point, 0.0, 5.0, 0.0, 0.0, 0.0]])
    voxels = (records, one.copy(), np.ones(1, np.int64), np.zeros(1, np.int32))
    sizes, centers, axes = np.array([[radius, 0.0, 0.0]]), np.array([[0.5, 0.0, 0.5]]), np.eye(3)[None]
    shapes = (one, one + SPHERE, sizes, np.zeros((1, 3)), axes, np.array([radius]), one + arm)
    body = (shapes, (centers, axes), (centers, np.array([radius]), one, one + 1))
    nearest = np.zeros((1, BINS, 4))
    survey(voxels, np.zeros(3), (0.0, 10.0, 2.0), np.full(4, 0.3), body, nearest)
    assert (nearest[0, BINS - 1, 0] < FAR) == right_below
    assert nearest[0, : BINS - 1, 0].min() == pytest.approx(np.linalg.norm(centers[0] - point) - radius)

"""The robots against the data sheet of the Franka Emika Panda, and the description of a robot against its file."""

from dataclasses import replace
from pathlib import Path

import mujoco
import numpy as np
import pytest

from yanshi.envs.robots import Robot, check_robot, register, robot, robots
from yanshi.errors import InputError, UnknownNameError, WorldError

# Modified DH parameters (Craig) of the data sheet: a [m], d [m], alpha [rad] of joints 1 … 7.
DH = [
    (0.0, 0.333, 0.0),
    (0.0, 0.0, -np.pi / 2),
    (0.0, 0.316, np.pi / 2),
    (0.0825, 0.0, np.pi / 2),
    (-0.0825, 0.384, -np.pi / 2),
    (0.0, 0.0, np.pi / 2),
    (0.088, 0.0, np.pi / 2),
]
FLANGE, TCP = 0.107, 0.1034
LIMITS = [(-2.8973, 2.8973), (-1.7628, 1.7628), (-2.8973, 2.8973), (-3.0718, -0.0698)]
LIMITS += [(-2.8973, 2.8973), (-0.0175, 3.7525), (-2.8973, 2.8973)]
SPEEDS = [2.175] * 4 + [2.61] * 3
TORQUES = [87.0] * 4 + [12.0] * 3
PLATE = {"panda": (0.0, 0.40), "mobile_panda": (0.05, 0.41)}
"""x and z of the shoulder's base plate [m]."""


def transform(a, d, alpha, theta):
    c, s, ca, sa = np.cos(theta), np.sin(theta), np.cos(alpha), np.sin(alpha)
    return np.array(
        [[c, -s, 0, a], [s * ca, c * ca, -sa, -d * sa], [s * sa, c * sa, ca, d * ca], [0, 0, 0, 1]], dtype=float
    )


def tool(q):
    """Tool pose in the frame of the base plate, by the product of the data sheet's table."""
    T = np.eye(4)
    for (a, d, alpha), theta in zip(DH, q, strict=True):
        T = T @ transform(a, d, alpha, theta)
    return T @ transform(0.0, FLANGE, 0.0, 0.0) @ transform(0.0, TCP, 0.0, -np.pi / 4)


def start(name):
    description = robot(name)
    model = description.spec().compile()
    data = mujoco.MjData(model)
    for joint, value in description.home.items():
        data.joint(joint).qpos[0] = value
    mujoco.mj_forward(model, data)
    return description, model, data


@pytest.mark.parametrize("name", robots())
def test_forward_kinematics_is_that_of_the_data_sheet(name):
    description, model, data = start(name)
    rng = np.random.default_rng(0)
    x, z = PLATE[name]
    for _ in range(200):
        q = rng.uniform(*np.transpose(LIMITS))
        for joint, value in zip(description.arm_joints, q, strict=True):
            data.joint(joint).qpos[0] = value
        mujoco.mj_kinematics(model, data)
        expected = tool(q)
        assert data.site("tcp").xpos == pytest.approx(expected[:3, 3] + (x, 0, z), abs=1e-6)
        assert data.site("tcp").xmat.reshape(3, 3) == pytest.approx(expected[:3, :3], abs=1e-6)


@pytest.mark.parametrize("name", robots())
def test_limits_are_those_of_the_data_sheet(name):
    description, model, _ = start(name)
    assert np.array([model.joint(joint).range for joint in description.arm_joints]) == pytest.approx(np.array(LIMITS))
    assert description.joint_speed == tuple(SPEEDS)
    forces = [model.actuator(actuator).forcerange for actuator in description.arm_actuators]
    assert np.array(forces) == pytest.approx(np.array([(-t, t) for t in TORQUES]))
    assert all(model.joint(joint).range == pytest.approx([0, 0.04]) for joint in description.finger_joints)


@pytest.mark.parametrize("name", robots())
def test_the_tool_starts_before_the_base_pointing_down(name):
    _, _, data = start(name)
    assert data.site("tcp").xpos == pytest.approx([0.45, 0, 1.0], abs=1e-6)
    assert data.site("tcp").xmat.reshape(3, 3) == pytest.approx(np.diag([1.0, -1.0, -1.0]), abs=1e-6)


@pytest.mark.parametrize("name", robots())
def test_pads_close_along_the_tool_y_axis_and_meet_at_the_tool(name):
    description, model, data = start(name)
    for opening in (0.08, 0.03, 0.0):
        for joint in description.finger_joints:
            data.joint(joint).qpos[0] = opening / 2
        mujoco.mj_kinematics(model, data)
        between = data.site("left_pad").xpos - data.site("right_pad").xpos
        assert between == pytest.approx(opening * data.site("tcp").xmat.reshape(3, 3)[:, 1], abs=1e-9)
    assert data.site("left_pad").xpos == pytest.approx(data.site("tcp").xpos, abs=1e-4)


@pytest.mark.parametrize("name", robots())
def test_it_carries_the_mounts_of_every_sense(name):
    _, model, _ = start(name)
    microphones = ("mic_array", "mic_0", "mic_1", "mic_2", "mic_3")
    for site in ("tcp", "lidar", "scan", *microphones, "wrist_ft", "left_pad", "right_pad"):
        model.site(site)
    if robot(name).base_joints:
        model.site("scan_rear")
    for camera in ("head", "wrist"):
        model.camera(camera)


def seen(model, data, points):
    """Which points (n, 3) the head camera sees: in the picture (square), with nothing of the robot before them."""
    camera = data.camera("head")
    origin, axes = camera.xpos, camera.xmat.reshape(3, 3)
    edge = np.tan(np.radians(model.camera("head").fovy[0]) / 2)
    hits = []
    for point in points:
        x, y, back = (point - origin) @ axes
        inside = back < 0 and max(abs(x), abs(y)) <= -back * edge
        direction = point - origin
        geom = np.zeros(1, dtype=np.int32)
        distance = mujoco.mj_ray(model, data, origin, direction, None, 1, model.camera("head").bodyid[0], geom, None)
        hits.append(inside and not 0 <= distance < 1)
    return np.array(hits)


def test_the_fixed_head_sees_the_whole_table():
    _, model, data = start("panda")
    x, y = np.meshgrid(np.linspace(0.25, 0.75, 11), np.linspace(-0.4, 0.4, 17))
    visible = seen(model, data, np.stack([x.ravel(), y.ravel(), np.full(x.size, 0.40)], 1))
    assert visible.mean() > 0.95


@pytest.mark.parametrize(("height", "share"), [(0.4, 0.95), (0.65, 0.95), (0.9, 0.75)])
def test_the_mobile_head_sees_the_surface_before_the_robot(height, share):
    """On a surface 0.9 m high the hand, 0.1 m above it, hides some."""
    _, model, data = start("mobile_panda")
    x, y = np.meshgrid(np.linspace(0.35, 0.8, 10), np.linspace(-0.2, 0.2, 9))
    visible = seen(model, data, np.stack([x.ravel(), y.ravel(), np.full(x.size, height)], 1))
    assert visible.mean() > share


def test_the_base_stands_within_its_footprint_and_touches_nothing_of_itself():
    description, model, data = start("mobile_panda")
    low = [i for i in range(model.ngeom) if model.geom_contype[i] and data.geom_xpos[i, 2] < 0.5]
    corners = np.array([[x, y, z] for x in (-1, 1) for y in (0,) for z in (-1, 1)] + [[0, y, 0] for y in (-1, 1)])
    for geom in low:
        axes, half = data.geom_xmat[geom].reshape(3, 3), model.geom_aabb[geom, 3:]
        points = data.geom_xpos[geom] + (corners * half) @ axes.T
        assert np.hypot(*points[:, :2].T).max() <= description.footprint
        assert points[:, 2].min() > 0.005
    assert data.ncon == 0


def test_an_action_is_in_si_units_and_keeps_the_direction_when_too_fast():
    mobile = robot("mobile_panda")
    action = mobile.action(gripper=0.02, base=(0.3, 0, -1.2), linear=(0.7, 0.35, 0), angular=(0, 0, 0.75), head=(3, 0))
    expected = [0.5, 0, -1, 1, 0.5, 0, 0, 0, 0.5, -0.5, 1, 0]
    assert action == pytest.approx(expected)
    assert action.dtype == np.float32
    assert len(mobile.action_names) == len(action) == 12
    assert len(robot("panda").action(gripper=0.0, base=(1, 1, 1))) == len(robot("panda").action_names) == 7


@pytest.mark.parametrize("name", robots())
def test_our_robots_pass_the_check(name):
    check_robot(robot(name))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"finger_joints": ("joint22",)}, "Unknown joint 'joint22'. Did you mean 'joint2'? Available: finger_joint1,"),
        ({"tcp_site": "tool"}, "Unknown site 'tool'."),
        ({"gripper_actuator": "hand"}, "Unknown actuator 'hand'. Available: gripper, joint1,"),
        ({"finger_pads": ("pad",)}, "Unknown geom 'pad'."),
        ({"base_body": "torso"}, "Unknown body 'torso'."),
        ({"base_body": "hand"}, "expected 'hand' as its only root body, got ['base']"),
        ({"mjcf": Path("/nowhere/robot.xml")}, "there is no file /nowhere/robot.xml"),
        ({"arm_actuators": ("joint1",)}, "7 arm_joints but 1 arm_actuators"),
        ({"arm_joints": (), "arm_actuators": ()}, "it has no arm_joints"),
        ({"base_joints": ("joint1",), "base_actuators": ("joint1",)}, "expected 3 base_joints or none, got 1"),
        ({"home": {"joint4": 1.0}}, "home of 'joint4' is 1.0, outside -3.072 … -0.0698"),
        ({"arm_actuators": tuple(f"joint{i}" for i in (2, 1, 3, 4, 5, 6, 7))}, "'joint2' does not drive joint"),
    ],
)
def test_a_description_that_does_not_fit_is_refused_in_one_line(change, message):
    with pytest.raises(WorldError) as caught:
        check_robot(replace(robot("panda"), **change))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "text", ["<mujoco><worldbody><body/>", "<mujoco><worldbody><geom color='1'/></worldbody></mujoco>"]
)
def test_a_file_that_is_not_mjcf_is_refused_in_one_line(tmp_path, text):
    file = tmp_path / "broken.xml"
    file.write_text(text)
    with pytest.raises(WorldError, match=r"broken\.xml is not valid MJCF") as caught:
        check_robot(replace(robot("panda"), mjcf=file))
    assert "\n" not in str(caught.value)


def test_a_file_that_does_not_compile_is_refused_in_one_line(tmp_path):
    file = tmp_path / "heavy.xml"
    file.write_text(
        "<mujoco><worldbody><body name='base'><joint name='a'/><site name='tcp'/><geom name='pad' size='-1'/></body>"
        "</worldbody><actuator><position name='a' joint='a'/></actuator></mujoco>"
    )
    one = {"arm_joints": ("a",), "arm_actuators": ("a",), "finger_joints": ("a",), "finger_pads": ("pad",)}
    broken = Robot(
        name="heavy",
        mjcf=file,
        base_body="base",
        tcp_site="tcp",
        gripper_actuator="a",
        max_opening=1,
        gripper_ctrl=(0, 1),
        **one,
    )
    with pytest.raises(WorldError, match=r"heavy\.xml does not compile") as caught:
        check_robot(broken)
    assert "\n" not in str(caught.value)


def test_the_registry_refuses_duplicates_and_unknown_names():
    with pytest.raises(InputError, match="already registered"):
        register(robot("panda"))
    with pytest.raises(UnknownNameError, match="Did you mean 'panda'"):
        robot("pandas")

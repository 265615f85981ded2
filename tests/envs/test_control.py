"""The motor level: what is commanded is what moves, and nothing else does."""

from dataclasses import replace
from types import SimpleNamespace

import mujoco
import numpy as np
import pytest
from mujoco.batch import Batch

from yanshi.envs.clock import CONTROL_DT, STEPS_PER_CONTROL
from yanshi.envs.control import JOINT_LEAD, MotorControl
from yanshi.envs.robots import Robot, check_robot, robot, robots
from yanshi.errors import InputError, WorldError


def rotation_vector(rotation):
    quaternion, vector = np.zeros(4), np.zeros(3)
    mujoco.mju_mat2Quat(quaternion, rotation.ravel())
    mujoco.mju_quat2Vel(vector, quaternion, 1.0)
    return vector


class Rig:
    """A robot alone, with its motor control. The pose of its base in the map can be chosen."""

    def __init__(self, name, load=0.0, wall=None):
        self.robot = robot(name)
        spec = self.robot.spec()
        if load:
            spec.body("hand").add_geom(size=[0.01, 0, 0], pos=[0, 0, 0.12], mass=load, contype=0, conaffinity=0)
            spec.body("hand").explicitinertial = False
        if wall is not None:
            spec.worldbody.add_geom(type=mujoco.mjtGeom.mjGEOM_BOX, size=[0.05, 1, 1], pos=[wall + 0.05, 0, 1])
        self.model = spec.compile()
        self.data = mujoco.MjData(self.model)
        for joint, value in self.robot.home.items():
            self.data.joint(joint).qpos[0] = value
        mujoco.mj_forward(self.model, self.data)
        self.control = MotorControl(self.model, self.robot)
        self.control.reset(self.data)

    def run(self, seconds, **command):
        action = self.robot.action(**({"gripper": 0.04} | command))
        for _ in range(round(seconds / CONTROL_DT)):
            self.control.apply(self.data, action)
            mujoco.mj_step(self.model, self.data, STEPS_PER_CONTROL)
            yield
        mujoco.mj_kinematics(self.model, self.data)

    def move(self, seconds, **command):
        for _ in self.run(seconds, **command):
            pass

    def tool(self):
        """Position and rotation of the tool in the base frame."""
        mujoco.mj_kinematics(self.model, self.data)
        base = self.data.body(self.robot.base_body)
        axes = base.xmat.reshape(3, 3)
        site = self.data.site("tcp")
        return axes.T @ (site.xpos - base.xpos), axes.T @ site.xmat.reshape(3, 3)

    def base(self):
        return self.data.qpos[:3].copy()


@pytest.mark.parametrize("axis", range(3))
@pytest.mark.parametrize("name", robots())
def test_a_linear_command_moves_the_tool_as_told(name, axis):
    rig = Rig(name)
    start, turned = rig.tool()
    command = np.zeros(3)
    command[axis] = 0.1
    rig.move(1.0, linear=command)
    position, rotation = rig.tool()
    moved = position - start
    assert moved[axis] == pytest.approx(0.1, rel=0.05)
    assert np.abs(np.delete(moved, axis)).max() < 0.005
    assert np.degrees(np.linalg.norm(rotation_vector(rotation @ turned.T))) < 1.0


@pytest.mark.parametrize("axis", range(3))
@pytest.mark.parametrize("name", robots())
def test_an_angular_command_turns_the_tool_about_its_point(name, axis):
    rig = Rig(name)
    start, turned = rig.tool()
    command = np.zeros(3)
    command[axis] = 0.5
    rig.move(1.0, angular=command)
    position, rotation = rig.tool()
    assert np.linalg.norm(position - start) < 0.005
    assert rotation_vector(rotation @ turned.T) == pytest.approx(command, abs=np.radians(1.0))


@pytest.mark.parametrize("load", [0.0, 0.5])
def test_a_zero_command_holds_the_pose_while_the_base_drives(load):
    """Within 1 mm at a steady speed, and within 5 mm while the base gathers speed, which pushes the arm back."""
    rig = Rig("mobile_panda", load)
    rig.move(2.0)
    start, turned = rig.tool()
    for drive in ((0, 0, 0), (0.5, 0, 0.0), (0.3, 0.3, 1.0), (0, -0.4, -1.0), (0, 0, 0)):
        for step, _ in enumerate(rig.run(3.0, base=drive)):
            position, rotation = rig.tool()
            steady = step * CONTROL_DT > 1.8
            assert np.linalg.norm(position - start) < (0.001 if steady else 0.005)
            assert np.degrees(np.linalg.norm(rotation_vector(rotation @ turned.T))) < 1.0


@pytest.mark.parametrize("load", [0.5, 2.0])
def test_a_load_is_carried_where_it_should_be(load):
    rig = Rig("panda", load)
    start, _ = rig.tool()
    rig.move(3.0)
    assert np.linalg.norm(rig.tool()[0] - start) < 0.001


@pytest.mark.parametrize("name", robots())
def test_a_zero_command_holds_the_pose_for_long(name):
    rig = Rig(name)
    start, _ = rig.tool()
    for _ in rig.run(5.0):
        assert np.linalg.norm(rig.tool()[0] - start) < 0.001


@pytest.mark.parametrize(("axis", "speed"), [(0, 0.5), (0, -0.5), (1, 0.5), (2, 1.0)])
def test_the_base_reaches_the_commanded_velocity_in_its_own_frame(axis, speed):
    rig = Rig("mobile_panda")
    rig.data.joint("base_yaw").qpos[0] = 2.0
    mujoco.mj_forward(rig.model, rig.data)
    rig.control.reset(rig.data)
    command = np.zeros(3)
    command[axis] = speed
    rig.move(1.0, base=command)
    before = rig.base()
    rig.move(1.0, base=command)
    step = rig.base() - before
    c, s = np.cos(before[2]), np.sin(before[2])
    step_b = np.array([c * step[0] + s * step[1], -s * step[0] + c * step[1], step[2]])
    assert step_b == pytest.approx(command, abs=0.02)


def test_the_base_drives_arcs_and_stops_where_it_is():
    """Driving at v while turning at w is a circle of radius v / w: after half a turn it is 2 v / w to the left."""
    rig = Rig("mobile_panda")
    rig.move(1.0, base=(0.4, 0, 0.8))
    start = rig.base()
    left = np.array([-np.sin(start[2]), np.cos(start[2])])
    rig.move(np.pi / 0.8, base=(0.4, 0, 0.8))
    across = (rig.base() - start)[:2] @ left
    assert across == pytest.approx(2 * 0.4 / 0.8, rel=0.03)
    rig.move(1.0)
    stopped = rig.base()
    rig.move(2.0)
    assert rig.base() == pytest.approx(stopped, abs=1e-3)


def test_a_base_that_is_blocked_leaves_when_told():
    """The arm gives way until the body stands at the wall, with bounded force; it drives back at once when told."""
    rig = Rig("mobile_panda", wall=0.8)
    rig.move(4.0, base=(0.5, 0, 0))
    assert 0.3 < rig.base()[0] < 0.8 - 0.27 + 0.005
    assert abs(rig.data.actuator("base_x").force[0]) <= 300.0
    pressed = rig.base()
    rig.move(2.0, base=(0.5, 0, 0))
    assert rig.base() == pytest.approx(pressed, abs=0.01)
    rig.move(1.0, base=(-0.5, 0, 0))
    assert rig.base()[0] < pressed[0] - 0.2


def test_the_arm_does_not_push_the_base_away():
    rig = Rig("mobile_panda")
    start = rig.base()
    for sign in (1, -1, 1, -1):
        rig.move(0.5, linear=(0.1 * sign, 0.35 * sign, 0), angular=(0, 0, sign))
        assert np.abs(rig.base() - start).max() < 0.005


@pytest.mark.parametrize("opening", [0.0, 0.03, 0.08])
def test_the_gripper_opens_as_told(opening):
    rig = Rig("panda")
    rig.move(1.5, gripper=opening)
    left, right = (rig.data.joint(joint).qpos[0] for joint in rig.robot.finger_joints)
    assert left + right == pytest.approx(opening, abs=0.001)
    assert left == pytest.approx(right, abs=5e-4)


def test_the_fingers_move_at_the_speed_of_the_data_sheet():
    """50 mm/s a finger."""
    rig = Rig("panda")
    rig.move(0.4, gripper=0.08)
    rig.move(0.4, gripper=0.0)
    assert sum(rig.data.joint(joint).qpos[0] for joint in rig.robot.finger_joints) == pytest.approx(0.04, abs=0.006)
    rig.move(0.3, gripper=0.08)
    assert sum(rig.data.joint(joint).qpos[0] for joint in rig.robot.finger_joints) == pytest.approx(0.066, abs=0.008)


def test_the_head_turns_as_told_and_stops_at_its_limits():
    rig = Rig("mobile_panda")
    pan = rig.data.joint("head_pan").qpos[0]
    rig.move(1.0, head=(0.5, 0))
    rig.move(0.4)
    assert rig.data.joint("head_pan").qpos[0] == pytest.approx(pan + 0.5, abs=0.01)
    rig.move(3.0, head=(0, 1.5))
    tilt = rig.data.joint("head_tilt").qpos[0]
    assert tilt == pytest.approx(rig.model.joint("head_tilt").range[1], abs=0.02)


def test_pressing_on_a_wall_does_not_wind_up():
    """The tool is pushed at a wall for long: the force stays bounded, and a command away from the wall acts at once."""
    rig = Rig("panda", wall=0.60)
    rig.move(6.0, linear=(0.1, 0, 0))
    mujoco.mj_rnePostConstraint(rig.model, rig.data)
    force = sum(np.linalg.norm(contact_force(rig, i)) for i in range(rig.data.ncon))
    assert 5.0 < force < 250.0
    lead = [rig.data.ctrl[rig.model.actuator(j).id] - rig.data.joint(j).qpos[0] for j in rig.robot.arm_joints]
    assert np.abs(lead).max() <= JOINT_LEAD
    pressed = rig.tool()[0][0]
    rig.move(0.6, linear=(-0.1, 0, 0))
    assert rig.tool()[0][0] < pressed - 0.02


def contact_force(rig, contact):
    wrench = np.zeros(6)
    mujoco.mj_contactForce(rig.model, rig.data, contact, wrench)
    return wrench[:3]


@pytest.mark.parametrize("direction", [(1, 0, 0), (0, 1, 0), (0, 0, 1), (0, 0, -1), (-1, 0.3, 0), (1, 1, 1)])
def test_beyond_its_reach_it_stops_quietly_within_its_limits(direction):
    rig = Rig("panda")
    command = 0.3 * np.array(direction, dtype=float)
    rig.move(6.0, linear=command)
    speeds = [np.abs(rig.data.qvel).max() for _ in rig.run(1.0, linear=command)]
    assert max(speeds) < 1.0
    for joint in rig.robot.arm_joints:
        low, high = rig.model.joint(joint).range
        assert low - 1e-3 <= rig.data.joint(joint).qpos[0] <= high + 1e-3
    start = rig.tool()[0]
    rig.move(1.5, linear=-command / 3)
    assert np.dot(rig.tool()[0] - start, -command) > 0.0


def test_the_same_tool_motion_leads_back_to_the_same_posture():
    """The redundancy is bound to the home posture: going around does not wind the elbow."""
    rig = Rig("panda")
    rig.move(2.0)
    before = rig.data.qpos[:7].copy()
    for direction in ((0, 0.2, 0), (0, 0, -0.2), (0, -0.2, 0), (0, 0, 0.2)) * 2:
        rig.move(1.0, linear=direction)
    rig.move(4.0)
    assert rig.data.qpos[:7] == pytest.approx(before, abs=0.03)


def test_actions_that_cannot_be_meant_are_refused():
    rig = Rig("panda")
    with pytest.raises(InputError, match=r"expected shape \(7,\) for robot 'panda', got \(12,\)"):
        rig.control.apply(rig.data, np.zeros(12, np.float32))
    with pytest.raises(InputError, match="expected finite values"):
        rig.control.apply(rig.data, np.array([0, 0, np.nan, 0, 0, 0, 0], np.float32))
    rig.control.apply(rig.data, np.full(7, 100.0, np.float32))
    high = rig.data.ctrl.copy()
    rig.control.reset(rig.data)
    rig.control.apply(rig.data, np.ones(7, np.float32))
    assert np.array_equal(high, rig.data.ctrl)


SCARA = """
<mujoco><option timestep="0.002"/><default><joint damping="1" armature=".1" axis="0 0 1"/><geom contype="0"/>
<position kp="500" kv="50"/></default><worldbody><body name="stand"><geom size=".05"/>
  <body pos="0 0 .5"><joint name="a" {first}/><geom type="capsule" size=".03" fromto="0 0 0 .4 0 0"/>
    <body pos=".4 0 0"><joint name="b"/><geom type="capsule" size=".03" fromto="0 0 0 .3 0 0"/>
      <body pos=".3 0 0"><joint name="c"/><site name="tip" pos=".1 0 0"/><geom size=".03"/>
        <body pos=".1 0 0"><joint name="f" type="slide" axis="0 1 0" range="0 .05"/><geom name="p" size=".01"/></body>
</body></body></body></body></worldbody><actuator><position name="a" joint="a"/><position name="b" joint="b"/>
<position name="c" joint="c"/><position name="f" joint="f" kp="100" kv="5"/></actuator></mujoco>"""


@pytest.mark.parametrize("first", ["", 'type="slide" axis="0 1 0"'], ids=["hinge", "slide"])
def test_it_controls_a_robot_that_is_not_ours(tmp_path, first):
    """A three-joint arm that moves its tool in the plane, turning or sliding at its root."""
    file = tmp_path / "scara.xml"
    file.write_text(SCARA.format(first=first))
    scara = Robot(
        name="scara",
        mjcf=file,
        base_body="stand",
        arm_joints=("a", "b", "c"),
        arm_actuators=("a", "b", "c"),
        tcp_site="tip",
        gripper_actuator="f",
        finger_joints=("f",),
        finger_pads=("p",),
        max_opening=0.05,
        gripper_ctrl=(0.0, 0.05),
        home={"a": 0.6, "b": -1.0, "c": 0.3},
    )
    check_robot(scara)
    model = scara.spec().compile()
    data = mujoco.MjData(model)
    for joint, value in scara.home.items():
        data.joint(joint).qpos[0] = value
    mujoco.mj_forward(model, data)
    control = MotorControl(model, scara)
    control.reset(data)
    start = data.site("tip").xpos.copy()
    for _ in range(25):
        control.apply(data, scara.action(gripper=0.02, linear=(0.05, 0.1, 0.0)))
        mujoco.mj_step(model, data, STEPS_PER_CONTROL)
    mujoco.mj_kinematics(model, data)
    assert data.site("tip").xpos - start == pytest.approx([0.05, 0.1, 0], abs=0.005)


def test_an_arm_that_does_not_carry_its_tool_is_refused():
    panda = robot("panda")
    model = panda.spec().compile()
    with pytest.raises(WorldError, match="Joint 'joint1' does not move the site 'scan'"):
        MotorControl(model, replace(panda, tcp_site="scan"))


def test_it_controls_a_simulation_of_a_batch_just_the_same():
    rig = Rig("mobile_panda")
    command = rig.robot.action(gripper=0.01, base=(0.3, 0.1, 0.4), linear=(0, 0.1, -0.1), angular=(0.3, 0, 0.2))
    names = ("qpos", "qvel", "ctrl", "xpos", "xmat", "xaxis", "xanchor", "site_xpos", "site_xmat")
    batch = Batch(rig.model, 2, nthread=1, persistent=True)
    rows = SimpleNamespace(**{name: batch.bind(name)[1] for name in names})
    rows.qpos[:] = rig.data.qpos
    batch.forward()
    control = MotorControl(rig.model, rig.robot)
    control.reset(rows)
    for _ in range(25):
        rig.control.apply(rig.data, command)
        mujoco.mj_step(rig.model, rig.data, STEPS_PER_CONTROL)
        control.apply(rows, command)
        batch.step(nstep=STEPS_PER_CONTROL)
        assert np.array_equal(rows.qpos, rig.data.qpos)

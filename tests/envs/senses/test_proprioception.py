from __future__ import annotations

import mujoco
import numpy as np
import pytest

from yanshi.envs.senses.proprioception import ProprioceptionConfig, Proprioceptor
from yanshi.errors import InputError

ROBOT = """
<body name="base" pos="1 2 0">
  <joint name="x" type="slide" axis="1 0 0"/><joint name="y" type="slide" axis="0 1 0"/>
  <joint name="yaw" type="hinge" axis="0 0 1"/><geom type="cylinder" size=".2 .1" pos="0 0 .1"/>
  <body name="link" pos="0 0 1"><joint name="shoulder" axis="0 1 0"/><geom size=".05"/>
    <body name="hand" pos=".5 0 0"><geom size=".05"/><site name="tcp" pos=".1 0 0"/>
      <body><joint name="left" type="slide" axis="0 1 0" range="0 .04"/><geom size=".01" pos="0 .02 0"/></body>
      <body><joint name="right" type="slide" axis="0 -1 0" range="0 .04"/><geom size=".01" pos="0 -.02 0"/></body>
    </body>
  </body>
  <body name="neck"><joint name="pan" axis="0 0 1"/><geom size=".05"/></body>
</body>
"""
PARTS = {
    "arm_joints": ("shoulder",),
    "head_joints": ("pan",),
    "finger_joints": ("left", "right"),
    "base_joints": ("x", "y", "yaw"),
}
PERFECT = ProprioceptionConfig(encoder=0.0, velocity=0.0, base_velocity=0.0, drift_distance=0.0, drift_turn=0.0)


def drive(sim, felt: Proprioceptor, poses: np.ndarray, seed: int = 0):  # type: ignore[no-untyped-def]
    """Put the base at each of the poses (n, 3), 40 ms apart, and read; the last reading."""
    sim.data.time = 0.0
    sim.data.qpos[:3] = poses[0]
    felt.reset(seed, sim.data)
    for pose in poses[1:]:
        sim.data.time += 0.04
        sim.data.qpos[:3] = pose
        reading = felt.read(sim.data)
    return reading


def straight(length: float, n: int = 50) -> np.ndarray:
    return np.column_stack((np.linspace(0.0, length, n), np.zeros(n), np.zeros(n)))


@pytest.fixture
def sim(simulate):  # type: ignore[no-untyped-def]
    return simulate(ROBOT, **PARTS)


def test_joints_in_order_and_true_without_noise(sim) -> None:  # type: ignore[no-untyped-def]
    sim.data.joint("shoulder").qpos, sim.data.joint("pan").qpos = 0.3, -0.7
    sim.data.joint("shoulder").qvel, sim.data.joint("pan").qvel = 1.0, 2.0
    reading = Proprioceptor(sim.model, sim.robot, PERFECT).read(sim.data)
    assert reading.joint_names == ("shoulder", "pan")
    assert reading.joint_positions == pytest.approx([0.3, -0.7])
    assert reading.joint_velocities == pytest.approx([1.0, 2.0])


def test_tool_in_the_base_frame(sim) -> None:  # type: ignore[no-untyped-def]
    """Anywhere in the map, the tool of this arm is at (0.6 cos q, 0, 1 - 0.6 sin q), turned by q about y."""
    felt, q = Proprioceptor(sim.model, sim.robot, PERFECT), 0.4
    for pose in ((0.0, 0.0, 0.0), (3.0, -1.0, 2.0)):
        sim.data.qpos[:3] = pose
        sim.data.joint("shoulder").qpos = q
        sim.data.time += 1.0
        mujoco.mj_kinematics(sim.model, sim.data)
        T = felt.read(sim.data).T_be
        assert T[:3, 3] == pytest.approx([0.6 * np.cos(q), 0.0, 1.0 - 0.6 * np.sin(q)])
        assert T[:3, 0] == pytest.approx([np.cos(q), 0.0, -np.sin(q)])


@pytest.mark.parametrize("opening", [0.0, 0.03, 0.08])
def test_gripper_opening(sim, opening: float) -> None:  # type: ignore[no-untyped-def]
    sim.data.joint("left").qpos = sim.data.joint("right").qpos = 0.5 * opening
    assert Proprioceptor(sim.model, sim.robot).read(sim.data).gripper_opening == pytest.approx(opening)


def test_odometry_begins_at_zero_wherever_the_base_is_and_follows_it(sim) -> None:  # type: ignore[no-untyped-def]
    angle = np.linspace(0.0, 5.0, 200)
    circle = np.column_stack((3.0 + np.cos(angle), np.sin(angle), angle + 0.5 * np.pi))
    reading = drive(sim, Proprioceptor(sim.model, sim.robot, PERFECT), circle)
    start, end = circle[0], circle[-1]
    c, s = np.cos(-start[2]), np.sin(-start[2])
    shift = np.array([[c, -s], [s, c]]) @ (end - start)[:2]
    assert reading.odometry == pytest.approx([*shift, 5.0])


def test_odometry_drifts_as_documented(sim) -> None:  # type: ignore[no-untyped-def]
    config = ProprioceptionConfig(drift_distance=0.02, drift_turn=0.03)
    felt = Proprioceptor(sim.model, sim.robot, config)
    for length in (1.0, 4.0):
        ends = np.array([drive(sim, felt, straight(length), seed).odometry for seed in range(400)])
        assert ends.mean(axis=0) == pytest.approx([length, 0.0, 0.0], abs=0.02 * length)
        assert ends[:, 0].std() == pytest.approx(0.02 * np.sqrt(length), rel=0.15)
        assert ends[:, 2].std() == pytest.approx(0.03 * 0.25 * np.sqrt(length), rel=0.15)
    turn = np.column_stack((np.zeros(50), np.zeros(50), np.linspace(0.0, 2.0, 50)))
    ends = np.array([drive(sim, felt, turn, seed).odometry for seed in range(400)])
    assert ends[:, 2].std() == pytest.approx(0.03 * np.sqrt(2.0), rel=0.15)
    assert np.abs(ends[:, :2]).max() == 0.0


def test_a_base_at_rest_does_not_drift(sim) -> None:  # type: ignore[no-untyped-def]
    assert np.array_equal(drive(sim, Proprioceptor(sim.model, sim.robot), straight(0.0)).odometry, np.zeros(3))


def test_encoder_noise(sim) -> None:  # type: ignore[no-untyped-def]
    felt = Proprioceptor(sim.model, sim.robot, ProprioceptionConfig(encoder=0.01, velocity=0.1))
    readings = []
    for _ in range(2000):
        sim.data.time += 0.04
        readings.append(felt.read(sim.data))
    assert np.std([r.joint_positions for r in readings]) == pytest.approx(0.01, rel=0.05)
    assert np.std([r.joint_velocities for r in readings]) == pytest.approx(0.1, rel=0.05)


def test_base_velocity_is_in_the_base_frame(sim) -> None:  # type: ignore[no-untyped-def]
    felt = Proprioceptor(sim.model, sim.robot, PERFECT)
    sim.data.qpos[2] = 0.5 * np.pi
    sim.data.qvel[:3] = [0.0, 0.3, 0.2]
    felt.reset(0, sim.data)
    assert felt.read(sim.data).base_velocity_b == pytest.approx([0.3, 0.0, 0.2])


def test_the_seed_decides_and_asking_twice_changes_nothing(sim) -> None:  # type: ignore[no-untyped-def]
    felt = Proprioceptor(sim.model, sim.robot)
    a, b, c = (drive(sim, felt, straight(1.0), seed) for seed in (1, 1, 2))
    assert np.array_equal(a.odometry, b.odometry)
    assert np.array_equal(a.joint_positions, b.joint_positions)
    assert not np.array_equal(a.odometry, c.odometry)
    assert felt.read(sim.data) is c


def test_a_fixed_robot_stays_at_zero(simulate) -> None:  # type: ignore[no-untyped-def]
    sim = simulate('<body name="base"><site name="tcp"/><geom size=".1"/></body>')
    reading = Proprioceptor(sim.model, sim.robot).read(sim.data)
    assert np.array_equal(reading.odometry, np.zeros(3))
    assert np.array_equal(reading.base_velocity_b, np.zeros(3))


def test_bad_config() -> None:
    with pytest.raises(InputError, match="must be >= 0"):
        ProprioceptionConfig(encoder=-1.0)

from __future__ import annotations

import mujoco
import numpy as np
import pytest

from yanshi.envs.robots import robot
from yanshi.envs.senses.sensor import check_sensor
from yanshi.envs.senses.touch import Touch, WristForce
from yanshi.errors import WorldError

RNG = np.random.default_rng(0)
G = 9.81
HAND = """
<body name="base" pos="0 0 .5">
  <body name="arm"><joint name="lift" type="slide" axis="0 0 1"/>
    <geom type="box" size=".02 .02 .02" mass=".2" pos="0 0 .2"/>
    <body name="hand"><site name="wrist_ft" pos=".01 .02 .1" euler="10 20 30"/>
      <geom type="box" size=".02 .1 .02" mass=".7" contype="0" conaffinity="0"/>
      <site name="tcp" pos="0 0 -.1" xyaxes="1 0 0 0 -1 0"/>
      <body name="left"><joint name="left" type="slide" axis="0 1 0"/>
        <geom name="left_pad" type="box" size=".02 .005 .02" pos="0 .05 -.1" mass=".05" friction="2 .1 .1"/></body>
      <body name="right"><joint name="right" type="slide" axis="0 -1 0"/>
        <geom name="right_pad" type="box" size=".02 .005 .02" pos="0 -.05 -.1" mass=".05" friction="2 .1 .1"/></body>
    </body>
  </body>
</body>
"""
ACTUATORS = """
<actuator><position joint="lift" kp="5000" kv="300"/><motor joint="left"/><motor joint="right"/></actuator>
<option timestep=".002" cone="elliptic" impratio="20"/>
"""
LOAD = '<body name="load" pos="0 0 .4"><freejoint/><geom type="box" size=".01 .0449 .015" mass="{mass}"/></body>'
PADS = {"finger_pads": ("left_pad", "right_pad")}


@pytest.fixture
def holding(simulate):  # type: ignore[no-untyped-def]
    """A hand that presses a load between its pads with `grip` [N] from each side, at rest."""

    def make(mass: float = 0.3, grip: float = 10.0, sensors: str = ""):  # type: ignore[no-untyped-def]
        sim = simulate(HAND + LOAD.format(mass=mass), ACTUATORS + sensors, **PADS)
        sim.data.ctrl[:] = [0.0, -grip, -grip]
        mujoco.mj_step(sim.model, sim.data, 3000)
        assert np.abs(sim.data.qvel).max() < 0.02
        return sim

    return make


@pytest.mark.parametrize(("mass", "grip"), [(0.1, 5.0), (0.3, 10.0), (0.6, 20.0)])
def test_a_held_load_is_felt_as_grip_and_as_its_weight(holding, mass: float, grip: float) -> None:  # type: ignore[no-untyped-def]
    sim = holding(mass, grip)
    touch = Touch()
    touch.setup(sim)
    left_normal, left_shear, right_normal, right_shear = touch.read(sim, RNG).data
    assert left_normal == pytest.approx(grip, rel=0.03)
    assert right_normal == pytest.approx(grip, rel=0.03)
    assert left_shear + right_shear == pytest.approx(mass * G, rel=0.03)


def test_forces_on_the_pads_point_the_right_way(holding) -> None:  # type: ignore[no-untyped-def]
    sim = holding()
    touch = Touch()
    touch.setup(sim)
    left, right = touch.forces_w(sim)
    assert left[1] > 5.0 > -5.0 > right[1]  # The load pushes the fingers apart …
    assert left[2] < 0.0
    assert right[2] < 0.0  # … and down.


def test_a_thing_resting_on_a_pad_weighs_what_it_weighs(simulate) -> None:  # type: ignore[no-untyped-def]
    sim = simulate(
        '<body name="base"><geom name="pad" type="box" size=".1 .1 .1"/><site name="tcp" xyaxes="1 0 0 0 0 1"/></body>'
        '<body pos="0 0 .15"><freejoint/><geom type="box" size=".05 .05 .05" mass="0.4"/></body>',
        finger_pads=("pad",),
    )
    mujoco.mj_step(sim.model, sim.data, 2000)
    touch = Touch()
    touch.setup(sim)
    normal, shear = touch.read(sim, RNG).data
    assert normal == pytest.approx(0.4 * G, rel=0.01)
    assert shear == pytest.approx(0.0, abs=0.02)


def test_nothing_touched_is_nothing_felt(simulate) -> None:  # type: ignore[no-untyped-def]
    sim = simulate(HAND, ACTUATORS, **PADS)
    touch = Touch()
    assert np.array_equal(check_sensor(touch, sim).data, np.zeros(4))  # type: ignore[union-attr]


SENSORS = '<sensor><force site="wrist_ft"/><torque site="wrist_ft"/></sensor>'


def test_wrist_force_without_sensors_is_what_mujocos_sensors_read(holding) -> None:  # type: ignore[no-untyped-def]
    """The same motion with and without sensors in the model, at rest and under acceleration."""
    plain, fitted = holding(), holding(sensors=SENSORS)
    for lift in (0.0, 0.1):
        readings = []
        for sim in (plain, fitted):
            sim.data.ctrl[0] = lift
            mujoco.mj_step(sim.model, sim.data, 40)
            wrist = WristForce()
            wrist.setup(sim)
            readings.append(wrist.read(sim, RNG).data)
        assert np.array_equal(readings[1], fitted.data.sensordata.astype(np.float32))
        assert np.allclose(readings[0], readings[1], atol=1e-4)


def test_wrist_carries_hand_and_load(holding) -> None:  # type: ignore[no-untyped-def]
    sim = holding(mass=0.3)
    frame = check_sensor(WristForce(), sim)
    assert frame is not None
    force_w = sim.data.site("wrist_ft").xmat.reshape(3, 3) @ frame.data[:3]
    assert np.linalg.norm(force_w[:2]) < 0.05
    assert abs(force_w[2]) == pytest.approx((0.7 + 2 * 0.05 + 0.3) * G, rel=0.02)


@pytest.mark.parametrize("name", ["panda", "mobile_panda"])
def test_the_pandas_have_both(stub, name: str) -> None:  # type: ignore[no-untyped-def]
    """At rest the wrist of the real robot carries what is beyond it."""
    description = robot(name)
    model = description.spec().compile()
    data = mujoco.MjData(model)
    for joint, value in description.home.items():
        data.joint(joint).qpos = value
    for joint, actuator in zip(description.arm_joints, description.arm_actuators, strict=True):
        data.actuator(actuator).ctrl = description.home[joint]
    mujoco.mj_step(model, data, 1000)
    sim = stub(model, data, description)
    frame = check_sensor(WristForce(), sim)
    assert frame is not None
    hand = model.site("wrist_ft").bodyid[0]
    assert np.linalg.norm(frame.data[:3]) == pytest.approx(model.body_subtreemass[hand] * G, rel=0.01)
    assert check_sensor(Touch(), sim).data.shape == (4,)  # type: ignore[union-attr]


def test_missing_parts_are_named(simulate) -> None:  # type: ignore[no-untyped-def]
    sim = simulate('<body name="base"><geom size=".1"/><site name="tcp"/></body>')
    with pytest.raises(WorldError, match="Robot 'stub' names no finger pads"):
        Touch().setup(sim)
    with pytest.raises(WorldError, match=r"no site 'wrist_ft'\. It has: tcp"):
        WristForce().setup(sim)

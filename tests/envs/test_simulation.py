"""Physics as the agent meets it: grasping by friction, stability under any action, the same trajectory every time."""

import dataclasses
from types import SimpleNamespace

import mujoco
import numpy as np
import pytest

from yanshi.envs.clock import CONTROL_DT
from yanshi.envs.robots import robot, robots
from yanshi.envs.senses.sensor import FakeSensor, Timed
from yanshi.envs.simulation import Simulation
from yanshi.envs.worlds import world, worlds
from yanshi.errors import InputError, WorldError

GEOM = mujoco.mjtGeom
TABLE = 0.6


def bench(name, thing=None, things=0):
    """A small world: a robot before a table, on it one thing (type, size, mass) or some cubes."""
    description = robot(name)
    spec = description.spec()
    spec.worldbody.add_geom(type=GEOM.mjGEOM_PLANE, size=[5, 5, 0.1])
    spec.worldbody.add_geom(type=GEOM.mjGEOM_BOX, size=[0.25, 0.4, TABLE / 2], pos=[0.6, 0, TABLE / 2])
    if thing is not None:
        kind, size, mass = thing
        height = {"box": size[-1], "cylinder": size[-1], "sphere": size[0]}[kind]
        body = spec.worldbody.add_body(name="thing", pos=[0.5, 0, TABLE + height])
        body.add_freejoint()
        padded = [*size, 0, 0][:3]
        body.add_geom(type=getattr(GEOM, f"mjGEOM_{kind.upper()}"), size=padded, mass=mass)
    for i in range(things):
        body = spec.worldbody.add_body(
            name=f"cube_{i}", pos=[0.42 + 0.1 * (i % 4), 0.1 * (i // 4) - 0.1, TABLE + 0.021]
        )
        body.add_freejoint()
        body.add_geom(type=GEOM.mjGEOM_BOX, size=[0.02] * 3, mass=0.1)
    model = spec.compile()
    qpos0 = model.qpos0.copy()
    for joint, value in description.home.items():
        qpos0[model.joint(joint).qposadr[0]] = value
    scene = SimpleNamespace(fixtures=(), rooms=(), sounding=(), lights={})
    return SimpleNamespace(name="bench", robot=description, model=model, qpos0=qpos0, scene=scene, entities={})


def held_pose(sim):
    """Pose of the thing in the tool."""
    mujoco.mj_kinematics(sim.model, sim.data)
    axes = sim.data.site("tcp").xmat.reshape(3, 3)
    thing = sim.data.body("thing")
    return axes.T @ (thing.xpos - sim.data.site("tcp").xpos), axes.T @ thing.xmat.reshape(3, 3)


def run(sim, seconds, **command):
    for _ in range(round(seconds / CONTROL_DT)):
        sim.step(sim.robot.action(**command))


def reach(sim, target, seconds, gripper):
    """A proportional controller is all it takes to go somewhere."""
    for _ in range(round(seconds / CONTROL_DT)):
        sim.step(sim.robot.action(gripper=gripper, linear=3.0 * (target - sim.data.site("tcp").xpos)))


@pytest.mark.parametrize("name", robots())
@pytest.mark.parametrize(
    "thing",
    [
        ("box", (0.02, 0.02, 0.02), 0.2),
        ("cylinder", (0.03, 0.05), 0.3),
        ("sphere", (0.03,), 0.15),
        ("box", (0.09, 0.02, 0.02), 0.3),
        ("box", (0.02, 0.004, 0.03), 0.03),
    ],
    ids=["cube", "cylinder", "ball", "long box", "card"],
)
def test_it_grasps_by_friction_and_holds_while_it_moves(name, thing):
    sim = Simulation(bench(name, thing))
    height = sim.data.body("thing").xpos[2]
    grip = np.clip(height, 2 * height - TABLE - 0.035, None)  # The palm is 4 cm behind the tool.
    reach(sim, np.array([0.5, 0, max(grip, TABLE + 0.014)]), 3.0, 0.08)
    run(sim, 1.0, gripper=0.0)
    width = 2 * thing[1][1 if thing[0] == "box" else 0]
    assert sim.observe().proprioception.gripper_opening == pytest.approx(width, abs=0.002)
    start, turned = held_pose(sim)
    run(sim, 2.0, gripper=0.0, linear=(0, 0, 0.1))
    assert sim.data.body("thing").xpos[2] > height + 0.19
    run(sim, 0.4, gripper=0.0)
    trembling = [sim.data.joint(joint).qvel[0] for joint in sim.robot.finger_joints]
    assert trembling == pytest.approx([0, 0], abs=1e-3)
    for second in range(5):
        sign = 1 if second % 2 else -1
        shake = {"linear": (0, 0.05 * sign, 0), "angular": (0, 0, 0.4 * sign)}
        run(sim, 1.0, gripper=0.0, base=(0.4 * sign, -0.3, 1.0 * sign), **shake)
        position, rotation = held_pose(sim)
        assert np.abs(position - start).max() < 0.005
        assert np.trace(rotation.T @ turned) > 1 + 2 * np.cos(np.radians(5))
    run(sim, 1.0, gripper=0.08)
    assert sim.data.body("thing").xpos[2] < height + 0.1


def test_an_empty_hand_closes_and_a_thing_beside_it_stays():
    sim = Simulation(bench("panda", ("box", (0.02, 0.02, 0.02), 0.2)))
    before = sim.data.body("thing").xpos.copy()
    reach(sim, np.array([0.5, 0, TABLE + 0.2]), 2.0, 0.08)
    run(sim, 1.5, gripper=0.0)
    assert sim.observe().proprioception.gripper_opening < 0.001
    assert sim.data.body("thing").xpos == pytest.approx(before, abs=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("name", robots())
@pytest.mark.parametrize("seed", [0, 1])
def test_random_actions_break_nothing(name, seed):
    sim = Simulation(bench(name, things=8))
    rng = np.random.default_rng(seed)
    actions = rng.uniform(-1, 1, (int(20 / CONTROL_DT), len(sim.robot.action_names))).astype(np.float32)
    for i in range(len(actions)):
        sim.step(actions[i // 8 if seed else i])  # seed 1: long pushes, which reach the table and the limits
    assert np.isfinite(sim.data.qpos).all()
    assert np.abs(sim.data.qvel).max() < 50.0
    assert all(warning.number == 0 for warning in sim.data.warning)


@pytest.mark.slow
@pytest.mark.parametrize("name", worlds())
@pytest.mark.parametrize("seed", [0, 1])
def test_random_actions_break_no_world(name, seed):
    sim = Simulation(world(name, seed))
    rng = np.random.default_rng(seed)
    fastest = 0.0
    for _ in range(int(20 / CONTROL_DT) // 8):
        action = rng.uniform(-1, 1, len(sim.robot.action_names)).astype(np.float32)
        for _ in range(8):
            sim.step(action)
        fastest = max(fastest, np.abs(sim.data.qvel).max())
    assert fastest < 20.0
    assert all(warning.number == 0 for warning in sim.data.warning)


def trajectory(sim, seed, steps=60, observe=False):
    rng = np.random.default_rng(seed)
    sim.reset(seed)
    states = []
    for _ in range(steps):
        sim.step(rng.uniform(-1, 1, len(sim.robot.action_names)).astype(np.float32))
        if observe:
            sim.observe()
        states.append(np.concatenate([sim.data.qpos, sim.data.qvel, sim.data.ctrl]))
    return np.array(states)


@pytest.mark.parametrize("name", robots())
def test_the_same_actions_give_the_same_trajectory_bit_for_bit(name):
    world = bench(name, things=6)
    sim = Simulation(world)
    first = trajectory(sim, 3)
    assert np.array_equal(first, trajectory(sim, 3)), "after a reset"
    assert np.array_equal(first, trajectory(Simulation(world), 3, observe=True)), "in another simulation, observed"
    sensed = Simulation(world, [Timed(FakeSensor(), 50.0), Timed(FakeSensor(name="slow"), 10.0)])
    assert np.array_equal(first, trajectory(sensed, 3)), "with senses"
    assert not np.array_equal(first, trajectory(sim, 4)), "with other actions"


def test_senses_are_read_when_due():
    fast, slow = FakeSensor(name="fast"), FakeSensor(name="slow")
    sim = Simulation(
        bench("panda"), [Timed(fast, 50.0), Timed(slow, 10.0), Timed(FakeSensor(name="late"), 10.0, latency=0.06)]
    )
    assert sim.observe().frames["fast"].stamp == 0.0
    assert sim.observe().frames["late"].stamp == -0.06
    run(sim, 1.0, gripper=0.0)
    assert (fast.readings, slow.readings) == (51, 11)
    observation = sim.observe()
    assert observation.stamp == pytest.approx(1.0)
    assert {name: frame.stamp for name, frame in observation.frames.items()} == pytest.approx(
        {"fast": 1.0, "slow": 1.0, "late": 0.9}
    )
    assert sim.reset(0).frames["fast"].stamp == 0.0


def test_noise_comes_from_the_seed():
    sim = Simulation(bench("mobile_panda"), seed=5)

    def odometry(seed=None):
        sim.reset(seed)
        run(sim, 1.0, gripper=0.0, base=(0.4, 0, 0.5))
        return sim.observe().proprioception.odometry

    first, second = odometry(), odometry()
    assert not np.array_equal(first, second)
    assert np.array_equal(odometry(7), odometry(7))
    assert first == pytest.approx(second, abs=0.1)


def test_what_cannot_be_simulated_is_refused():
    world = bench("panda")
    with pytest.raises(InputError, match="expected different names, got fake, fake"):
        Simulation(world, [Timed(FakeSensor(), 1.0), Timed(FakeSensor(), 2.0)])
    model = world.robot.spec()
    model.option.timestep = 0.001
    coarse = SimpleNamespace(**{**vars(world), "model": model.compile()})
    with pytest.raises(WorldError, match=r"expected timestep 0\.002 s, got 0\.001 s"):
        Simulation(coarse)


def test_a_divergence_is_told():
    sim = Simulation(bench("panda", ("box", (0.02, 0.02, 0.02), 0.2)))
    sim.step(sim.robot.action(gripper=0.0))
    sim.data.qvel[-1] = np.nan
    with pytest.raises(WorldError, match=r"World 'bench': the physics diverged at 0\.04 s"):
        sim.step(sim.robot.action(gripper=0.0))


def test_it_closes_its_senses():
    class Closing(FakeSensor):
        closed = False

        def close(self):
            self.closed = True

    sensor = dataclasses.replace(Closing())
    with Simulation(bench("panda"), [Timed(sensor, 10.0)]) as sim:
        run(sim, 0.1, gripper=0.0)
        assert not sensor.closed
    assert sensor.closed

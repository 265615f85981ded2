"""One contract over every sense that the command line offers, in the worlds that it offers."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from yanshi.contracts import Frame
from yanshi.envs.robots import robot
from yanshi.envs.senses.sensor import check_sensor
from yanshi.envs.senses.suite import SENSES, sensor_suite
from yanshi.envs.simulation import Simulation
from yanshi.envs.worlds import World, compose, home, world
from yanshi.errors import UnknownNameError


@pytest.fixture(scope="module", params=["home", "tabletop"])
def house(request: pytest.FixtureRequest) -> World:
    return world(request.param, 1)


@pytest.fixture
def sim(house: World) -> Iterator[Simulation]:
    with Simulation(house, sensor_suite(SENSES, house.robot), seed=3) as simulation:
        yield simulation


def frames(sim: Simulation, steps: int, seed: int) -> list[Frame]:
    """Every frame observed over some control steps, driving and turning."""
    sim.reset(seed)
    action = sim.robot.action(gripper=0.04, base=(0.2, 0.0, 0.5), linear=(0.0, 0.0, -0.1))
    seen: dict[tuple[str, float], Frame] = {}
    for _ in range(steps):
        sim.step(action)
        seen.update({(frame.name, frame.stamp): frame for frame in sim.observe().frames.values()})
    return list(seen.values())


def test_names(house: World) -> None:
    senses = ["touch", "depth", "rgb", "lidar", "scan", "force"]
    scanners = ["scan", "scan_rear"] if house.robot.base_joints else []
    expected = ["head_rgb", "wrist_rgb", "head_depth", "wrist_depth", "lidar", *scanners, "touch", "wrist_force"]
    assert [timed.name for timed in sensor_suite(senses, house.robot)] == expected


def test_the_scanners_of_a_mobile_robot_see_all_round() -> None:
    place = world("home", 1)
    with Simulation(place, sensor_suite(["scan"], place.robot), seed=3) as simulation:
        frames = simulation.reset(3).frames
    points = [frame.data[:, :3] @ frame.T_bs[:3, :3].T + frame.T_bs[:3, 3] for frame in frames.values()]
    assert len(points) == 2
    bearings = np.sort([np.arctan2(y, x) for x, y, _ in np.concatenate(points)])
    gaps = np.diff(bearings, append=bearings[0] + 2.0 * np.pi)
    assert np.degrees(gaps.max()) < 15.0  # echoes get lost
    assert all(gap > 60.0 for gap in _blind(points))  # each by itself is blind to what is behind it


def _blind(points: list[np.ndarray]) -> list[float]:
    """How wide the sector [deg] is in which each scanner, seen from the base, meets nothing near by."""
    found = []
    for cloud in points:
        bearings = np.sort(np.arctan2(cloud[:, 1], cloud[:, 0]))
        found.append(float(np.degrees(np.diff(bearings, append=bearings[0] + 2.0 * np.pi).max())))
    return found


def test_unknown_sense() -> None:
    with pytest.raises(UnknownNameError, match=r"Unknown sense 'smell'.* Available: audio, depth, force, lidar"):
        sensor_suite(["rgb", "smell"], robot("panda"))


def test_every_sense_keeps_the_contract(sim: Simulation) -> None:
    for timed in sim.sensors:
        check_sensor(timed.sensor, sim)


def test_every_sense_has_a_frame_from_the_start(sim: Simulation) -> None:
    assert sim.reset(0).frames.keys() == {timed.name for timed in sim.sensors}


def test_the_same_seed_gives_the_same_frames(sim: Simulation) -> None:
    first, second, other = (frames(sim, 6, seed) for seed in (5, 5, 6))
    assert len(first) == len(second) > 20
    assert all(np.array_equal(a.data, b.data, equal_nan=True) for a, b in zip(first, second, strict=True))
    changed = {a.name for a, b in zip(first, other, strict=True) if not np.array_equal(a.data, b.data, equal_nan=True)}
    assert changed >= {"head_rgb", "head_depth", "lidar", "touch", "wrist_force"}


def test_senses_do_not_change_what_happens(house: World) -> None:
    with Simulation(house, sensor_suite(SENSES, house.robot)) as sensing, Simulation(house) as numb:
        action = house.robot.action(gripper=0.04, base=(0.2, 0.0, 0.5), linear=(0.0, 0.0, -0.1))
        for _ in range(10):
            sensing.step(action)
            numb.step(action)
        assert np.array_equal(sensing.data.qpos, numb.data.qpos)
        assert np.array_equal(sensing.data.qvel, numb.data.qvel)


def test_in_a_dark_home_cameras_are_useless_and_the_lidar_is_not() -> None:
    seen = {}
    for lights in (True, False):
        house = compose(home(np.random.default_rng(3), lights=lights), robot("mobile_panda"))
        with Simulation(house, sensor_suite(["rgb", "depth", "lidar"], house.robot)) as sim:
            seen[lights] = sim.observe().frames
    for name in ("head_depth", "wrist_depth"):
        assert np.isfinite(seen[True][name].data).mean() > 0.8
        assert np.isfinite(seen[False][name].data).mean() < 0.02
    assert seen[False]["head_rgb"].data.mean() < 0.1 * seen[True]["head_rgb"].data.mean()
    assert np.array_equal(seen[False]["lidar"].data, seen[True]["lidar"].data)

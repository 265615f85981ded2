from __future__ import annotations

import time
from dataclasses import replace

import mujoco
import numpy as np
import pytest

from yanshi.envs.devices import Devices
from yanshi.envs.robots import robot
from yanshi.envs.worlds import Wanted, World, compose, home
from yanshi.errors import UnknownNameError


@pytest.fixture
def house() -> World:
    wanted = (Wanted(kind="alarm_clock", sounding=True), Wanted(kind="person", sounding=True), Wanted(kind="kettle"))
    scene = home(np.random.default_rng(3), objects=wanted, lights={"bedroom": False})
    return compose(scene, robot("mobile_panda"))


@pytest.fixture
def started(house: World) -> tuple[World, mujoco.MjData, Devices]:
    data, devices = mujoco.MjData(house.model), Devices(house)
    data.qpos[:] = house.qpos0
    devices.reset(data)
    return house, data, devices


def _named(house: World, kind: str) -> str:
    return next(name for name, thing in house.entities.items() if thing.kind == kind)


def _push(house: World, data: mujoco.MjData, name: str, share: float) -> None:
    button = house.thing(name).button
    assert button is not None
    data.qpos[house.model.jnt_qposadr[button]] = share * house.model.jnt_range[button, 1]


def test_the_start_is_that_of_the_scene(started: tuple[World, mujoco.MjData, Devices]) -> None:
    house, _, devices = started
    assert devices.lit == {"kitchen", "living_room"}
    assert devices.sounding == {_named(house, "alarm_clock"), _named(house, "person")}
    assert devices.true("powered", _named(house, "alarm_clock"))
    assert devices.true("powered", "kitchen_switch")
    assert not devices.true("powered", "bedroom_switch")
    assert not devices.true("powered", "button_box")


def test_a_switch_toggles_the_light_of_its_room_once_a_press(started: tuple[World, mujoco.MjData, Devices]) -> None:
    house, data, devices = started
    for expected in (True, False):
        _push(house, data, "bedroom_switch", 0.9)
        for _ in range(5):
            devices.step(data)
        assert devices.true("lit", "bedroom") == expected
        assert bool(house.model.light("bedroom_light").active) == expected
        _push(house, data, "bedroom_switch", 0.45)  # not let go far enough
        devices.step(data)
        _push(house, data, "bedroom_switch", 0.9)
        devices.step(data)
        assert devices.true("lit", "bedroom") == expected
        _push(house, data, "bedroom_switch", 0.0)
        devices.step(data)
    assert devices.true("lit", "kitchen")


def test_buttons_stop_and_start_sounds_and_power(started: tuple[World, mujoco.MjData, Devices]) -> None:
    house, data, devices = started
    clock, kettle = _named(house, "alarm_clock"), _named(house, "kettle")
    for name in (clock, kettle, "button_box"):
        _push(house, data, name, 1.0)
    devices.step(data)
    assert clock not in devices.sounding
    assert {kettle, "button_box"} <= devices.powered
    assert kettle in devices.sounding
    assert "button_box" not in devices.sounding
    data.qpos[:] = house.qpos0
    devices.reset(data)
    assert clock in devices.sounding
    assert kettle not in devices.sounding | devices.powered


def test_a_lamp_shows_that_its_owner_is_on(started: tuple[World, mujoco.MjData, Devices]) -> None:
    house, data, devices = started
    lamp = house.model.geom("button_box_lamp").id
    before = (int(house.model.geom_matid[lamp]), house.model.geom_rgba[lamp].copy())
    devices.press("button_box")
    assert house.model.geom_matid[lamp] == -1
    assert house.model.geom_rgba[lamp, 0] == 1.0
    devices.reset(data)
    assert house.model.geom_matid[lamp] == before[0]
    np.testing.assert_array_equal(house.model.geom_rgba[lamp], before[1])


def test_a_finger_presses_the_button(started: tuple[World, mujoco.MjData, Devices]) -> None:
    """Physics all the way: a force of 8 N on the rocker, and the light goes on; let go, and it stays on."""
    house, data, devices = started
    button = house.thing("bedroom_switch").button
    assert button is not None
    dof = house.model.jnt_dofadr[button]
    for force, steps in ((0.0, 100), (8.0, 100), (0.0, 200)):
        data.qfrc_applied[dof] = force
        for _ in range(steps):
            mujoco.mj_step(house.model, data)
            devices.step(data)
    assert devices.true("lit", "bedroom")


def test_a_step_is_cheap(started: tuple[World, mujoco.MjData, Devices]) -> None:
    _, data, devices = started
    best = np.inf
    for _ in range(20):
        begin = time.perf_counter()
        for _ in range(200):
            devices.step(data)
        best = min(best, (time.perf_counter() - begin) / 200)
    assert best < 10e-6


def test_what_does_not_exist(house: World) -> None:
    devices = Devices(house)
    with pytest.raises(UnknownNameError, match="Did you mean 'lit'"):
        devices.true("lits", "kitchen")
    with pytest.raises(UnknownNameError, match="Unknown button 'sofa'"):
        devices.press("sofa")
    with pytest.raises(UnknownNameError, match="Unknown thing that sounds 'sofa'"):
        compose(replace(house.scene, sounding=("sofa",)), house.robot)

"""Perception by the truth tells only what the senses reach: nothing behind, hidden, dark, far or switched off."""

from dataclasses import replace

import mujoco
import numpy as np
import pytest

from yanshi.contracts import Fact
from yanshi.envs.oracle_perception import LEAST_PIXELS, OraclePerception
from yanshi.envs.robots import robot
from yanshi.envs.senses.camera import CameraConfig, DepthCamera
from yanshi.envs.senses.sensor import Timed
from yanshi.envs.senses.suite import sensor_suite
from yanshi.envs.simulation import Simulation
from yanshi.envs.worlds import Wanted, compose, tabletop
from yanshi.envs.worlds.home import home

pytestmark = pytest.mark.filterwarnings("ignore:Attaching a spec")
UP = np.array([0.0, 0.0, 1.0])
WANTED = [
    Wanted(kind="cube", color="red", size="medium"),
    Wanted(kind="milk_carton", color="white"),
    Wanted(kind="tile", digit=5),
]
CUBE, CARTON, TILE = "red_cube", "white_milk_carton", "tile_5"


def table(senses, light=True):
    rng = np.random.default_rng(1)
    scene = tabletop(rng, objects=WANTED, count=3, fixtures=["chest", "basket"], light=light)
    sim = Simulation(compose(scene, robot("panda")), sensor_suite(senses, robot("panda")))
    return sim, OraclePerception(sim)


def place(sim, name, position_w):
    address = sim.model.jnt_qposadr[sim.world.entities[name].joint]
    sim.data.qpos[address : address + 7] = (*position_w, 1, 0, 0, 0)
    sim.data.qvel[:] = 0.0
    mujoco.mj_forward(sim.model, sim.data)


def wait(sim, seconds=0.2):
    """Let frames of the present state come in."""
    still = sim.robot.action(gripper=0.08)
    for _ in range(round(seconds / 0.04)):
        sim.step(still)
    return sim.observe()


def seen(percept):
    return {detection.track: detection for detection in percept.detections}


def table_top(sim):
    thing = sim.world.entities["table"]
    region = thing.entity.region("on")
    return sim.data.xpos[thing.body] + region.center_e - UP * region.half[2]


@pytest.fixture(scope="module")
def bright():
    return table(("rgb", "depth"))


@pytest.fixture(autouse=True)
def _start(bright):
    bright[0].reset(0)


def test_what_is_in_view_is_told_as_it_is(bright):
    sim, perception = bright
    percept = perception.perceive(wait(sim))
    assert percept.source == "oracle"
    found = seen(percept)
    for name in (CUBE, CARTON, TILE, "chest_drawer"):
        detection, entity = found[name], sim.world.entities[name].entity
        np.testing.assert_allclose(detection.position_w, sim.data.body(name).xpos)
        assert detection.label == entity.label
        assert detection.mask.sum() >= LEAST_PIXELS
        rows, columns = np.nonzero(detection.mask)
        assert detection.box == (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
    assert found[CUBE].attributes["color"] == "red"
    assert found[TILE].attributes["digit"] == "5"
    assert found["chest_drawer"].opening == pytest.approx(0.0, abs=1e-3)
    assert found[CUBE].opening is None
    assert percept.facts[Fact("on", (CUBE, "table"))] is True
    assert percept.facts[Fact("on", (CUBE, CARTON))] is False
    assert percept.facts[Fact("closed", ("chest_drawer",))] is True
    assert "table" in percept.viewed


def test_the_mask_shows_where_the_thing_is_in_the_picture(bright):
    sim, perception = bright
    observation = wait(sim)
    detection = seen(perception.perceive(observation))[CUBE]
    frame = observation.frames[detection.sensor]
    red, green = (frame.data[detection.mask][:, channel].astype(float).mean() for channel in (0, 1))
    assert red > 2.0 * green
    T_ws = np.eye(4)
    T_ws[:2, 3] = sim.data.body(sim.robot.base_body).xpos[:2]
    point = np.linalg.inv(T_ws @ frame.T_bs) @ [*detection.position_w, 1.0]
    pixel = frame.K @ (point[:3] / point[2])
    x0, y0, x1, y1 = detection.box
    assert x0 - 2 <= pixel[0] <= x1 + 2
    assert y0 - 2 <= pixel[1] <= y1 + 2


def test_nothing_behind_the_camera_or_out_of_its_picture(bright):
    sim, perception = bright
    place(sim, CUBE, (-1.0, 0.0, 0.5))
    percept = perception.perceive(wait(sim, 0.16))
    assert CUBE not in seen(percept)
    assert not [fact for fact in percept.facts if CUBE in fact.args]


def test_nothing_that_is_hidden(bright):
    sim, perception = bright
    inside = sim.data.body("chest_drawer").xpos.copy()
    place(sim, CUBE, inside - UP * 0.02)
    percept = perception.perceive(wait(sim))
    assert CUBE not in seen(percept), "it lies in the shut drawer"
    assert "chest_drawer" not in percept.viewed


def test_a_table_is_viewed_unless_the_picture_is_too_coarse(bright):
    sim, perception = bright
    assert "table" in perception.perceive(wait(sim)).viewed
    far = Simulation(sim.world, [Timed(DepthCamera("head", config=CameraConfig(width=24, height=24)), 10.0)])
    percept = OraclePerception(far).perceive(wait(far))
    assert not percept.viewed, "with so few pixels a small thing would have been missed"


def test_a_frame_is_perceived_once(bright):
    sim, perception = bright
    observation = wait(sim)
    assert perception.perceive(observation).detections
    again = perception.perceive(observation)
    assert not again.detections
    assert not again.viewed
    assert perception.perceive(wait(sim)).detections


def test_in_the_dark_cameras_show_nothing_and_a_lidar_does():
    sim, perception = table(("rgb", "depth"), light=False)
    percept = perception.perceive(wait(sim))
    assert not percept.detections
    assert not percept.viewed
    sim, perception = table(("rgb", "depth", "lidar"), light=False)
    found = seen(perception.perceive(wait(sim)))
    assert CARTON in found
    assert found[CARTON].sensor == "lidar"
    assert not {"color", "digit", "material"} & set(found[CARTON].attributes)
    assert found[CARTON].mask is None


def test_a_lidar_meets_what_two_rays_hit_again_and_again():
    sim, _ = table(("lidar",), light=False)
    observation = wait(sim)
    frame = observation.frames["lidar"]
    T_ws = np.eye(4)
    T_ws[:2, 3] = sim.data.body(sim.robot.base_body).xpos[:2]
    points = frame.data[:, :3] @ (T_ws @ frame.T_bs)[:3, :3].T + (T_ws @ frame.T_bs)[:3, 3]
    middle = sim.data.body(CARTON).xpos
    on_it = np.flatnonzero(np.linalg.norm(points - middle, axis=1) < 0.06)
    assert len(on_it) > 2

    def met(rays, turns, period):
        """Whether the carton is told of in the last of some turns in which a few of the rays that hit it came back."""
        perception, others = OraclePerception(sim), np.linalg.norm(points - middle, axis=1) > 0.5
        data = np.concatenate([frame.data[others], frame.data[on_it[:rays]]])
        for turn in range(turns):
            stamp = observation.stamp + period * turn
            again = replace(observation, stamp=stamp, frames={"lidar": replace(frame, data=data, stamp=stamp)})
            percept = perception.perceive(again)
        return CARTON in seen(percept)

    assert met(rays=3, turns=1, period=0.1)
    assert met(rays=2, turns=2, period=0.1)
    assert not met(rays=2, turns=1, period=0.1)
    assert not met(rays=2, turns=2, period=1.0), "long ago does not count"
    assert not met(rays=1, turns=5, period=0.1), "one ray may be noise"


def test_senses_that_are_off_tell_nothing():
    sim, perception = table(("touch",))
    percept = perception.perceive(wait(sim))
    assert not percept.detections
    assert not percept.viewed
    assert not percept.sounds
    np.testing.assert_allclose(percept.base_pose_w[:2], sim.data.body(sim.robot.base_body).xpos[:2])


def test_fingers_tell_what_is_held():
    sim, perception = table(("touch", "rgb", "depth"))
    percept = perception.perceive(wait(sim))
    assert percept.facts[Fact("holding", (CUBE,))] is False
    for _ in range(40):
        place(sim, CUBE, sim.data.site(sim.robot.tcp_site).xpos)
        sim.step(sim.robot.action(gripper=0.0))
    for _ in range(6):
        sim.step(sim.robot.action(gripper=0.0))
    percept = perception.perceive(sim.observe())
    assert percept.facts[Fact("holding", (CUBE,))] is True
    assert percept.facts[Fact("holding", (CARTON,))] is False


@pytest.fixture(scope="module")
def house():
    wanted = [Wanted(kind="phone", where="coffee_table", sounding=True)]
    scene = home(np.random.default_rng(2), objects=wanted, count=4, start="living_room")
    sim = Simulation(compose(scene, robot("mobile_panda")), sensor_suite(("audio",), robot("mobile_panda")))
    return sim, OraclePerception(sim), scene.objects[0].item.name


def drive(sim, x, y, yaw):
    for joint, value in zip(sim.robot.base_joints, (x, y, yaw), strict=True):
        sim.data.qpos[sim.model.joint(joint).qposadr[0]] = value
    mujoco.mj_forward(sim.model, sim.data)


def test_what_sounds_is_heard_from_where_it_is(house):
    sim, perception, phone = house
    sim.reset(0)
    (event,) = perception.perceive(wait(sim, 0.08)).sounds
    assert event.label == "ring"
    offset = sim.data.body(phone).xpos - event.origin_w
    assert event.direction_w @ offset / np.linalg.norm(offset) > np.cos(np.deg2rad(6.0))
    assert event.track in (phone, None)


def test_from_another_room_it_comes_through_the_door(house):
    sim, perception, _ = house
    sim.reset(0)
    bedroom = next(room for room in sim.world.floor_plan.rooms if room.name == "bedroom")
    drive(sim, *((bedroom.low_w + bedroom.high_w) / 2), 0.0)
    sounds = perception.perceive(wait(sim, 0.08)).sounds
    assert len(sounds) == 1
    assert sounds[0].track is None, "nobody sees round corners"
    door = sim.world.entities["bedroom_door"].entity
    offset = np.asarray(door.position_w) - sounds[0].origin_w
    level = sounds[0].direction_w[:2]
    angle = np.arccos(level @ offset[:2] / np.linalg.norm(offset[:2]) / np.linalg.norm(level))
    assert np.rad2deg(angle) < 25.0


def test_silence_is_not_heard(house):
    sim, perception, phone = house
    sim.reset(0)
    sim.devices.press(phone)
    assert not perception.perceive(wait(sim, 0.08)).sounds

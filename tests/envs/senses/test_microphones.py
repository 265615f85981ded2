"""The array in a small house: what is heard, from where, and through which door."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from types import SimpleNamespace

import mujoco
import numpy as np
import pytest

from yanshi.contracts import Array, Articulation, Entity, FloorPlan, Frame, OccupancyGrid, Room
from yanshi.envs.robots import Robot
from yanshi.envs.senses.acoustics import SPEED_OF_SOUND
from yanshi.envs.senses.microphones import FIRST_CLIP, FULL_SCALE, Microphone, Microphones
from yanshi.envs.senses.sensor import Timed, check_sensor
from yanshi.envs.senses.soundscape import Acoustics
from yanshi.envs.senses.waveforms import pascals
from yanshi.errors import InputError
from yanshi.perception.hearing import srp_phat

WORLD = """
<mujoco>
  <option timestep="0.002"/>
  <worldbody>
    <geom name="floor" type="plane" size="9 9 .1"/>
    <geom name="wall_low" type="box" pos="4.05 0.5 1.2" size="0.05 0.5 1.2"/>
    <geom name="wall_high" type="box" pos="4.05 3 1.2" size="0.05 1 1.2"/>
    <geom name="screen" type="box" pos="2 3.2 0.9" size="0.05 0.5 0.9"/>
    <body name="base" pos="1 1.5 0">
      <joint name="base_x" type="slide" axis="1 0 0"/>
      <geom type="cylinder" size="0.2 0.3" pos="0 0 0.35" mass="30" contype="0" conaffinity="0"/>
      <geom type="cylinder" size="0.03 0.3" pos="0 0 0.9" mass="1" contype="0" conaffinity="0"/>
      <site name="mic_array" pos="0 0 1.2"/>
      <site name="mic_0" pos="0.04 0.04 1.2"/><site name="mic_1" pos="-0.04 0.04 1.2"/>
      <site name="mic_2" pos="0.04 -0.04 1.2"/><site name="mic_3" pos="0 0 1.26"/>
    </body>
    <body name="phone" pos="3 1 0.8"><geom name="phone" type="box" size="0.05 0.03 0.01"/></body>
    <body name="radio" pos="6 3 0.8"><geom name="radio" type="box" size="0.05 0.05 0.05"/></body>
    <body name="kettle" pos="3 3.2 0.8"><geom name="kettle" type="sphere" size="0.08"/></body>
    <body name="door" pos="4.05 1 0">
      <joint name="door" type="hinge" axis="0 0 -1" range="0 90" damping="5"/>
      <geom name="door" type="box" contype="2" conaffinity="4" pos="0 0.5 1.03" size="0.02 0.49 1" mass="10"/>
    </body>
    <body name="ball" pos="2 0.5 1.05"><freejoint/><geom name="ball" type="sphere" size="0.05" mass="0.1"/></body>
  </worldbody>
</mujoco>
"""
ROOMS = (
    Room(name="west", low_w=np.array([0.0, 0.0]), high_w=np.array([4.0, 4.0])),
    Room(name="east", low_w=np.array([4.1, 0.0]), high_w=np.array([8.0, 4.0])),
)
WALLS = (
    SimpleNamespace(low_w=(4.0, 0.0), high_w=(4.1, 1.0), height=2.4),
    SimpleNamespace(low_w=(4.0, 2.0), high_w=(4.1, 4.0), height=2.4),
)
SOUNDS = {"phone": "ring", "radio": "buzz", "kettle": "whistle"}


def _entity(name: str, position: list[float]) -> Entity:
    leaf = name == "door"
    return Entity(
        name=name,
        label=name,
        category="door" if leaf else "object",
        position_w=np.array(position),
        extent=np.array([0.04, 0.98, 2.0] if leaf else [0.1, 0.1, 0.1]),
        attributes={"material": "metal"},
        articulation=Articulation(kind="hinge", axis_e=np.array([0, 0, -1.0]), pivot_e=np.zeros(3), limit=np.pi / 2)
        if leaf
        else None,
    )


@dataclass
class House:
    """A simulation in which `sounding` decides what is heard."""

    sounding: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.model = mujoco.MjModel.from_xml_string(WORLD)
        self.data = mujoco.MjData(self.model)
        mujoco.mj_forward(self.model, self.data)
        self.robot: Robot = SimpleNamespace(base_body="base")  # type: ignore[assignment]
        self.devices = SimpleNamespace(sounding=self.sounding)
        entities = {}
        for name in (*SOUNDS, "door", "ball"):
            body = self.model.body(name).id
            place = [4.05, 1.5, 1.0] if name == "door" else self.data.xpos[body].tolist()
            entities[name] = SimpleNamespace(
                entity=_entity(name, place),
                body=body,
                geoms=(self.model.geom(name).id,),
                joint=self.model.joint("door").id if name == "door" else None,
                sound=SOUNDS.get(name),
            )
        grid = OccupancyGrid(occupied=np.zeros((1, 1), bool), resolution=1.0, origin_w=np.zeros(2))
        doors = (entities["door"].entity,)
        plan = FloorPlan(rooms=ROOMS, fixtures=doors, grid=grid, start_w=np.zeros(3))
        self.world = SimpleNamespace(floor_plan=plan, entities=entities, scene=SimpleNamespace(walls=WALLS))

    @property
    def time(self) -> float:
        return float(self.data.time)

    def door(self, opening: float) -> None:
        """Set the door, 0 closed … 1 open."""
        self.data.joint("door").qpos = opening * np.pi / 2
        mujoco.mj_forward(self.model, self.data)

    def tick(self) -> None:
        """Advance by 20 ms."""
        mujoco.mj_step(self.model, self.data, nstep=10)


QUIET = Microphone(self_noise=-60.0, ambient=-60.0)
FREE_FIELD = Acoustics(order=0, air=False)
RATE = 16_000


def listen(house: House, ears: Microphones, seconds: float, every: int = 5) -> Array:
    """(T, 4) that is heard while time passes, read every so many ticks; the first clip is left out."""
    clips = []
    for tick in range(round(seconds / 0.02)):
        house.tick()
        ears.advance(house)
        if (tick + 1) % every == 0:
            frame = ears.read(house, np.random.default_rng(tick))
            assert frame is not None
            clips.append(frame.data)
    return np.concatenate(clips)


def started(house: House, **options: object) -> Microphones:
    """Microphones that have given their first clip."""
    ears = Microphones(**options)  # type: ignore[arg-type]
    ears.setup(house)
    assert ears.read(house, np.random.default_rng(0)) is not None
    return ears


def test_frame_keeps_the_contract_of_senses() -> None:
    house = House({"phone"})
    frame = check_sensor(Microphones(), house)
    assert frame is not None
    assert frame.data.shape == (round(FIRST_CLIP * RATE), 4)
    assert frame.rate == RATE
    assert frame.T_bs is not None
    assert np.allclose(frame.T_bs[:3, 3], [0, 0, 1.2])
    assert frame.microphones_s is not None
    assert np.allclose(frame.microphones_s[3], [0, 0, 0.06])


def test_clips_join_without_gap_and_are_stamped_at_their_end() -> None:
    house = House({"phone"})
    timed = Timed(Microphones(microphone=QUIET), 10.0)
    frames: list[Frame] = []
    for _ in range(51):
        frame = timed.poll(house)
        if frame is not None:
            frames.append(frame)
        house.tick()
    assert [round(f.stamp, 6) for f in frames] == [round(0.1 * k, 6) for k in range(11)]
    assert all(f.data.shape == (1600, 4) for f in frames)
    other = House({"phone"})
    whole = started(other, microphone=QUIET)
    assert np.allclose(listen(other, whole, 1.0, every=50), np.concatenate([f.data for f in frames[1:]]), atol=2e-6)


def test_same_seed_same_sound() -> None:
    heard = []
    for seed in (1, 1, 2):
        house = House({"phone"})
        timed = Timed(Microphones(), 10.0)
        timed.reset(seed)
        clips = []
        for _ in range(20):
            frame = timed.poll(house)
            if frame is not None:
                clips.append(frame.data)
            house.tick()
        heard.append(np.concatenate(clips))
    assert np.array_equal(heard[0], heard[1])
    assert not np.array_equal(heard[0], heard[2])
    assert np.abs(heard[0] - heard[2]).max() < 0.02


def test_noise_has_its_level() -> None:
    house = House()
    ears = started(house, microphone=Microphone(ambient=40.0, self_noise=40.0, gain=20.0), contact_sounds=False)
    sound = listen(house, ears, 2.0)
    expected = np.hypot(pascals(40.0), pascals(40.0)) * 10.0 / FULL_SCALE
    assert np.allclose(sound.std(axis=0), expected, rtol=0.1)
    assert abs(np.corrcoef(sound[:, 0], sound[:, 1])[0, 1]) < 0.1


def test_level_is_that_of_the_waveform_at_its_distance() -> None:
    """The whistle sounds without pause: 80 dB at 1 m."""
    house = House({"kettle"})
    ears = started(
        house, microphone=QUIET, acoustics=Acoustics(order=0, air=False, occlusion=False), contact_sounds=False
    )
    sound = listen(house, ears, 1.0) * FULL_SCALE / 10.0
    for m in range(4):
        distance = np.linalg.norm(house.data.site_xpos[house.model.site(f"mic_{m}").id] - [3, 3.2, 0.8])
        level = 20.0 * np.log10(np.std(sound[:, m]) / 2e-5)
        assert level == pytest.approx(80.0 - 20.0 * np.log10(distance), abs=0.5)


def test_direction_is_where_the_thing_is() -> None:
    house = House({"phone"})
    ears = started(house, acoustics=FREE_FIELD, contact_sounds=False)
    bearing = srp_phat(
        listen(house, ears, 0.6), RATE, house.data.site_xpos[ears._mics] - house.data.site_xpos[ears._site]
    )
    truth = np.array([3.0, 1.0, 0.8]) - house.data.site_xpos[ears._mics].mean(axis=0)
    angle = np.degrees(np.arccos(bearing.direction_s @ truth / np.linalg.norm(truth)))
    assert angle < 5.0


def test_sound_that_is_switched_on_arrives_after_its_way() -> None:
    house = House()
    ears = started(house, microphone=QUIET, acoustics=FREE_FIELD, contact_sounds=False)
    listen(house, ears, 0.1)
    house.sounding.add("kettle")
    switched = house.time + 0.02  # It is noticed at the next tick.
    sound = listen(house, ears, 0.2)
    at = 0.1 + np.flatnonzero(np.abs(sound[:, 0]) > 1e-5)[0] / RATE
    distance = np.linalg.norm(house.data.site_xpos[house.model.site("mic_0").id] - [3, 3.2, 0.8])
    assert at == pytest.approx(switched + distance / SPEED_OF_SOUND, abs=0.001)
    house.sounding.clear()
    assert np.abs(listen(house, ears, 0.2)[RATE // 10 :]).max() < 1e-5


def test_another_room_is_heard_from_its_doorway_and_less_as_the_door_closes() -> None:
    levels = []
    for opening in (1.0, 0.6, 0.3, 0.0):
        house = House({"radio"})
        house.door(opening)
        ears = started(house, microphone=QUIET, contact_sounds=False)
        levels.append(float(listen(house, ears, 0.4).std()))
        if opening == 1.0:
            way = ears._soundscape.arrival(house, np.array([6.0, 3.0, 0.8]), np.array([1.0, 1.5, 1.2]))
            assert way.position_w[0] == pytest.approx(4.05)
            assert 1.0 < way.position_w[1] < 2.0
    assert all(later < 0.9 * earlier for earlier, later in pairwise(levels))
    assert levels[-1] < 0.15 * levels[0]


def test_things_in_the_way_are_found_by_rays() -> None:
    house = House()
    ears = started(house)
    blocked = ears._soundscape.occlusion
    behind, thing = np.array([3.0, 3.2, 0.8]), house.world.entities["kettle"]
    assert blocked(house, behind, np.array([1.0, 3.2, 0.8]), thing) == 1.0
    assert 0.0 < blocked(house, behind, np.array([1.0, 3.2, 2.75]), thing) < 1.0
    assert blocked(house, behind, np.array([3.0, 1.0, 1.2]), thing) == 0.0
    assert blocked(house, np.array([2.0, 0.5, 0.8]), np.array([2.0, 0.5, 1.6])) == 0.0  # A ball that can be moved.


def test_driving_by_makes_no_clicks() -> None:
    """The hiss of the whistle is smooth; at the borders of clips and ticks it must be no rougher."""
    house = House({"kettle"})
    ears = started(house, microphone=QUIET, contact_sounds=False)
    house.data.joint("base_x").qvel = 0.8
    bend = np.abs(np.diff(listen(house, ears, 1.6), 2, axis=0))
    border = np.zeros(len(bend), dtype=bool)
    for k in range(320, len(bend) - 2, 320):
        border[k - 3 : k + 2] = True
    assert bend[border].max() < 1.1 * bend[~border].max()
    assert np.sqrt(np.mean(bend[border] ** 2)) < 1.15 * np.sqrt(np.mean(bend[~border] ** 2))


def test_a_thing_put_elsewhere_does_not_shriek() -> None:
    """Moved 3 m within a tick, a source would be heard at twice its pitch if its delay simply ran there."""
    house = House({"phone"})
    ears = started(house, microphone=QUIET, acoustics=FREE_FIELD, contact_sounds=False)
    listen(house, ears, 0.2)
    body = house.model.body("phone").id
    house.model.body_pos[body] = [0.2, 1.0, 0.8]
    sound = listen(house, ears, 0.2)[:, 0]
    power = np.abs(np.fft.rfft(sound[:480] * np.hanning(480))) ** 2
    frequency = np.fft.rfftfreq(480, 1.0 / RATE)
    assert power[frequency > 6200.0].sum() < 1e-3 * power.sum()


def test_bad_input() -> None:
    with pytest.raises(InputError, match="rate must be >= 16000 Hz, got 8000"):
        Microphone(rate=8000.0)
    house = House()
    with pytest.raises(InputError, match="need a simulation with a `world` and `devices`"):
        Microphones().setup(SimpleNamespace(model=house.model, data=house.data, robot=house.robot, time=0.0))

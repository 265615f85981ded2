"""Listening with the simulated microphones: what they record is located by SRP-PHAT, and bearings are crossed."""

from __future__ import annotations

from collections import deque
from dataclasses import replace

import numpy as np
import pytest

from yanshi.agent.skills.experts import expert_skills
from yanshi.agent.skills.listen import cross
from yanshi.agent.skills.skill import SkillStep
from yanshi.contracts import Frame, SkillCall, SoundEvent, Status, WorldState
from yanshi.envs.oracle import Oracle
from yanshi.envs.robots import robot
from yanshi.envs.senses.suite import sensor_suite
from yanshi.envs.simulation import Simulation
from yanshi.envs.worlds import Wanted, World, compose, home
from yanshi.perception.hearing import srp_phat

CLIPS = 15
"""Of 40 ms each: what is located at once."""
LOUD = 3e-3
"""Root mean square of a recording [full scale] above which something sounds: three times the ambient noise."""


class Ears:
    """What is recorded, made into bearings without any truth but the robot's own place."""

    def __init__(self) -> None:
        self._clips: deque[Frame] = deque(maxlen=CLIPS)

    def hear(self, frame: Frame, base_w: np.ndarray) -> tuple[SoundEvent, ...]:
        """One bearing of whatever sounds, once there is enough to tell."""
        if self._clips and frame.stamp == self._clips[-1].stamp:
            return ()
        self._clips.append(frame)
        audio = np.concatenate([clip.data for clip in self._clips])
        if len(self._clips) < CLIPS or np.sqrt(np.mean(audio**2)) < LOUD:
            return ()
        assert frame.microphones_s is not None
        assert frame.T_bs is not None
        found = srp_phat(audio, frame.rate, np.asarray(frame.microphones_s))
        direction_b = frame.T_bs[:3, :3] @ found.direction_s
        x, y, yaw = base_w
        c, s = np.cos(yaw), np.sin(yaw)
        turn = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])
        return (
            SoundEvent(
                label="beep",
                direction_w=turn @ direction_b,
                origin_w=turn @ frame.T_bs[:3, 3] + (x, y, 0.0),
                covariance=np.diag([0.005, 0.02]),
            ),
        )


def _listen(world: World) -> tuple[SkillStep, list[SoundEvent], Simulation]:
    """Run the skill in physics; returns its last word, every bearing, and the simulation."""
    sim = Simulation(world, sensor_suite(["audio"], world.robot), seed=0)
    oracle, ears, heard = Oracle(sim), Ears(), list[SoundEvent]()
    skills = expert_skills(world.robot, world.floor_plan)
    known = replace(oracle.state(), sounds=())
    belief: WorldState = known
    observation = sim.observe()
    skills.start(SkillCall("listen", ()), belief, observation)
    for _ in range(1500):
        base_w = oracle.base_pose_w()
        if "audio" in observation.frames:
            heard += ears.hear(observation.frames["audio"], base_w)
        belief = known.with_(stamp=sim.time, base_pose_w=base_w, sounds=tuple(heard[-24:]))
        step = skills.act(belief, observation)
        if step.status is not Status.RUNNING:
            return step, heard, sim
        sim.step(step.action)
        observation = sim.observe()
    raise AssertionError("It listens for ever.")


def _home(seed: int, *, sounding: bool) -> World:
    wanted = Wanted(kind="alarm_clock", where="kitchen", sounding=sounding)
    return compose(home(np.random.default_rng(seed), objects=[wanted], start="kitchen"), robot("mobile_panda"))


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 4])
def test_an_alarm_clock_is_found_by_ear(seed: int) -> None:
    world = _home(seed, sounding=True)
    step, heard, sim = _listen(world)
    clock = next(thing for name, thing in world.entities.items() if "alarm_clock" in name)
    truth = np.array(sim.data.xpos[clock.body])
    sim.close()
    assert step.status is Status.SUCCEEDED, step.note
    errors = []
    for event in heard:
        way = truth - event.origin_w
        bearing = np.arctan2(way[1], way[0]) - np.arctan2(event.direction_w[1], event.direction_w[0])
        errors.append(abs(np.arctan2(np.sin(bearing), np.cos(bearing))))
    assert np.median(errors) < np.deg2rad(8.0)
    assert "from about" in step.note
    x, y = (float(word.strip("(),. ")) for word in step.note.split("about")[1].split(","))
    assert np.hypot(x - truth[0], y - truth[1]) < 0.6


@pytest.mark.slow
def test_a_quiet_room_is_a_failure_in_words() -> None:
    step, heard, sim = _listen(_home(1, sounding=False))
    sim.close()
    assert heard == []
    assert step.status is Status.FAILED
    assert "nothing" in step.note


def test_bearings_from_one_place_do_not_cross() -> None:
    here = np.array([1.0, 2.0, 1.3])
    events = [
        SoundEvent(label="beep", direction_w=_unit(a), origin_w=here, covariance=np.eye(2) * 0.01) for a in (0.30, 0.31)
    ]
    assert cross(events) is None


def test_bearings_cross_where_the_lines_do() -> None:
    source = np.array([3.0, 1.0, 1.0])
    origins = (np.array([0.0, 0.0, 1.0]), np.array([1.0, 3.0, 1.0]), np.array([5.0, 4.0, 1.0]))
    events = [
        SoundEvent(
            label="beep", direction_w=(source - o) / np.linalg.norm(source - o), origin_w=o, covariance=np.eye(2) * 0.01
        )
        for o in origins
    ]
    found = cross(events)
    assert found is not None
    np.testing.assert_allclose(found, source[:2], atol=1e-9)


def _unit(angle: float) -> np.ndarray:
    return np.array([np.cos(angle), np.sin(angle), 0.0])

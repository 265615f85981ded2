"""A made-up episode in a made-up flat, rich enough to show every part of a report."""

from __future__ import annotations

import numpy as np
import pytest

from yanshi.agent.episode import Event, Outcome, Request
from yanshi.agent.recording.log import Change, EpisodeLog, Heard, Moment
from yanshi.agent.recording.result import Result, Setting
from yanshi.contracts import (
    Entity,
    FloorPlan,
    OccupancyGrid,
    Room,
    SkillCall,
    Status,
    Subtask,
    WorldState,
)
from yanshi.goals import Fact, Goal

NASTY = "put the <b>red</b> mug & the \"cup\" in the 'sink'"
DURATION = 96.0


def _entity(name: str, category: str, xy: tuple[float, float], extent: tuple[float, float, float]) -> Entity:
    return Entity(
        name=name,
        label=name.split("_")[-1],
        category=category,  # type: ignore[arg-type]
        position_w=np.array([*xy, 0.8]),
        extent=np.array(extent),
    )


def _belief() -> WorldState:
    rooms = (
        Room(name="kitchen", low_w=np.array([0.0, 0.0]), high_w=np.array([4.0, 3.6])),
        Room(name="living_room", low_w=np.array([4.0, 0.0]), high_w=np.array([9.0, 3.6])),
        Room(name="bedroom", low_w=np.array([0.0, 3.6]), high_w=np.array([9.0, 6.6])),
    )
    fixtures = (
        _entity("counter", "fixture", (1.2, 0.35), (2.2, 0.6, 0.9)),
        _entity("sink", "fixture", (3.0, 0.35), (0.7, 0.6, 0.9)),
        _entity("table", "fixture", (6.5, 1.8), (1.4, 0.9, 0.7)),
        _entity("bed", "fixture", (7.6, 5.6), (1.5, 2.0, 0.5)),
    )
    grid = OccupancyGrid(occupied=np.zeros((66, 90), dtype=bool), resolution=0.1, origin_w=np.zeros(2))
    plan = FloorPlan(rooms=rooms, fixtures=fixtures, grid=grid, start_w=np.array([2.0, 2.2, 0.0]))
    objects = {
        e.name: e
        for e in (
            _entity("red_mug", "object", (3.0, 0.4), (0.09, 0.09, 0.1)),
            _entity("blue_bowl", "object", (6.3, 1.7), (0.15, 0.15, 0.07)),
            _entity("large_green_ball", "object", (6.8, 2.0), (0.08, 0.08, 0.08)),
            _entity("phone", "object", (7.5, 4.9), (0.07, 0.15, 0.02)),
        )
    }
    return WorldState(stamp=DURATION, base_pose_w=np.zeros(3), entities=objects, plan_of_home=plan)


def _picture(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    y, x = np.mgrid[0:height, 0:width]
    image = np.stack([120 + 90 * np.sin(x / width * 3 + k) * np.cos(y / height * 2) for k in range(3)], axis=-1)
    for _ in range(6):
        i, j, r = rng.integers(0, height), rng.integers(0, width), rng.integers(height // 12, height // 5)
        image[max(i - r, 0) : i + r, max(j - r, 0) : j + r] = rng.integers(40, 230, 3)
    return image.clip(0, 255).astype(np.uint8)


def _subtask(text: str, status: Status, started: float | None, ended: float | None, note: str = "") -> Subtask:
    fact = Fact.parse(text)
    call = SkillCall(fact.predicate, fact.args)
    return Subtask(call=call, status=status, started=started, ended=ended, note=note)


@pytest.fixture
def episode() -> tuple[EpisodeLog, Result]:
    return make_episode()


def make_episode() -> tuple[EpisodeLog, Result]:
    rng = np.random.default_rng(0)
    goal = Goal.parse("in(red_mug, sink)")
    subtasks = (
        _subtask("look_for(red_mug)", Status.SUCCEEDED, 0.0, 21.4),
        _subtask("go_to(table)", Status.SUCCEEDED, 21.4, 33.0),
        _subtask("pick(red_mug)", Status.FAILED, 33.0, 41.2, "holding(red_mug) is seen to be false"),
        _subtask("pick(red_mug)", Status.SUCCEEDED, 41.2, 52.0),
        _subtask("go_to(sink)", Status.SUCCEEDED, 52.0, 84.0),
        _subtask("place_in(red_mug, sink)", Status.SUCCEEDED, 84.0, DURATION),
    )
    calls = [s.call for s in subtasks]
    events = [
        Event(kind="asked", stamp=0.0, text=NASTY),
        Event(kind="planned", stamp=0.0, text="look_for(red_mug)", trigger="start"),
        Event(kind="started", stamp=0.0, text="look_for(red_mug)", call=calls[0]),
        Event(kind="succeeded", stamp=21.4, text="look_for(red_mug)", call=calls[0]),
        Event(
            kind="replanned",
            stamp=21.4,
            text="go_to(table) → pick(red_mug) → go_to(sink) → place_in(red_mug, sink)",
            trigger="discovery",
        ),
        Event(kind="failed", stamp=41.2, text="holding(red_mug) is seen to be false", call=calls[2]),
        Event(
            kind="replanned",
            stamp=41.2,
            text="pick(red_mug) → go_to(sink) → place_in(red_mug, sink)",
            trigger="failure",
        ),
        Event(kind="finished", stamp=DURATION, text="Every step is done and the goal is seen to be reached."),
    ]
    times = np.arange(0, DURATION, 0.04)
    sound = 0.004 * rng.standard_normal(int(DURATION * 16000))
    clock = np.arange(len(sound)) / 16000
    sound += 0.05 * np.sin(2 * np.pi * 1400 * clock) * (np.mod(clock, 3.0) < 0.8) * (clock > 10) * (clock < 60)
    log = EpisodeLog(
        path=[(float(t), 2 + 4 * np.sin(t / 30), 2.2 + 0.8 * np.sin(t / 13), t / 20) for t in times],
        touch=[(float(t), 6.0 if 44 < t < 92 else 0.1) for t in times],
        opening=[(float(t), 0.04 if 44 < t < 92 else 0.08) for t in times],
        events=events,
        requests=[Request(text=NASTY, goal=goal, thought="Nearest meaning: put the red mug in the sink (0.91).")],
        perception="oracle",
        senses={"head_rgb", "lidar", "audio"},
        sound=[sound.astype(np.float32)],
        sound_rate=16000.0,
        belief=_belief(),
    )
    log.facts = {
        Fact.parse("in(red_mug, sink)"): [Change(92.0, True, "seen")],
        Fact.parse("holding(red_mug)"): [
            Change(51, True, "expected"),
            Change(52.2, True, "felt"),
            Change(92, False, "felt"),
        ],
        Fact.parse("near(table)"): [Change(33.0, True, "expected"), Change(55.0, False, "seen")],
        Fact.parse("on(red_mug, table)"): [Change(20.0, True, "seen"), Change(51.0, False, "expected")],
        Fact.parse("sounding(phone)"): [Change(12.0, True, "heard"), Change(61.0, False, "heard")],
        Fact.parse("kind(red_mug, mug)"): [Change(20.0, True, "seen")],
    }
    log.wanted = {Fact.parse("in(red_mug, sink)")}
    log.heard = [
        Heard(float(t), "ring", 1.2 + 0.3 * np.sin(t / 9) + 0.05 * float(rng.standard_normal()), 0.9)
        for t in np.arange(12, 60, 0.7)
    ]
    log.cells = {(int(20 * x), 0) for x in np.linspace(0, 9, 300)} | {
        (0, int(20 * y)) for y in np.linspace(0, 6.6, 200)
    }
    for stamp, title in ((0.0, "at the start"), (21.4, "look_for(red_mug): succeeded"), (41.2, "pick(red_mug): failed"),
                         (52.0, "pick(red_mug): succeeded"), (DURATION, "finished")):  # fmt: skip
        depth = np.fromfunction(lambda i, j: 0.4 + i / 40 + j / 200, (128, 128)).astype(np.float32)
        depth[100:, :20] = np.nan
        frames = {"head_rgb": _picture(rng, 128, 128), "head_depth": depth, "wrist_rgb": _picture(rng, 128, 128)}
        log.moments.append(Moment(stamp=stamp, title=title, scene=_picture(rng, 540, 960), frames=frames))
    outcome = Outcome(
        claimed_success=True,
        reason="Every step is done and the goal is seen to be reached.",
        subtasks=subtasks,
        thought="The red mug is on the table in the living room and must come into the sink.\nThe sink is open.",
        planner="search",
        replans=2,
        completed=1,
        instructions=1,
        sim_seconds=DURATION,
        planner_seconds=0.084,
    )
    log.outcome = outcome
    setting = Setting(
        instruction=NASTY,
        goal=str(goal),
        world="home",
        seed=1,
        robot="mobile_panda",
        planner="search",
        perception="oracle",
        senses=("rgb", "depth", "lidar", "audio", "touch"),
        command="yanshi run 'put the red mug in the sink' --world home --seed 1",
        versions={"yanshi": "0.1.0", "mujoco": "4.0.0", "python": "3.11.2"},
    )
    return log, Result(setting=setting, outcome=outcome, success=True, progress=1.0, wall_seconds=41.3)

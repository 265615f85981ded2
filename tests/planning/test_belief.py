from __future__ import annotations

from dataclasses import replace

import numpy as np

from yanshi.contracts import (
    Articulation,
    Detection,
    Frame,
    Observation,
    OccupancyGrid,
    Percept,
    Proprioception,
    SkillCall,
    SoundEvent,
    Status,
    Subtask,
    WorldState,
)
from yanshi.goals import Fact
from yanshi.planning.belief import Tracker
from yanshi.planning.domain import Domain
from yanshi.planning.fakes import FLOOR_PLAN, ROOMS, fake_fixture, fake_object
from yanshi.planning.occupancy import believed_grid, resample
from yanshi.planning.referents import from_name, told

BASE = np.array([5.0, 2.0, 0.0])
ON_TABLE = np.array([6.0, 2.0, 0.85])


def observe(
    stamp: float, hand: tuple[float, float, float] = (0.3, 0.0, 0.5), touch: float | None = None
) -> Observation:
    T_be = np.eye(4)
    T_be[:3, 3] = hand
    frames = {}
    if touch is not None:
        data = np.full(2, touch, dtype=np.float32)
        frames["touch"] = Frame(name="touch", modality="touch", stamp=stamp, data=data, rate=50.0)
    body = Proprioception(
        joint_names=(), joint_positions=np.zeros(0), joint_velocities=np.zeros(0), odometry=np.zeros(3),
        base_velocity_b=np.zeros(3), T_be=T_be, gripper_opening=0.05,
    )  # fmt: skip
    return Observation(stamp=stamp, frames=frames, proprioception=body)


def mug(at: np.ndarray = ON_TABLE, track: str | None = None, **more: object) -> Detection:
    values: dict[str, object] = {
        "label": "mug", "attributes": {"color": "red"}, "position_w": np.asarray(at, dtype=float),
        "covariance": np.eye(3) * 1e-4, "extent": np.array([0.08, 0.08, 0.1]), "track": track,
    }  # fmt: skip
    return Detection(**{**values, **more})  # type: ignore[arg-type]


class Run:
    """A tracker and its belief over a series of percepts."""

    def __init__(self) -> None:
        self.tracker = Tracker(FLOOR_PLAN, Domain(mobile=True))
        self.belief: WorldState = self.tracker.reset()

    def see(self, stamp: float, *detections: Detection, last: Subtask | None = None, **more: object) -> WorldState:
        hand = more.pop("hand", (0.3, 0.0, 0.5))
        touch = more.pop("touch", None)
        percept = Percept(stamp=stamp, base_pose_w=more.pop("base", BASE), detections=detections, **more)  # type: ignore[arg-type]
        self.belief = self.tracker.update(self.belief, percept, observe(stamp, hand, touch), last)  # type: ignore[arg-type]
        return self.belief

    def value(self, fact: str) -> tuple[bool, str]:
        held = self.belief.facts[Fact.parse(fact)]
        return held.value, held.provenance


def test_it_begins_with_the_map() -> None:
    belief = Run().belief
    assert set(belief.entities) == {e.name for e in FLOOR_PLAN.fixtures}
    assert all(e.provenance == "map" and e.last_seen is None for e in belief.entities.values())
    assert belief.true(Fact("in_room", ("sink", "kitchen")))


def test_a_new_thing_gets_a_name_a_place_and_its_relations() -> None:
    run = Run()
    run.see(0.1, mug())
    assert run.value("on(red_mug, table)") == (True, "seen")
    assert run.value("in_room(red_mug, living_room)") == (True, "seen")
    assert run.value("color(red_mug, red)") == (True, "seen")
    assert run.value("near(red_mug)") == (True, "seen")
    assert run.value("near(sink)") == (False, "seen")


def test_the_same_thing_seen_again_is_not_another_and_a_distant_one_is() -> None:
    run = Run()
    rng = np.random.default_rng(0)
    for k in range(30):
        run.see(0.1 * k, mug(ON_TABLE + rng.normal(0, 0.01, 3)))
    mugs = [e for e in run.belief.entities.values() if e.label == "mug"]
    assert len(mugs) == 1
    np.testing.assert_allclose(mugs[0].position_w, ON_TABLE, atol=0.008)  # better than one measurement
    run.see(4.0, mug(), mug(ON_TABLE + np.array([0.0, 0.3, 0.0])))
    assert sorted(e.name for e in run.belief.entities.values() if e.label == "mug") == ["red_mug", "red_mug_2"]


def test_what_is_not_seen_becomes_uncertain() -> None:
    run = Run()
    run.see(0.0, mug())
    before = np.trace(run.belief.entities["red_mug"].covariance)
    run.see(10.0)
    entity = run.belief.entities["red_mug"]
    assert np.trace(entity.covariance) > before + 3 * 10 * 0.005**2
    assert entity.last_seen == 0.0


def test_what_was_told_of_is_found_by_its_description() -> None:
    run = Run()
    run.tracker.mention(from_name("red_ball"), from_name("red_mug"))
    run.see(0.0)
    assert np.isnan(run.belief.entities["red_mug"].position_w).all()
    run.see(0.1, mug(track="mug_of_somebody"))
    assert np.isfinite(run.belief.entities["red_mug"].position_w).all()  # whoever looks for it sees that it is found
    assert np.isnan(run.belief.entities["red_ball"].position_w).all()
    run.see(5.0)
    assert "red_mug" not in run.belief.entities
    assert run.belief.entities["mug_of_somebody"].provenance == "seen"


def test_a_thing_is_found_when_its_colour_becomes_known() -> None:
    run = Run()
    run.tracker.mention(from_name("red_mug"))
    run.see(0.0, mug(track="red_mug_7", attributes={}))
    assert np.isnan(run.belief.entities["red_mug"].position_w).all()
    run.see(0.1, mug(track="red_mug_7"))
    assert np.isfinite(run.belief.entities["red_mug"].position_w).all()


def test_a_thing_missing_from_plain_view_is_lost_and_found_again_elsewhere() -> None:
    run = Run()
    run.see(0.0, mug())
    for k in range(1, 30):
        run.see(0.1 * k, viewed=frozenset({"counter"}))
    assert run.belief.true(Fact("on", ("red_mug", "table")))  # nobody looked at the table
    for k in range(30, 50):
        run.see(0.1 * k, viewed=frozenset({"table"}))
    assert run.value("on(red_mug, table)") == (False, "seen")
    assert np.isnan(run.belief.entities["red_mug"].position_w).all()
    run.see(6.0, mug(np.array([1.0, 3.5, 0.85])))
    assert run.value("on(red_mug, counter)") == (True, "seen")


def test_what_lies_unseen_in_a_bin_is_not_lost_while_something_else_is_seen_in_it() -> None:
    run = Run()
    place = next(f for f in FLOOR_PLAN.fixtures if f.region("in") is not None and f.articulation is None)
    region = place.region("in")
    assert region is not None
    at = place.position_w + region.center_e
    for k in range(6):
        run.see(0.1 * k, mug(at, score=1.0))
    inside = Fact("in", ("red_mug", place.name))
    assert run.belief.true(inside)
    ball = mug(at, label="ball", attributes={"color": "blue"}, score=1.0, extent=np.full(3, 0.3))
    for k in range(6, 150):
        run.see(0.1 * k, replace(ball, position_w=at + np.array([0.05, 0.0, 0.1])), viewed=frozenset({place.name}))
    assert run.belief.true(inside)
    for k in range(150, 250):
        run.see(0.1 * k, viewed=frozenset({place.name}))
    assert not run.belief.true(inside), "nothing at all is seen in it for long"


def test_a_door_is_not_believed_shut_for_one_look() -> None:
    door = fake_fixture("hall_door", (4.0, 2.0, 1.0), "kitchen", category="door", affordances=frozenset({"open"}))
    run = Run()
    run.belief = run.belief.with_(entities={**run.belief.entities, "hall_door": door})
    seen = mug(np.array([4.0, 2.0, 1.0]), track="hall_door", label="door", attributes={})
    for stamp, opening, believed in (
        (0.0, 0.0, None),
        (0.1, 1.0, 1.0),
        (0.2, 0.1, 1.0),
        (0.3, 0.6, 1.0),
        (0.4, 1.0, 1.0),
    ):
        run.see(stamp, replace(seen, opening=opening))
        assert run.belief.openings.get("hall_door") == believed
    for stamp, believed in ((0.5, 1.0), (0.6, 1.0), (0.7, 0.1)):
        run.see(stamp, replace(seen, opening=0.1))
        assert run.belief.openings["hall_door"] == believed


def test_one_missed_frame_is_no_loss() -> None:
    run = Run()
    for k in range(60):
        run.see(0.1 * k, *([mug()] if k % 5 == 0 else []), viewed=frozenset({"table"}))
    assert run.belief.true(Fact("on", ("red_mug", "table")))


def test_what_is_held_moves_with_the_hand() -> None:
    run = Run()
    run.see(0.0, mug(), hand=(1.0, 0.0, 0.85))
    run.see(0.1, facts={Fact("holding", ("red_mug",)): True}, hand=(1.0, 0.0, 0.85))
    run.see(0.2, hand=(1.0, 0.0, 0.85))
    run.see(0.3, hand=(0.6, 0.1, 1.05))
    np.testing.assert_allclose(run.belief.entities["red_mug"].position_w, [5.6, 2.1, 1.05], atol=1e-9)
    assert not run.belief.true(Fact("on", ("red_mug", "table")))
    turned = np.array([5.0, 2.0, np.pi / 2])
    run.see(0.4, hand=(0.6, 0.1, 1.05), base=turned)
    np.testing.assert_allclose(run.belief.entities["red_mug"].position_w, [4.9, 2.6, 1.05], atol=1e-9)


def test_holding_is_felt_by_the_fingers() -> None:
    run = Run()
    run.see(0.0, mug(), hand=(1.0, 0.0, 0.85), touch=0.0)
    run.see(0.1, hand=(1.0, 0.0, 0.85), touch=2.0)
    assert run.value("holding(red_mug)") == (True, "felt")
    for k in range(8):
        run.see(0.2 + 0.1 * k, hand=(1.0, 0.0, 0.85), touch=0.0)
    assert run.value("holding(red_mug)") == (False, "felt")


def test_effects_of_a_step_are_expected_until_something_else_is_seen() -> None:
    run = Run()
    run.see(0.0, mug())
    expects = ((Fact("in", ("red_mug", "sink")), True), (Fact("holding", ("red_mug",)), False))
    step = Subtask(call=SkillCall("place_in", ("red_mug", "sink")), expects=expects, status=Status.SUCCEEDED)
    run.see(0.1, last=step)
    assert run.value("in(red_mug, sink)") == (True, "expected")
    assert run.value("on(red_mug, table)")[0] is False
    run.see(0.2, mug())
    assert run.value("in(red_mug, sink)") == (False, "seen")
    assert run.value("on(red_mug, table)") == (True, "seen")


def test_a_failed_step_changes_no_belief() -> None:
    run = Run()
    run.see(0.0, mug())
    expects = ((Fact("in", ("red_mug", "sink")), True),)
    run.see(0.1, last=Subtask(call=SkillCall("place_in", ("red_mug", "sink")), expects=expects, status=Status.FAILED))
    assert Fact("in", ("red_mug", "sink")) not in run.belief.facts


def drawer(opening: float) -> Detection:
    return mug(np.array([0.5, 1.5, 0.5]), track="cabinet_drawer", label="drawer", attributes={}, opening=opening)


def test_openings_are_facts_and_carry_what_lies_inside() -> None:
    run = Run()
    run.see(0.0, drawer(1.0), mug(np.array([0.85, 1.5, 0.5])))
    assert run.value("open(cabinet_drawer)") == (True, "seen")
    assert run.value("in(red_mug, cabinet_drawer)") == (True, "seen")
    run.see(0.1, drawer(0.0))
    assert run.value("closed(cabinet_drawer)") == (True, "seen")
    assert run.value("open(cabinet_drawer)") == (False, "seen")
    np.testing.assert_allclose(run.belief.entities["red_mug"].position_w, [0.55, 1.5, 0.5], atol=1e-9)
    assert run.belief.true(Fact("in", ("red_mug", "cabinet_drawer")))


def sound(azimuth: float, track: str | None = None) -> SoundEvent:
    direction = np.array([np.cos(azimuth), np.sin(azimuth), 0.0])
    return SoundEvent(
        label="ring",
        direction_w=direction,
        origin_w=np.array([5.0, 2.0, 1.2]),
        covariance=np.eye(2) * 0.01,
        track=track,
    )


def test_a_bearing_that_points_at_one_thing_tells_what_sounds() -> None:
    run = Run()
    phone = mug(label="phone", attributes={})
    run.tracker.kinds["phone"] = replace(fake_object("phone", (0, 0, 0)), affordances=frozenset({"grasp", "sound"}))
    run.see(0.0, phone)
    run.see(0.1, sounds=(sound(np.pi),))
    assert Fact("sounding", ("phone",)) not in run.belief.facts
    run.see(0.2, sounds=(sound(0.02),))
    assert run.value("sounding(phone)") == (True, "heard")
    assert len(run.belief.sounds) == 2
    run.see(20.0)
    assert run.value("sounding(phone)")[0] is False


def test_what_is_heard_and_was_never_seen_has_no_place() -> None:
    run = Run()
    run.see(0.0, sounds=(sound(1.0, track="phone"),))
    assert run.value("sounding(phone)") == (True, "heard")
    assert np.isnan(run.belief.entities["phone"].position_w).all()
    assert run.belief.entities["phone"].provenance == "heard"


def test_the_grid_has_walls_obstacles_and_doors_where_they_are() -> None:
    joint = Articulation(kind="hinge", axis_e=np.array([0, 0, 1.0]), pivot_e=np.array([0, -0.5, 0]), limit=np.pi / 2)
    door = fake_fixture(
        "door", (4.0, 2.0, 1.0), "kitchen", articulation=joint, extent=np.array([0.05, 1.0, 2.0]), category="door"
    )
    grid = FLOOR_PLAN.grid

    def free(opening: dict[str, float], x: float, y: float) -> bool:
        found = believed_grid(grid, None, [door], opening)
        return not found.occupied[int(y / 0.05), int(x / 0.05)]

    assert free({}, 4.0, 2.3)
    assert not free({"door": 0.0}, 4.0, 2.3)
    assert free({"door": 1.0}, 4.0, 2.3)
    assert not free({"door": 1.0}, 3.6, 1.5)
    sensed = OccupancyGrid(occupied=np.ones((2, 2), dtype=bool), resolution=0.5, origin_w=np.array([1.0, 1.0]))
    spread = resample(sensed, grid)
    assert spread.sum() == 20 * 20
    assert spread[20, 20]
    assert not spread[19, 20]


def test_the_robots_own_room_follows_its_place() -> None:
    run = Run()
    run.see(0.0)
    assert run.value("robot_in(living_room)") == (True, "seen")
    run.see(0.1, base=np.array([1.0, 1.0, 0.0]))
    assert {r.name: run.value(f"robot_in({r.name})")[0] for r in ROOMS} == {"kitchen": True, "living_room": False}


def test_what_was_told_of_by_its_sound_is_found_when_it_is_heard_and_seen() -> None:
    run = Run()
    run.tracker.kinds["phone"] = replace(fake_object("phone", (0, 0, 0)), affordances=frozenset({"grasp", "sound"}))
    run.tracker.mention(told("sounding_phone", "phone", {"sound": "any"}, frozenset({"sound"})))
    run.see(0.0, mug(label="phone", attributes={}))
    assert np.isnan(run.belief.entities["sounding_phone"].position_w).all(), "a silent phone is not meant"
    run.see(0.1, mug(label="phone", attributes={}), sounds=(sound(0.02),))
    np.testing.assert_allclose(
        run.belief.entities["sounding_phone"].position_w, run.belief.entities["phone"].position_w
    )

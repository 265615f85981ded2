"""A belief made of detections that err: phantoms, wrong words, misses."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from yanshi.contracts import Detection, Entity, Observation, Percept, Proprioception, WorldState
from yanshi.goals import Fact
from yanshi.planning.belief import Tracker
from yanshi.planning.domain import Domain
from yanshi.planning.fakes import FLOOR_PLAN, fake_object
from yanshi.planning.referents import from_name, told

BASE = np.array([5.0, 2.0, 0.0])
ON_TABLE = np.array([6.0, 2.0, 0.85])


def sight(at: np.ndarray = ON_TABLE, score: float = 0.8, **more: object) -> Detection:
    values: dict[str, object] = {
        "label": "mug", "attributes": {"color": "red", "size": "medium"}, "position_w": np.asarray(at, dtype=float),
        "covariance": np.eye(3) * 1e-4, "extent": np.array([0.08, 0.08, 0.1]), "score": score,
    }  # fmt: skip
    return Detection(**{**values, **more})  # type: ignore[arg-type]


class Run:
    """A belief over pictures that come ten times a second."""

    def __init__(self) -> None:
        kinds = {label: fake_object(label, (0, 0, 0)) for label in ("mug", "cup")}
        self.tracker = Tracker(FLOOR_PLAN, Domain(mobile=True), kinds)
        self.belief: WorldState = self.tracker.reset()
        self.frame = 0

    def see(
        self, *detections: Detection, viewed: frozenset[str] = frozenset(), facts: dict[Fact, bool] | None = None,
        hand_w: np.ndarray | None = None,
    ) -> list[Entity]:  # fmt: skip
        """The objects that are believed after one more picture."""
        T_be = np.eye(4)
        if hand_w is not None:
            T_be[:3, 3] = hand_w - [*BASE[:2], 0.0]
        self.frame += 1
        body = Proprioception(
            joint_names=(), joint_positions=np.zeros(0), joint_velocities=np.zeros(0), odometry=np.zeros(3),
            base_velocity_b=np.zeros(3), T_be=T_be, gripper_opening=0.08,
        )  # fmt: skip
        stamp = 0.1 * self.frame
        percept = Percept(stamp=stamp, base_pose_w=BASE, detections=detections, viewed=viewed, facts=facts or {})
        observation = Observation(stamp=stamp, frames={}, proprioception=body)
        self.belief = self.tracker.update(self.belief, percept, observation)
        return [e for e in self.belief.entities.values() if e.category == "object"]


def test_what_is_seen_once_is_not_believed_and_what_is_seen_twice_is() -> None:
    run = Run()
    assert run.see(sight()) == []
    assert [e.name for e in run.see(sight())] == ["red_mug"]


def test_at_the_hand_it_takes_more_and_while_something_is_held_nothing_new_is_believed_there() -> None:
    run = Run()
    beside = ON_TABLE + np.array([0.1, 0.0, 0.05])
    for _ in range(6):
        assert run.see(sight(), hand_w=beside) == []  # 0.25 x 0.8 each
    assert [e.name for e in run.see(sight(), hand_w=beside)] == ["red_mug"]
    holding = {Fact("holding", ("red_mug",)): True}
    blue = sight(ON_TABLE + np.array([0.12, 0.0, 0.1]), attributes={"color": "blue"}, label="cup")
    elsewhere = sight(ON_TABLE + np.array([0.0, 0.4, 0.0]), attributes={"color": "green"}, label="cup")
    for _ in range(20):
        names = {e.name for e in run.see(sight(), blue, elsewhere, hand_w=beside, facts=holding)}
    assert names == {"red_mug", "green_cup"}


def test_the_less_sure_the_more_often() -> None:
    run = Run()
    assert [len(run.see(sight(score=0.5))) for _ in range(3)] == [0, 0, 1]


def test_a_perceiver_that_admits_no_doubt_is_believed_at_once() -> None:
    assert len(Run().see(sight(score=1.0))) == 1


def test_phantoms_here_and_there_support_one_another_as_little_as_those_far_apart_in_time() -> None:
    run = Run()
    rng = np.random.default_rng(0)
    for k in range(40):
        there = ON_TABLE + np.array([0.0, 0.4 * (k % 5) - 0.8, 0.0]) + rng.normal(0.0, 0.003, 3)
        assert run.see(*([sight(there)] if k % 5 < 2 else [])) == [] or k >= 5
    run = Run()
    for k in range(80):
        assert run.see(*([sight()] if k % 20 == 0 else [])) == []


def test_most_sightings_say_what_it_is() -> None:
    run = Run()
    rng = np.random.default_rng(1)
    for _ in range(60):
        wrong = rng.random(3) < 0.3
        label = "cup" if wrong[0] else "mug"
        attributes = {"color": "orange" if wrong[1] else "red", "size": "large" if wrong[2] else "medium"}
        run.see(sight(ON_TABLE + rng.normal(0.0, 0.008, 3), label=label, attributes=attributes))
    (thing,) = run.see(sight(label="cup", attributes={"color": "orange", "size": "large"}))
    assert (thing.label, thing.attributes) == ("mug", {"color": "red", "size": "medium"})
    np.testing.assert_allclose(thing.position_w, ON_TABLE, atol=0.01)


def test_a_change_of_mind_gives_it_the_kinds_affordances() -> None:
    run = Run()
    run.tracker.kinds["cup"] = replace(fake_object("cup", (0, 0, 0)), affordances=frozenset({"sound"}))
    for _ in range(3):
        run.see(sight())
    for _ in range(12):
        run.see(sight(label="cup"))
    (thing,) = run.see(sight(label="cup"))
    assert thing.label == "cup"
    assert thing.affordances == {"sound"}


def test_two_things_that_look_alike_stay_two() -> None:
    run = Run()
    rng = np.random.default_rng(2)
    apart = np.array([0.0, 0.12, 0.0])
    for k in range(50):
        both = [sight(ON_TABLE + rng.normal(0.0, 0.008, 3)), sight(ON_TABLE + apart + rng.normal(0.0, 0.008, 3))]
        seen = run.see(*(both if k % 3 else both[:1]))
    assert len(seen) == 2
    low, high = sorted(seen, key=lambda e: float(e.position_w[1]))
    np.testing.assert_allclose(low.position_w, ON_TABLE, atol=0.01)
    np.testing.assert_allclose(high.position_w, ON_TABLE + apart, atol=0.01)


def test_what_was_hardly_seen_is_forgotten_and_what_was_seen_well_is_not() -> None:
    run = Run()
    well = ON_TABLE + np.array([0.0, 0.4, 0.0])
    for k in range(10):
        run.see(sight(well), *([sight()] if k < 3 else []))
    names = {e.name for e in run.see()}
    assert len(names) == 2
    for _ in range(25):
        left = run.see()
    assert [round(float(e.position_w[1]), 2) for e in left] == [2.4]
    (gone,) = names - {e.name for e in left}
    assert not any(gone in fact.args for fact in run.belief.facts)


def test_size_and_direction_are_averaged() -> None:
    run = Run()
    rng = np.random.default_rng(3)
    size = np.array([0.12, 0.05, 0.1])
    for _ in range(80):
        extent = size * np.exp(rng.normal(0.0, 0.1, 3))
        turned = 1.5 + rng.normal(0.0, 0.15)  # near the end of its range: half a turn is the same box
        seen = run.see(sight(extent=extent, yaw=(turned + np.pi / 2) % np.pi - np.pi / 2))
    (thing,) = seen
    np.testing.assert_allclose(thing.extent, size, rtol=0.12)
    assert abs((thing.yaw - 1.5 + np.pi / 2) % np.pi - np.pi / 2) < 0.15


def test_a_lost_thing_is_found_elsewhere_and_keeps_its_name() -> None:
    run = Run()
    for _ in range(25):
        run.see(sight())
    for _ in range(20):
        run.see(viewed=frozenset({"table"}))
    assert np.isnan(run.belief.entities["red_mug"].position_w).all()
    there = np.array([1.0, 3.5, 0.85])
    run.see(sight(there))
    assert np.isnan(run.belief.entities["red_mug"].position_w).all(), "one sighting might be a phantom"
    (thing,) = run.see(sight(there))
    assert thing.name == "red_mug"
    np.testing.assert_allclose(thing.position_w, there)


def test_what_was_seen_a_while_and_is_not_there_on_a_plain_view_never_was() -> None:
    run = Run()
    for _ in range(10):
        seen = run.see(sight())
    assert [thing.name for thing in seen] == ["red_mug"]
    for _ in range(20):
        seen = run.see(viewed=frozenset({"table"}))
    assert seen == []
    assert not any("red_mug" in fact.args for fact in run.belief.facts)


def test_a_side_of_a_thing_is_not_another_thing() -> None:
    run = Run()
    car = {"extent": np.array([0.14, 0.06, 0.05]), "yaw": np.pi / 2}
    for _ in range(10):
        run.see(sight(**car))
    end = sight(ON_TABLE + np.array([0.0, 0.05, 0.0]), label="cup", attributes={"color": "blue"}, **car)
    beside = sight(ON_TABLE + np.array([0.06, 0.0, 0.0]), label="cup", attributes={"color": "green"})
    for _ in range(5):
        names = {thing.name for thing in run.see(sight(**car), end, beside)}
    assert names == {"red_mug", "green_cup"}


def met_in_the_dark(at: np.ndarray, high: float) -> Detection:
    return sight(at, 0.5, label="thing", attributes={}, extent=np.array([0.07, 0.07, high]), sensor="lidar")


def test_in_the_dark_the_only_thing_of_the_right_size_is_taken_to_be_what_was_told_of() -> None:
    run = Run()
    run.tracker.kinds["bottle"] = replace(fake_object("bottle", (0, 0, 0)), extent=np.array([0.07, 0.07, 0.24]))
    run.tracker.mention(from_name("bottle"))
    flat = ON_TABLE + np.array([0.0, 0.4, 0.0])
    for _ in range(4):
        run.see(met_in_the_dark(ON_TABLE, 0.22), met_in_the_dark(flat, 0.05))
    labels = sorted(e.label for e in run.belief.entities.values() if e.provenance == "seen" and e.category == "object")
    assert labels == ["bottle", "thing"]
    np.testing.assert_allclose(run.belief.entities["bottle"].position_w, ON_TABLE, atol=0.01)
    for _ in range(3):
        run.see(sight(label="jar", attributes={"color": "green"}))
    thing = next(e for e in run.belief.entities.values() if e.attributes.get("color") == "green")
    assert thing.label == "jar", "what a camera sees goes first"


def test_where_two_things_could_be_meant_none_is() -> None:
    run = Run()
    run.tracker.kinds["bottle"] = replace(fake_object("bottle", (0, 0, 0)), extent=np.array([0.07, 0.07, 0.24]))
    run.tracker.mention(from_name("bottle"))
    for _ in range(4):
        run.see(met_in_the_dark(ON_TABLE, 0.22), met_in_the_dark(ON_TABLE + np.array([0.0, 0.4, 0.0]), 0.2))
    assert np.isnan(run.belief.entities["bottle"].position_w).all()
    assert sum(e.label == "thing" for e in run.belief.entities.values()) == 2


def test_what_a_lidar_meets_in_the_place_of_a_known_thing_is_that_thing() -> None:
    run = Run()
    for _ in range(10):
        run.see(sight())
    for _ in range(10):
        (thing,) = run.see(met_in_the_dark(ON_TABLE, 0.05))
    assert (thing.label, thing.attributes["color"]) == ("mug", "red")
    assert thing.extent[2] == 0.1


def test_doubt_between_two_kinds_is_kept_over_many_sightings() -> None:
    run = Run()
    for _ in range(10):
        run.see(sight(label="mug", labels={"mug": 0.8, "cup": 0.2}))
        seen = run.see(sight(label="cup", labels={"cup": 0.5, "mug": 0.45}))
        assert [thing.label for thing in seen] == ["mug"]


def test_what_somebody_asked_for_is_the_likelier_where_its_colour_fits() -> None:
    def kind_of(asked: str, likely: float) -> str:
        run = Run()
        run.tracker.mention(from_name(asked))
        for _ in range(4):
            run.see(sight(label="cup", labels={"cup": 1.0 - likely, "mug": likely}))
        return next(e.label for e in run.belief.entities.values() if e.provenance == "seen" and e.category == "object")

    assert kind_of("red_mug", 0.4) == "mug"
    assert kind_of("red_mug", 0.1) == "cup", "a wish is no evidence"
    assert kind_of("blue_mug", 0.4) == "cup", "another colour is meant"


def test_two_things_seen_as_one_do_not_move_the_one_that_is_known_well() -> None:
    run = Run()
    for _ in range(12):
        run.see(sight())
    both = sight(ON_TABLE + np.array([0.02, 0.0, 0.05]), label="bottle", extent=np.array([0.09, 0.08, 0.2]))
    for _ in range(10):
        (thing,) = run.see(both)
    assert thing.label == "mug"
    np.testing.assert_allclose(thing.position_w, ON_TABLE, atol=0.002)
    for _ in range(50):
        (thing,) = run.see(both)
    assert thing.position_w[2] > ON_TABLE[2] + 0.03, "what it is seen to be for long is believed in the end"


def test_what_something_stands_on_is_not_lost_when_the_two_are_seen_as_one() -> None:
    run = Run()
    above = sight(ON_TABLE + np.array([0.0, 0.0, 0.1]), label="cup")
    for _ in range(12):
        run.see(sight(), above)
    for _ in range(30):
        run.see(above, viewed=frozenset({"table"}))
    assert np.isfinite(run.belief.entities["red_mug"].position_w).all()
    assert run.belief.true(Fact("on", ("red_cup", "red_mug")))


def test_what_is_told_of_by_comparison_is_found_by_what_can_be_seen_of_it() -> None:
    run = Run()
    smaller = told("red_mug", "mug", {"color": "red", "bigger": "?x"}, frozenset({"grasp"}))
    run.tracker.mention(smaller)
    for _ in range(2):
        run.see(sight())
    np.testing.assert_allclose(run.belief.entities["red_mug"].position_w, ON_TABLE)


def test_what_slips_out_of_the_hand_is_the_thing_that_lies_below() -> None:
    run = Run()
    in_hand = BASE + np.array([0.5, 0.0, 0.95])
    for _ in range(12):
        run.see(sight(in_hand))
    holding = Fact("holding", ("red_mug",))
    run.see(facts={holding: True})
    (thing,) = run.see(facts={holding: False})
    assert thing.provenance == "expected"
    below = in_hand + np.array([0.06, -0.05, -0.12])
    run.see(sight(below))
    (thing,) = run.see(sight(below))
    assert thing.name == "red_mug"
    np.testing.assert_allclose(thing.position_w, below, atol=0.005)

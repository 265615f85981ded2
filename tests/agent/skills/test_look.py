"""A thing that is known only in part is looked at closely before other places are searched."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from yanshi.contracts import Status, WorldState
from yanshi.envs.worlds import World, compose
from yanshi.envs.worlds.home import home
from yanshi.envs.worlds.scene import Wanted
from yanshi.envs.worlds.world import default_robot
from yanshi.planning.referents import told

Make = Callable[..., Any]
CLOSE = 1.4
"""From here on [m] the colour of a thing is seen."""


@pytest.fixture(scope="module")
def two_mugs() -> World:
    """A blue mug in the kitchen, where the robot starts, and a red one in the living room; no others."""
    mugs = [
        Wanted(kind="mug", color="blue", where=("counter", "cabinet")),
        Wanted(kind="mug", color="red", where=("table", "coffee_table")),
    ]
    rng = np.random.default_rng(3)
    scene = home(rng, objects=mugs, start="kitchen", forbid=lambda item: item.kind == "mug")
    return compose(scene, default_robot("home"))


class Partial:
    """The truth with the colours of mugs left out until the robot has been close, and all furniture just viewed."""

    def __init__(self, stage: Any, name: str, **wanted: str) -> None:
        self.stage = stage
        self.sought = told(name, "mug", wanted, frozenset({"grasp"}))
        self.recognised: list[str] = []

    def __call__(self) -> WorldState:
        truth: WorldState = self.stage.oracle.state()
        entities = dict(truth.entities)
        for entity in truth.entities.values():
            if entity.label != "mug":
                continue
            if float(np.linalg.norm(entity.position_w[:2] - truth.base_pose_w[:2])) < CLOSE:
                self.recognised += [entity.attributes["color"]] * (entity.attributes["color"] not in self.recognised)
            if entity.attributes["color"] not in self.recognised:
                rest = {key: value for key, value in entity.attributes.items() if key != "color"}
                entities[entity.name] = replace(entity, attributes=rest, provenance="seen")
        if self.sought.name not in entities:
            found = next((e for e in entities.values() if e.attributes.get("color") == self.wanted_color(e)), None)
            position = self.sought.position_w if found is None else found.position_w
            entities[self.sought.name] = replace(self.sought, position_w=position)
        viewed = {e.name: truth.stamp for e in truth.entities.values() if e.category == "fixture"}
        return truth.with_(entities=entities, viewed=viewed)

    def wanted_color(self, entity: Any) -> str:
        return self.sought.attributes["color"] if entity.label == "mug" else "no colour"


def test_what_may_be_the_thing_is_looked_at_first_and_the_search_goes_on_if_it_is_not(
    two_mugs: World, make_stage: Make
) -> None:
    stage = make_stage(two_mugs)
    stage.belief_of = belief = Partial(stage, "wanted_mug", color="red")
    step = stage.do("look_for", "wanted_mug", limit=150.0)
    assert step.status is Status.SUCCEEDED, step.note
    assert belief.recognised == ["blue", "red"], "the nearer one first"
    driven = [phase for phase in dict.fromkeys(stage.phases) if phase.startswith("go and look")]
    assert driven == ["go and look at the mug"], "no furniture is visited"


def test_a_thing_met_by_the_name_that_it_was_told_of_is_not_found_before_its_colour_is_seen(
    two_mugs: World, make_stage: Make
) -> None:
    stage = make_stage(two_mugs)
    truth = stage.oracle.state()
    name = next(e.name for e in truth.entities.values() if e.label == "mug" and e.attributes["color"] == "red")
    belief = Partial(stage, name, color="red")
    entities = {n: e for n, e in truth.entities.items() if e.label != "mug"} | {name: belief.sought}
    beliefs = iter([truth.with_(entities=entities)] * 2)  # when it is asked, and when it begins
    stage.belief_of = lambda: next(beliefs, None) or belief()
    step = stage.do("look_for", name, limit=150.0)
    assert step.status is Status.SUCCEEDED, step.note
    assert "red" in belief.recognised
    distance = np.linalg.norm(truth.entities[name].position_w[:2] - stage.sim.data.body("base").xpos[:2])
    assert distance < CLOSE + 0.2


def test_what_is_seen_to_be_otherwise_is_not_looked_at(two_mugs: World, make_stage: Make) -> None:
    stage = make_stage(two_mugs)
    stage.belief_of = belief = Partial(stage, "wanted_mug", color="green")
    belief.recognised += ["blue", "red"]
    step = stage.do("look_for", "wanted_mug", limit=150.0)
    assert step.status is Status.FAILED
    assert "go and look at the mug" not in stage.phases


def test_a_search_after_a_lid_was_opened_looks_only_at_what_is_new_and_where_nothing_is_at_all_once_more(
    two_mugs: World, make_stage: Make
) -> None:
    stage = make_stage(two_mugs)
    sought = told("ball", "ball", {}, frozenset({"grasp"}))
    fixtures = [f.name for f in two_mugs.floor_plan.fixtures if f.region("on") is not None][:2]
    viewed: dict[str, float] = {}

    def belief() -> WorldState:
        now = stage.oracle.state()
        rest = {e.name: now.stamp for e in now.entities.values() if e.category == "fixture"}
        recent = {name: now.stamp for name in rest if name not in viewed} | viewed
        return now.with_(entities={**now.entities, "ball": sought}, viewed=recent)

    def visited() -> list[str]:
        return [p.removeprefix("go and look at ") for p in dict.fromkeys(stage.phases) if p.startswith("go and look")]

    stage.belief_of = belief
    viewed[fixtures[0]] = -100.0
    assert stage.do("look_for", "ball", limit=150.0).status is Status.FAILED
    assert visited() == fixtures[:1]
    viewed[fixtures[1]] = -100.0
    assert stage.do("look_for", "ball", limit=150.0).status is Status.FAILED
    assert visited() == fixtures[1:], "the other was looked at before"
    assert stage.do("look_for", "ball", limit=150.0).status is Status.FAILED
    assert set(visited()) >= set(fixtures), "nothing is new, so all of it is looked at once more"

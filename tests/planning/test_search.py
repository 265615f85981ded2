from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from yanshi.contracts import SkillCall, WorldState
from yanshi.goals import Fact, Goal
from yanshi.planning.domain import Domain
from yanshi.planning.fakes import fake_belief, fake_object
from yanshi.planning.planner import SearchPlanner, Task
from yanshi.planning.verify import verify

LIDS = {"cabinet_drawer"}
CONTAINERS = {"sink", "bin", "cabinet_drawer"}
SURFACES = {"counter", "table", "shelf", "cabinet"}


@dataclass
class Toy:
    """A second reading of the domain, written apart from it: places, one hand and lids, executed step by step."""

    where: dict[str, tuple[str, str]]
    """Object → (on or in, place)."""
    hand: str | None = None
    here: str | None = None
    opened: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, belief: WorldState) -> Toy:
        true = [fact for fact, held in belief.facts.items() if held.value]
        where = {f.args[0]: (f.predicate, f.args[1]) for f in true if f.predicate in ("on", "in")}
        held = [f.args[0] for f in true if f.predicate == "holding"]
        opened = {f.args[0] for f in true if f.predicate == "open"}
        return cls(where, held[0] if held else None, None, opened)

    def covered(self, x: str) -> bool:
        return any(place == ("on", x) for place in self.where.values())

    def do(self, call: SkillCall) -> bool:
        """Execute one step; False if it cannot be done."""
        skill, args = call.skill, call.args
        if skill == "go_to":
            if args[0] == self.hand:
                return False
            self.here = args[0]
            return True
        if self.here != args[-1]:
            return False
        if skill == "pick":
            x = args[0]
            shut_in = x in self.where and self.where[x][1] in LIDS and self.where[x][1] not in self.opened
            if self.hand is not None or self.covered(x) or shut_in:
                return False
            self.where.pop(x, None)
            self.hand = x
            return True
        if skill in ("place_on", "place_in"):
            x, y = args
            if self.hand != x or (skill == "place_in" and y in LIDS and y not in self.opened):
                return False
            if skill == "place_in" and y not in CONTAINERS:
                return False
            if skill == "place_on" and y not in SURFACES and (y in CONTAINERS or self.covered(y)):
                return False
            self.where[x] = (skill.removeprefix("place_"), y)
            self.hand = None
            return True
        if skill in ("open", "close"):
            if self.hand is not None or args[0] not in LIDS or (args[0] in self.opened) == (skill == "open"):
                return False
            (self.opened.add if skill == "open" else self.opened.discard)(args[0])
            return True
        raise AssertionError(skill)

    def true(self, fact: Fact) -> bool:
        if fact.predicate == "holding":
            return self.hand == fact.args[0]
        if fact.predicate == "open":
            return fact.args[0] in self.opened
        if fact.predicate == "closed":
            return fact.args[0] not in self.opened
        return self.where.get(fact.args[0]) == (fact.predicate, fact.args[1])

    def run(self, calls: Iterable[SkillCall]) -> bool:
        return all(self.do(call) for call in calls)


DOMAIN = Domain(mobile=True)
OBJECTS = ("red_cube", "blue_cube", "green_cube", "white_cube")
PLACES = ("counter", "table", "cabinet", "shelf", "sink", "bin", "cabinet_drawer")


@st.composite
def beliefs(draw: st.DrawFn) -> WorldState:
    """Four cubes, each in some place or on one placed before it; the drawer open or closed; perhaps one in the hand."""
    facts, free = [], []
    held = draw(st.sampled_from([None, *OBJECTS]))
    for name in OBJECTS:
        if name == held:
            continue
        place = draw(st.sampled_from([*PLACES, *free]))
        facts.append(f"{'in' if place in ('sink', 'bin', 'cabinet_drawer') else 'on'}({name}, {place})")
        if place in free:
            free.remove(place)
        free.append(name)
    if held:
        facts.append(f"holding({held})")
    facts.append("open(cabinet_drawer)" if draw(st.booleans()) else "closed(cabinet_drawer)")
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    things = {n: fake_object(n, (float(rng.uniform(0, 9)), float(rng.uniform(0, 4)), 0.85)) for n in OBJECTS}
    return fake_belief(things, *facts)


@st.composite
def goals(draw: st.DrawFn) -> Goal:
    """One to three facts that can hold together, about different cubes."""
    names = draw(st.permutations(OBJECTS))
    parts, used_below = [], set()
    for name in names[: draw(st.integers(1, 3))]:
        place = draw(st.sampled_from([*PLACES, "red_cube", "blue_cube"]))
        if place == name or place in used_below or place in names[:3]:
            place = "counter"
        used_below.add(place if place.endswith("cube") else "")
        parts.append(Goal.of("in" if place in ("sink", "bin", "cabinet_drawer") else "on", name, place))
    if draw(st.booleans()):
        parts.append(Goal.of(draw(st.sampled_from(["open", "closed"])), "cabinet_drawer"))
    return Goal.all(parts)


def reaches(belief: WorldState, calls: list[SkillCall], goal: Goal) -> bool:
    toy = Toy.of(belief)
    return toy.run(calls) and goal.holds(toy.true)


@settings(max_examples=60, deadline=None)
@given(beliefs(), goals())
def test_a_found_plan_is_accepted_and_works_in_another_reading_of_the_domain(belief: WorldState, goal: Goal) -> None:
    plan = SearchPlanner(DOMAIN).plan(Task(goal), belief)
    calls = [s.call for s in plan.subtasks]
    assert verify(DOMAIN, belief, calls, goal).ok
    assert reaches(belief, calls, goal)


@settings(max_examples=60, deadline=None)
@given(beliefs(), goals(), st.data())
def test_the_verifier_agrees_with_brute_force_on_mutated_plans(
    belief: WorldState, goal: Goal, data: st.DataObject
) -> None:
    calls = [s.call for s in SearchPlanner(DOMAIN).plan(Task(goal), belief).subtasks]
    if not calls:
        return
    at = data.draw(st.integers(0, len(calls) - 1))
    other = data.draw(st.integers(0, len(calls) - 1))
    dropped = calls[:at] + calls[at + 1 :]
    swapped = list(calls)
    swapped[at], swapped[other] = swapped[other], swapped[at]
    for mutated in (dropped, swapped):
        report = verify(DOMAIN, belief, mutated, goal)
        assert report.ok == reaches(belief, mutated, goal), (report.counter_example, mutated)
        assert report.ok or report.counter_example


def test_things_to_tidy_are_taken_nearest_first() -> None:
    at = {"red_cube": 8.0, "blue_cube": 5.0, "green_cube": 6.5}
    things = {n: fake_object(n, (x, 2.0, 0.85)) for n, x in at.items()}
    belief = replace(fake_belief(things, *(f"on({n}, table)" for n in at)), base_pose_w=np.array([1.0, 2.0, 0.0]))
    goal = Goal.parse(" and ".join(f"in({n}, bin)" for n in at))
    plan = SearchPlanner(DOMAIN).plan(Task(goal), belief)
    assert [s.call.args[0] for s in plan.subtasks if s.call.skill == "pick"] == ["blue_cube", "green_cube", "red_cube"]


def test_a_tower_is_built_from_below_and_what_stands_in_the_way_is_put_aside() -> None:
    things = {n: fake_object(n, (6.0, 2.0, 0.85)) for n in ("red_cube", "blue_cube", "green_cube")}
    belief = fake_belief(things, "on(red_cube, blue_cube)", "on(blue_cube, table)", "on(green_cube, table)")
    goal = Goal.parse("on(blue_cube, green_cube) and on(green_cube, red_cube)")
    calls = [s.call for s in SearchPlanner(DOMAIN).plan(Task(goal), belief).subtasks]
    assert reaches(belief, calls, goal)


def median_seconds(belief: WorldState, goal: Goal) -> float:
    times = []
    for _ in range(3):
        start = time.process_time()
        SearchPlanner(DOMAIN).plan(Task(goal), belief)
        times.append(time.process_time() - start)
    return sorted(times)[1]


@dataclass(frozen=True)
class Case:
    goal: str
    limit: float


@pytest.mark.parametrize(
    "case",
    [
        Case("in(x_0, sink)", 0.05),
        Case("in(x_0, cabinet_drawer) and closed(cabinet_drawer)", 0.05),
        Case(" and ".join(f"in(x_{i}, bin)" for i in range(6)), 1.0),
    ],
    ids=lambda c: c.goal[:24],
)
def test_planning_over_forty_things_is_quick(case: Case) -> None:
    things = {f"x_{i}": fake_object(f"x_{i}", (5 + 0.1 * i, 2.0, 0.85), label="cube") for i in range(32)}
    belief = fake_belief(things, *(f"on({n}, table)" for n in things))
    assert median_seconds(belief, Goal.parse(case.goal)) < case.limit * 2  # twice: the machine may be busy

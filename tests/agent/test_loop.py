"""The life of a plan: steps begin and end, failures and news make a new plan, and it always comes to an end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from yanshi.agent.episode import Outcome, Request
from yanshi.agent.executive import Limits
from yanshi.agent.fakes import (
    FakePerception,
    FakePlanner,
    FakeShield,
    FakeSkills,
    FakeSource,
    FakeSubscriber,
    FakeTracker,
)
from yanshi.agent.loop import Loop
from yanshi.contracts import SkillCall, Status, Subtask, WorldState
from yanshi.goals import Fact, Goal

GO, PICK, PLACE = SkillCall("go_to", ("mug",)), SkillCall("pick", ("mug",)), SkillCall("place_in", ("mug", "sink"))
LOOK = SkillCall("look_for", ("mug",))
HELD, IN = Fact("holding", ("mug",)), Fact("in", ("mug", "sink"))
GOAL = Goal.parse("in(mug, sink)")
EFFECTS: dict[SkillCall, dict[Fact, bool]] = {PICK: {HELD: True}, PLACE: {HELD: False, IN: True}}


def step(call: SkillCall) -> Subtask:
    return Subtask(call=call, expects=tuple(EFFECTS.get(call, {}).items()))


class Bench:
    """One loop of fakes, with everything at hand."""

    def __init__(
        self,
        plans: Sequence[Sequence[Subtask]],
        outcomes: Mapping[SkillCall, Sequence[Status]] | None = None,
        effects: Mapping[SkillCall, Mapping[Fact, bool]] | None = None,
    ) -> None:
        self.source = FakeSource({HELD: False, IN: False})
        self.tracker = FakeTracker()
        self.planner = FakePlanner(plans)
        self.skills = FakeSkills(self.source, EFFECTS if effects is None else effects, outcomes)
        self.log = FakeSubscriber()

    def run(self, goals: Sequence[Goal] = (GOAL,), limits: Limits | None = None) -> Outcome:
        loop = Loop(
            source=self.source,
            perception=FakePerception(self.source),
            tracker=self.tracker,
            planner=self.planner,
            skills=self.skills,
            shield=FakeShield(),
            subscribers=[self.log],
        )
        return loop.run([Request(text=str(goal), goal=goal) for goal in goals], limits)

    @property
    def kinds(self) -> list[str]:
        return [event.kind for turn in self.log.steps for event in turn.events]


def statuses(outcome: Outcome) -> list[tuple[str, str]]:
    return [(s.call.skill, s.status.value) for s in outcome.subtasks]


def test_a_plan_is_carried_out_step_by_step() -> None:
    bench = Bench([[step(GO), step(PICK), step(PLACE)]])
    outcome = bench.run()
    assert outcome.claimed_success
    assert outcome.replans == 0
    assert outcome.completed == 1
    assert statuses(outcome) == [("go_to", "succeeded"), ("pick", "succeeded"), ("place_in", "succeeded")]
    assert bench.skills.started == [GO, PICK, PLACE]
    times = [(s.started, s.ended) for s in outcome.subtasks]
    assert all(a is not None and b is not None and a < b for a, b in times)
    assert bench.kinds == ["asked", "planned", *(["started", "succeeded"] * 3), "finished"]
    assert [s.call for s in bench.tracker.ended] == [GO, PICK, PLACE]
    assert bench.log.outcome is outcome


def test_steps_are_pending_before_they_run() -> None:
    bench = Bench([[step(GO), step(PICK), step(PLACE)]])
    bench.run()
    first = bench.log.steps[0].plan
    assert first is not None
    assert [s.status for s in first.subtasks] == [Status.RUNNING, Status.PENDING, Status.PENDING]


def test_a_skill_that_fails_makes_a_new_plan_and_the_planner_is_told_why() -> None:
    bench = Bench([[step(PICK), step(PLACE)]], outcomes={PICK: [Status.FAILED]})
    outcome = bench.run()
    assert outcome.claimed_success
    assert outcome.replans == 1
    assert statuses(outcome) == [("pick", "failed"), ("pick", "succeeded"), ("place_in", "succeeded")]
    assert bench.planner.requests[0].failures == ()
    (failure,) = bench.planner.requests[1].failures
    assert failure.call == PICK
    assert failure.reason == "as told"


def test_the_skills_word_is_not_enough() -> None:
    """The skill says that it picked the mug, but the mug is seen not to be held."""
    bench = Bench([[step(PICK), step(PLACE)]], effects={PLACE: EFFECTS[PLACE]})
    outcome = bench.run(limits=Limits(replans=2))
    assert not outcome.claimed_success
    assert statuses(outcome) == [("pick", "failed")] * 3 + [("place_in", "pending")]
    assert "holding(mug) is seen to be false" in outcome.subtasks[0].note
    assert outcome.reason.startswith("Gave up after 2 new plans: pick(mug)")


def test_what_was_found_makes_a_new_plan_that_is_not_counted_as_trouble() -> None:
    bench = Bench([[step(LOOK)], [step(PICK), step(PLACE)]])
    outcome = bench.run(limits=Limits(replans=0))
    assert outcome.claimed_success
    assert outcome.replans == 1
    triggers = [e.trigger for turn in bench.log.steps for e in turn.events if e.kind == "replanned"]
    assert triggers == ["discovery"]


def test_a_change_of_the_world_makes_a_new_plan_while_a_step_runs() -> None:
    bench = Bench([[step(GO), step(PLACE)], [step(PICK), step(PLACE)]])
    bench.source.facts[HELD] = True
    bench.source.at[1.0] = lambda source: source.facts.update({HELD: False})
    bench.skills._steps = 100

    def faults(remaining: Sequence[Subtask], belief: WorldState) -> str | None:
        if remaining and remaining[0].call == PLACE and not belief.true(HELD):
            return "the hand is empty"
        return None

    bench.planner.faults = faults
    outcome = bench.run()
    assert outcome.claimed_success
    assert statuses(outcome)[0] == ("go_to", "failed")
    assert "the hand is empty" in outcome.subtasks[0].note
    ended = outcome.subtasks[0].ended
    assert ended is not None
    assert 1.0 <= ended < 2.5


def test_a_single_doubtful_look_does_not_make_a_new_plan() -> None:
    bench = Bench([[step(GO), step(PICK), step(PLACE)]])
    bench.skills._steps = 100
    doubts = iter([None, "flicker", None, "flicker", None])
    bench.planner.faults = lambda remaining, belief: next(doubts, None)
    assert bench.run().replans == 0


def test_a_plan_that_ends_short_of_the_goal_is_not_a_success() -> None:
    bench = Bench([[step(PICK)], [step(PLACE)]])
    outcome = bench.run()
    assert outcome.claimed_success
    assert outcome.replans == 1
    stuck = Bench([[step(PICK)]])
    assert not stuck.run(limits=Limits(replans=3)).claimed_success
    assert len(stuck.planner.requests) == 4


def test_an_empty_plan_is_a_success_only_if_the_goal_is_reached() -> None:
    done = Bench([[]])
    done.source.facts[IN] = True
    assert done.run().claimed_success
    outcome = Bench([[]]).run()
    assert not outcome.claimed_success
    assert "nothing to do" in outcome.reason


def test_no_plan_ends_with_the_planners_reason() -> None:
    outcome = Bench([]).run()
    assert not outcome.claimed_success
    assert outcome.reason == "No plan reaches the goal."
    assert outcome.subtasks == ()


def test_a_chain_stops_at_the_first_failure() -> None:
    bench = Bench([[step(PICK)], [step(PLACE)]])
    outcome = bench.run([Goal.parse("holding(mug)"), GOAL])
    assert outcome.claimed_success
    assert (outcome.completed, outcome.instructions) == (2, 2)
    broken = Bench([[step(PICK)], [step(PLACE)]], outcomes={PLACE: [Status.FAILED] * 9})
    outcome = broken.run([Goal.parse("holding(mug)"), GOAL, GOAL], Limits(replans=2))
    assert not outcome.claimed_success
    assert (outcome.completed, outcome.instructions) == (1, 3)


def test_time_runs_out() -> None:
    bench = Bench([[step(GO)]])
    bench.skills._steps = 10**9
    outcome = bench.run(limits=Limits(horizon=2.0))
    assert not outcome.claimed_success
    assert outcome.reason == "Out of time: 2 s have passed."
    assert statuses(outcome) == [("go_to", "failed")]
    slow = Bench([[step(GO)]])
    slow.skills._steps = 10**9
    outcome = slow.run(limits=Limits(step=1.0, replans=1))
    assert [s.note for s in outcome.subtasks] == ["took longer than 1 s"] * 2


class Interrupting(FakeSubscriber):
    def on_step(self, step: object) -> None:
        raise KeyboardInterrupt


def test_subscribers_are_told_of_an_interruption() -> None:
    bench = Bench([[step(GO), step(PICK), step(PLACE)]])
    loop = Loop(
        source=bench.source,
        perception=FakePerception(bench.source),
        tracker=bench.tracker,
        planner=bench.planner,
        skills=bench.skills,
        shield=FakeShield(),
        subscribers=[bench.log, Interrupting()],
    )
    with pytest.raises(KeyboardInterrupt):
        loop.run([Request(text="", goal=GOAL)])
    outcome = bench.log.outcome
    assert outcome is not None
    assert outcome.interrupted
    assert not outcome.claimed_success
    assert statuses(outcome) == [("go_to", "running"), ("pick", "pending"), ("place_in", "pending")]


class Faulty(FakeSubscriber):
    """A subscriber with a fault, which shows at the first turn and again at the end."""

    def on_step(self, step: object) -> None:
        raise ValueError("no such\nthing")

    def on_end(self, outcome: Outcome) -> None:
        raise KeyError("end")


def test_all_subscribers_are_told_of_the_fault_of_a_part() -> None:
    bench = Bench([[step(GO), step(PICK), step(PLACE)]])
    last = FakeSubscriber()
    loop = Loop(
        source=bench.source,
        perception=FakePerception(bench.source),
        tracker=bench.tracker,
        planner=bench.planner,
        skills=bench.skills,
        shield=FakeShield(),
        subscribers=[bench.log, Faulty(), last],
    )
    with pytest.raises(KeyError) as raised:
        loop.run([Request(text="", goal=GOAL)])
    assert isinstance(raised.value.__context__, ValueError)
    for outcome in (bench.log.outcome, last.outcome):
        assert outcome is not None
        assert outcome.error == "ValueError: no such thing"
        assert outcome.reason == "Ended by an error: ValueError: no such thing."
        assert not outcome.interrupted
        assert not outcome.claimed_success
        assert statuses(outcome)[0] == ("go_to", "running")


def test_what_is_being_handled_elsewhere_is_no_fault_of_the_episode() -> None:
    try:
        raise ValueError("of somebody else")
    except ValueError:
        outcome = Bench([[step(GO), step(PICK), step(PLACE)]]).run()
    assert outcome.error is None
    assert outcome.claimed_success


def test_actions_are_applied_once_a_turn() -> None:
    bench = Bench([[step(PICK), step(PLACE)]])
    bench.run()
    assert len(bench.source.actions) == len(bench.log.steps) - 1
    assert bench.log.steps[-1].action is None
    assert all(turn.action is not None for turn in bench.log.steps[:-1])

"""What the agent says is compared with what is so."""

from __future__ import annotations

from yanshi.agent.episode import Request
from yanshi.agent.evaluation.judge import Judge
from yanshi.agent.fakes import (
    FakePerception,
    FakePlanner,
    FakeShield,
    FakeSkills,
    FakeSource,
    FakeTracker,
)
from yanshi.agent.loop import Loop
from yanshi.contracts import SkillCall, Subtask
from yanshi.goals import Fact, Goal

PICK, PLACE = SkillCall("pick", ("mug",)), SkillCall("place_in", ("mug", "sink"))
HELD, IN = Fact("holding", ("mug",)), Fact("in", ("mug", "sink"))
HOLD, PUT = Goal.parse("holding(mug)"), Goal.parse("in(mug, sink)")


class Source(FakeSource):
    """A source that is its own oracle. A thing that is `slippery` is seen in the sink and is not there."""

    slippery = False

    def holds(self, goal: Goal) -> bool:
        facts = {**self.facts, IN: False} if self.slippery else self.facts
        return goal.holds(lambda fact: facts.get(fact, False))

    def progress(self, goal: Goal) -> float:
        return float(self.holds(goal))


def run(source: Source, goals: list[Goal]) -> Judge:
    effects = {PICK: {HELD: True}, PLACE: {HELD: False, IN: True}}
    plans = [[Subtask(call=PICK)], [Subtask(call=PLACE)]] if len(goals) == 2 else [[Subtask(call=PLACE)]]
    judge = Judge(source, goals)
    loop = Loop(
        source=source,
        perception=FakePerception(source),
        tracker=FakeTracker(),
        planner=FakePlanner(plans),
        skills=FakeSkills(source, effects),
        shield=FakeShield(),
        subscribers=[judge],
    )
    loop.run([Request(text=str(goal), goal=goal) for goal in goals])
    return judge


def test_success_is_the_oracles_word() -> None:
    judge = run(Source(), [PUT])
    assert judge.success
    assert judge.claimed_success
    assert judge.progress == 1.0


def test_a_claim_that_is_not_true_is_not_a_success() -> None:
    source = Source()
    source.slippery = True
    judge = run(source, [PUT])
    assert judge.claimed_success
    assert not judge.success
    assert not judge.ever
    assert judge.progress == 0.0


def test_each_instruction_of_a_chain_is_judged_when_it_is_over() -> None:
    """The second undoes the first, and both were carried out."""
    judge = run(Source(), [HOLD, PUT])
    assert judge.verdicts == [True, True]
    assert judge.success


def test_a_chain_that_was_cut_short_is_not_a_success() -> None:
    judge = Judge(Source(), [HOLD, PUT])
    assert not judge.success
    assert judge.verdicts == []

"""From a goal and a belief to a plan: resolve what is meant, look for what is not known, search, verify, and
learn from failure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from yanshi.contracts import Entity, Observation, Plan, SkillCall, Subtask, WorldState
from yanshi.errors import PlanningError
from yanshi.goals import Fact, Goal
from yanshi.planning.domain import Domain, is_known, is_open
from yanshi.planning.formula import Formula, ground
from yanshi.planning.hearing import likely_source
from yanshi.planning.referents import Resolution, met, resolve, settled, told
from yanshi.planning.relations import OPEN_FROM
from yanshi.planning.search import Search
from yanshi.planning.situation import HAND_EMPTY, STATIC, Situation, known
from yanshi.planning.thought import Thought
from yanshi.planning.verify import names, verify

TRIES = 2
"""How often the same step may fail before something else is tried."""
_OFF = frozenset({"powered", "sounding"})
"""Predicates of devices whose being false is a thing that people ask for."""
WORLD_CHANGED = "the world has changed"
"""How the reason of a failure begins that was not the skill's own."""


class Setback(Protocol):
    """A step that did not work."""

    @property
    def call(self) -> SkillCall:
        """What was tried."""

    @property
    def reason(self) -> str:
        """Why it failed."""


class Errand(Protocol):
    """What is wanted: a goal, and what has gone wrong on the way so far."""

    @property
    def goal(self) -> Goal:
        """What is to be the case."""

    @property
    def failures(self) -> Sequence[Setback]:
        """Every step that failed, oldest first."""


@dataclass(frozen=True, slots=True)
class Task:
    """An `Errand` of its own."""

    goal: Goal
    failures: tuple[Setback, ...] = ()


@dataclass(slots=True)
class _Memory:
    """What is remembered of one goal from plan to plan."""

    settled: Goal | None = None
    """The goal as its descriptions were resolved when they still held."""
    listened: set[str] = field(default_factory=set)
    """Rooms in which a plan has made the robot listen."""
    followed: set[str] = field(default_factory=set)
    """Where a sound has led the robot."""
    again: set[str] = field(default_factory=set)
    """Things that were looked for everywhere in vain, and then once more: an eye may miss a thing from one side."""
    wanted: Goal | None = None
    """The goal with its descriptions."""
    meant: frozenset[str] = frozenset()
    """The things that fitted a description when the last plan was made."""


class SearchPlanner:
    """Plans by classical search over the believed situation."""

    def __init__(self, domain: Domain, mention: Callable[[Entity], None] | None = None) -> None:
        """
        Args:
            domain: the robot's operators.
            mention: is told of things that the plan looks for and nobody has seen, e.g. `Tracker.mention`.
        """
        self.domain = domain
        self._mention = mention
        self._memories: dict[str, _Memory] = {}
        self._memory = _Memory()

    def reset(self) -> None:
        """Forget everything about earlier goals."""
        self._memories, self._memory = {}, _Memory()

    def plan(self, errand: Errand, belief: WorldState, observation: Observation | None = None) -> Plan:
        """A plan that reaches the goal; no steps if it is reached already.

        Raises:
            PlanningError: nothing that can be done leads there; the message says what is in the way.
        """
        self._memory = self._memories.setdefault(str(errand.goal), _Memory())
        situation = Situation.of(belief)
        resolution = self._resolve(errand.goal, situation)
        self._memory.wanted, self._memory.meant = errand.goal, _meant(resolution)
        thought = Thought(belief, resolution, errand.failures)
        start = self._with_told(situation, resolution.missing)
        goal, sweep = self._sweep(resolution.goal, start, errand.failures)
        formula = self._ground(goal, start)
        doubts = self._doubts(formula, belief, start)
        if formula.holds(lambda fact: self.domain.true(start, fact)) and not resolution.missing:
            near = (fact.args[0] for fact in doubts if self.domain.true(start, is_known(fact.args[0])))
            calls = [SkillCall("go_to", (name,)) for name in near if self.domain.mobile]
            if doubts:
                thought.check([fact.args[0] for fact in doubts])
            else:
                thought.reached(goal, bool(sweep))
        else:
            start = self._without_near(start)
            calls = self._calls(start, formula, belief, resolution, errand.failures, thought)
        if sweep is not None:
            start = self._with_told(start, [sweep])
            calls.append(SkillCall("look_for", (sweep.name,)))
            thought.sweep(sweep)
        for entity in (*resolution.missing, *([sweep] if sweep else [])):
            if self._mention is not None:
                self._mention(entity)
        return Plan(goal=goal, thought=thought.text(calls), subtasks=self._subtasks(start, calls), source="search")

    def fault(
        self, goal: Goal, remaining: Sequence[Subtask], belief: WorldState, *, under_way: bool = False
    ) -> str | None:
        """Why the steps that remain can no longer reach the goal from `belief`, or None if they still can.

        The first of them may be `under_way`: then it is taken to end well, and only what follows is doubted.
        """
        if not remaining:
            return None
        situation = self._with_told(Situation.of(belief), resolve(goal, Situation.of(belief)).missing)
        calls = [s.call for s in remaining]
        if not under_way and calls[0].skill == "pick" and self._mistaken(calls[0].args[0], belief):
            return f"{calls[0].args[0]} turns out to be a {belief.entities[calls[0].args[0]].label}"
        if under_way:
            situation = situation.after(self.domain.action(situation, calls[0]).effects)
            if calls[0].skill in ("look_for", "listen"):
                return None
            calls = calls[1:]
        report = verify(
            self.domain, situation, calls, None if not calls or calls[-1].skill in ("look_for", "listen") else goal
        )
        return report.counter_example or None

    def reached(self, goal: Goal, belief: WorldState) -> bool:
        """Whether the goal is believed to be true, with nothing of it only assumed."""
        situation = Situation.of(belief)
        formula = ground(goal, lambda fact: self.domain.true(situation, fact), met(situation))
        doubts = self._doubts(formula, belief, situation)
        return formula.holds(lambda fact: fact in doubts or self.domain.true(situation, fact))

    def _doubts(self, formula: Formula, belief: WorldState, situation: Situation) -> list[Fact]:
        """What a formula wants to be off or silent and nobody has seen or heard to be so, in order. What is not known
        counts as false where plans are made; that it is so must be checked before anybody says that it is done.
        """

        def witnessed(fact: Fact) -> bool:
            close = fact.predicate == "sounding" and self.domain.true(situation, Fact("near", fact.args))
            return fact in belief.facts or close

        wanted_off = (fact for fact, value in formula.literals() if not value and fact.predicate in _OFF)
        return [fact for fact in dict.fromkeys(wanted_off) if not witnessed(fact)]

    # What is meant.

    def _resolve(self, goal: Goal, situation: Situation) -> Resolution:
        """The goal with names; descriptions of the past are kept as they were resolved the first time."""
        resolution = resolve(self._memory.settled or goal, situation)
        if not settled(goal) and not resolution.missing:
            self._memory.settled = self._memory.settled or resolution.goal
        return resolution

    def _mistaken(self, name: str, belief: WorldState) -> bool:
        """Whether a thing was taken for what is meant, and seen from nearby is not: plans only have its name."""
        wanted = self._memory.wanted
        if wanted is None or not settled(wanted) or name not in self._memory.meant or name not in belief.entities:
            return False
        if any(fact.predicate == "sounding" for fact in wanted.facts()):  # It may have fallen silent.
            return False
        return name not in _meant(resolve(wanted, Situation.of(belief)))

    def _with_told(self, situation: Situation, missing: Iterable[Entity]) -> Situation:
        """The situation with things that were only told of, not known to be anywhere."""
        missing = list(missing)
        if not missing:
            return situation
        entities = {**situation.entities, **{e.name: e for e in missing}}
        unknown = {Fact("known", (e.name,)) for e in missing}
        clear = {Fact("clear", (e.name,)) for e in missing}
        return Situation((situation.facts - unknown) | clear, entities, situation.rooms)

    def _without_near(self, situation: Situation) -> Situation:
        """The situation as if nothing were near: every plan goes to a thing before it works on it, which costs little
        where the robot stands well already, and helps where a first approach has failed.
        """
        if not self.domain.mobile:
            return situation
        return situation.after((fact, False) for fact in situation.all("near"))

    def _ground(self, goal: Goal, situation: Situation) -> Formula:
        return ground(goal, lambda fact: self.domain.true(situation, fact), names(situation))

    def _sweep(self, goal: Goal, situation: Situation, failures: Sequence[Setback]) -> tuple[Goal, Entity | None]:
        """For a goal about *all* things of some description: one more such thing to look for when the known are
        done. It is given up when it was looked for in vain.
        """
        parts = goal.children if goal.op == "and" else (goal,)
        for part in parts:
            if part.op != "not" or part.children[0].op != "exists":
                continue
            attributes, label = _described_by(part.children[0])
            if not attributes and label == "thing":
                continue
            name = "_".join(["another", *attributes.values(), label])
            if any(f.call == SkillCall("look_for", (name,)) for f in failures):
                continue
            if not self._anything_unviewed(situation):
                continue
            return goal, told(name, label, attributes, frozenset({"grasp"}))
        return goal, None

    @staticmethod
    def _anything_unviewed(situation: Situation) -> bool:
        return any(e.category == "fixture" for e in situation.entities.values())

    # What to do.

    def _calls(
        self,
        start: Situation,
        formula: Formula,
        belief: WorldState,
        resolution: Resolution,
        failures: Sequence[Setback],
        thought: Thought,
    ) -> list[SkillCall]:
        first, start = self._find_out(start, belief, resolution, failures, thought)
        if first and first[-1].skill in ("listen", "look_for"):
            return first
        calls = self._search(start, formula, belief, self._forbidden(failures))
        if calls is None:
            raise PlanningError(self._why_not(start, formula, belief, failures))
        return [*first, *calls]

    def _find_out(
        self,
        start: Situation,
        belief: WorldState,
        resolution: Resolution,
        failures: Sequence[Setback],
        thought: Thought,
    ) -> tuple[list[SkillCall], Situation]:
        """The steps that must come before the search for things of unknown place, and the situation after them."""
        if any("sound" in e.attributes for e in resolution.missing) and not belief.sounds:
            return self._listen(start, belief, thought), start
        aside = [e.name for e in resolution.missing if not any(e.name in f.args for f in resolution.goal.facts())]
        if aside:
            return [SkillCall("look_for", (name,)) for name in aside], start
        looked = [f.call.args[0] for f in failures if f.call.skill == "look_for"]
        sought = [n for n in dict.fromkeys(looked) if not self.domain.true(start, is_known(n)) and n in start.entities]
        sought = [n for n in sought if not n.startswith("another_")]
        if sought or any(f.call.skill == "go_to" for f in failures):
            door = self._barrier(start, belief, failures)
            way = ([], start) if door is None else self._opened(start, door, belief, failures)
            if door is not None and way[0]:
                thought.open_way(door, sought[0] if sought else None)
                return way
        if not sought:
            return self._follow_sound(start, belief, resolution, failures)
        lid = self._next_lid(start, belief, failures)
        if lid is None and self.domain.mobile and sought[0] not in self._memory.again:
            self._memory.again.add(sought[0])
            thought.look_again(sought[0])
            return [SkillCall("look_for", (sought[0],))], start
        if lid is None:
            places = ", ".join(sorted(belief.viewed)) or "nothing"
            raise PlanningError(
                f"Looked for {sought[0].replace('_', ' ')} and did not find it; places looked at: {places}."
            )
        thought.look_inside(sought[0], lid)
        return self._opened(start, lid, belief, failures)

    def _opened(
        self, start: Situation, lid: str, belief: WorldState, failures: Sequence[Setback]
    ) -> tuple[list[SkillCall], Situation]:
        """The steps that open something, and the situation after them."""
        goal = Formula("literal", fact=is_open(lid))
        calls = self._search(start, goal, belief, self._forbidden(failures)) or []
        for call in calls:
            start = start.after(self.domain.action(start, call).effects)
        return calls, start

    def _barrier(self, start: Situation, belief: WorldState, failures: Sequence[Setback]) -> str | None:
        """A door that was seen shut, behind which there may be what the robot did not find or could not get to."""
        forbidden = self._forbidden(failures)
        doors = (e for _, e in sorted(start.entities.items()) if e.category == "door" and "open" in e.affordances)
        shut = (e.name for e in doors if belief.openings.get(e.name, 1.0) < OPEN_FROM)
        return next((name for name in shut if SkillCall("open", (name,)) not in forbidden), None)

    def _follow_sound(
        self, start: Situation, belief: WorldState, resolution: Resolution, failures: Sequence[Setback]
    ) -> tuple[list[SkillCall], Situation]:
        """The way to the furniture or the room from which a thing of unknown place is heard, if the goal speaks of
        such a thing.
        """
        named = {arg for fact in resolution.goal.facts() for arg in fact.args}
        heard = (e for e in start.entities.values() if e.name in named and not known(e) and "sound" in e.affordances)
        thing = next(heard, None)
        if thing is None or belief.plan_of_home is None or not self.domain.mobile:
            return [], start
        track = None if thing.provenance == "told" else thing.name
        place = likely_source(belief.sounds, belief.plan_of_home, track)
        call = SkillCall("go_to", (place or "",))
        done = place in self._memory.followed or Fact("robot_in", (place or "",)) in start.facts
        if place is None or done or call in self._forbidden(failures):
            return [], start
        self._memory.followed.add(place)
        if any(place == room.name for room in belief.plan_of_home.rooms):
            return [call, SkillCall("listen")], start
        return [call], start.after(self.domain.action(start, call).effects)

    def _listen(self, start: Situation, belief: WorldState, thought: Thought) -> list[SkillCall]:
        """Listen here, or in the next room in which nobody has listened yet."""
        here = next((f.args[0] for f in start.all("robot_in")), "here")
        if here not in self._memory.listened or not self.domain.mobile:
            if here in self._memory.listened:
                raise PlanningError("Listened and heard nothing.")
            self._memory.listened.add(here)
            thought.listen(None)
            return [SkillCall("listen")]
        plan = belief.plan_of_home
        rooms = [r for r in plan.rooms if r.name not in self._memory.listened] if plan else []
        if not rooms:
            raise PlanningError(
                f"Listened in every room ({', '.join(sorted(self._memory.listened))}) and heard nothing."
            )
        base = belief.base_pose_w[:2]
        room = min(rooms, key=lambda r: float(np.linalg.norm((r.low_w + r.high_w) / 2 - base)))
        self._memory.listened.add(room.name)
        thought.listen(room.name)
        return [SkillCall("go_to", (room.name,)), SkillCall("listen")]

    def _next_lid(self, start: Situation, belief: WorldState, failures: Sequence[Setback]) -> str | None:
        """The nearest closed thing into which nobody has looked yet."""
        forbidden = self._forbidden(failures)
        lids = {
            lid: start.entities[lid]
            for name, entity in start.entities.items()
            if "in" in entity.affordances and name not in belief.viewed
            for lid in start.lids(name)
        }
        closed = [
            entity
            for lid, entity in lids.items()
            if is_open(lid) not in start.facts and SkillCall("open", (lid,)) not in forbidden and known(entity)
        ]
        base = belief.base_pose_w[:2]
        closed.sort(key=lambda e: (float(np.linalg.norm(e.position_w[:2] - base)), e.name))
        return closed[0].name if closed else None

    def _search(
        self, start: Situation, formula: Formula, belief: WorldState, forbidden: Iterable[SkillCall]
    ) -> list[SkillCall] | None:
        base = (float(belief.base_pose_w[0]), float(belief.base_pose_w[1]))
        return Search(self.domain, start, formula, base, forbidden).plan()

    @staticmethod
    def _forbidden(failures: Sequence[Setback]) -> set[SkillCall]:
        """The calls that have failed too often to be tried again."""
        own = [f.call for f in failures if not f.reason.startswith(WORLD_CHANGED) and f.call.skill != "look_for"]
        return {call for call, count in Counter(own).items() if count >= TRIES}

    def _why_not(self, start: Situation, formula: Formula, belief: WorldState, failures: Sequence[Setback]) -> str:
        """What stands in the way, in words."""
        forbidden = self._forbidden(failures)
        if forbidden and self._search(start, formula, belief, ()) is not None:
            last = next(f for f in reversed(list(failures)) if f.call in forbidden)
            tried = ", ".join(sorted(str(call) for call in forbidden))
            return f"Gave up: {tried} failed {TRIES} times (last: {last.reason}), and there is no other way."
        wanted = [f"{fact}" if value else f"not {fact}" for fact, value in formula.literals()]
        hand = "" if HAND_EMPTY in start.facts else " while something is held"
        return f"No plan reaches {' / '.join(wanted) or 'the goal: nothing known fits it'}{hand}."

    def _subtasks(self, start: Situation, calls: Sequence[SkillCall]) -> tuple[Subtask, ...]:
        subtasks, situation = [], start
        for call in calls:
            subtasks.append(self.domain.subtask(situation, call))
            situation = situation.after(self.domain.action(situation, call).effects)
        return tuple(subtasks)


def _meant(resolution: Resolution) -> frozenset[str]:
    """The things that some description fits."""
    return frozenset(name for names in resolution.choices.values() for name in names)


def _described_by(exists: Goal) -> tuple[dict[str, str], str]:
    """The attributes and the kind by which an ``exists`` picks its things."""
    body = exists.children[0]
    attributes, label = {}, "thing"
    for part in body.children if body.op == "and" else (body,):
        if part.fact is None or part.fact.predicate not in STATIC or part.fact.args[0] != exists.variable:
            continue
        if part.fact.predicate == "kind":
            label = part.fact.args[1]
        elif len(part.fact.args) > 1:
            attributes[part.fact.predicate] = part.fact.args[1]
    return attributes, label

"""Classical search for a plan: greedy best-first with the heuristic of FF (Hoffmann and Nebel, 2001).

The heuristic plans as if nothing were ever undone: it grows layers of facts that could be made true, then counts the
steps of a plan drawn from them backwards. States that look equally far are tried in order of the way already
travelled, so that of several things to be done the nearest comes first. Steps that turn out to be unneeded are
removed at the end.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from yanshi.contracts import Entity, SkillCall
from yanshi.planning.domain import Action, Domain, Literal, fits
from yanshi.planning.formula import Formula
from yanshi.planning.situation import Situation, known

MAX_EXPANSIONS = 3000
"""Situations looked at before the search gives up; an unreachable goal is noticed by the heuristic long before."""

_Node = tuple[float, float, int, Situation, tuple[SkillCall, ...], list[SkillCall], tuple[float, float]]
"""Estimated steps left, way travelled [m], order of making, situation, steps so far, helpful calls, place of the
base.
"""

_SKILL_COST = {"push": 2.5, "open": 1.5, "close": 1.5, "look_for": 3.0}


class Search:
    """One search: a situation, a goal, and the calls that are worth trying."""

    def __init__(
        self,
        domain: Domain,
        start: Situation,
        goal: Formula,
        base_w: tuple[float, float] = (0.0, 0.0),
        forbidden: Iterable[SkillCall] = (),
    ) -> None:
        """
        Args:
            domain: the operators.
            start: the situation now.
            goal: what is to hold at the end.
            base_w: where the robot stands [m].
            forbidden: calls that are not to be used.
        """
        self.domain = domain
        self.start = start
        self.goal = goal
        self.base_w = base_w
        taboo = set(forbidden)
        self.calls = [call for call in candidate_calls(domain, start, goal) if call not in taboo]

    def plan(self) -> list[SkillCall] | None:
        """The calls that lead to the goal, or None if there are none within the limits."""
        order = itertools.count()
        first, helpful = self._estimate(self.start)
        if first is None:
            return None
        frontier: list[_Node] = [(first, 0.0, next(order), self.start, (), helpful, self.base_w)]
        reached = {self.start.facts}
        deferred: list[
            tuple[float, float, int, Situation, tuple[SkillCall, ...], list[SkillCall], tuple[float, float]]
        ] = []
        for _ in range(MAX_EXPANSIONS):
            if not frontier:
                if not deferred:
                    return None
                frontier, deferred = deferred, []
                heapq.heapify(frontier)
            estimate, cost, _, situation, steps, preferred, base = heapq.heappop(frontier)
            if estimate == 0:
                return self._without_idle_steps(list(steps))
            everything = not preferred
            for call in self.calls if everything else preferred:
                action = self.domain.action(situation, call)
                if not all(self.domain.true(situation, fact) == value for fact, value in action.needs):
                    continue
                after = situation.after(action.effects)
                if after.facts in reached:
                    continue
                reached.add(after.facts)
                left, helpful = self._estimate(after)
                if left is None:
                    continue
                spent, there = self._travel(base, call)
                node: _Node = (left, cost + spent, next(order), after, (*steps, call), helpful, there)
                heapq.heappush(frontier, node)
            if not everything:
                deferred.append((estimate, cost, next(order), situation, steps, [], base))
        return None

    def _travel(self, base: tuple[float, float], call: SkillCall) -> tuple[float, tuple[float, float]]:
        """What a call costs (metres travelled, or their worth) and where the robot stands afterwards."""
        if call.skill not in ("go_to", "pick", "place_on", "place_in"):
            return _SKILL_COST.get(call.skill, 1.0), base
        target = self.start.entities.get(call.args[-1])
        if target is None or not known(target):
            return 3.0, base
        if call.skill != "go_to" and self.domain.mobile:
            return 1.0, base
        x, y = float(target.position_w[0]), float(target.position_w[1])
        return float(np.hypot(x - base[0], y - base[1])), (x, y)

    def _estimate(self, situation: Situation) -> tuple[int | None, list[SkillCall]]:
        """Length of a relaxed plan from here (None if there is none), and its steps that can be taken at once."""
        if self.goal.holds(lambda fact: self.domain.true(situation, fact)):
            return 0, []
        waiting = [(call, self.domain.action(situation, call)) for call in self.calls]
        watched = set(self.goal.literals()) | {need for _, action in waiting for need in action.needs}
        level: dict[Literal, int] = {lit: 0 for lit in watched if self.domain.true(situation, lit[0]) == lit[1]}
        maker: dict[Literal, tuple[SkillCall, Action]] = {}
        for depth in itertools.count(1):
            if self._reach(self.goal, level) is not None:
                break
            new: dict[Literal, tuple[SkillCall, Action]] = {}
            later = []
            for call, action in waiting:
                if all(need in level for need in action.needs):
                    for effect in action.effects:
                        if effect not in level and effect not in new:
                            new[effect] = (call, action)
                else:
                    later.append((call, action))
            if not new:
                return None, []
            waiting = later
            for effect, how in new.items():
                level[effect] = depth
                maker[effect] = how
        return self._extract(level, maker)

    def _reach(self, goal: Formula, level: Mapping[Literal, int]) -> tuple[int, list[Literal]] | None:
        """The cheapest way to satisfy a formula with reached literals: its worth and the literals; None if there
        is none.
        """
        if goal.fact is not None:
            literal = (goal.fact, goal.value)
            return (level[literal], [literal]) if literal in level else None
        parts = [self._reach(child, level) for child in goal.children]
        if goal.op == "and":
            found = [part for part in parts if part is not None]
            if len(found) < len(parts):
                return None
            return sum(cost for cost, _ in found), [literal for _, literals in found for literal in literals]
        return min((part for part in parts if part is not None), default=None)

    def _extract(
        self, level: Mapping[Literal, int], maker: Mapping[Literal, tuple[SkillCall, Action]]
    ) -> tuple[int, list[SkillCall]]:
        best = self._reach(self.goal, level)
        assert best is not None
        open_literals, done = list(best[1]), set()
        chosen: dict[SkillCall, Action] = {}
        while open_literals:
            literal = open_literals.pop()
            if literal in done or level[literal] == 0:
                continue
            done.add(literal)
            call, action = maker[literal]
            if call not in chosen:
                chosen[call] = action
                open_literals.extend(action.needs)
        helpful = [call for call, action in chosen.items() if all(level[need] == 0 for need in action.needs)]
        return max(len(chosen), 1), helpful

    def _without_idle_steps(self, steps: list[SkillCall]) -> list[SkillCall]:
        """The plan less the steps (one or two at a time) without which it still reaches the goal."""
        for width in (2, 1):
            at = 0
            while at < len(steps):
                shorter = steps[:at] + steps[at + width :]
                if len(shorter) < len(steps) and self._works(shorter):
                    steps = shorter
                else:
                    at += 1
        return steps

    def _works(self, steps: Sequence[SkillCall]) -> bool:
        situation = self.start
        for call in steps:
            action = self.domain.action(situation, call)
            if not all(self.domain.true(situation, fact) == value for fact, value in action.needs):
                return False
            situation = situation.after(action.effects)
        return self.goal.holds(lambda fact: self.domain.true(situation, fact))


def candidate_calls(domain: Domain, start: Situation, goal: Formula) -> list[SkillCall]:
    """The calls over what matters for the goal: things and places that it names, what covers or encloses them, and
    somewhere to put aside what is in the way.
    """
    literals = list(goal.literals())
    names = _relevant(start, literals)
    wanted = {fact for fact, value in literals if value}
    rooms = {fact.args[1] for fact in wanted if fact.predicate == "in_room"}
    ordered = sorted(names)
    things = [start.entities[name] for name in ordered if name in start.entities]
    movable = [e.name for e in things if fits(e, "grasp")]
    below = {fact.args[1] for fact in wanted if fact.predicate == "on"}
    surfaces = [e.name for e in things if fits(e, "on") and (e.category != "object" or e.name in below)]
    surfaces += _surfaces_in(start, rooms, names)
    surfaces += _spare_surfaces(start, names, surfaces)
    containers = [e.name for e in things if fits(e, "in")]
    calls = [SkillCall("look_for", (e.name,)) for e in things if not known(e)]
    if domain.mobile:
        calls += [SkillCall("go_to", (name,)) for name in dict.fromkeys([*ordered, *surfaces])]
        calls += [SkillCall("go_to", (f.args[0],)) for f in sorted(wanted) if f.predicate == "robot_in"]
    calls += [SkillCall("pick", (x,)) for x in movable]
    calls += [SkillCall("place_on", (x, y)) for x in movable for y in surfaces if x != y]
    calls += [SkillCall("place_in", (x, y)) for x in movable for y in containers if x != y]
    for entity in things:
        if fits(entity, "open"):
            calls += [SkillCall("open", (entity.name,)), SkillCall("close", (entity.name,))]
        if fits(entity, "press"):
            calls.append(SkillCall("press", (entity.name,)))
    calls += [
        SkillCall("push", f.args)
        for f in sorted(wanted)
        if f.predicate == "on" and f.args[0] in start.entities and f.args[1] in start.entities
        if not fits(start.entities[f.args[0]], "grasp") and start.entities[f.args[0]].category == "object"
    ]
    return list(dict.fromkeys(calls))


def _relevant(start: Situation, literals: Sequence[Literal]) -> set[str]:
    """The entities that a goal names and those that stand in the way, to a fixed point."""
    rooms = {arg for fact, _ in literals for arg in fact.args if arg in start.rooms}
    names = {arg for fact, _ in literals for arg in fact.args if arg in start.entities}
    for fact, _ in literals:
        if fact.predicate == "lit":
            switches = (e for e in start.entities.values() if "switch" in e.label and e.room in rooms)
            names |= {e.name for e in switches}
    names |= {fact.args[0] for fact in start.all("holding")}
    while True:
        more = {
            f.args[0] for f in start.all("on") if f.args[1] in names and start.entities[f.args[1]].category == "object"
        }
        more |= {lid for f in start.all("in") if f.args[0] in names for lid in start.lids(f.args[1])}
        more |= {lid for name in names for lid in start.lids(name)}
        more -= names
        if not more:
            return names
        names |= more


def _surfaces_in(start: Situation, rooms: set[str], names: set[str]) -> list[str]:
    """Fixtures in some rooms on which things can be put."""
    found = [e for e in start.entities.values() if e.category == "fixture" and e.room in rooms and fits(e, "on")]
    return sorted(e.name for e in found if e.name not in names)


def _spare_surfaces(start: Situation, names: set[str], surfaces: Sequence[str]) -> list[str]:
    """Where to put aside what is in the way or in the hand: the surfaces on which the things in question stand now,
    or, if there are none, the fixture nearest to the things.
    """
    under: dict[str, Entity] = {}
    for name in sorted(names):
        for support in start.supports(name):
            entity: Entity | None = start.entities.get(support)
            if entity is not None and entity.category == "fixture" and fits(entity, "on"):
                under[support] = entity
    standing = [name for name in surfaces if name in start.entities and start.entities[name].category == "fixture"]
    if not under and not standing:
        places = [start.entities[n].position_w[:2] for n in sorted(names) if known(start.entities[n])] or [np.zeros(2)]
        middle = np.mean(places, axis=0)
        fixtures = [e for e in start.entities.values() if e.category == "fixture" and fits(e, "on")]
        fixtures.sort(key=lambda e: (float(np.linalg.norm(e.position_w[:2] - middle)), e.name))
        under = {e.name: e for e in fixtures[:1]}
    return [name for name in under if name not in surfaces]

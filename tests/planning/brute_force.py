"""A second reading of the domain, written apart from it: a toy world of places, one hand and lids, executed step by step."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from yanshi.contracts import SkillCall, WorldState
from yanshi.goals import Fact

LIDS = {"cabinet_drawer"}
CONTAINERS = {"sink", "bin", "cabinet_drawer"}
SURFACES = {"counter", "table", "shelf", "cabinet"}


@dataclass
class Toy:
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

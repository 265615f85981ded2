"""Why a plan is as it is, in plain words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from yanshi.contracts import Entity, SkillCall, WorldState
from yanshi.goals import Goal
from yanshi.planning.association import undecided
from yanshi.planning.referents import Resolution
from yanshi.planning.situation import known


class Thought:
    """Gathers what the planner considers, sentence by sentence."""

    def __init__(self, belief: WorldState, resolution: Resolution, failures: Sequence[Any]) -> None:
        self._belief = belief
        self._said: list[str] = []
        if failures:
            last = failures[-1]
            self._said.append(f"{_plain(str(last.call))} did not work ({last.reason}).")
        missing = {e.name for e in resolution.missing}
        for words, things in resolution.choices.items():
            if len(things) > 1:
                self._said.append(
                    f"By '{words}' any of {_list(things)} can be meant; I take the one that is least work."
                )
            elif things[0] not in missing:
                self._said.append(f"By '{words}' I understand {_plain(things[0])}{_where(belief, things[0])}.")
        for entity in resolution.missing:
            self._said.append(f"I have not seen the {_plain(entity.name)} yet, so I look for it first.")
            self._said += _perhaps(belief, entity)

    def check(self, names: Sequence[str]) -> None:
        """What is wanted may be so already, but nobody has looked."""
        self._said.append(f"It may be so already; I go and see: {_list(names)}.")

    def reached(self, goal: Goal, unsure: bool) -> None:
        """The goal holds already."""
        self._said.append("As far as I know this is so already." if unsure else f"{goal} is true already.")

    def sweep(self, entity: Entity) -> None:
        """When the known things are done, more may be somewhere."""
        kind = _plain(entity.name.removeprefix("another_"))
        self._said.append(f"There may be another {kind} that I have not seen, so I look round for one at the end.")

    def listen(self, room: str | None) -> None:
        """The thing is known by its sound only."""
        where = f"in the {_plain(room)}" if room else "here"
        self._said.append(f"I must hear where the sound comes from: I listen {where}.")

    def look_inside(self, thing: str, lid: str) -> None:
        """It was not found in the open."""
        self._said.append(f"The {_plain(thing)} was nowhere in the open: I look behind the {_plain(lid)}.")

    def look_again(self, thing: str) -> None:
        """It was not found anywhere."""
        self._said.append(f"I have not found the {_plain(thing)} anywhere: I look once more, from other sides.")

    def open_way(self, door: str, sought: str | None) -> None:
        """There was no way through, or what is sought was not found on this side."""
        why = "There was no way" if sought is None else f"I did not find the {_plain(sought)} here"
        self._said.append(f"{why}, and the {_plain(door)} is shut: I open it first.")

    def text(self, calls: Sequence[SkillCall]) -> str:
        """All of it, with what will be done."""
        steps = [_say(call) for call in calls]
        if steps:
            rest = len(steps) - SPOKEN
            more = f", and so on for {rest} more steps" if rest > 0 else ""
            self._said.append(f"I will {', then '.join(steps[:SPOKEN])}{more}.")
        return " ".join(self._said)


SPOKEN = 9
"""How many steps are told one by one."""


def _say(call: SkillCall) -> str:
    a = [_plain(arg) if arg.startswith("another_") else f"the {_plain(arg)}" for arg in call.args]
    phrases = {
        "go_to": "go to {0}", "look_for": "look for {0}", "listen": "listen", "pick": "pick up {0}",
        "place_on": "put {0} on {1}", "place_in": "put {0} in {1}", "open": "open {0}", "close": "close {0}",
        "press": "press {0}", "push": "push {0} onto {1}",
    }  # fmt: skip
    return phrases.get(call.skill, call.skill.replace("_", " ")).format(*a)


def _perhaps(belief: WorldState, wanted: Entity) -> list[str]:
    """What may be the thing that is looked for, as far as is known."""
    met = (e for e in belief.entities.values() if e.category == "object" and e.provenance != "told" and known(e))
    kinds = dict.fromkeys(_plain(e.label) for e in met if undecided(e.label, e.attributes, wanted))
    if not kinds:
        return []
    looks = " ".join(v for k, v in wanted.attributes.items() if k != "sound")
    return [f"I know of a {' and a '.join(kinds)} that may be {looks}, and look closely at that first."]


def _where(belief: WorldState, name: str) -> str:
    """Where a thing was last known to be, and how old that is."""
    entity = belief.entities.get(name)
    if entity is None or not known(entity):
        return ", of which I do not know where it is now" if entity is not None else ""
    for fact, held in sorted(belief.facts.items(), key=lambda item: item[0]):
        if held.value and fact.predicate in ("on", "in") and fact.args[0] == name:
            return f", {fact.predicate} the {_plain(fact.args[1])}"
    return ""


def _plain(name: str) -> str:
    return name.replace("_", " ")


def _list(names: Sequence[str]) -> str:
    plain = [_plain(n) for n in names]
    return plain[0] if len(plain) == 1 else f"{', '.join(plain[:-1])} and {plain[-1]}"

"""The skills as a planner sees them: when each can be done, what it changes, and what of that must be seen afterwards.

Each operator is one function from a situation and its arguments to an `Action`. Reading them in turn is reading the
theory of this domain. ``near`` and ``go_to`` exist for a robot that moves; a fixed arm is near everything always.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from yanshi.contracts import Entity, SkillCall, Subtask
from yanshi.errors import InputError, UnknownNameError
from yanshi.goals import Fact
from yanshi.planning.situation import HAND_EMPTY, Situation

Literal = tuple[Fact, bool]

ANY = "anything"
"""A parameter that may be any word."""


@dataclass(frozen=True, slots=True)
class Action:
    """What one step needs and does in one situation."""

    needs: tuple[Literal, ...] = ()
    adds: tuple[Fact, ...] = ()
    deletes: tuple[Fact, ...] = ()
    seen: frozenset[str] = frozenset()
    """Predicates of effects that must be seen, or felt, to have come about."""

    @property
    def effects(self) -> tuple[Literal, ...]:
        """What becomes true and what becomes false; a fact both deleted and added is true."""
        return (*((f, False) for f in self.deletes if f not in self.adds), *((f, True) for f in self.adds))

    @property
    def expects(self) -> tuple[Literal, ...]:
        """The effects that must be seen."""
        return tuple(
            (fact, value)
            for fact, value in self.effects
            if fact.predicate in self.seen and (value or fact.predicate != "near")
        )


Rule = Callable[..., Action]


@dataclass(frozen=True, slots=True)
class Operator:
    """A skill with its parameters' types and its rule."""

    name: str
    parameters: tuple[str, ...]
    """For each argument: an affordance it must have, ``object``, ``place``, ``name`` (of whatever is looked for), or
    `ANY`."""
    rule: Rule

    def action(self, situation: Situation, args: tuple[str, ...]) -> Action:
        """What it needs and does when applied to `args`. Raises: InputError if the number of arguments is wrong."""
        if ANY not in self.parameters and len(args) != len(self.parameters):
            raise InputError(f"{self.name} takes {len(self.parameters)} arguments {self.parameters}, got {args}.")
        return self.rule(situation, *args)

    def preconditions(self, situation: Situation, args: tuple[str, ...]) -> tuple[Literal, ...]:
        """What must be true or false before."""
        return self.action(situation, args).needs

    def effects(self, situation: Situation, args: tuple[str, ...]) -> tuple[Literal, ...]:
        """What is true or false afterwards."""
        return self.action(situation, args).effects


def fits(entity: Entity, parameter: str) -> bool:
    """Whether an entity can stand for a parameter."""
    if parameter == "object":
        return entity.category == "object"
    if parameter == "grasp":
        return entity.category == "object" and "grasp" in entity.affordances
    if parameter == "on" and entity.category == "object":
        return "grasp" in entity.affordances or "on" in entity.affordances
    return parameter in ("place", ANY) or parameter in entity.affordances


# The facts, by name.


def near(x: str) -> Fact:
    """The robot can work on x from where it stands."""
    return Fact("near", (x,))


def holding(x: str) -> Fact:
    """Thing x is in the hand."""
    return Fact("holding", (x,))


def is_open(x: str) -> Fact:
    """Thing x is open."""
    return Fact("open", (x,))


def is_closed(x: str) -> Fact:
    """Thing x is closed."""
    return Fact("closed", (x,))


def is_known(x: str) -> Fact:
    """It is known where x is."""
    return Fact("known", (x,))


def is_clear(x: str) -> Fact:
    """Nothing stands on x."""
    return Fact("clear", (x,))


def _yes(*facts: Fact) -> tuple[Literal, ...]:
    return tuple((fact, True) for fact in facts)


def _lids(s: Situation, x: str) -> tuple[Fact, ...]:
    """What must be open to get at x: the lids of all that it is in."""
    return tuple(is_open(lid) for fact in s.about("in", x) for lid in s.lids(fact.args[1]))


def _place_of(s: Situation, x: str) -> tuple[Fact, ...]:
    """The facts that say where x is, which end when x is taken."""
    return (*s.about("on", x), *s.about("in", x), *s.about("beside", x), *(f for f in s.all("beside") if x in f.args))


def _uncovered(s: Situation, x: str) -> tuple[Fact, ...]:
    """The objects that are clear once x is gone from them."""
    below = [f.args[1] for f in s.about("on", x) if f.args[1] in s.entities]
    return tuple(is_clear(y) for y in below if s.entities[y].category == "object")


# The operators.


def go_to(s: Situation, x: str) -> Action:
    """Stand before x. Then x is near and nothing else is said to be; what is held comes along and stays near."""
    room = s.room_of(x)
    here = (Fact("robot_in", (room,)),) if room else ()
    carried = tuple(fact for h in s.all("holding") for fact in ([Fact("in_room", (h.args[0], room))] if room else []))
    left = tuple(fact for h in s.all("holding") for fact in s.about("in_room", h.args[0]))
    needs = _yes(is_known(x)) if x in s.entities else ()
    return Action(
        needs=(*needs, (holding(x), False)),
        adds=((near(x),) if x in s.entities else ()) + here + carried,
        deletes=(*(f for f in s.all("near") if holding(f.args[0]) not in s.facts), *s.all("robot_in"), *left),
        seen=frozenset({"near"}) if x in s.entities else frozenset({"robot_in"}),
    )


def look_for(s: Situation, x: str) -> Action:
    """Look around until x is found."""
    return Action(
        needs=((is_known(x), False),),
        adds=(is_known(x),),
        deletes=tuple(s.all("near")),
        seen=frozenset({"known"}),
    )


def listen(s: Situation, *_: str) -> Action:
    """Stand still and listen."""
    return Action(adds=(Fact("heard"),))


def pick(s: Situation, x: str) -> Action:
    """Take x, with nothing on it, into an empty hand; what it lies in must be open."""
    return Action(
        needs=_yes(is_known(x), near(x), HAND_EMPTY, is_clear(x), *_lids(s, x)),
        adds=(holding(x), *_uncovered(s, x)),
        deletes=(HAND_EMPTY, *_place_of(s, x)),
        seen=frozenset({"holding"}),
    )


def place_on(s: Situation, x: str, y: str) -> Action:
    """Set x, which is held, down on y; an object must be clear to carry another."""
    object_below = y in s.entities and s.entities[y].category == "object"
    room = s.room_of(y)
    return Action(
        needs=_yes(holding(x), is_known(y), near(y), *((is_clear(y),) if object_below else ())),
        adds=(Fact("on", (x, y)), HAND_EMPTY, is_clear(x), *((Fact("in_room", (x, room)),) if room else ())),
        deletes=(holding(x), *((is_clear(y),) if object_below else ()), *s.about("in_room", x)),
        seen=frozenset({"on", "holding"}),
    )


def place_in(s: Situation, x: str, y: str) -> Action:
    """Let x, which is held, into y, whose lids are open."""
    room = s.room_of(y)
    return Action(
        needs=_yes(holding(x), is_known(y), near(y), *(is_open(lid) for lid in s.lids(y))),
        adds=(Fact("in", (x, y)), HAND_EMPTY, is_clear(x), *((Fact("in_room", (x, room)),) if room else ())),
        deletes=(holding(x), *s.about("in_room", x)),
        seen=frozenset({"in", "holding"}),
    )


def open_(s: Situation, x: str) -> Action:
    """Pull x open with an empty hand."""
    return Action(
        needs=(*_yes(is_known(x), near(x), HAND_EMPTY), (is_open(x), False)),
        adds=(is_open(x),),
        deletes=(is_closed(x),),
        seen=frozenset({"open", "closed"}),
    )


def close(s: Situation, x: str) -> Action:
    """Push x shut with an empty hand."""
    return Action(
        needs=(*_yes(is_known(x), near(x), HAND_EMPTY), (is_closed(x), False)),
        adds=(is_closed(x),),
        deletes=(is_open(x),),
        seen=frozenset({"open", "closed"}),
    )


def press(s: Situation, x: str) -> Action:
    """Press x with an empty hand: what was on goes off, what was off goes on; a sound that x makes ends."""
    on, lit = Fact("powered", (x,)), _light(s, x)
    was_on = on in s.facts
    was_lit = all(fact in s.facts for fact in lit) if lit else was_on
    sounding = Fact("sounding", (x,))
    silenced = (sounding,) if sounding in s.facts else ()
    return Action(
        needs=_yes(is_known(x), near(x), HAND_EMPTY),
        adds=(() if was_on else (on,)) + (() if was_lit else lit),
        deletes=((on,) if was_on else ()) + (lit if was_lit else ()) + silenced,
        seen=frozenset({"powered", "lit"}),
    )


def _light(s: Situation, x: str) -> tuple[Fact, ...]:
    """The light that a switch works: that of its room."""
    entity = s.entities.get(x)
    if entity is None or "switch" not in entity.label or entity.room is None:
        return ()
    return (Fact("lit", (entity.room,)),)


def push(s: Situation, x: str, y: str) -> Action:
    """Push x along with an empty hand until it is on y, without lifting it."""
    return Action(
        needs=_yes(is_known(x), is_known(y), near(x), HAND_EMPTY, is_clear(x)),
        adds=(Fact("on", (x, y)), *_uncovered(s, x)),
        deletes=_place_of(s, x),
        seen=frozenset({"on"}),
    )


def no_effect(s: Situation, *_: str) -> Action:
    """Waiting, speaking and asking change no fact that planning knows of."""
    return Action()


_OPERATORS = (
    Operator("go_to", ("place",), go_to),
    Operator("look_for", ("name",), look_for),
    Operator("listen", (ANY,), listen),
    Operator("pick", ("grasp",), pick),
    Operator("place_on", ("grasp", "on"), place_on),
    Operator("place_in", ("grasp", "in"), place_in),
    Operator("open", ("open",), open_),
    Operator("close", ("open",), close),
    Operator("press", ("press",), press),
    Operator("push", ("object", "on"), push),
    Operator("wait_for", (ANY,), no_effect),
    Operator("say", (ANY,), no_effect),
    Operator("ask", (ANY,), no_effect),
)


class Domain:
    """The operators of one robot."""

    def __init__(self, mobile: bool) -> None:
        self.mobile = mobile
        """Whether the robot can drive. If not, everything is near and `go_to` does not exist."""
        self.operators = {op.name: op for op in _OPERATORS if mobile or op.name != "go_to"}

    def action(self, situation: Situation, call: SkillCall) -> Action:
        """What a call needs and does. Raises: UnknownNameError for an unknown skill, InputError for wrong
        arguments.
        """
        if call.skill not in self.operators:
            raise UnknownNameError("skill", call.skill, self.operators)
        action = self.operators[call.skill].action(situation, call.args)
        if self.mobile:
            return action
        return Action(
            tuple(n for n in action.needs if n[0].predicate != "near"), action.adds, action.deletes, action.seen
        )

    def misfit(self, situation: Situation, call: SkillCall) -> str | None:
        """Why the arguments of a call are not of the kinds that the skill works on, or None if they are."""
        operator = self.operators[call.skill]
        if ANY in operator.parameters:
            return None
        for arg, parameter in zip(call.args, operator.parameters, strict=False):
            entity = situation.entities.get(arg)
            if parameter == "name":
                continue
            if entity is None:
                if parameter == "place" and arg in situation.rooms:
                    continue
                return f"{arg} is not known"
            if not fits(entity, parameter):
                return f"{arg} cannot be used so ({operator.name} needs something for '{parameter}')"
        return None

    def true(self, situation: Situation, fact: Fact) -> bool:
        """Whether a fact is the case for this robot."""
        if fact.predicate == "near" and not self.mobile:
            return fact.args[0] in situation.entities
        return situation.true(fact)

    def subtask(self, situation: Situation, call: SkillCall) -> Subtask:
        """A call with what must be seen once it is done."""
        return Subtask(call=call, expects=self.action(situation, call).expects)

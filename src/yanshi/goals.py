"""Facts and goals: the little logic in which tasks, plans and evaluation agree about the world.

A `Fact` is a ground atom such as ``on(red_mug, counter)``. A `Goal` is a formula over facts:

    goal   := disj
    disj   := conj ("or" conj)*
    conj   := unary ("and" unary)*
    unary  := "not" unary | "exists" VAR ":" unary | "(" goal ")" | fact
    fact   := NAME "(" [NAME ("," NAME)*] ")"          VAR begins with "?"

Example: ``exists ?x: (kind(?x, mug) and color(?x, red) and in(?x, sink))``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from yanshi.errors import InputError

MAX_DEPTH = 50
"""Of formulas within formulas that a text may hold."""
_TOKEN = re.compile(r"\s*(?:(?P<name>\??[A-Za-z_0-9][A-Za-z_0-9.-]*)|(?P<mark>[(),:]))")
Op = Literal["fact", "and", "or", "not", "exists"]


@dataclass(frozen=True, slots=True, order=True)
class Fact:
    """A predicate over entity names, true or false of the world: ``Fact("on", ("red_mug", "counter"))``."""

    predicate: str
    args: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.predicate}({', '.join(self.args)})"

    def substitute(self, binding: Mapping[str, str]) -> Fact:
        """The fact with its variables replaced as `binding` says."""
        return Fact(self.predicate, tuple(binding.get(arg, arg) for arg in self.args))

    @classmethod
    def parse(cls, text: str) -> Fact:
        """Read one fact. Raises: InputError if `text` is anything else."""
        goal = Goal.parse(text)
        if goal.fact is None:
            raise InputError(f"Expected one fact such as 'on(red_mug, counter)', got '{text}'.")
        return goal.fact


@dataclass(frozen=True, slots=True)
class Goal:
    """A formula over facts. Build it with the class methods or `Goal.parse`; ``str`` gives the text back."""

    op: Op
    fact: Fact | None = None
    children: tuple[Goal, ...] = ()
    variable: str | None = None

    @classmethod
    def of(cls, predicate: str, *args: str) -> Goal:
        """The goal that one fact be true."""
        return cls("fact", fact=Fact(predicate, args))

    @classmethod
    def all(cls, goals: Iterable[Goal]) -> Goal:
        """The conjunction of `goals`; a single one is returned as it is."""
        items = tuple(goals)
        return items[0] if len(items) == 1 else cls("and", children=items)

    @classmethod
    def any(cls, goals: Iterable[Goal]) -> Goal:
        """The disjunction of `goals`; a single one is returned as it is."""
        items = tuple(goals)
        return items[0] if len(items) == 1 else cls("or", children=items)

    @classmethod
    def negate(cls, goal: Goal) -> Goal:
        """The goal that `goal` be false."""
        return cls("not", children=(goal,))

    @classmethod
    def exists(cls, variable: str, goal: Goal) -> Goal:
        """The goal that some entity, put for `variable` (written ``?x``), makes `goal` true."""
        return cls("exists", children=(goal,), variable=variable)

    @classmethod
    def parse(cls, text: str) -> Goal:
        """Read a goal from its text. Raises: InputError with the place where reading stopped."""
        return _Parser(text).parse()

    def __str__(self) -> str:
        if self.op == "fact":
            return str(self.fact)
        if self.op == "not":
            return f"not {self.children[0]._wrapped()}"
        if self.op == "exists":
            return f"exists {self.variable}: {self.children[0]._wrapped()}"
        return f" {self.op} ".join(child._wrapped() for child in self.children)

    def _wrapped(self) -> str:
        return f"({self})" if self.op in ("and", "or") else str(self)

    def facts(self) -> Iterator[Fact]:
        """Every fact in the formula, left to right, variables unbound."""
        if self.fact is not None:
            yield self.fact
        for child in self.children:
            yield from child.facts()

    def unbound(self) -> tuple[str, ...]:
        """The variables that no ``exists`` binds where they stand, each once, left to right."""
        if self.fact is not None:
            return tuple(dict.fromkeys(arg for arg in self.fact.args if arg.startswith("?")))
        names = dict.fromkeys(name for child in self.children for name in child.unbound())
        return tuple(name for name in names if name != self.variable)

    def substitute(self, binding: Mapping[str, str]) -> Goal:
        """The goal with its free variables replaced as `binding` says."""
        if self.fact is not None:
            return Goal("fact", fact=self.fact.substitute(binding))
        inner = {k: v for k, v in binding.items() if k != self.variable}
        return Goal(self.op, children=tuple(c.substitute(inner) for c in self.children), variable=self.variable)

    def holds(self, true: Callable[[Fact], bool], entities: Iterable[str] = ()) -> bool:
        """Whether the goal is true where `true` decides each ground fact and variables range over `entities`."""
        if self.fact is not None:
            return true(self.fact)
        if self.op == "and":
            return all(child.holds(true, entities) for child in self.children)
        if self.op == "or":
            return any(child.holds(true, entities) for child in self.children)
        if self.op == "not":
            return not self.children[0].holds(true, entities)
        names = tuple(entities)
        assert self.variable is not None, "only exists is left"
        return any(self.children[0].substitute({self.variable: name}).holds(true, names) for name in names)


class _Parser:
    """Recursive descent over the grammar in this module's docstring."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens: list[str] = []
        self.position = 0
        self.depth = 0
        end = 0
        while text[end:].strip():
            match = _TOKEN.match(text, end)
            if match is None:
                raise InputError(f"Malformed goal '{text}': unexpected '{text[end:].strip()[0]}' at character {end}.")
            self.tokens.append(match.group().strip())
            end = match.end()

    def parse(self) -> Goal:
        goal = self._chain("or", lambda: self._chain("and", self._unary))
        if self.position < len(self.tokens):
            self._fail("the end")
        return goal

    def _peek(self) -> str:
        return self.tokens[self.position] if self.position < len(self.tokens) else ""

    def _take(self, expected: str | None = None) -> str:
        token = self._peek()
        if not token or (expected is not None and token != expected):
            self._fail(f"'{expected}'" if expected else "a name")
        self.position += 1
        return token

    def _fail(self, expected: str) -> None:
        came = f"'{self._peek()}'" if self._peek() else "the end of the text"
        raise InputError(
            f"Malformed goal '{self.text}': expected {expected}, got {came}. "
            "A goal looks like 'in(red_mug, sink) and not open(drawer)'."
        )

    def _chain(self, word: Literal["and", "or"], part: Callable[[], Goal]) -> Goal:
        parts = [part()]
        while self._peek() == word:
            self._take(word)
            parts.append(part())
        return parts[0] if len(parts) == 1 else Goal(word, children=tuple(parts))

    def _name(self) -> str:
        token = self._take()
        if token in "(),:" or token in ("and", "or", "not", "exists"):
            self.position -= 1
            self._fail("a name")
        return token

    def _unary(self) -> Goal:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            self._fail(f"at most {MAX_DEPTH} formulas within one another")
        goal = self._formula()
        self.depth -= 1
        return goal

    def _formula(self) -> Goal:
        if self._peek() == "not":
            self._take("not")
            return Goal.negate(self._unary())
        if self._peek() == "exists":
            self._take("exists")
            variable = self._name()
            if not variable.startswith("?"):
                self.position -= 1
                self._fail("a variable such as '?x'")
            self._take(":")
            return Goal.exists(variable, self._unary())
        if self._peek() == "(":
            self._take("(")
            goal = self._chain("or", lambda: self._chain("and", self._unary))
            self._take(")")
            return goal
        predicate = self._name()
        self._take("(")
        args: list[str] = []
        while self._peek() != ")":
            if args:
                self._take(",")
            args.append(self._name())
        self._take(")")
        return Goal("fact", fact=Fact(predicate, tuple(args)))

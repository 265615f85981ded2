"""How people say it: a small grammar of instructions, with a share of the sentences held out from training.

The notation is that of JSGF: ``(a|b)`` is one of, ``[a|b]`` is one of or nothing, ``{name}`` is filled in from the
scene. Both nest. ``"[please ](pick up|grab) {target}"`` stands for four patterns. Which patterns are held out is
decided by a hash of their text, so that it is the same on every machine and does not move when patterns are added.
"""

from __future__ import annotations

import hashlib
import itertools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

from yanshi.errors import InputError, UnknownNameError

Split = Literal["train", "heldout"]

HELDOUT_SHARE = 0.25
"""Part of the patterns of every task that is never used for training."""

_ASK = "(|please |could you |could you please |can you |would you |i want you to |i need you to |i would like you to )"
_END = "[ please| now| for me| when you can]"
_FILLER = re.compile(r"\{(\w+)\}")
_POLITE_TWICE = re.compile(r"please.*please")


def expand(text: str) -> Iterator[str]:
    """Every pattern that a text in the notation stands for, left to right.

    Raises:
        InputError: a bracket is not closed, or closed by the other kind.
    """
    nodes, rest = _alternatives(text, 0, None)
    if rest != len(text):
        raise InputError(f"Malformed wording '{text}': '{text[rest]}' at character {rest} closes nothing.")
    for alternative in nodes:
        yield from alternative


def _alternatives(text: str, start: int, closing: str | None) -> tuple[list[list[str]], int]:
    """Parse ``a|b|…`` up to `closing`; each alternative as the list of its expansions."""
    found: list[list[str]] = []
    parts: list[list[str]] = []
    literal = ""
    at = start
    while at <= len(text):
        mark = text[at] if at < len(text) else ""
        if mark in ("(", "["):
            inner, end = _alternatives(text, at + 1, ")" if mark == "(" else "]")
            choices = [choice for alternative in inner for choice in alternative]
            parts += [[literal], choices if mark == "(" else ["", *choices]]
            literal, at = "", end + 1
            continue
        if mark in ("|", ")", "]", ""):
            parts.append([literal])
            found.append(["".join(pieces) for pieces in itertools.product(*parts)])
            parts, literal = [], ""
            if mark != "|":
                if mark != (closing or ""):
                    if closing is None:
                        return found, at
                    raise InputError(
                        f"Malformed wording '{text}': expected '{closing}' for the bracket at {start - 1}."
                    )
                return found, at
        else:
            literal += mark
        at += 1
    return found, at


def heldout(pattern: str) -> bool:
    """Whether a pattern belongs to the held-out share: the first bytes of its BLAKE2 hash, read as a fraction."""
    digest = hashlib.blake2b(pattern.encode(), digest_size=4).digest()
    return int.from_bytes(digest, "big") / 2**32 < HELDOUT_SHARE


@dataclass(frozen=True)
class Grammar:
    """Ways of saying one kind of instruction."""

    texts: tuple[str, ...]
    """In the notation of this module."""

    @cached_property
    def patterns(self) -> tuple[str, ...]:
        """Every distinct pattern, placeholders unfilled."""
        unique = dict.fromkeys(pattern for text in self.texts for pattern in expand(text))
        return tuple(pattern for pattern in unique if not _POLITE_TWICE.search(pattern))

    @cached_property
    def _by_split(self) -> dict[Split, tuple[str, ...]]:
        return {
            "train": tuple(p for p in self.patterns if not heldout(p)),
            "heldout": tuple(p for p in self.patterns if heldout(p)),
        }

    @property
    def fillers(self) -> frozenset[str]:
        """Names of the placeholders."""
        return frozenset(name for text in self.texts for name in _FILLER.findall(text))

    def of(self, split: Split) -> tuple[str, ...]:
        """The patterns of one split. Raises: UnknownNameError for any other."""
        if split not in self._by_split:
            raise UnknownNameError("split", split, self._by_split)
        return self._by_split[split]

    def say(self, fillers: Mapping[str, str], rng: np.random.Generator, split: Split = "train") -> str:
        """One sentence of a split, its placeholders filled in; a filler may itself use the notation."""
        patterns = self.of(split)
        pattern = patterns[int(rng.integers(len(patterns)))]

        def fill(match: re.Match[str]) -> str:
            if match.group(1) not in fillers:
                raise UnknownNameError("placeholder", match.group(1), fillers)
            choices = tuple(expand(fillers[match.group(1)]))
            return choices[int(rng.integers(len(choices)))]

        return _FILLER.sub(fill, pattern)


def imperative(*texts: str) -> Grammar:
    """A grammar of requests: each text, which begins with a verb, with the usual ways of asking around it."""
    return Grammar(tuple(f"{_ASK}{text}{_END}" for text in texts))

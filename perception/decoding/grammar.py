"""Grammars that an answer must follow, by `llguidance`: which tokens may come next, and which must."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor

from yanshi.errors import InputError, MissingDependencyError


class Constraint(Protocol):
    """What an answer must be like; asked at every token."""

    def forced(self) -> list[int]:
        """Tokens that must come next, whatever the model thinks."""

    def allowed(self) -> Tensor | None:
        """Ids (n,) of the tokens that may come next; None for any."""

    def accept(self, tokens: Sequence[int]) -> None:
        """Take note of tokens that came."""

    @property
    def complete(self) -> bool:
        """Whether nothing may follow any more."""


class Free:
    """No constraint."""

    complete = False

    def forced(self) -> list[int]:
        """None."""
        return []

    def allowed(self) -> None:
        """Any."""

    def accept(self, tokens: Sequence[int]) -> None:
        """Nothing to note."""


class GrammarCompiler:
    """Makes constraints for one tokenizer. Building it takes about a second, a grammar a millisecond."""

    def __init__(self, tokenizer: Any, vocabulary: int | None = None) -> None:
        """
        Args:
            tokenizer: a fast tokenizer of `transformers`, with all its tokens added.
            vocabulary: how many scores the model gives; None for as many as the tokenizer has tokens.

        Raises:
            MissingDependencyError: Without llguidance.
        """
        try:
            import llguidance.hf
        except ImportError as error:
            raise MissingDependencyError("llguidance", "language") from error
        self._matcher = llguidance.LLMatcher
        self._tokenizer = llguidance.hf.from_tokenizer(tokenizer, n_vocab=vocabulary or len(tokenizer))

    def lark(self, grammar: str) -> Constraint:
        """From a grammar in Lark's notation, whose first rule is ``start``; ``<|obj_0|>`` without quotes is the token.

        Raises:
            InputError: If the grammar is not valid, with its first fault.
        """
        return self._constraint(self._matcher.grammar_from_lark(grammar))

    def regex(self, pattern: str) -> Constraint:
        """From a regular expression. Raises: InputError if it is not valid."""
        return self._constraint(self._matcher.grammar_from_regex(pattern))

    def choice(self, answers: Sequence[str]) -> Constraint:
        """One of some answers, word for word. Raises: InputError if there are none."""
        if not answers:
            raise InputError("Expected at least one answer to choose from.")
        return self.lark("start: " + " | ".join(map(json.dumps, answers)))

    def json(self, schema: Mapping[str, Any]) -> Constraint:
        """JSON of a schema, without spaces between its parts. Raises: InputError if the schema is not valid."""
        compact: Any = {"whitespace_flexible": False, "item_separator": ",", "key_separator": ":"}
        return self._constraint(self._matcher.grammar_from_json_schema(dict(schema), overrides=compact))

    def _constraint(self, grammar: str) -> Constraint:
        matcher = self._matcher(self._tokenizer, grammar, log_level=0)
        if matcher.is_error():
            raise InputError(f"The grammar is not valid: {matcher.get_error().strip().splitlines()[0]}")
        return _Matched(matcher)


class _Matched:
    def __init__(self, matcher: Any) -> None:
        self._matcher = matcher

    @property
    def complete(self) -> bool:
        return bool(self._matcher.is_stopped())

    def forced(self) -> list[int]:
        return list(self._matcher.compute_ff_tokens())

    def allowed(self) -> Tensor:
        bias = torch.frombuffer(bytearray(self._matcher.compute_logit_bias()), dtype=torch.uint8)
        return bias.nonzero().flatten()

    def accept(self, tokens: Sequence[int]) -> None:
        if not self._matcher.consume_tokens(list(tokens)):
            raise InputError(f"The grammar does not allow the tokens {list(tokens)}: {self._matcher.get_error()}")

"""Answers of an EmbodiedLM one after another: what two prompts have in common is read once."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from yanshi.errors import InputError
from yanshi.perception.decoding.grammar import Constraint, Free

FEW_CHOICES = 4096
"""Up to so many allowed tokens, scores are worked out for them alone."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """An answer and what it cost."""

    text: str
    """The words; tokens of objects are kept."""
    tokens: tuple[int, ...]
    """Their ids, without the end."""
    forced: int
    """How many of them the constraint left no choice about."""
    reused: int
    """Tokens of the prompt that were still in the cache."""
    read: int
    """Tokens of the prompt that were not."""
    passes: int
    """Times the language model ran."""
    seconds: float
    """Wall time, the senses included."""
    complete: bool
    """Whether it ended by itself, not for want of tokens."""


class Decoder:
    """Greedy answers, one at a time, with a cache that is kept from answer to answer.

    The cache of the longest common beginning of two prompts is used again. Soft tokens count as equal when their values
    are, so a new look at the world is read anew and a second question about the same look is not. After a token is
    chosen, it and all tokens that the constraint then forces go through the model in one pass.
    """

    def __init__(self, model: Any, processor: Any) -> None:
        """`model` an `EmbodiedLM` in evaluation mode, `processor` its `EmbodiedProcessor`."""
        self._model = model
        self._tokenizer = processor.tokenizer
        self._context = int(processor.context)
        end = model.generation_config.eos_token_id
        ends = end if isinstance(end, list | tuple) else [end]
        self._ends = {int(each) for each in (*ends, processor.tokenizer.eos_token_id) if each is not None}
        self.forget()

    def forget(self) -> None:
        """Empty the cache; needed where the model's weights have changed."""
        from transformers import DynamicCache

        self._cache = DynamicCache(config=self._model.language_model.config)
        self._rows: Tensor | None = None
        """Inputs (S, H) that the cache holds."""

    @torch.inference_mode()
    def answer(self, inputs: Mapping[str, Tensor], constraint: Constraint | None = None, *, most: int = 64) -> Answer:
        """The most likely answer, token by token.

        Args:
            inputs: of one sample, as the processor makes them.
            constraint: what it must be like, fresh; None for anything.
            most: tokens after which it is cut.

        Raises:
            InputError: If there is more than one sample, or prompt and answer do not fit the context.
        """
        started = time.perf_counter()
        ids = inputs["input_ids"]
        if len(ids) != 1:
            raise InputError(f"A decoder answers one sample at a time, got {len(ids)}.")
        if ids.shape[1] + most > self._context:
            raise InputError(
                f"A prompt of {ids.shape[1]} tokens and {most} more do not fit the model's context of {self._context}."
            )
        constraint = constraint or Free()
        senses = {key: value for key, value in inputs.items() if key in self._model.sense_keys()}
        prompt = self._model.fuse(ids, self._model.sense(**senses))[0]
        reused = self._keep(prompt)
        banned = self._banned(ids)
        tokens: list[int] = constraint.forced()[:most]
        constraint.accept(tokens)
        forced, passes, ended = len(tokens), 0, constraint.complete
        pending = torch.cat((prompt[reused:], self._embed(tokens)))
        while not ended and len(tokens) < most:
            allowed = self._choices(constraint.allowed(), banned)
            if allowed is not None and len(allowed) == 1:
                chosen = int(allowed)
                forced += 1
            else:
                chosen = self._choose(self._pass(pending), allowed, banned)
                passes += 1
                pending = pending[:0]
            if chosen in self._ends:
                ended = True
                break
            constraint.accept((chosen,))
            must = [] if constraint.complete else constraint.forced()[: most - len(tokens) - 1]
            constraint.accept(must)
            ended = constraint.complete or bool(must and must[-1] in self._ends)
            tokens += [chosen, *must]
            forced += len(must)
            pending = torch.cat((pending, self._embed([chosen, *must])))
        words = tuple(token for token in tokens if token not in self._ends)
        return Answer(
            text=self._tokenizer.decode(list(words), skip_special_tokens=True).strip(),
            tokens=words,
            forced=forced,
            reused=reused,
            read=len(prompt) - reused,
            passes=passes,
            seconds=time.perf_counter() - started,
            complete=ended,
        )

    def _keep(self, prompt: Tensor) -> int:
        """Cut the cache back to what the prompt begins with, and say how long that is; at least one token is read."""
        common = 0
        if self._rows is not None:
            most = min(len(prompt) - 1, len(self._rows))
            same = (prompt[:most] == self._rows[:most]).all(-1)
            common = most if bool(same.all()) else int((~same).int().argmax())
            if len(self._rows) > common:
                self._cache.crop(common - len(self._rows))
            self._rows = self._rows[:common]
        return common

    def _pass(self, inputs: Tensor) -> Tensor:
        """Run the decoder on inputs (n, H) behind the cache: the last hidden state (1, H)."""
        decoder = self._model.language_model.get_decoder()
        out = decoder(inputs_embeds=inputs[None], past_key_values=self._cache, use_cache=True)
        self._rows = inputs if self._rows is None else torch.cat((self._rows, inputs))
        state: Tensor = out.last_hidden_state[:, -1]
        return state

    def _choose(self, state: Tensor, allowed: Tensor | None, banned: Tensor) -> int:
        """The most likely token. Where few may come, only they are scored: the whole head takes a fifth of a step."""
        head = self._model.get_output_embeddings()
        if allowed is not None and len(allowed) <= FEW_CHOICES:
            scores = torch.nn.functional.linear(
                state, head.weight[allowed], None if head.bias is None else head.bias[allowed]
            )
            return int(allowed[scores[0].argmax()])
        scores = head(state)[0].float()
        scores[banned] = -torch.inf
        return int(scores.argmax() if allowed is None else allowed[scores[allowed].argmax()])

    def _choices(self, allowed: Tensor | None, banned: Tensor) -> Tensor | None:
        """What may come, where it is little without what is banned. Raises: InputError if nothing is left."""
        if allowed is None or len(allowed) > max(FEW_CHOICES, 1):
            return allowed
        allowed = allowed.to(banned.device)
        allowed = allowed[~torch.isin(allowed, banned)]
        if len(allowed) == 0:
            raise InputError("The grammar asks for objects that the prompt does not tell of.")
        return allowed

    def _embed(self, tokens: list[int]) -> Tensor:
        device = self._model.get_input_embeddings().weight.device
        rows: Tensor = self._model.get_input_embeddings()(torch.tensor(tokens, dtype=torch.long, device=device))
        return rows

    def _banned(self, ids: Tensor) -> Tensor:
        """Objects that the prompt does not tell of, and places of soft tokens."""
        told = set(ids[0].tolist())
        config = self._model.config
        banned = [t for t in config.object_token_ids if t not in told] + list(config.sense_token_ids.values())
        return torch.tensor(banned, dtype=torch.long, device=ids.device)

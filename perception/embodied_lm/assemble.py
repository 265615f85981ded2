"""A new EmbodiedLM from a pretrained language model and any senses."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from transformers import AddedToken

from yanshi.errors import InputError
from yanshi.perception.embodied_lm.base_model import DEFAULT, load_language_model, load_tokenizer
from yanshi.perception.embodied_lm.config import EmbodiedConfig
from yanshi.perception.embodied_lm.model import EmbodiedLM
from yanshi.perception.embodied_lm.processor import EmbodiedProcessor
from yanshi.perception.embodied_lm.senses import SenseConfig, object_token, sense_token, to_list


def from_base(
    senses: Mapping[str, SenseConfig], base: str | Path = DEFAULT, *, seed: int = 0, **options: Any
) -> tuple[EmbodiedLM, EmbodiedProcessor]:
    """An untrained model of `senses` on a pretrained language model, and its processor.

    Args:
        senses: by name, in the order of their tokens.
        base: as `base_model.load_language_model` takes it.
        seed: of the fresh weights.
        options: for `load_language_model`, such as ``dtype``.

    Raises:
        ModelError: If there is no such base model.
        InputError: If a sense has a name that cannot be a token.
    """
    return assemble(load_language_model(base, **options), load_tokenizer(base), senses, base=str(base), seed=seed)


def assemble(
    language_model: Any, tokenizer: Any, senses: Mapping[str, SenseConfig], *, base: str | None = None, seed: int = 0
) -> tuple[EmbodiedLM, EmbodiedProcessor]:
    """As `from_base`, of a language model and tokenizer that are at hand; both are changed: they get new tokens."""
    for name in senses:
        if not name.isidentifier() or name.startswith("obj_"):
            raise InputError(f"Expected the name of a sense to be an identifier, got '{name}'.")
    base_vocabulary = language_model.get_input_embeddings().weight.shape[0]
    objects = max((sense.frames for sense in senses.values() if sense.is_objects), default=0)
    tokenizer.add_tokens([AddedToken(sense_token(name), special=True, normalized=False) for name in senses])
    # Not special: they are words of an answer, which decoding must keep.
    tokenizer.add_tokens([AddedToken(object_token(k), special=False, normalized=False) for k in range(objects)])
    torch.manual_seed(seed)
    rows = max(base_vocabulary, len(tokenizer))
    first = len(tokenizer) - len(senses) - objects
    if rows > base_vocabulary:
        language_model.resize_token_embeddings(rows, mean_resizing=False)
    _start_rows(language_model, min(base_vocabulary, first))
    sense_ids = {name: int(tokenizer.convert_tokens_to_ids(sense_token(name))) for name in senses}
    object_ids = [int(tokenizer.convert_tokens_to_ids(object_token(k))) for k in range(objects)]
    config = EmbodiedConfig(
        text_config=language_model.config,
        senses=to_list(senses),
        sense_token_ids=sense_ids,
        object_token_ids=object_ids,
        base=base,
        base_vocabulary=min(base_vocabulary, first),
    )
    model = EmbodiedLM(config, language_model=language_model)
    model.generation_config = language_model.generation_config
    rms = float(language_model.get_input_embeddings().weight.detach().float().square().mean().sqrt())
    for tower in model.towers.values():
        tower.set_scale(rms)  # type: ignore[operator]
    dtype = language_model.get_input_embeddings().weight.dtype
    context = int(getattr(language_model.config, "max_position_embeddings", 0) or 2048)
    processor = EmbodiedProcessor(tokenizer, to_list(senses), context)
    return model.to(dtype).eval(), processor


@torch.no_grad()
def _start_rows(language_model: Any, first: int) -> None:
    """New tokens begin as words that mean nothing: drawn with the mean and the deviation of those that are there."""
    embedding, head = language_model.get_input_embeddings(), language_model.get_output_embeddings()
    for weight in {id(part.weight): part.weight for part in (embedding, head) if part is not None}.values():
        old = weight[:first].float()
        noise = torch.randn(weight[first:].shape, device=weight.device)
        weight[first:] = (old.mean(0) + old.std(0) * noise).to(weight.dtype)

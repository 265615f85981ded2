"""Low-rank adaptation (Hu et al., 2021) of the language model by `peft`, put in and taken out in place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from yanshi.errors import MissingDependencyError

if TYPE_CHECKING:
    from yanshi.perception.embodied_lm.model import EmbodiedLM


@dataclass(frozen=True, kw_only=True)
class LoraOptions:
    """Size and place of the updates."""

    rank: int = 16
    """Columns of the factors."""
    alpha: float = 32.0
    """An update is scaled by alpha / rank."""
    dropout: float = 0.05
    """Before the updates, while training."""
    modules: str | Sequence[str] = "all-linear"
    """Which linear layers, by the end of their names; ``all-linear`` for every one but the head."""


def add_lora(model: EmbodiedLM, options: LoraOptions | None = None) -> None:
    """Give the linear layers of the language model trainable low-rank updates, and freeze the layers themselves.

    Only the language model changes: towers and embeddings keep their ``requires_grad``.

    Raises:
        MissingDependencyError: Without peft.
    """
    try:
        from peft import LoraConfig, inject_adapter_in_model
    except ImportError as error:
        raise MissingDependencyError("peft", "train") from error
    options = options or LoraOptions()
    language_model = model.language_model
    trainable = {name for name, p in language_model.get_input_embeddings().named_parameters() if p.requires_grad}
    modules = options.modules if isinstance(options.modules, str) else list(options.modules)
    config = LoraConfig(
        r=options.rank,
        lora_alpha=options.alpha,
        lora_dropout=options.dropout,
        target_modules=_linear_layers(model) if modules == "all-linear" else modules,
        task_type="CAUSAL_LM",
    )
    inject_adapter_in_model(config, language_model)
    for name, parameter in language_model.named_parameters():
        parameter.requires_grad_("lora_" in name)
    for name, parameter in language_model.get_input_embeddings().named_parameters():
        parameter.requires_grad_(name in trainable)


def merge_lora(model: EmbodiedLM) -> None:
    """Add the updates to the layers and take them out; the model is plain again."""
    language_model = model.language_model
    for name, module in list(language_model.named_modules()):
        if "default" in getattr(module, "lora_A", {}):
            module.merge()
            parent, _, child = name.rpartition(".")
            setattr(language_model.get_submodule(parent), child, module.get_base_layer())


def _linear_layers(model: EmbodiedLM) -> list[str]:
    from torch import nn

    head = model.get_output_embeddings()
    return [
        name
        for name, module in model.language_model.named_modules()
        if isinstance(module, nn.Linear) and module is not head
    ]

"""Which weights a training stage may change."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Literal

from torch import Tensor, nn

if TYPE_CHECKING:
    from yanshi.perception.embodied_lm.model import EmbodiedLM

Part = Literal["encoders", "projectors", "new_tokens", "language_model", "lora"]


def train_only(model: EmbodiedLM, *parts: Part) -> list[nn.Parameter]:
    """Freeze everything but some parts, and return the parameters that are left to train.

    ``encoders`` are the encoders alone; ``projectors`` all else in the towers (projector, norm, gain, sense, time,
    source, view); ``new_tokens`` the embedding rows of senses and objects (the rows of words get no gradient, so use no
    weight decay on them); ``lora`` what `lora.add_lora` put in; ``language_model`` everything else in it.

    Stage 1 (alignment) trains ``projectors`` and ``new_tokens``; stage 2 (instructions) those and ``lora``.
    """
    embedding = model.get_input_embeddings().weight
    head = model.get_output_embeddings()
    rows = [embedding] + ([head.weight] if head is not None and head.weight is not embedding else [])
    ours = {id(parameter) for parameter in rows}
    for name, parameter in model.named_parameters():
        if id(parameter) in ours:
            part: Part = "language_model"
        elif name.startswith("towers."):
            part = "encoders" if ".encoder." in name else "projectors"
        else:
            part = "lora" if "lora_" in name else "language_model"
        parameter.requires_grad_(part in parts)
    for handle in getattr(model, "_row_hooks", ()):
        handle.remove()
    model._row_hooks = []
    if "new_tokens" in parts:
        for parameter in rows:
            parameter.requires_grad_(True)
            if "language_model" not in parts:
                first = int(model.config.base_vocabulary or 0)
                model._row_hooks.append(parameter.register_hook(partial(_only_new_rows, first)))
    return [parameter for parameter in model.parameters() if parameter.requires_grad]


def _only_new_rows(first: int, gradient: Tensor) -> Tensor:
    """The gradient with zeros in the rows below `first`."""
    gradient = gradient.clone()
    gradient[:first] = 0.0
    return gradient


def trainable(model: nn.Module) -> int:
    """How many numbers would be trained."""
    return sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)

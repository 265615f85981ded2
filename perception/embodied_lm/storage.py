"""Where models are found, and what is written when only the learned part is kept: the base model stays in its package.

A folder that holds only what was learned has ``learned_only`` in its config.json, and in its model.safetensors the
towers, the embeddings of the new tokens (``new_tokens.*``) and low-rank updates W + scale · B A (``lora.<module>.A``,
``.B``).
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from yanshi.errors import ModelError
from yanshi.perception.embodied_lm.adapted import AdaptedLinear
from yanshi.perception.embodied_lm.base_model import load_language_model
from yanshi.perception.embodied_lm.config import EmbodiedConfig
from yanshi.sim_assets import path as asset

if TYPE_CHECKING:
    from yanshi.perception.embodied_lm.model import EmbodiedLM

_log = logging.getLogger(__name__)
WEIGHTS = "model.safetensors"


def shipped() -> list[str]:
    """Short names of the models that come with yanshi."""
    folder = asset("weights")
    return sorted(path.parent.name for path in folder.glob("*/config.json")) if folder.is_dir() else []


def locate(name: str | Path) -> str:
    """The folder of a shipped model or of the user; else the name itself, taken for a hub id.

    Raises:
        ModelError: If it is neither a folder nor shipped, and no hub id either.
    """
    if str(name) in shipped():
        return str(asset("weights", str(name)))
    path = Path(name).expanduser()
    if path.is_dir():
        return str(path)
    if path.exists() or len(path.parts) != 2 or str(name).startswith((".", "~", "/")):
        known = ", ".join(shipped()) or "none"
        raise ModelError(f"There is no model '{name}'. Shipped: {known}; or give a folder.")
    return str(name)


def check_model(folder: str) -> None:
    """Raises: ModelError if a folder (not a hub id) holds no EmbodiedLM with weights."""
    path = Path(folder)
    if not path.is_dir():
        return
    config = path / "config.json"
    if not config.is_file():
        raise ModelError(f"Expected an EmbodiedLM in {path}, but it has no config.json.")
    try:
        kind = json.loads(config.read_text()).get("model_type")
    except (ValueError, AttributeError) as error:
        raise ModelError(f"{config} is not the JSON of a configuration: {error}.") from error
    if kind != EmbodiedConfig.model_type:
        raise ModelError(f"Expected an EmbodiedLM in {path}, found a model of type '{kind}'.")
    if not any(path.glob("model*.safetensors")):
        raise ModelError(f"The weights of {path} are missing: expected {WEIGHTS} in it.")


def is_learned_only(folder: str) -> bool:
    """Whether a folder holds only what was learned on top of a base model."""
    config = Path(folder) / "config.json"
    return config.is_file() and bool(json.loads(config.read_text()).get("learned_only"))


@contextmanager
def one_line(name: str | Path) -> Iterator[None]:
    """What `transformers` or safetensors say in a page, in one line."""
    try:
        yield
    except (OSError, SafetensorError) as error:
        first = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise ModelError(f"Cannot load an EmbodiedLM from '{name}': {first}") from error


def save_learned(model: EmbodiedLM, folder: str | Path, *, dtype: torch.dtype = torch.float16) -> Path:
    """Save what was learned on top of the base model: towers, new tokens, low-rank updates. Save the processor too.

    Args:
        model: built on a base that is named in its config; low-rank updates not merged.
        folder: made if need be.
        dtype: in which weights are kept.

    Returns:
        The weights file.

    Raises:
        ModelError: If the model does not say what it was built on.
    """
    config = model.config
    if config.base is None or config.base_vocabulary is None:
        raise ModelError("The model names no base model, so all of it must be saved: use save_pretrained.")
    weights, scale = _lora(model)
    for name, value in model.towers.state_dict().items():
        weights[f"towers.{name}"] = value
    embedding, head = model.get_input_embeddings().weight, model.get_output_embeddings()
    weights["new_tokens.input"] = embedding[config.base_vocabulary :]
    if head is not None and head.weight is not embedding:
        weights["new_tokens.output"] = head.weight[config.base_vocabulary :]
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    saved = {
        name: value.detach().to("cpu", dtype if value.is_floating_point() else value.dtype).contiguous().clone()
        for name, value in weights.items()
    }
    save_file(saved, target / WEIGHTS, metadata={"format": "pt"})
    values = config.to_dict() | {"learned_only": True, "lora_scale": scale, "dtype": "float32"}
    if isinstance(values.get("text_config"), dict):  # Where the base lay on the machine that trained it.
        values["text_config"] |= {"_name_or_path": config.base}
    (target / "config.json").write_text(json.dumps(values, indent=2, sort_keys=True, default=str) + "\n")
    model.generation_config.save_pretrained(target)
    return target / WEIGHTS


def load_learned(
    cls: type[EmbodiedLM], folder: Path, *, dtype: torch.dtype = torch.float32, merge: bool = True
) -> EmbodiedLM:
    """The base model with what `save_learned` kept put on top of it.

    Args:
        cls: what to make.
        folder: where it is.
        dtype: of the weights.
        merge: whether low-rank updates go into the layers; else they stay beside them (`AdaptedLinear`), so that the
            layers can be packed into the 4 bits they came in, and what was learned stays exact.

    Raises:
        ModelError: If the base is missing, or the weights do not fit it.
    """
    config = EmbodiedConfig.from_pretrained(folder)
    config.learned_only = False
    language_model = load_language_model(config.base or "")
    rows = language_model.get_input_embeddings().weight.shape[0]
    if rows != config.base_vocabulary:
        raise ModelError(
            f"{folder} was trained on a base with {config.base_vocabulary} tokens; '{config.base}' has {rows}."
        )
    with one_line(folder):
        weights = load_file(folder / WEIGHTS)
    language_model.resize_token_embeddings(config.get_text_config().vocab_size, mean_resizing=False)
    model = cls(config, language_model=language_model)
    towers = {key.removeprefix("towers."): value for key, value in weights.items() if key.startswith("towers.")}
    try:
        model.towers.load_state_dict(towers)
        with torch.no_grad():
            model.get_input_embeddings().weight[rows:] = weights["new_tokens.input"].float()
            if "new_tokens.output" in weights:
                model.get_output_embeddings().weight[rows:] = weights["new_tokens.output"].float()
            _adapt(language_model, weights, config.lora_scale or 0.0, merge=merge)
    except (RuntimeError, KeyError, AttributeError) as error:
        first = str(error).strip().splitlines()[0]
        raise ModelError(f"The weights in {folder / WEIGHTS} do not fit its config.json: {first}") from error
    config.lora_scale = None
    if (folder / "generation_config.json").is_file():
        model.generation_config = type(model.generation_config).from_pretrained(folder)
    loaded: EmbodiedLM = model.to(dtype).eval()
    return loaded


def _adapt(language_model: Any, weights: dict[str, Tensor], scale: float, *, merge: bool) -> None:
    for key, down in weights.items():
        if not (key.startswith("lora.") and key.endswith(".A")):
            continue
        name = key.removeprefix("lora.").removesuffix(".A")
        up = weights[f"lora.{name}.B"]
        layer = language_model.get_submodule(name)
        if merge:
            layer.weight += scale * (up.float() @ down.float())
        else:
            parent, _, child = name.rpartition(".")
            setattr(language_model.get_submodule(parent), child, AdaptedLinear(layer, down, up, scale))


def _lora(model: EmbodiedLM) -> tuple[dict[str, Tensor], float | None]:
    """Low-rank updates by module of the language model, and the one scale they have."""
    found: dict[str, Tensor] = {}
    scales = set()
    for name, module in model.language_model.named_modules():
        if "default" in getattr(module, "lora_A", {}):
            found[f"lora.{name}.A"] = module.lora_A["default"].weight
            found[f"lora.{name}.B"] = module.lora_B["default"].weight
            scales.add(float(module.scaling["default"]))
    if len(scales) > 1:
        raise ModelError(f"Expected one scale for all low-rank updates, got {sorted(scales)}.")
    return found, scales.pop() if scales else None

"""An eye's weights and configuration in one safetensors file. Nothing is ever unpickled."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from yanshi.errors import InputError
from yanshi.perception.grounding.config import SHIPPED, EyeConfig
from yanshi.perception.grounding.network import ObjectNet

_CONFIG, _CARD = "yanshi_eye", "yanshi_card"
TRAIN_COMMAND = "yanshi train senses --out DIR"


def save_eye(network: ObjectNet, file: Path, card: Mapping[str, Any] | None = None) -> None:
    """Write a network in half precision, in one step: a kill leaves the old file or the new one.

    Args:
        network: what is kept.
        file: where.
        card: plain values about how it was made; told by `read_card`.
    """
    header = {_CONFIG: json.dumps(network.config.to_json()), _CARD: json.dumps(dict(card or {}))}
    tensors = {name: value.detach().cpu().half().contiguous() for name, value in network.state_dict().items()}
    file.parent.mkdir(parents=True, exist_ok=True)
    beside = file.with_name(f".{file.name}.{os.getpid()}.tmp")
    beside.write_bytes(save(tensors, metadata=header))
    beside.replace(file)


def load_eye(file: Path | None = None) -> ObjectNet:
    """The network of a file; the shipped one if none is named.

    Raises:
        InputError: There is no such file, it is of another kind, or its weights do not fit its configuration.
    """
    file = SHIPPED if file is None else file
    header, tensors = _read(file)
    try:
        network = ObjectNet(EyeConfig.from_json(json.loads(header[_CONFIG])))
        network.load_state_dict({name: value.float() for name, value in tensors.items()})
    except (KeyError, ValueError, RuntimeError) as error:
        line = str(error).splitlines()[0]
        raise InputError(
            f"{file}: expected the weights of an eye; they do not fit its configuration ({line})."
        ) from error
    return network.eval()


def read_card(file: Path | None = None) -> dict[str, Any]:
    """What the file says of how it was made. Raises: InputError as `load_eye`."""
    file = SHIPPED if file is None else file
    header, _ = _read(file)
    card: dict[str, Any] = json.loads(header.get(_CARD, "{}"))
    return card


def _read(file: Path) -> tuple[dict[str, str], dict[str, torch.Tensor]]:
    if not file.is_file():
        raise InputError(f"{file}: there are no weights of an eye; to train some: {TRAIN_COMMAND}.")
    try:
        with safe_open(file, framework="pt") as archive:
            header = archive.metadata() or {}
            tensors = {name: archive.get_tensor(name) for name in archive.keys()}  # noqa: SIM118 (not a dict)
    except (SafetensorError, OSError) as error:
        raise InputError(f"{file}: expected a safetensors file; it is not ({error}).") from error
    if _CONFIG not in header:
        raise InputError(f"{file}: expected the weights of an eye, found a safetensors file of something else.")
    return header, tensors

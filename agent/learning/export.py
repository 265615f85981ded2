"""A policy as two files: weights in safetensors, all else in JSON beside them, tied together by a hash."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np

from yanshi.agent.learning.checkpoint import read, write, write_bytes
from yanshi.agent.learning.policy import ActionRange, Policy
from yanshi.errors import ContractError, InputError

KIND = "squashed gaussian policy"
VERSION = 1
LARGEST = 64 * 2**20
"""Bytes; a policy of ours has a hundredth of it."""


def save_policy(policy: Policy, path: str | Path) -> tuple[Path, Path]:
    """Write ``PATH.safetensors`` and ``PATH.json``.

    Returns:
        The two files.
    """
    weights, card = _files(path)
    arrays = {"mean": policy.mean, "std": policy.std, "low": policy.actions.low, "high": policy.actions.high}
    for index, (weight, bias) in enumerate(policy.layers):
        arrays[f"layers.{index}.weight"], arrays[f"layers.{index}.bias"] = weight, bias
    write(weights, arrays, {"kind": KIND})
    content = {
        "kind": KIND,
        "version": VERSION,
        "layers": len(policy.layers),
        "observation_size": policy.observation_size,
        "goal_size": policy.goal_size,
        "sha256": hashlib.sha256(weights.read_bytes()).hexdigest(),
        "meta": policy.meta,
    }
    write_bytes(card, (json.dumps(content, indent=2) + "\n").encode())
    return weights, card


def load_policy(path: str | Path) -> Policy:
    """Read what `save_policy` wrote; NumPy and safetensors are enough, and nothing is unpickled.

    Raises:
        InputError: one line that says what is wrong with the files.
    """
    weights, card = _files(path)
    content = _card(card)
    try:
        if weights.stat().st_size > LARGEST:
            raise InputError(f"{weights}: expected at most {LARGEST} bytes.")
        digest = hashlib.sha256(weights.read_bytes()).hexdigest()
    except OSError as error:
        raise InputError(f"{weights}: cannot be read ({error.strerror}).") from error
    if digest != content["sha256"]:
        raise InputError(f"{weights}: its SHA-256 is not the one in {card.name}; the two do not belong together.")
    arrays, _ = read(weights)
    names = [f"layers.{index}.{part}" for index in range(content["layers"]) for part in ("weight", "bias")]
    expected = {"mean", "std", "low", "high", *names}
    if set(arrays) != expected:
        raise InputError(f"{weights}: expected the arrays {sorted(expected)}, got {sorted(arrays)}.")
    for name, array in arrays.items():
        if array.dtype != np.float32 or not np.isfinite(array).all():
            raise InputError(f"{weights}: expected finite float32 in '{name}', got {array.dtype} or NaN or infinity.")
    if arrays["std"].min(initial=1.0) <= 0.0 or not (arrays["low"] < arrays["high"]).all():
        raise InputError(f"{weights}: expected positive 'std' and 'low' below 'high'.")
    layers = tuple((arrays[names[2 * i]], arrays[names[2 * i + 1]]) for i in range(content["layers"]))
    try:
        return Policy(
            layers,
            arrays["mean"],
            arrays["std"],
            ActionRange(arrays["low"], arrays["high"]),
            content["observation_size"],
            content["goal_size"],
            {str(key): str(value) for key, value in content["meta"].items()},
        )
    except ContractError as error:
        raise InputError(f"{weights}: {error}") from error


def _card(path: Path) -> dict[str, Any]:
    """The JSON, with every value of the kind that it must have."""
    try:
        content = json.loads(path.read_text())
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}).") from error
    except ValueError as error:
        raise InputError(f"{path}: expected JSON ({error}).") from error
    kinds = {"layers": int, "observation_size": int, "goal_size": int, "sha256": str, "meta": dict}
    if not isinstance(content, dict) or content.get("kind") != KIND or content.get("version") != VERSION:
        raise InputError(f"{path}: expected the card of a {KIND}, version {VERSION}.")
    for name, kind in kinds.items():
        if type(content.get(name)) is not kind:
            raise InputError(f"{path}: expected '{name}' of type {kind.__name__}, got {content.get(name)!r}.")
    if not 1 <= content["layers"] <= 16:
        raise InputError(f"{path}: expected 1 to 16 layers, got {content['layers']}.")
    return content


def _files(path: str | Path) -> tuple[Path, Path]:
    path = Path(path)
    if path.suffix in (".safetensors", ".json"):
        path = path.with_suffix("")
    return path.with_name(path.name + ".safetensors"), path.with_name(path.name + ".json")

"""A trained hearing as two files: weights in safetensors, all else in JSON beside them, tied together by a hash."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load, save

from yanshi import sim_assets
from yanshi.contracts import Array
from yanshi.errors import ModelError
from yanshi.perception.hearing.network import SoundNet, SoundNetConfig

WEIGHTS, CONFIG = "model.safetensors", "config.json"
KIND, VERSION = "yanshi hearing", 1
LARGEST = 5 * 2**20
"""Bytes of weights at most."""


@dataclass(frozen=True, eq=False)
class HearingModel:
    """A network and what was measured of it."""

    net: SoundNet
    thresholds: Array
    """(C,) probability from which a class counts as heard in one window."""
    errors: Array
    """(C, 4) logarithm of the variance of a direction [rad²] is linear in `direction.predictors`."""
    meta: Mapping[str, Any] = field(default_factory=dict)
    """How it was trained."""

    def variance(self, index: int, predictors: Array) -> float:
        """Of a direction of a class [rad²]."""
        return float(np.exp(np.clip(self.errors[index] @ predictors, -12.0, 1.0)))


def shipped() -> Path:
    """The folder of the hearing that is shipped."""
    return sim_assets.path("weights", "hearing")


def save_hearing(model: HearingModel, folder: Path) -> None:
    """Write a model into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    weights = save({name: value.contiguous() for name, value in model.net.state_dict().items()})
    config = {
        "kind": KIND,
        "version": VERSION,
        "classes": list(model.net.config.classes),
        "base": model.net.config.base,
        "context": model.net.config.context,
        "thresholds": np.round(model.thresholds, 4).tolist(),
        "errors": np.round(model.errors, 5).tolist(),
        "sha256": hashlib.sha256(weights).hexdigest(),
        "meta": dict(model.meta),
    }
    (folder / WEIGHTS).write_bytes(weights)
    (folder / CONFIG).write_text(json.dumps(config, indent=1) + "\n")


def load_hearing(folder: Path | None = None) -> HearingModel:
    """Read what `save_hearing` wrote; without a folder, the one that is shipped.

    Raises:
        ModelError: Something is missing, of another kind, or changed.
    """
    folder = shipped() if folder is None else folder
    mend = "train one with: python -m yanshi.agent.hearing.training --out DIR"
    try:
        config = json.loads((folder / CONFIG).read_text())
        if (folder / WEIGHTS).stat().st_size > LARGEST:
            raise ModelError(f"{folder / WEIGHTS}: expected at most {LARGEST} bytes.")
        weights = (folder / WEIGHTS).read_bytes()
    except OSError as error:
        raise ModelError(f"No hearing in {folder} ({error.strerror}: {Path(error.filename).name}); {mend}") from error
    except ValueError as error:
        raise ModelError(f"{folder / CONFIG}: expected JSON ({error}).") from error
    if not isinstance(config, dict) or config.get("kind") != KIND or config.get("version") != VERSION:
        raise ModelError(f"{folder / CONFIG}: expected the config of a {KIND}, version {VERSION}; {mend}")
    if hashlib.sha256(weights).hexdigest() != config.get("sha256"):
        raise ModelError(f"{folder / WEIGHTS}: its SHA-256 is not the one in {CONFIG}; the two do not belong together.")
    try:
        size = {"base": int(config["base"]), "context": int(config.get("context", 0))}
        net = SoundNet(SoundNetConfig(classes=tuple(config["classes"]), **size))
        net.load_state_dict(load(weights))
        thresholds, errors = np.array(config["thresholds"], dtype=float), np.array(config["errors"], dtype=float)
    except (SafetensorError, KeyError, TypeError, ValueError, RuntimeError) as error:
        raise ModelError(f"{folder}: weights and {CONFIG} do not fit ({str(error).splitlines()[0]}).") from error
    count = len(net.config.classes)
    if thresholds.shape != (count,) or errors.shape != (count, 4) or not np.isfinite(errors).all():
        raise ModelError(f"{folder / CONFIG}: expected {count} thresholds and {count} × 4 finite errors.")
    if not all(bool(torch.isfinite(value).all()) for value in net.state_dict().values()):
        raise ModelError(f"{folder / WEIGHTS}: expected finite weights.")
    return HearingModel(net.eval(), thresholds, errors, config.get("meta", {}))

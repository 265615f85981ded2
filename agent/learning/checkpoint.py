"""One file of arrays and JSON, written so that a kill at any moment leaves the old or the new one, and never a half."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from yanshi.errors import InputError, MissingDependencyError

try:
    from safetensors import SafetensorError, safe_open
    from safetensors.numpy import save as to_bytes
except ImportError as error:
    raise MissingDependencyError("safetensors", "rl") from error

Arrays = dict[str, NDArray[Any]]
META = "yanshi"
"""Under this name of the file's own header stands our JSON."""


def write_bytes(path: Path, content: bytes) -> None:
    """Replace a file in one step: written beside it, flushed to the disk, then renamed over it (POSIX rename)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with beside.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)


def write(path: Path, arrays: Mapping[str, NDArray[Any]], meta: Mapping[str, Any]) -> None:
    """Write arrays and JSON-like values into one safetensors file."""
    # safetensors writes memory as it lies there: a transposed view would be scrambled without a word.
    whole = {name: np.array(array, order="C", ndmin=0) for name, array in arrays.items()}
    write_bytes(path, to_bytes(whole, metadata={META: json.dumps(meta)}))


def read(path: Path) -> tuple[Arrays, dict[str, Any]]:
    """Read what `write` wrote. Nothing is ever unpickled.

    Raises:
        InputError: there is no such file, or it is another kind of file.
    """
    try:
        with safe_open(path, framework="np") as file:
            meta = json.loads((file.metadata() or {})[META])
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
    except FileNotFoundError as error:
        raise InputError(f"{path}: there is no such file.") from error
    except (SafetensorError, KeyError, ValueError, OSError) as error:
        raise InputError(f"{path}: expected a safetensors file written by yanshi; it is not ({error}).") from error
    if not isinstance(meta, dict):
        raise InputError(f"{path}: expected an object in the header's '{META}', got {type(meta).__name__}.")
    return arrays, meta

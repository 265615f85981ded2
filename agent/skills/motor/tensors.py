"""The safetensors format, float32 only, read and written without its library: eight bytes of length, JSON, numbers.

See https://huggingface.co/docs/safetensors. So a robot that only runs the skills needs neither torch nor safetensors.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from yanshi.errors import InputError

__all__ = ["read_tensors", "write_tensors"]

_MOST = 64 * 2**20
"""A file of skill weights larger than this is refused [bytes]."""


def read_tensors(path: Path) -> dict[str, NDArray[Any]]:
    """The float32 arrays of a file, by name.

    Raises:
        InputError: it is missing, too large, not safetensors, or holds something that is not finite.
    """
    if not path.is_file():
        raise InputError(f"Skill weights: there is no file {path}.")
    if path.stat().st_size > _MOST:
        raise InputError(f"Skill weights: {path} is larger than {_MOST // 2**20} MiB.")
    content = path.read_bytes()
    try:
        end = 8 + int.from_bytes(content[:8], "little")
        if not 8 < end <= len(content):
            raise ValueError(f"a header of {end - 8} bytes in a file of {len(content)}")
        header = json.loads(content[8:end])
        found = {k: _tensor(v, memoryview(content)[end:]) for k, v in header.items() if k != "__metadata__"}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InputError(f"Skill weights: {path} is not a safetensors file of float32: {error}") from error
    for name, value in found.items():
        if not np.all(np.isfinite(value)):
            raise InputError(f"Skill weights: {path}: '{name}' is not finite.")
    return found


def _tensor(entry: Mapping[str, Any], data: memoryview) -> NDArray[Any]:
    first, last = (int(value) for value in entry["data_offsets"])
    shape = tuple(int(value) for value in entry["shape"])
    if entry["dtype"] != "F32" or not 0 <= first <= last <= len(data) or min(shape, default=1) < 0:
        raise ValueError(f"cannot read {dict(entry)}")
    return np.frombuffer(data[first:last], dtype="<f4").reshape(shape).copy()


def write_tensors(path: Path, tensors: Mapping[str, NDArray[Any]]) -> None:
    """Write float32 arrays under their names."""
    header, at = {}, 0
    for name, value in tensors.items():
        header[name] = {"dtype": "F32", "shape": list(value.shape), "data_offsets": [at, at + 4 * value.size]}
        at += 4 * value.size
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for value in tensors.values():
            file.write(np.ascontiguousarray(value, dtype="<f4").tobytes())

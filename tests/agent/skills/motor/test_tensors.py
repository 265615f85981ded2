from __future__ import annotations

import json
import pickle
from pathlib import Path

import numpy as np
import pytest

from yanshi.agent.skills.motor.tensors import read_tensors, write_tensors
from yanshi.errors import InputError


def test_the_library_reads_what_we_write_and_we_read_what_it_writes(tmp_path: Path) -> None:
    library = pytest.importorskip("safetensors.numpy")
    rng = np.random.default_rng(0)
    tensors = {"a": rng.normal(size=(3, 5)).astype(np.float32), "b": rng.normal(size=7).astype(np.float32)}
    write_tensors(tmp_path / "ours.safetensors", tensors)
    library.save_file(tensors, tmp_path / "theirs.safetensors")
    theirs, ours = library.load_file(tmp_path / "ours.safetensors"), read_tensors(tmp_path / "theirs.safetensors")
    for name, value in tensors.items():
        np.testing.assert_array_equal(theirs[name], value)
        np.testing.assert_array_equal(ours[name], value)


def header(**entry: object) -> bytes:
    text = json.dumps({"w": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]} | entry}).encode()
    return len(text).to_bytes(8, "little") + text + bytes(8)


class Evil:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (Path.touch, (Path("/tmp/yanshi-was-here"),))  # type: ignore[return-value]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        pickle.dumps(Evil()),
        (2**60).to_bytes(8, "little") + b"{}",
        header(data_offsets=[0, 2**40]),
        header(data_offsets=[-8, 8]),
        header(shape=[-1, -2]),
        header(shape=[3]),
        header(dtype="F64"),
        (8).to_bytes(8, "little") + b"[1,2,3]",
        header()[:-8] + np.array([np.nan, 1.0], "<f4").tobytes(),
    ],
    ids=["empty", "pickle", "long header", "beyond", "before", "negative", "shape", "float64", "list", "nan"],
)
def test_a_malicious_file_is_refused(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "weights.safetensors"
    file.write_bytes(content)
    with pytest.raises(InputError, match="Skill weights"):
        read_tensors(file)
    assert not Path("/tmp/yanshi-was-here").exists()

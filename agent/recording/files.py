"""Files that appear whole or not at all."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from yanshi.errors import InputError


def write_text(path: Path, text: str) -> None:
    """Write `text` beside `path` and then put it in its place."""
    part = path.with_name(f".{path.name}.part")
    part.write_text(text, encoding="utf-8")
    os.replace(part, path)


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Write `value` as JSON, whole or not at all. NaN is refused."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def output_folder(path: Path) -> Path:
    """Check that files can be written into the folder `path`; nothing is left behind, not even the folder.

    Raises:
        InputError: It cannot be made, is no folder or is not writable.
    """
    made = [p for p in (path.absolute(), *path.absolute().parents) if not p.exists()]
    nearest = next(p for p in (path, *path.absolute().parents) if p.exists())
    if not nearest.is_dir():
        raise InputError(f"--out: expected a folder to write to, got '{path}', but '{nearest}' is a file.")
    try:
        path.mkdir(parents=True, exist_ok=True)
        probe = path / ".yanshi-probe"
        probe.touch()
        probe.unlink()
        for folder in made:
            folder.rmdir()
    except OSError as error:
        raise InputError(
            f"--out: expected a folder that can be written to, got '{path}' ({error.strerror})."
        ) from error
    return path

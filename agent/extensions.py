"""A user's own Python files, read before a command: they register worlds, tasks, objects, senses and robots.

The files are remembered in the environment, so that worker processes know what their parent knows.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from yanshi.errors import InputError

VARIABLE = "YANSHI_LOAD"


def remember_extensions(files: Sequence[str]) -> None:
    """Note files for `load_extensions`, here and in new processes. Raises: InputError if one is missing."""
    for file in files:
        if not Path(file).is_file():
            raise InputError(f"--load: expected a Python file, got '{file}', which does not exist.")
    os.environ[VARIABLE] = os.pathsep.join(str(Path(file).resolve()) for file in files)


def load_extensions() -> None:
    """Run every file that was noted, once a process."""
    for file in filter(None, os.environ.get(VARIABLE, "").split(os.pathsep)):
        name = f"yanshi_extension_{Path(file).stem}"
        if name in sys.modules:
            continue
        spec = importlib.util.spec_from_file_location(name, file)
        if spec is None or spec.loader is None:
            raise InputError(f"--load: expected a Python file (.py), got '{file}'.")
        sys.modules[name] = module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)

"""Robots, objects, furniture and sounds. `path()` finds a file in it."""

from __future__ import annotations

from pathlib import Path

_ROOT = Path(__file__).resolve().parent


def path(*parts: str) -> Path:
    """The path of a file or folder of the assets, e.g. ``path("objects", "mug.xml")``."""
    return _ROOT.joinpath(*parts)

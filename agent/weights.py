"""Where the weights of learned perception lie: in a folder that training wrote, or in the package."""

from __future__ import annotations

from pathlib import Path

from yanshi import sim_assets
from yanshi.perception.grounding.config import SHIPPED

EYE, HEARING = ("eye", "eye.safetensors"), ("hearing", "weights")
"""In a folder that `yanshi train senses` wrote."""


def eye_file(folder: Path | None = None) -> Path:
    """The eye's weights in a folder; those that are shipped if none is named."""
    return SHIPPED if folder is None else folder.joinpath(*EYE)


def hearing_folder(folder: Path | None = None) -> Path:
    """Hearing's weights in a folder; those that are shipped if none is named, or it has none."""
    own = None if folder is None else folder.joinpath(*HEARING)
    return own if own is not None and own.is_dir() else sim_assets.path("weights", "hearing")

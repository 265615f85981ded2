"""Moments on disk: what the towers of a model read of each, and what is true of it, in shards of a few layouts.

A shard is a safetensors file: the tensors of every sense (`embodied_lm.senses.PARTS`), moment by moment, and in its
header the truth as JSON. Which moments are in it depends on its number and split alone.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save
from torch import Tensor

from yanshi.agent.language.moments import Heard, Moment, Told, moments
from yanshi.agent.language.scenes import from_plain, to_plain
from yanshi.agent.learning.checkpoint import write_bytes
from yanshi.agent.learning.parallel import each
from yanshi.agent.seeing.pictures import Split
from yanshi.agent.skills.kinematics import Kinematics
from yanshi.errors import InputError
from yanshi.perception.embodied_lm.clips import collate, readings
from yanshi.perception.embodied_lm.senses import SenseConfig

LAYOUTS = 16
"""Layouts in a shard."""


@dataclass(frozen=True)
class Corpus:
    """Moments without their observations, and what the towers read of them."""

    moments: tuple[Moment, ...]
    tensors: Mapping[str, Tensor]
    """Sense and part → (N, …) of all moments; see `senses.PARTS`."""

    def __len__(self) -> int:
        return len(self.moments)


def draw(
    folder: Path, senses: Mapping[str, SenseConfig], split: Split, shards: int,
    tell: Callable[[str], None] = lambda line: None, workers: int = 1,
) -> None:  # fmt: skip
    """Draw the shards that are not there yet, on so many processes."""
    missing = [number for number in range(shards) if not _file(folder, split, number).exists()]
    for line in each(partial(_draw, folder, dict(senses), split), missing, workers):
        tell(line)


def _draw(folder: Path, senses: Mapping[str, SenseConfig], split: Split, number: int) -> str:
    bodies: dict[str, Kinematics] = {}
    made = [m for k in range(LAYOUTS) for m in moments(number * LAYOUTS + k, split, bodies)]
    file = _file(folder, split, number)
    write_bytes(file, save(dict(_tensors(made, senses)), metadata={"truth": json.dumps([_plain(m) for m in made])}))
    return f"{file.name}: {len(made)} moments"


def read(folder: Path, split: Split, shards: int) -> Corpus:
    """The first shards of a split. Raises: InputError if one is missing."""
    found: list[Moment] = []
    parts: dict[str, list[Tensor]] = {}
    for number in range(shards):
        file = _file(folder, split, number)
        if not file.exists():
            raise InputError(f"{file}: expected a shard of moments, there is none; draw them first.")
        with safe_open(file, framework="pt") as archive:
            found += [_moment(values) for values in json.loads(archive.metadata()["truth"])]
            for name in archive.keys():  # noqa: SIM118 (not a dict)
                parts.setdefault(name, []).append(archive.get_tensor(name))
    return Corpus(tuple(found), {name: torch.cat(_same_length(values)) for name, values in parts.items()})


def _file(folder: Path, split: str, number: int) -> Path:
    return folder / f"moments-{split}-{number:04d}.safetensors"


def _tensors(made: Sequence[Moment], senses: Mapping[str, SenseConfig]) -> dict[str, Tensor]:
    tensors: dict[str, Tensor] = {}
    for name, sense in senses.items():
        if not sense.is_objects:
            tensors |= collate(
                name,
                sense,
                [readings(sense, (m.observation,) if m.observation else (), (), strict=False) for m in made],
            )
    return {name: _compact(value).contiguous() for name, value in tensors.items()}


def _compact(value: Tensor) -> Tensor:
    return value.half() if value.dtype == torch.float32 else value


def _same_length(parts: Sequence[Tensor]) -> list[Tensor]:
    """Padded to as many readings as the longest has."""
    longest = max(part.shape[1] for part in parts)
    return [torch.cat((p, p.new_zeros(len(p), longest - p.shape[1], *p.shape[2:])), dim=1) for p in parts]


def _plain(moment: Moment) -> dict[str, Any]:
    values = {name: getattr(moment, name) for name in ("seed", "unsure", "dark", "holding", "ahead")}
    told = [{**asdict(one), "thing": to_plain(one.thing)} for one in moment.told]
    return values | {"told": told, "heard": [asdict(one) for one in moment.heard]}


def _moment(values: Mapping[str, Any]) -> Moment:
    told = tuple(Told(**{**one, "thing": from_plain(one["thing"])}) for one in values["told"])
    heard = tuple(Heard(**one) for one in values["heard"])
    return Moment(**{**values, "told": told, "heard": heard, "observation": None})

"""Single sounds to mix from: each as four microphones hear it in a room of its own, drawn from its own seed.

They are drawn in pieces of `CHUNK`, in as many processes as are asked for, and kept; the same seeds give the same
sounds however many processes drew them.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Self

import numpy as np
from safetensors.numpy import load_file, save_file

from yanshi.agent.hearing.sounds import PLACES, high_passed, loudest, place_of, room_of, voiced
from yanshi.agent.learning.parallel import each
from yanshi.contracts import Array
from yanshi.errors import InputError
from yanshi.perception.hearing.features import window_samples
from yanshi.perception.hearing.network import CLASSES

CHUNK = 100
"""Sounds of one file."""
KINDS = tuple((place, label) for place in PLACES for label in CLASSES)
"""Where a sound is heard, and what it is."""


@dataclass(frozen=True, eq=False)
class Pool:
    """N single sounds, without noise."""

    samples: Array
    """(N, M, T) int16; times `scale` it is the pressure [Pa]."""
    scale: Array
    """(N,) float32 [Pa]."""
    kind: Array
    """(N,) int64, index of `KINDS`."""
    direction: Array
    """(N, 3) float32 unit vectors in the frame of the array."""
    distance: Array
    """(N,) float32, how far the sound has come [m]."""
    loudest: Array
    """(N,) float32, power of the loudest 64 ms above 100 Hz [Pa²]."""
    moment: Array
    """(N,) int64, the sample at which the loudest 64 ms end."""

    def __len__(self) -> int:
        return len(self.kind)

    @classmethod
    def joined(cls, parts: list[Self]) -> Self:
        """All sounds of several pools."""
        return cls(*(np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(cls)))

    def first(self, count: int) -> Pool:
        """The first of them."""
        return Pool(*(getattr(self, field.name)[:count] for field in fields(self)))


def pool(folder: Path, count: int, workers: int = 1, seconds: float = np.inf) -> Pool:
    """The sounds of the seeds 0 … `count` - 1, drawn where they are not in the folder yet.

    Args:
        folder: Where they are kept.
        count: How many.
        workers: Processes that draw.
        seconds: After this long no more are begun, and there are fewer.

    Raises:
        InputError: In that time not one piece was drawn.
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{first:08d}.safetensors" for first in range(0, count, CHUNK)]
    list(each(_draw, [path for path in paths if not path.exists()], workers, seconds))
    drawn = [path for path in paths if path.exists()]
    if not drawn:
        raise InputError(f"{folder}: in {seconds:g} s not one sound was drawn; give it longer.")
    return Pool.joined([Pool(**load_file(path)) for path in drawn]).first(count)


def sounds(first: int, count: int) -> Pool:
    """The sounds of the seeds `first`, `first` + 1, …"""
    drawn = [_sound(first + k) for k in range(count)]
    return Pool(*(np.stack(column) for column in zip(*drawn, strict=True)))


def _draw(path: Path) -> None:
    """Write beside and rename, so that a kill leaves no half of a file."""
    made = sounds(int(path.stem), CHUNK)
    beside = path.with_suffix(".tmp")
    save_file({field.name: np.ascontiguousarray(getattr(made, field.name)) for field in fields(made)}, beside)
    beside.replace(path)


def _sound(seed: int) -> tuple[Array, ...]:
    """The fields of a `Pool` for one sound."""
    rng = np.random.default_rng((seed, 1))
    kind = seed % len(KINDS)
    place, label = KINDS[kind]
    room, listener, turn = room_of(rng)
    knot, direction, distance = place_of(rng, place, room, listener, turn)
    heard = voiced(rng, label, knot, window_samples())
    scale = max(float(np.abs(heard).max()), 1e-12) / 32767.0
    power, moment = loudest(high_passed(heard))
    return (
        np.rint(heard.T / scale).astype(np.int16), np.array(scale, np.float32), np.array(kind),
        direction.astype(np.float32), np.array(distance, np.float32), np.array(power, np.float32), np.array(moment),
    )  # fmt: skip

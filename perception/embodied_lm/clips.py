"""From observations to the tensors of a sense, for batches whose samples sense different things."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from yanshi.contracts import Observation
from yanshi.errors import InputError, SenseError
from yanshi.perception.embodied_lm.senses import PARTS, SenseConfig
from yanshi.perception.readers.objects import ObjectReader, SensedObject
from yanshi.perception.readers.reading import VIEW, Reading

_log = logging.getLogger(__name__)
Clip = Sequence[Observation]
"""Observations over time, oldest first."""


def readings(
    sense: SenseConfig, clip: Clip, objects: Sequence[SensedObject], *, strict: bool
) -> list[tuple[int, float, Reading]]:
    """What a sense has of a sample: (source, time before the newest observation [s], reading).

    Raises:
        SenseError: If a frame cannot be used; if not `strict` it is left out with a warning in the log.
        InputError: If there are more objects than the sense has tokens for.
    """
    reader = sense.reader
    if isinstance(reader, ObjectReader):
        if len(objects) > sense.frames:
            raise InputError(f"The model can be told of {sense.frames} objects at once, got {len(objects)}.")
        return [(0, reading.stamp, reading) for reading in reader.vectors(objects)]
    now = max((observation.stamp for observation in clip), default=0.0)
    found = []
    for source, name in enumerate(reader.sources):
        try:
            newest = reader.read(clip, name, sense.frames)
        except SenseError as error:
            if strict:
                raise
            _log.warning("Left out: %s", error)
            continue
        found += [(source, reading.stamp - now, reading) for reading in newest]
    return found


def collate(name: str, sense: SenseConfig, samples: Sequence[list[tuple[int, float, Reading]]]) -> dict[str, Tensor]:
    """The tensors of a sense (see `senses.PARTS`), as long as the longest sample; none if no sample has it."""
    batch, frames = len(samples), max(map(len, samples), default=0)
    if frames == 0:
        return {}
    arrays: tuple[NDArray[Any], ...] = (
        np.zeros((batch, frames, *sense.reader.reading), dtype=sense.reader.dtype),
        np.zeros((batch, frames), dtype=bool),
        np.zeros((batch, frames), dtype=np.float32),
        np.zeros((batch, frames), dtype=np.int64),
        np.zeros((batch, frames, VIEW), dtype=np.float32),
    )
    for row, sample in enumerate(samples):
        for column, (source, time, reading) in enumerate(sample):
            if reading.value.shape != tuple(sense.reader.reading):
                raise SenseError(
                    f"Sense '{name}': expected readings of shape {sense.reader.reading}, got {reading.value.shape}."
                )
            for array, value in zip(arrays, (reading.value, True, time, source, reading.view), strict=True):
                array[row, column] = value
    return {f"{name}_{part}": torch.from_numpy(array) for part, array in zip(PARTS, arrays, strict=True)}

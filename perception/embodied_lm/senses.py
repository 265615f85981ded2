"""One sense of the model: how frames are read, encoded and projected, and what its tensors are called."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from yanshi.errors import InputError
from yanshi.perception.encoders.catalog import ENCODERS
from yanshi.perception.encoders.encoder import EncoderConfig
from yanshi.perception.projectors.catalog import PROJECTORS
from yanshi.perception.projectors.projector import ProjectorConfig
from yanshi.perception.readers.catalog import READERS
from yanshi.perception.readers.objects import ObjectReader
from yanshi.perception.readers.reading import Reader

PARTS = ("values", "mask", "time", "source", "view")
"""The tensors of a sense, each named ``<sense>_<part>``: values (B, F, *reading); mask (B, F) bool, which frames exist;
time (B, F) [s] before the newest observation, <= 0; source (B, F), which sensor; view (B, F, 16), see `Reading`."""


@dataclass(frozen=True, kw_only=True)
class SenseConfig:
    """A sense, from frames to soft tokens."""

    reader: Reader
    """Which frames it reads, and in which shape."""
    encoder: EncoderConfig
    """From readings to features."""
    projector: ProjectorConfig
    """From features to soft tokens."""
    frames: int = 1
    """Readings of each source that are kept, the newest; for objects, how many can be told of at once."""

    def __post_init__(self) -> None:
        if self.frames < 1:
            raise InputError(f"A sense needs frames >= 1, got {self.frames}.")
        if tuple(self.encoder.reading) != tuple(self.reader.reading):
            raise InputError(
                f"{type(self.encoder).__name__} encodes readings of shape {tuple(self.encoder.reading)}, but "
                f"{type(self.reader).__name__} yields {tuple(self.reader.reading)}."
            )
        each = self.encoder.tokens == 1 and [self.projector.soft_tokens(k) for k in (1, 3)] == [1, 3]
        if self.is_objects and not each:
            raise InputError("Objects need an encoder and a projector that make exactly one token of each object.")

    @property
    def is_objects(self) -> bool:
        """Whether it tells of objects, which come beside the observations."""
        return isinstance(self.reader, ObjectReader)

    def soft_tokens(self, frames: int) -> int:
        """Soft tokens that so many readings become."""
        return self.projector.soft_tokens(frames * self.encoder.tokens)

    def to_dict(self) -> dict[str, Any]:
        """What JSON holds."""
        return {
            "reader": READERS.to_dict(self.reader),
            "encoder": ENCODERS.to_dict(self.encoder),
            "projector": PROJECTORS.to_dict(self.projector),
            "frames": self.frames,
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> SenseConfig:
        """The sense that `to_dict` wrote. Raises: InputError if it names what does not exist."""
        return cls(
            reader=READERS.from_dict(values["reader"]),
            encoder=ENCODERS.from_dict(values["encoder"]),
            projector=PROJECTORS.from_dict(values["projector"]),
            frames=int(values["frames"]),
        )


def to_list(senses: Mapping[str, SenseConfig]) -> list[dict[str, Any]]:
    """What JSON holds of senses by name: a list, since their order is that of their tokens."""
    return [{"sense": name, **sense.to_dict()} for name, sense in senses.items()]


def from_list(values: Sequence[Mapping[str, Any]]) -> dict[str, SenseConfig]:
    """The senses that `to_list` wrote. Raises: InputError if one names what does not exist."""
    return {str(each["sense"]): SenseConfig.from_dict(each) for each in values}


def sense_token(name: str) -> str:
    """The token in whose place a soft token of a sense comes."""
    return f"<|{name}|>"


def object_token(index: int) -> str:
    """The token by which the language model points at an object."""
    return f"<|obj_{index}|>"

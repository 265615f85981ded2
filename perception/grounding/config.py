"""What an eye can name, and how large its network is. It is stored with the weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from yanshi import sim_assets
from yanshi.errors import InputError

SHIPPED = sim_assets.path("weights", "seeing", "eye.safetensors")
"""Where the eye that comes with the package lies."""
ABSENT = ""
"""The value of an attribute that a thing does not have: a mug has no digit."""


@dataclass(frozen=True, kw_only=True)
class EyeConfig:
    """An eye: its words and its widths."""

    labels: tuple[str, ...]
    """Kinds of object that it was taught; others are found too, and get the label that is nearest."""
    attributes: Mapping[str, tuple[str, ...]]
    """Attribute → its values; `ABSENT` is one of them where a thing may lack it."""
    widths: tuple[int, int, int, int] = (24, 48, 80, 112)
    """Channels at a half, a quarter, an eighth and a sixteenth of the picture."""
    features: int = 48
    """Channels of the features that describe a pixel."""
    hidden: int = 192
    """Width of the layers that describe an object."""
    closer: int = 0
    """Side [px] of the crop of each object that is looked at once more; 0 for none."""
    looks: tuple[int, int, int] = (32, 64, 96)
    """Channels at a half, a quarter and an eighth of that crop."""
    measures: bool = False
    """Whether crops show where each point is, beside how it looks: how large a thing is, though it be cut off."""
    reader: int = 32
    """Side [px] of the crop of what is read."""
    reads: tuple[str, ...] = ()
    """Attributes that a network of their own tells from the crop alone: what is written on a thing."""
    embedding: int = 64
    """Length of the vector that words are compared with."""
    text: int = 384
    """Length of the sentence embeddings that are given."""

    def __post_init__(self) -> None:
        if not self.labels or len(set(self.labels)) < len(self.labels):
            raise InputError(f"EyeConfig: expected different labels, at least one, got {list(self.labels)}.")
        for name, values in self.attributes.items():
            if not values or len(set(values)) < len(values):
                raise InputError(f"EyeConfig: expected different values of '{name}', got {list(values)}.")
        if unknown := sorted(set(self.reads) - set(self.attributes)):
            raise InputError(f"EyeConfig: expected to read attributes that there are, got {unknown}.")
        if self.reads and self.reader < 8:
            raise InputError(f"EyeConfig: expected a crop for what is read, got reader={self.reader}.")
        if min(*self.widths, self.features, self.hidden, self.embedding, self.text) < 1 or self.closer < 0:
            raise InputError(f"EyeConfig: expected positive widths and a crop of no negative size, got {self}.")

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self)

    @staticmethod
    def from_json(values: Mapping[str, Any]) -> EyeConfig:
        """From plain values. Raises: InputError if a field is unknown or missing."""
        try:
            plain = dict(values)
            plain["labels"] = tuple(plain["labels"])
            plain["attributes"] = {name: tuple(words) for name, words in plain["attributes"].items()}
            plain["widths"] = tuple(plain["widths"])
            for name in ("reads", "looks"):
                if name in plain:
                    plain[name] = tuple(plain[name])
            return EyeConfig(**plain)
        except (KeyError, TypeError) as error:
            raise InputError(f"EyeConfig: expected the fields of an eye's configuration; {error}.") from error

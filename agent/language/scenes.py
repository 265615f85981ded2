"""Instructions on disk: scenes with what is said in them, drawn once."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from yanshi.agent.language.instructions import Instructed, instructed
from yanshi.agent.learning.checkpoint import write_bytes
from yanshi.envs.wordings import Split
from yanshi.errors import InputError
from yanshi.perception.readers.objects import SensedObject
from yanshi.planning.understanding import RetrievalUnderstanding

SCENES = 5
"""In a file."""
ARRAYS = ("position_b", "extent", "deviation")


@dataclass(frozen=True)
class SceneFiles:
    """Where the scenes of a split lie."""

    folder: Path
    split: Split
    files: int

    def draw(self, reader: RetrievalUnderstanding, tell: Callable[[str], None] = lambda line: None) -> None:
        """Draw the files that are not there yet; `reader` reads the tasks' wordings."""
        for number in range(self.files):
            file = self._file(number)
            if file.exists():
                continue
            made = [instructed(number * SCENES + k, self.split, reader) for k in range(SCENES)]
            plain = [{"told": [to_plain(thing) for thing in each.told], "said": each.said} for each in made]
            write_bytes(file, json.dumps(plain).encode())
            tell(f"{file.name}: {sum(len(each.said) for each in made)} instructions")

    def read(self) -> list[Instructed]:
        """All scenes. Raises: InputError if a file is missing."""
        scenes = []
        for number in range(self.files):
            file = self._file(number)
            if not file.exists():
                raise InputError(f"{file}: expected scenes with instructions, there are none; draw them first.")
            for each in json.loads(file.read_text()):
                told = tuple(from_plain(values) for values in each["told"])
                scenes.append(Instructed(told=told, said=tuple((text, answer) for text, answer in each["said"])))
        return scenes

    def _file(self, number: int) -> Path:
        return self.folder / f"scenes-{self.split}-{number:04d}.json"


def to_plain(thing: SensedObject) -> dict[str, object]:
    """A thing as JSON can hold it."""
    values: dict[str, object] = {name: np.asarray(getattr(thing, name)).tolist() for name in ARRAYS}
    return values | {"words": thing.words, "score": thing.score, "age": thing.age}


def from_plain(values: dict[str, object]) -> SensedObject:
    """The thing that `to_plain` wrote."""
    arrays = {name: np.asarray(values[name], dtype=float) for name in ARRAYS}
    return SensedObject(**{**values, **arrays})  # type: ignore[arg-type]

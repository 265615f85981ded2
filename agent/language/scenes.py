"""Instructions on disk: scenes with what is said in them, drawn once."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from yanshi.agent.language.instructions import Instructed, instructed
from yanshi.agent.learning.checkpoint import write_bytes
from yanshi.agent.learning.parallel import each
from yanshi.agent.specimens import vocabulary
from yanshi.envs.wordings import Split
from yanshi.errors import InputError
from yanshi.perception.readers.objects import SensedObject
from yanshi.planning.embedding import shared_minilm
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

    def draw(self, tell: Callable[[str], None] = lambda line: None, workers: int = 1) -> None:
        """Draw the files that are not there yet, on so many processes."""
        missing = [number for number in range(self.files) if not self._file(number).exists()]
        for line in each(self._draw, missing, workers):
            tell(line)

    def _draw(self, number: int) -> str:
        made = [instructed(number * SCENES + k, self.split, _reader()) for k in range(SCENES)]
        plain = [{"told": [to_plain(thing) for thing in one.told], "said": one.said} for one in made]
        file = self._file(number)
        write_bytes(file, json.dumps(plain).encode())
        return f"{file.name}: {sum(len(one.said) for one in made)} instructions"

    def read(self) -> list[Instructed]:
        """All scenes. Raises: InputError if a file is missing."""
        scenes = []
        for number in range(self.files):
            file = self._file(number)
            if not file.exists():
                raise InputError(f"{file}: expected scenes with instructions, there are none; draw them first.")
            for one in json.loads(file.read_text()):
                told = tuple(from_plain(values) for values in one["told"])
                scenes.append(Instructed(told=told, said=tuple((text, answer) for text, answer in one["said"])))
        return scenes

    def _file(self, number: int) -> Path:
        return self.folder / f"scenes-{self.split}-{number:04d}.json"


@cache
def _reader() -> RetrievalUnderstanding:
    """Who reads the tasks' wordings."""
    return RetrievalUnderstanding(shared_minilm(), vocabulary())


def to_plain(thing: SensedObject) -> dict[str, object]:
    """A thing as JSON can hold it."""
    values: dict[str, object] = {name: np.asarray(getattr(thing, name)).tolist() for name in ARRAYS}
    return values | {"words": thing.words, "score": thing.score, "age": thing.age}


def from_plain(values: dict[str, object]) -> SensedObject:
    """The thing that `to_plain` wrote."""
    arrays = {name: np.asarray(values[name], dtype=float) for name in ARRAYS}
    return SensedObject(**{**values, **arrays})  # type: ignore[arg-type]

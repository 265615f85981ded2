"""Pictures on disk: compressed shards, each of a fixed range of layouts, so that a broken-off run goes on where it was.

A shard is an ``.npz`` of plain arrays. N pictures: ``rgb`` (N, H, W, 3) uint8, ``depth`` (N, H, W) uint16 in
`DEPTH_UNIT`, 0 where unknown, ``owners`` (N, H, W) uint8, ``K`` (N, 3, 3), ``T_bc`` (N, 4, 4), ``base`` (N, 3). M
things: ``picture`` (M,) which picture, ``label`` and one index an attribute (M,), ``position_w`` (M, 3), ``yaw`` (M,),
``extent`` (M, 3), ``pixels`` (M,). ``words``: the eye's vocabulary as JSON, to which the indices belong. What is
written on a thing is told only where it can be seen: a tile from behind has no digit.

``python -m yanshi.agent.seeing.shards --help`` draws them without training.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any, cast

import numpy as np
import tyro
from numpy.typing import NDArray
from rich.console import Console

from yanshi.agent.learning.checkpoint import write_bytes
from yanshi.agent.learning.parallel import each
from yanshi.agent.seeing.pictures import DIGITS, Picture, SeenThing, Split, Variety, postures
from yanshi.agent.seeing.scoring import LEGIBLE
from yanshi.agent.seeing.words import taught
from yanshi.agent.skills.kinematics import Kinematics
from yanshi.errors import InputError
from yanshi.perception.grounding.config import ABSENT, EyeConfig

Arrays = dict[str, NDArray[Any]]

DEPTH_UNIT = 0.00025
"""[m]: depth up to 16 m in 16 bits."""
LAYOUTS = 32
"""Layouts in a shard."""
EMPTY_KEPT = 0.3
"""Share of pictures without any object that are kept."""


@dataclass(frozen=True, kw_only=True)
class DataConfig:
    """How many pictures to draw, and where they lie."""

    folder: Path = Path("runs/seeing/data")
    train: int = 64
    """Shards for training, of `LAYOUTS` layouts (about 450 pictures) each."""
    digits: float = DIGITS
    """Share of layouts that are about numbers."""
    heldout: int = 2
    """Shards of layouts that are never trained on."""
    workers: int = 1
    """Processes that draw at the same time; what they draw does not depend on how many there are."""
    seconds: float | None = None
    """After so long no shard is begun any more; those that are there are all that is trained on."""

    def __post_init__(self) -> None:
        if min(self.train, self.heldout, self.workers) < 1:
            raise InputError(f"DataConfig: expected at least one shard of each split and one worker, got {self}.")


def draw(config: DataConfig, tell: Callable[[str], None] = lambda line: None) -> None:
    """Draw the shards that are not there yet, first of all what is held out."""
    seconds = np.inf if config.seconds is None else config.seconds
    splits: tuple[tuple[Split, int, float], ...] = (
        ("heldout", config.heldout, np.inf),
        ("train", config.train, seconds),
    )
    for split, count, within in splits:
        missing = [k for k in range(count) if not shard_file(config.folder, split, k).exists()]
        for line in each(partial(_draw, config, split), missing, config.workers, within):
            tell(line)


def _draw(config: DataConfig, split: Split, number: int) -> str:
    file = shard_file(config.folder, split, number)
    write_shard(file, _shard(number, split, _bodies(), Variety(digits=config.digits)), taught())
    return f"{file.name}: {file.stat().st_size / 1e6:.1f} MB"


@cache
def _bodies() -> dict[str, Kinematics]:
    """Robots' kinematics by name, kept as long as this process."""
    return {}


def shard_file(folder: Path, split: str, number: int) -> Path:
    """Where a shard lies."""
    return folder / f"{split}-{number:05d}.npz"


def _shard(number: int, split: Split, bodies: dict[str, Kinematics], variety: Variety) -> list[Picture]:
    """All pictures of a shard: the same for the same number and split."""
    rng = np.random.default_rng([number, 7])
    shown = []
    for seed in range(number * LAYOUTS, (number + 1) * LAYOUTS):
        for posture in postures(seed, split, variety, bodies):
            shown += [picture for picture in posture.pictures if picture.things or rng.random() < EMPTY_KEPT]
    return shown


def write_shard(file: Path, shown: Sequence[Picture], config: EyeConfig) -> None:
    """Write pictures with the truth about them, in one step."""
    things = [(index, thing) for index, picture in enumerate(shown) for thing in picture.things]
    depth = np.stack([picture.view.depth for picture in shown]) / DEPTH_UNIT
    arrays: Arrays = {
        "rgb": np.stack([_color(picture) for picture in shown]),
        "depth": np.where(np.isfinite(depth), np.clip(np.rint(depth), 1, 65535), 0).astype(np.uint16),
        "owners": np.stack([picture.owners for picture in shown]),
        "K": np.stack([picture.view.K for picture in shown]),
        "T_bc": np.stack([picture.view.T_bc for picture in shown]),
        "base": np.stack([picture.base_pose_w for picture in shown]),
        "picture": np.array([index for index, _ in things], dtype=np.int32),
        "label": np.array([config.labels.index(thing.label) for _, thing in things], dtype=np.int16),
        "position_w": np.array([thing.position_w for _, thing in things]).reshape(-1, 3),
        "yaw": np.array([thing.yaw for _, thing in things]),
        "extent": np.array([thing.extent for _, thing in things]).reshape(-1, 3),
        "pixels": np.array([thing.pixels for _, thing in things], dtype=np.int32),
        "words": np.array(json.dumps(_words(config))),
    }
    for name, values in config.attributes.items():
        arrays[name] = np.array([values.index(_shown(thing, name)) for _, thing in things], dtype=np.int16)
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **cast(Any, arrays))
    write_bytes(file, buffer.getvalue())


def read_shard(file: Path, config: EyeConfig) -> Arrays:
    """The arrays of a shard, depth as float32 [m] with NaN.

    Raises:
        InputError: There is no such file, it is no shard, or it was written with another vocabulary.
    """
    try:
        with np.load(file, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
        words = json.loads(str(arrays.pop("words")))
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"{file}: expected a shard of pictures; it is not ({error}).") from error
    if words != _words(config):
        raise InputError(f"{file}: was drawn with another vocabulary; delete the folder and draw again.")
    depth = arrays["depth"].astype(np.float32) * np.float32(DEPTH_UNIT)
    depth[arrays["depth"] == 0] = np.nan
    arrays["depth"] = depth
    return arrays


def shards(folder: Path, split: Split) -> list[Path]:
    """The shards of a split there are. Raises: InputError if there is none."""
    files = sorted(folder.glob(f"{split}-*.npz"))
    if not files:
        raise InputError(f"{folder}: expected shards named {split}-00000.npz …, found none; draw them first.")
    return files


def shuffled(files: Sequence[Path], rng: np.random.Generator, config: EyeConfig, together: int = 4) -> Iterator[Arrays]:
    """All shards once in random order, `together` at a time in memory as one, so that a batch mixes layouts."""
    order = rng.permutation(len(files))
    for start in range(0, len(files), together):
        yield joined([read_shard(files[k], config) for k in order[start : start + together]])


def whole(files: Sequence[Path], config: EyeConfig, threads: int) -> Arrays:
    """All shards as one, read by several threads."""
    with ThreadPoolExecutor(threads) as pool:
        return joined(list(pool.map(lambda file: read_shard(file, config), files)))


def joined(parts: Sequence[Arrays]) -> Arrays:
    """Several shards as one."""
    offsets = np.cumsum([0, *(len(part["rgb"]) for part in parts)])
    moved = [{**part, "picture": part["picture"] + offset} for part, offset in zip(parts, offsets, strict=False)]
    return {name: np.concatenate([part[name] for part in moved]) for name in moved[0]}


def _shown(thing: SeenThing, attribute: str) -> str:
    """What of an attribute is there to be seen."""
    if attribute == "digit" and thing.written < LEGIBLE:
        return ABSENT
    return thing.attributes.get(attribute, ABSENT)


def _words(config: EyeConfig) -> dict[str, Any]:
    return {"labels": list(config.labels), "attributes": {k: list(v) for k, v in config.attributes.items()}}


def _color(picture: Picture) -> NDArray[Any]:
    if picture.view.rgb is None:
        raise InputError("write_shard: expected pictures with colour, got one without.")
    return picture.view.rgb


def main() -> None:
    """Draw shards, from the command line."""
    console = Console(highlight=False)
    draw(tyro.cli(DataConfig, description=__doc__), lambda line: console.print(line, soft_wrap=True))


if __name__ == "__main__":
    main()

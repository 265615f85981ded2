"""Train hearing: ``python -m yanshi.agent.hearing.training --out DIR``. Makes its data, trains, calibrates, exports.

Everything is kept in the folder, piece by piece: what was killed goes on where it was. `DIR/weights` is then what
``Hearing.from_pretrained(DIR / "weights")`` loads; in `sim_assets/weights/hearing` it is what is shipped.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path

import numpy as np
import torch
import tyro
from safetensors.numpy import load_file, save_file

from yanshi.agent.hearing.sounds import ARRAY, HELD_OUT, Clip, clip, examples
from yanshi.contracts import Array
from yanshi.errors import InputError
from yanshi.perception.hearing.calibration import Error, best_thresholds, fit_errors
from yanshi.perception.hearing.features import FRAMES, POOL
from yanshi.perception.hearing.listening import find
from yanshi.perception.hearing.network import CLASSES, SoundNet, SoundNetConfig
from yanshi.perception.hearing.training import Row, TrainingConfig, train
from yanshi.perception.hearing.weights import HearingModel, save_hearing
from yanshi.perception.hearing.window import Window

CHUNK = 100
"""Examples of one file."""
CALIBRATION = 2 * HELD_OUT
"""Seeds from here on are for calibration, and never for figures."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """How much is made and how long is trained. The same options and seed give the same weights on one machine."""

    out: Path = Path("out/hearing")
    """For data, checkpoint, curve and weights."""
    clips: int = 6000
    """Windows to learn from."""
    held_out: int = 300
    """Windows to watch the training with."""
    calibration: int = 600
    """Windows, again others, from which thresholds and the size of errors of direction are learned."""
    epochs: int = 20
    """Times that every window is shown."""
    seed: int = 0
    """Of the first weights and the order of windows."""

    def __post_init__(self) -> None:
        if min(self.clips, self.held_out, self.calibration, self.epochs) < 1:
            raise InputError("Hearing training: expected clips, held_out, calibration and epochs >= 1.")


def main(arguments: Sequence[str] | None = None) -> None:
    """From the command line."""
    teach(tyro.cli(Options, args=arguments))


def teach(options: Options) -> None:
    """Make data, train, calibrate, export."""
    torch.set_num_threads(1)
    held_out = data(options.out / "data", HELD_OUT, options.held_out)
    shown = data(options.out / "data", 0, options.clips)
    torch.manual_seed(options.seed)
    net = SoundNet(SoundNetConfig())
    config = TrainingConfig(epochs=options.epochs, seed=options.seed)
    rows = train(net, shown, held_out, options.out, config, lambda row: _say(_line(row)))
    model = calibrated(net, held_out, options.calibration)
    meta = {
        "clips": options.clips, "epochs": options.epochs, "seed": options.seed, "cpu_seconds": rows[-1].cpu_seconds,
        "held_out_exact": rows[-1].exact,
    }  # fmt: skip
    save_hearing(replace(model, meta=meta), options.out / "weights")
    (options.out / "weights" / "README.md").write_text(card(options, rows))
    _say(f"wrote {options.out / 'weights'}")


def data(folder: Path, first: int, count: int) -> dict[str, Array]:
    """`count` examples from seed `first` on, made where they are not in the folder yet."""
    chunks = [_chunk(folder, first + k) for k in range(0, count, CHUNK)]
    return {name: np.concatenate([chunk[name] for chunk in chunks])[:count] for name in chunks[0]}


def calibrated(net: SoundNet, held_out: dict[str, Array], count: int) -> HearingModel:
    """A network with thresholds from `held_out` and with the size of its errors on `count` fresh clips."""
    classes = net.config.classes
    net.eval()
    with torch.inference_mode():
        features = torch.from_numpy(held_out["features"].astype(np.float32))
        probability = torch.sigmoid(net(features).presence).numpy()
    thresholds = best_thresholds(probability, held_out["present"])
    model = HearingModel(net, thresholds, np.zeros((len(classes), 4)))
    errors = [
        Error(found.index, found.estimate, made.directions[found.index])
        for made in (clip(CALIBRATION + k) for k in range(count))
        for found in find(model, window_of(made))
        if made.present[found.index] == 1.0
    ]
    return replace(model, errors=fit_errors(errors, len(classes)))


def window_of(made: Clip) -> Window:
    """A clip as it would have been recorded by an array that lies in the map as it is."""
    pairs = np.array(list(combinations(range(len(ARRAY)), 2)))
    lines = ARRAY[pairs[:, 1]] - ARRAY[pairs[:, 0]]
    return Window(made.audio, 0.0, np.zeros(3), (lines,), np.zeros(FRAMES * POOL, dtype=int))


def card(options: Options, rows: Sequence[Row]) -> str:
    """What the weights are, in Markdown."""
    curve = "\n".join(
        f"| {row.epoch} | {row.loss:.3f} | {row.held_out_loss:.3f} | {100 * row.exact:.1f} | {row.cpu_seconds:.0f} |"
        for row in rows
    )
    return f"""# Hearing

A small U-net over 1 s of log-mel power and agreement between microphones: which of {", ".join(CLASSES)} are heard,
which part of the spectrum is theirs, how far they have come. Directions come from the masks (`direction`).

- Data: {options.clips} windows of simulated rooms, free field and doorways (`yanshi.agent.hearing.sounds`), seeds
  0 to {options.clips - 1}; watched on {options.held_out} held-out ones, calibrated on {options.calibration} others.
- Command: `python -m yanshi.agent.hearing.training --out DIR --clips {options.clips} --held-out {options.held_out}
  --calibration {options.calibration} --epochs {options.epochs} --seed {options.seed}`; it goes on where it was killed.
- Figures: `python benchmarks/hearing.py`.
- Limits: it knows the sounds of the simulated world, at slightly other pitches and levels; not those of a real home.
  Distance from how it sounds rests on how loud such a thing usually is.

| epoch | loss | held-out loss | all classes right, % | CPU s |
|---:|---:|---:|---:|---:|
{curve}
"""


def _chunk(folder: Path, first: int) -> dict[str, Array]:
    path = folder / f"{first:08d}.safetensors"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        beside = path.with_suffix(".tmp")
        save_file(examples(first, CHUNK), beside)
        beside.replace(path)
        _say(f"made {path.name}")
    return load_file(path)


def _line(row: Row) -> str:
    return (
        f"epoch {row.epoch}: loss {row.loss:.3f}, held out {row.held_out_loss:.3f}, "
        f"all classes right {100 * row.exact:.1f} %, {row.cpu_seconds:.0f} CPU s"
    )


def _say(text: str) -> None:
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {text}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    main()

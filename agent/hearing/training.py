"""Train hearing: ``python -m yanshi.agent.hearing.training --out DIR``. Draws, trains, calibrates, exports.

Everything is kept in the folder, piece by piece: what was killed goes on where it was. `DIR/weights` is then what
``Hearing.from_pretrained(DIR / "weights")`` loads; in `sim_assets/weights/hearing` it is what is shipped.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from itertools import combinations
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import load_file, save_file

from yanshi.agent.hearing.mixing import Mixer
from yanshi.agent.hearing.pool import pool
from yanshi.agent.hearing.sounds import ARRAY, HELD_OUT, Clip, clip, examples
from yanshi.agent.learning.parallel import each
from yanshi.contracts import Array
from yanshi.errors import InputError
from yanshi.perception.hearing.calibration import Error, best_thresholds, fit_errors
from yanshi.perception.hearing.features import FRAMES, POOL
from yanshi.perception.hearing.listening import find
from yanshi.perception.hearing.network import CLASSES, SoundNet, SoundNetConfig
from yanshi.perception.hearing.training import LOOK, Row, TrainingConfig, tensors, train
from yanshi.perception.hearing.weights import HearingModel, load_hearing, save_hearing
from yanshi.perception.hearing.window import Window

CHUNK = 100
"""Held-out windows of one file."""
CALIBRATION = 2 * HELD_OUT
"""Seeds from here on are for calibration, and never for figures."""
LOCATED = 25
"""Windows that one process locates at a time."""
AFTERWARDS = 15.0, 0.06
"""What calibrating takes at most [s]: in all, and for each window in one process."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """How much is drawn and how long is trained. Without a limit of time the same options give the same weights on one
    machine, however many processes draw.
    """

    out: Path = Path("out/hearing")
    """For data, checkpoint, curve and weights."""
    clips: int = 6000
    """Single sounds to mix windows from; an epoch mixes as many windows."""
    held_out: int = 600
    """Windows to watch the training with and to learn thresholds from."""
    calibration: int = 600
    """Windows, again others, from which the size of errors of direction is learned."""
    epochs: int = 12
    """How often as many windows as there are sounds are mixed and shown."""
    seed: int = 0
    """Of the first weights and of what is mixed."""
    batch: int = 64
    """Windows of a step; more keep a GPU busy."""
    base: int = 16
    """Channels of the first stage of the network."""
    context: int = 3
    """Blocks of it that look around in time."""
    device: str = "cpu"
    """Where windows are mixed and learned from; ``cuda`` where there is one."""
    workers: int = 1
    """Processes that draw and calibrate."""
    seconds: float = float("inf")
    """All is done after about this long; what was not drawn or learned by then is left out."""
    draw_only: bool = False
    """Draw what is learned from, and no more."""

    def __post_init__(self) -> None:
        if min(self.clips, self.held_out, self.calibration, self.epochs, self.batch, self.workers) < 1:
            raise InputError("Hearing training: expected clips, held_out, calibration, epochs, batch and workers >= 1.")


def main(arguments: Sequence[str] | None = None) -> None:
    """From the command line."""
    import tyro

    teach(tyro.cli(Options, args=arguments))


def teach(options: Options) -> None:
    """Draw, train, calibrate, export."""
    until = time.monotonic() + options.seconds
    torch.set_num_threads(1)
    torch.backends.cudnn.benchmark = True
    kept = options.out / "data"
    held_out = data(kept, HELD_OUT, options.held_out, options.workers)
    left = until - time.monotonic()
    sounds = pool(kept / "sounds", options.clips, options.workers, left if options.draw_only else 0.5 * left)
    _say(f"{len(sounds)} sounds, {len(held_out['features'])} held-out windows")
    if options.draw_only:
        return
    torch.manual_seed(options.seed)
    net = SoundNet(SoundNetConfig(base=options.base, context=options.context)).to(options.device)
    watched = tensors(held_out, device=options.device)
    mixer = Mixer(sounds, options.batch, options.seed, options.device)
    calibrating = AFTERWARDS[0] + AFTERWARDS[1] * options.calibration / options.workers
    config = TrainingConfig(
        epochs=options.epochs, seconds=max(1.0, until - time.monotonic() - calibrating),
        rate=TrainingConfig.rate * (options.batch / 64.0) ** 0.5,
    )  # fmt: skip
    rows = train(net, mixer, watched, options.out, config, lambda row: _say(_line(row)))
    with torch.inference_mode():
        parts = [net(part).presence for part in torch.split(watched["features"], LOOK)]
        probability = torch.sigmoid(torch.cat(parts)).cpu().numpy()
    meta = {
        "sounds": len(sounds), "windows": len(rows) * len(mixer) * options.batch, "seed": options.seed,
        "cpu_seconds": rows[-1].cpu_seconds, "held_out_exact": rows[-1].exact,
    }  # fmt: skip
    thresholds = best_thresholds(probability, held_out["present"])
    model = HearingModel(net.cpu().eval(), thresholds, np.zeros((len(CLASSES), 4)), meta)
    calibrate(model, options.out / "weights", options.calibration, options.workers)
    (options.out / "weights" / "README.md").write_text(card(options, len(sounds), rows))
    _say(f"wrote {options.out / 'weights'}")


def data(folder: Path, first: int, count: int, workers: int = 1) -> dict[str, Array]:
    """`count` examples from seed `first` on, made where they are not in the folder yet."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{first + k:08d}.safetensors" for k in range(0, count, CHUNK)]
    list(each(_make, [path for path in paths if not path.exists()], workers))
    chunks = [load_file(path) for path in paths]
    return {name: np.concatenate([chunk[name] for chunk in chunks])[:count] for name in chunks[0]}


def calibrate(model: HearingModel, folder: Path, count: int, workers: int = 1) -> None:
    """Write a model into a folder, with the size of its errors on `count` fresh clips."""
    save_hearing(model, folder)
    jobs = [(folder, CALIBRATION + k, min(LOCATED, count - k)) for k in range(0, count, LOCATED)]
    errors = [error for part in each(_located, jobs, workers) for error in part]
    save_hearing(replace(model, errors=fit_errors(errors, len(model.net.config.classes))), folder)


def window_of(made: Clip) -> Window:
    """A clip as it would have been recorded by an array that lies in the map as it is."""
    pairs = np.array(list(combinations(range(len(ARRAY)), 2)))
    lines = ARRAY[pairs[:, 1]] - ARRAY[pairs[:, 0]]
    return Window(made.audio, 0.0, np.zeros(3), (lines,), np.zeros(FRAMES * POOL, dtype=int))


def card(options: Options, sounds: int, rows: Sequence[Row]) -> str:
    """What the weights are, in Markdown."""
    curve = "\n".join(
        f"| {row.epoch} | {row.loss:.3f} | {row.held_out_loss:.3f} | {100 * row.exact:.1f} | {row.cpu_seconds:.0f} |"
        for row in (*rows[: -1 : max(1, len(rows) // 12)], rows[-1])
    )
    given = {name: value for name, value in asdict(options).items() if value != getattr(Options, name)}
    said = " ".join(f"--{name.replace('_', '-')} {value}" for name, value in given.items() if name != "out")
    return f"""# Hearing

A small U-net over 1 s of log-mel power and agreement between microphones: which of {", ".join(CLASSES)} are heard,
which part of the spectrum is theirs, how far they have come. Directions come from the masks (`direction`).

- Data: {sounds} sounds in simulated rooms, free field and doorways (`yanshi.agent.hearing.pool`), mixed anew for every
  window (`mixing`); watched on {options.held_out} held-out clips, calibrated on {options.calibration} others.
- Command: `python -m yanshi.agent.hearing.training --out DIR {said}`; it goes on where it was killed.
- Figures: `python benchmarks/hearing.py`.
- Limits: it knows the sounds of the simulated world, at slightly other pitches and levels; not those of a real home.
  Distance from how it sounds rests on how loud such a thing usually is.

| epoch | loss | held-out loss | all classes right, % | CPU s |
|---:|---:|---:|---:|---:|
{curve}
"""


def _make(path: Path) -> None:
    beside = path.with_suffix(".tmp")
    save_file(examples(int(path.stem), CHUNK), beside)
    beside.replace(path)


def _located(job: tuple[Path, int, int]) -> list[Error]:
    """What a model in a folder makes of the directions of some clips."""
    torch.set_num_threads(1)
    folder, first, count = job
    model = load_hearing(folder)
    return [
        Error(found.index, found.estimate, made.directions[found.index])
        for made in (clip(first + k) for k in range(count))
        for found in find(model, window_of(made))
        if made.present[found.index] == 1.0
    ]


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

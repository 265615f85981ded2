"""Trains the eye: draws pictures, aligns them with words, resumes where it was broken off, leaves weights with a card.

``python -m yanshi.agent.seeing.training --help`` tells its options. Everything that decides the result is in
`EyeTraining`; a run that is broken off and taken up again sees the same batches.
"""

from __future__ import annotations

import json
import platform
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import tyro
from rich.console import Console
from torch import Tensor

from yanshi.agent.learning.checkpoint import read, write, write_bytes
from yanshi.agent.seeing.batches import Batch, Faults, batch, held
from yanshi.agent.seeing.card import card_text, draw_curve
from yanshi.agent.seeing.shards import DataConfig, draw, read_shard, shards, shuffled, whole
from yanshi.agent.seeing.teaching import PhraseBank, embedded, lesson, reading, total
from yanshi.agent.seeing.validation import validate
from yanshi.agent.seeing.words import bank, taught
from yanshi.errors import InputError
from yanshi.perception.grounding.config import EyeConfig
from yanshi.perception.grounding.network import ObjectNet
from yanshi.perception.grounding.storage import load_eye, save_eye
from yanshi.planning.embedding import MiniLM, SentenceEmbedder

NOT_DECISIVE = ("out", "device", "threads", "every", "half", "watched", "seconds")
"""Options that may be others when a run is taken up again."""
CHECKPOINT, WEIGHTS, CARD, CURVE, LOG = "checkpoint.safetensors", "eye.safetensors", "CARD.md", "curve.png", "log.json"


@dataclass(frozen=True, kw_only=True)
class EyeTraining:
    """How an eye is trained. The defaults take about 1.7 CPU hours, of which drawing pictures takes 15 minutes."""

    out: Path = Path("runs/seeing/eye")
    """Where checkpoint, weights, curve and card go."""
    data: DataConfig = field(default_factory=DataConfig)
    initial: Path | None = None
    """Weights of an eye to begin with, where its layers have the same shapes; else they begin afresh."""
    readers_only: bool = False
    """Teach only what is read from crops, and leave everything else as it is in `initial`: forty times as fast."""
    steps: int = 20_000
    seconds: float | None = None
    """Of the clock on the wall, with reading the pictures and keeping the weights: the rate falls with whichever of
    steps and time is used up first, and weights are left before the time is over."""
    batch: int = 8
    """Pictures in a step."""
    together: int | None = 4
    """Shards in memory at a time; None for all of them, on the device, where there is room."""
    learning_rate: float = 2e-3
    """At its height: it rises for `warm_up` steps and falls along half a cosine."""
    warm_up: int = 300
    weight_decay: float = 0.02
    propose_after: int = 1500
    """From this step on the eye is also taught on its own proposals …"""
    proposing: int = 8
    """… in so many of a step's pictures: they are made by the processor."""
    average: float = 0.999
    """How slowly the weights that are kept follow those that are learned."""
    phrases: int = 4000
    """In the bank that pictures are aligned with."""
    every: int = 500
    """Steps between checkpoints and looks at the held-out layouts."""
    watched: int = 200
    """Held-out pictures that are looked at."""
    seed: int = 0
    device: str = "cpu"
    """`cuda` where there is one."""
    threads: int = 1
    """Of the processor. With more, torch 2.13 corrupts its memory when few crops of 13 channels are learned from."""
    half: bool = True
    """Compute pictures in bfloat16; faster where the processor or GPU has units for it."""
    faults: Faults = field(default_factory=Faults)

    def __post_init__(self) -> None:
        if min(self.steps, self.batch, self.every, self.phrases, self.threads) < 1:
            raise InputError(f"EyeTraining: expected positive steps, batch, every, phrases and threads, got {self}.")
        if self.readers_only and self.initial is None:
            raise InputError("EyeTraining: expected --initial with --readers-only: the eye that is to learn to read.")


@dataclass
class Progress:
    """What a run remembers beside its tensors."""

    step: int = 0
    cpu_seconds: float = 0.0
    seconds: float = 0.0
    """Of the clock on the wall."""
    losses: list[dict[str, float]] = field(default_factory=list)
    """Mean losses between two checkpoints, with ``step``."""
    scores: list[dict[str, float]] = field(default_factory=list)
    """What `validate` said at each checkpoint, with ``step``."""


def train(
    config: EyeTraining, words: SentenceEmbedder | None = None, tell: Callable[[str], None] = lambda line: None
) -> Path:
    """Train an eye, or go on training it.

    Args:
        config: how.
        words: sentence embeddings; the shipped MiniLM if None.
        tell: is told how it goes, line by line.

    Returns:
        The weights file.

    Raises:
        InputError: `out` holds the checkpoint of a run with another configuration.
    """
    clock = Clock(config.seconds)
    torch.set_num_threads(config.threads)
    draw(config.data, tell)
    eye = taught()
    torch.manual_seed(config.seed)
    phrases = phrase_bank(config, words or MiniLM())
    network = ObjectNet(replace(eye, text=phrases.embeddings.shape[1])).to(config.device)
    if config.initial is not None:
        begin_with(network, load_eye(config.initial))
    network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    learning = network.readers if config.readers_only else network
    optimizer = torch.optim.AdamW(
        learning.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay, fused=config.device != "cpu"
    )
    average = {name: value.detach().clone() for name, value in network.state_dict().items()}
    progress = _resume(config, network, optimizer, average)
    heldout = read_shard(shards(config.data.folder, "heldout")[0], eye)
    clock.resume(progress)
    sums: dict[str, list[Tensor]] = {}
    for shown in batches(config, progress.step):
        rate = _rate(config, progress.step, clock.used())
        for group in optimizer.param_groups:
            group["lr"] = rate
        rng = np.random.default_rng([config.seed, 2, progress.step])
        if config.readers_only:
            losses = reading(network, shown)
        else:
            proposing = config.proposing if progress.step >= config.propose_after else 0
            losses = lesson(network, shown, phrases, rng, proposing=proposing, half=config.half)
        optimizer.zero_grad(set_to_none=True)
        total(losses).backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        optimizer.step()
        progress.step += 1
        _follow(average, network, min(config.average, progress.step / (progress.step + 10.0)))
        for name, loss in losses.items():
            sums.setdefault(name, []).append(loss.detach())
        last = progress.step >= config.steps or clock.over()
        if progress.step % config.every and not last:
            continue
        clock.keeping()
        means = {name: float(torch.stack(values).mean()) for name, values in sums.items()}
        progress.losses.append({"step": progress.step, **means})
        sums = {}
        kept = _averaged(network, average)
        progress.scores.append({"step": progress.step, **validate(kept, heldout, config.watched)})
        clock.tell(progress)
        _keep(config, network, optimizer, average, progress)
        save_eye(kept, config.out / WEIGHTS, _card(config, progress))
        _tell_of(config, progress, tell)
        clock.kept()
        if last:
            break
    return config.out / WEIGHTS


class Clock:
    """The time of a run, which ends early enough for its weights to be kept."""

    def __init__(self, seconds: float | None) -> None:
        self._seconds = seconds
        self._wall, self._cpu = time.monotonic(), time.process_time()
        self._keeping, self._longest = self._wall, 10.0

    def resume(self, progress: Progress) -> None:
        """Count what was used before the run was broken off."""
        self._wall -= progress.seconds
        self._cpu -= progress.cpu_seconds

    def used(self) -> float:
        """The share of the time that is used up, from 0."""
        if self._seconds is None:
            return 0.0
        return (time.monotonic() - self._wall) / max(self._seconds - 1.5 * self._longest, 1.0)

    def over(self) -> bool:
        """Whether what is left is needed for keeping the weights."""
        return self.used() >= 1.0

    def keeping(self) -> None:
        """From now on weights are kept …"""
        self._keeping = time.monotonic()

    def kept(self) -> None:
        """… until now."""
        self._longest = max(self._longest, time.monotonic() - self._keeping)

    def tell(self, progress: Progress) -> None:
        """Write down what is used up."""
        progress.seconds, progress.cpu_seconds = time.monotonic() - self._wall, time.process_time() - self._cpu


def begin_with(network: ObjectNet, taught_before: ObjectNet) -> None:
    """Take over every tensor of another eye that has the same name and shape."""
    own, other = network.state_dict(), taught_before.state_dict()
    same = {name: value for name, value in other.items() if name in own and own[name].shape == value.shape}
    network.load_state_dict(same, strict=False)


def batches(config: EyeTraining, start: int) -> Iterator[Batch]:
    """The batches of steps `start` … `config.steps`, the same whether or not the run was broken off.

    Pass after pass over all shards, each in an order of its own; batches that came before `start` are not made.
    """
    eye, step = taught(), 0
    for turn, shown, order in _passes(config, eye):
        for first in range(0, len(order) - config.batch + 1, config.batch):
            if step >= config.steps:
                return
            if step >= start:
                rng = np.random.default_rng([config.seed, 1, step])
                yield batch(shown, order[first : first + config.batch], eye, rng, config.faults)
            step += 1
        if turn > 0 and step == 0:
            raise InputError(f"{config.data.folder}: expected at least {config.batch} pictures, there are fewer.")


def _passes(config: EyeTraining, eye: EyeConfig) -> Iterator[tuple[int, Mapping[str, Any], np.ndarray]]:
    """Pass after pass: its number, pictures, and the order in which they are shown."""
    files = shards(config.data.folder, "train")
    every = held(whole(files, eye, config.threads), config.device) if config.together is None else None
    for turn in range(config.steps + 1):
        rng = np.random.default_rng([config.seed, 0, turn])
        if every is not None:
            yield turn, every, rng.permutation(len(every["rgb"]))
            continue
        for arrays in shuffled(files, rng, eye, config.together or len(files)):
            yield turn, held(arrays, config.device), rng.permutation(len(arrays["rgb"]))


def phrase_bank(config: EyeTraining, words: SentenceEmbedder) -> PhraseBank:
    """Phrases of the training split with their embeddings; kept beside the data."""
    phrases = bank(np.random.default_rng([config.seed, 3]), config.phrases, "train", taught())
    file = config.data.folder / f"phrases-{config.seed}-{len(phrases)}.safetensors"
    texts = [phrase.words for phrase in phrases]
    if file.exists():
        arrays, meta = read(file)
        if meta.get("texts") == texts:
            return embedded(phrases, arrays["embeddings"], taught(), config.device)
    vectors = words.embed(texts)
    write(file, {"embeddings": vectors}, {"texts": texts})
    return embedded(phrases, vectors, taught(), config.device)


def _rate(config: EyeTraining, step: int, used: float) -> float:
    rise = min(1.0, (step + 1) / max(config.warm_up, 1))
    fall = 0.5 * (1.0 + float(np.cos(np.pi * min(1.0, max(used, step / config.steps)))))
    return config.learning_rate * rise * max(fall, 0.01)


def _follow(average: dict[str, Tensor], network: ObjectNet, slow: float) -> None:
    values = network.state_dict()
    with torch.no_grad():
        torch._foreach_lerp_(list(average.values()), [values[name] for name in average], 1.0 - slow)


def _averaged(network: ObjectNet, average: dict[str, Tensor]) -> ObjectNet:
    kept = ObjectNet(network.config).to(next(network.parameters()).device)
    kept.load_state_dict(average)
    return kept.eval()


def _decisive(config: EyeTraining) -> dict[str, Any]:
    """What must be the same for a run to be taken up again."""
    values = json.loads(json.dumps(asdict(config), default=str))
    values["data"] = {k: v for k, v in values["data"].items() if k not in ("workers", "seconds")}
    return {k: v for k, v in values.items() if k not in NOT_DECISIVE}


def _keep(
    config: EyeTraining,
    network: ObjectNet,
    optimizer: torch.optim.Optimizer,
    average: dict[str, Tensor],
    progress: Progress,
) -> None:
    """Write the checkpoint, in one step."""
    arrays = {f"weight/{name}": value for name, value in network.state_dict().items()}
    arrays |= {f"average/{name}": value for name, value in average.items()}
    for index, state in optimizer.state_dict()["state"].items():
        arrays |= {f"optimizer/{index}/{name}": torch.as_tensor(value) for name, value in state.items()}
    meta = {"config": _decisive(config), "progress": asdict(progress)}
    write(config.out / CHECKPOINT, {k: v.detach().float().cpu().numpy() for k, v in arrays.items()}, meta)


def _resume(
    config: EyeTraining, network: ObjectNet, optimizer: torch.optim.Optimizer, average: dict[str, Tensor]
) -> Progress:
    file = config.out / CHECKPOINT
    if not file.exists():
        return Progress()
    arrays, meta = read(file)
    if meta["config"] != _decisive(config):
        changed = sorted(k for k, v in _decisive(config).items() if meta["config"].get(k) != v)
        raise InputError(f"{file}: belongs to a run with other settings ({', '.join(changed)}); choose another --out.")
    device = next(network.parameters()).device
    tensors = {name: torch.as_tensor(value).to(device) for name, value in arrays.items()}
    network.load_state_dict({name: tensors[f"weight/{name}"] for name in network.state_dict()})
    for name, value in average.items():
        value.copy_(tensors[f"average/{name}"])
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        if key.startswith("optimizer/"):
            _, index, name = key.split("/")
            state.setdefault(int(index), {})[name] = value.cpu() if name == "step" else value
    optimizer.load_state_dict({**optimizer.state_dict(), "state": state})
    return Progress(**meta["progress"])


def _card(config: EyeTraining, progress: Progress) -> dict[str, Any]:
    """What is to be known of the weights."""
    return {
        "training": json.loads(json.dumps(asdict(config), default=str)),
        "shards": len(shards(config.data.folder, "train")),
        "step": progress.step,
        "cpu_seconds": round(progress.cpu_seconds),
        "pictures": progress.step * config.batch,
        "heldout": progress.scores[-1] if progress.scores else {},
        "versions": {"python": platform.python_version(), "torch": torch.__version__, "numpy": np.__version__},
    }


def _tell_of(config: EyeTraining, progress: Progress, tell: Callable[[str], None]) -> None:
    write_bytes(config.out / LOG, json.dumps(asdict(progress), indent=1).encode())
    write_bytes(config.out / CARD, card_text(_card(config, progress)).encode())
    draw_curve(progress.losses, progress.scores, config.out / CURVE)
    loss = " ".join(f"{k} {v:.3f}" for k, v in progress.losses[-1].items() if k != "step")
    score = " ".join(f"{k} {v:.3f}" for k, v in progress.scores[-1].items() if k != "step")
    used = f"{progress.seconds:.0f} s, {progress.cpu_seconds:.0f} CPU s"
    tell(f"step {progress.step} of {config.steps}, {used} | {loss} | {score}")


def main() -> None:
    """From the command line."""
    console = Console(highlight=False)
    train(tyro.cli(EyeTraining, description=__doc__), tell=lambda line: console.print(line, soft_wrap=True))


if __name__ == "__main__":
    main()

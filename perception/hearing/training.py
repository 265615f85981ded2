"""Training of a `SoundNet`: seeded, resumable to the same end, with a row of figures for every epoch."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from yanshi.contracts import Array
from yanshi.errors import ModelError
from yanshi.perception.hearing.network import Heard, SoundNet

CHECKPOINT, ROWS = "checkpoint.safetensors", "curve.json"
WARM = 0.05
"""Share of the time in which the learning rate rises."""
LOOK = 256
"""Held-out examples that are measured at once."""


class Lessons(Protocol):
    """What is learned from, a batch at a time."""

    def __len__(self) -> int:
        """Batches of an epoch."""

    def batch(self, step: int) -> Mapping[str, Tensor]:
        """The batch of a step, the same whenever it is asked for: ``features`` (B, channels, frames, bands),
        ``present`` (B, C) with NaN where nobody could say, ``masks`` (B, C, frames, bands) [0, 1], ``distance`` (B, C)
        [m] with NaN where there is none. All on the device on which the network learns.
        """


class Shown:
    """A fixed set of examples, shown in another order every epoch.

    Args:
        data: N of what `Lessons` gives, with ``masks`` uint8 of 1/255.
        batch: Examples of a batch.
        seed: Of the order.
        device: Where batches are wanted.
    """

    def __init__(self, data: Mapping[str, Array], batch: int, seed: int = 0, device: str = "cpu") -> None:
        self._data, self._batch, self._seed, self._device = data, batch, seed, device

    def __len__(self) -> int:
        return -(-len(self._data["features"]) // self._batch)

    def batch(self, step: int) -> dict[str, Tensor]:
        """See `Lessons`."""
        epoch, turn = divmod(step, len(self))
        order = np.random.default_rng((self._seed, epoch)).permutation(len(self._data["features"]))
        return tensors(self._data, np.sort(order[turn * self._batch :][: self._batch]), self._device)


@dataclass(frozen=True, kw_only=True)
class TrainingConfig:
    """How long and how fast."""

    epochs: int = 20
    """How often as many batches are learned from as `Lessons` has."""
    seconds: float = float("inf")
    """Learning is over after this long, however many epochs there were; the rate then falls in time."""
    rate: float = 2e-3
    """Greatest learning rate; rises over the first twentieth of the time and falls to nothing like a cosine."""
    decay: float = 1e-2
    """Of weights, as in AdamW."""
    mask_weight: float = 3.0
    """Of the loss of masks beside that of presence."""
    distance_weight: float = 0.05
    """Of the loss of distance."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """What an epoch came to."""

    epoch: int
    loss: float
    """On what was shown."""
    held_out_loss: float
    exact: float
    """Share of held-out windows in which every class was told right at a threshold of ½."""
    cpu_seconds: float
    """So far."""


def train(
    net: SoundNet,
    lessons: Lessons,
    held_out: Mapping[str, Tensor],
    folder: Path,
    config: TrainingConfig,
    tell: Callable[[Row], None],
) -> list[Row]:
    """Train a network in place, from its last checkpoint in `folder` if there is one.

    Args:
        net: What learns, on the device of what it is shown.
        lessons: What it learns from.
        held_out: The same, all in one, never learned from.
        folder: For checkpoint and figures.
        config: How long and how fast.
        tell: Is given every row.

    Returns:
        A row for every epoch, those before a resumption too; the last is a part of one where time was up.
    """
    folder.mkdir(parents=True, exist_ok=True)
    steps = config.epochs * len(lessons)
    optimizer = torch.optim.AdamW(net.parameters(), lr=config.rate, weight_decay=config.decay)
    rows = _resume(net, optimizer, folder)
    start = time.monotonic()
    for epoch in range(len(rows), config.epochs):
        began = time.process_time()
        net.train()
        losses: list[Tensor] = []
        for step in range(epoch * len(lessons), (epoch + 1) * len(lessons)):
            progress = max(step / steps, (time.monotonic() - start) / config.seconds)
            if progress >= 1.0:
                break
            batch = lessons.batch(step)
            loss = loss_of(net(batch["features"]), batch, config)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(net.parameters(), 5.0)
            for group in optimizer.param_groups:
                group["lr"] = config.rate * _rate(progress)
            optimizer.step()
            losses.append(loss.detach())
        if not losses:
            break
        mean = float(torch.stack(losses).mean())
        held_out_loss, exact = _measure(net, held_out, config)
        spent = time.process_time() - began + (rows[-1].cpu_seconds if rows else 0.0)
        rows.append(Row(epoch=epoch + 1, loss=mean, held_out_loss=held_out_loss, exact=exact, cpu_seconds=spent))
        _save(net, optimizer, rows, folder)
        tell(rows[-1])
    net.eval()
    return rows


def tensors(data: Mapping[str, Array], rows: Array | slice = slice(None), device: str = "cpu") -> dict[str, Tensor]:
    """Some rows of a fixed set of examples, as `Lessons` gives them."""
    batch = {name: torch.from_numpy(np.asarray(data[name][rows], dtype=np.float32)).to(device) for name in data}
    batch["masks"] = batch["masks"] / 255.0
    return batch


def loss_of(heard: Heard, batch: Mapping[str, Tensor], config: TrainingConfig) -> Tensor:
    """Cross-entropy of presence and masks, and the negative log likelihood of log distances, each a mean over what is
    known.
    """
    known = torch.isfinite(batch["present"])
    there = torch.nan_to_num(batch["present"])
    presence = torch.nn.functional.binary_cross_entropy_with_logits(heard.presence, there, reduction="none")
    masks = torch.nn.functional.binary_cross_entropy_with_logits(heard.masks, batch["masks"], reduction="none")
    # Masks of what is not there are nothing; they count, but less, since there are many more of them.
    weight = torch.where(torch.isfinite(batch["distance"]), 1.0, 0.1)
    masks = (masks.mean(dim=(2, 3)) * weight).sum() / weight.sum()
    far = torch.isfinite(batch["distance"]) & (there > 0.5)
    mean, deviation = heard.distance[..., 0], heard.distance[..., 1].clamp(-3.0, 2.0)
    error = (torch.log(torch.nan_to_num(batch["distance"], nan=1.0)) - mean) * torch.exp(-deviation)
    distance = ((0.5 * error.square() + deviation) * far).sum() / far.sum().clamp(min=1)
    presence = (presence * known).sum() / known.sum().clamp(min=1)
    total: Tensor = presence + config.mask_weight * masks + config.distance_weight * distance
    return total


def _rate(progress: float) -> float:
    if progress < WARM:
        return progress / WARM + 1e-3
    return float(0.5 * (1.0 + np.cos(np.pi * min(1.0, (progress - WARM) / (1.0 - WARM)))))


@torch.no_grad()
def _measure(net: SoundNet, held_out: Mapping[str, Tensor], config: TrainingConfig) -> tuple[float, float]:
    net.eval()
    loss, right, count = 0.0, 0, len(held_out["features"])
    for first in range(0, count, LOOK):
        batch = {name: value[first : first + LOOK] for name, value in held_out.items()}
        heard = net(batch["features"])
        loss += float(loss_of(heard, batch, config)) * len(batch["present"])
        wrong = torch.isfinite(batch["present"]) & ((heard.presence > 0.0) != (batch["present"] > 0.5))
        right += int((~wrong.any(dim=1)).sum())
    return loss / count, right / count


def _save(net: SoundNet, optimizer: torch.optim.Optimizer, rows: list[Row], folder: Path) -> None:
    """Write beside and rename, so that a kill leaves the old checkpoint or the new one."""
    tensors = {f"net.{name}": value.contiguous() for name, value in net.state_dict().items()}
    for index, state in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{index}.{name}": value for name, value in state.items()}
    said = json.dumps([asdict(row) for row in rows], indent=1)
    beside = folder / f".{CHECKPOINT}.tmp"
    save_file(tensors, beside, metadata={"rows": said})
    beside.replace(folder / CHECKPOINT)
    (folder / ROWS).write_text(said + "\n")


def _resume(net: SoundNet, optimizer: torch.optim.Optimizer, folder: Path) -> list[Row]:
    path = folder / CHECKPOINT
    if not path.exists():
        return []
    try:
        with safe_open(path, framework="pt") as file:
            rows = [Row(**row) for row in json.loads((file.metadata() or {})["rows"])]
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
        net.load_state_dict({n.removeprefix("net."): v for n, v in tensors.items() if n.startswith("net.")})
    except (SafetensorError, KeyError, TypeError, ValueError, RuntimeError) as error:
        raise ModelError(f"{path}: expected a checkpoint of this network; remove it to begin anew.") from error
    kept: dict[int, dict[str, Tensor]] = {}
    for name, value in tensors.items():
        if name.startswith("optimizer."):
            _, index, part = name.split(".")
            kept.setdefault(int(index), {})[part] = value
    optimizer.load_state_dict({**optimizer.state_dict(), "state": kept})
    return rows

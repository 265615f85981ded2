"""Stage 0: each tower alone learns to put into its soft tokens what can be known from its sense.

At first a small head reads the mean of the soft tokens; what it must say is known of every moment, or follows from the
reading itself; it is thrown away. Then the tokens of sound, LiDAR and things are drawn to the words for what they hold
(`spelling`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from yanshi.agent.language.corpus import Corpus
from yanshi.agent.language.moments import Moment
from yanshi.agent.language.soundscapes import Soundscapes
from yanshi.agent.language.spelling import (
    Spelled,
    Speller,
    put_among_words,
    spelled_places,
    spelled_room,
    spelled_sounds,
)
from yanshi.agent.seeing.words import taught
from yanshi.perception.embodied_lm.clips import collate, readings
from yanshi.perception.embodied_lm.senses import PARTS, SenseConfig
from yanshi.perception.embodied_lm.tower import SenseTower

SECTORS = 8
"""Directions in which a scan's nearest echo must be told."""
Batch = tuple[dict[str, Tensor], dict[str, Tensor]]
"""The tensors of a sense by part, and the targets by name."""


@dataclass(frozen=True)
class Known:
    """What towers learn from; their tensors are on the device that they learn on."""

    corpus: Corpus | None
    sounds: Soundscapes | None = None
    """For the sense of sound."""


@dataclass(frozen=True, kw_only=True)
class TowerTraining:
    """How long each tower learns. The defaults take 25 CPU minutes together."""

    sounds: int = 1300
    """Batches of sounds for the head."""
    epochs: int = 6
    """Passes over the moments for every other tower."""
    spelled: Mapping[str, int] = field(default_factory=lambda: {"sound": 500, "lidar": 300, "things": 800})
    """Batches in which tokens are drawn to words."""
    batch: int = 32
    learning_rate: float = 1e-3
    seed: int = 0
    device: str = "cpu"


class Head(nn.Module):
    """Says what must be known from the mean of soft tokens (B, Q, H)."""

    def __init__(self, hidden: int, sizes: Mapping[str, int]) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(hidden)
        self.out = nn.ModuleDict({name: nn.Linear(hidden, size) for name, size in sizes.items()})

    def forward(self, tokens: Tensor) -> dict[str, Tensor]:
        """Name → (B, size)."""
        x = self.norm(tokens.mean(1))
        return {name: layer(x) for name, layer in self.out.items()}


def train_tower(
    name: str, sense: SenseConfig, hidden: int, known: Known, config: TowerTraining,
    tell: Callable[[str], None] = lambda line: None,
) -> SenseTower:  # fmt: skip
    """A tower that has learned its sense. Objects have nothing to learn alone: they come back fresh.

    Args:
        name: of the sense.
        sense: what it is.
        hidden: width of the language model.
        known: what it learns from; both on the device.
        config: how long.
        tell: is told how it goes.
    """
    torch.manual_seed(config.seed)
    tower = SenseTower(sense, hidden).to(config.device)
    if sense.is_objects:
        return tower
    steps, batches = _batches(name, known, config)
    head: Head | None = None
    parameters, losses, began = list(tower.parameters()), [], time.monotonic()
    for step, (parts, targets) in enumerate(batches):
        if head is None:
            head = Head(hidden, {target: value.shape[1] for target, value in targets.items()}).to(config.device)
            parameters += head.parameters()
            optimizer = torch.optim.AdamW(parameters, lr=config.learning_rate, weight_decay=0.01)
        for group in optimizer.param_groups:
            group["lr"] = config.learning_rate * min(1.0, (step + 1) / 50) * (1.0 - 0.95 * step / steps)
        with torch.autocast(tower.gain.device.type, torch.bfloat16, enabled=tower.gain.is_cuda):
            said = head(tower(*(parts[part] for part in PARTS)).tokens)
        loss = torch.stack([_loss(target, said[target].float(), value) for target, value in targets.items()]).sum()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(parameters, 5.0)
        optimizer.step()
        losses.append(loss.detach())
        if (step + 1) % max(steps // 10, 1) == 0:
            mean = float(torch.stack(losses[-max(steps // 10, 1) :]).mean())
            tell(f"{name}: {step + 1} of {steps}, loss {mean:.3f}, {time.monotonic() - began:.0f} s")
    return tower.eval()


def spell(
    name: str, tower: SenseTower, known: Known, speller: Speller, config: TowerTraining,
    tell: Callable[[str], None] = lambda line: None,
) -> None:  # fmt: skip
    """Draw the tokens of a tower, which are at the scale of the language model's embeddings, to words."""
    steps = config.spelled.get(name, 0)
    if not steps:
        return
    torch.manual_seed(config.seed)
    parameters = list(tower.train().parameters())
    optimizer = torch.optim.AdamW(parameters, lr=config.learning_rate, weight_decay=0.01)
    losses, began = [], time.monotonic()
    for step, (parts, spelled) in enumerate(_spelled(name, tower.config, known, steps, config)):
        for group in optimizer.param_groups:
            group["lr"] = config.learning_rate * min(1.0, (step + 1) / 30) * (1.0 - 0.95 * step / steps)
        with torch.autocast(tower.gain.device.type, torch.bfloat16, enabled=tower.gain.is_cuda):
            tokens = tower(*(parts[part] for part in PARTS)).tokens
        loss = speller(tokens.float(), spelled)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, 5.0)
        optimizer.step()
        losses.append(loss.detach())
        if (step + 1) % max(steps // 5, 1) == 0:
            mean = float(torch.stack(losses[-max(steps // 5, 1) :]).mean())
            tell(f"{name} in words: {step + 1} of {steps}, loss {mean:.3f}, {time.monotonic() - began:.0f} s")
    put_among_words(tower.eval(), speller)


def _batches(name: str, known: Known, config: TowerTraining) -> tuple[int, Iterator[Batch]]:
    """How many there are, and one after another what a sense reads and what can be known of it."""
    rng = np.random.default_rng([config.seed, 5])
    if name == "sound":
        assert known.sounds is not None
        sounds = known.sounds
        return config.sounds, (sounds.batch(rng, config.batch) for _ in range(config.sounds))
    assert known.corpus is not None
    corpus = known.corpus
    lessons = list(_lessons(name, corpus, config))
    steps = config.epochs * len(lessons)
    order = np.concatenate([rng.permutation(len(lessons)) for _ in range(config.epochs)])
    return steps, ((parts_of(corpus.tensors, name, lessons[k][0]), lessons[k][1]) for k in order.tolist())


def _spelled(
    name: str, sense: SenseConfig, known: Known, steps: int, config: TowerTraining
) -> Iterator[tuple[dict[str, Tensor], Spelled]]:
    """Readings of a sense, and the words that its tokens should be near."""
    tokens = sense.soft_tokens(1)
    rng = np.random.default_rng([config.seed, 6])
    if name == "sound":
        assert known.sounds is not None
        for _ in range(steps):
            parts, targets = known.sounds.batch(rng, config.batch)
            there = targets["is_present"] == 1.0
            flat = targets["direction"].reshape(*there.shape, 2)
            yield parts, spelled_sounds(there, torch.atan2(flat[..., 1], flat[..., 0]), tokens)
        return
    assert known.corpus is not None
    corpus = known.corpus
    if not sense.is_objects:
        usable = torch.nonzero(corpus.tensors[f"{name}_mask"].any(1))[:, 0].cpu().numpy()
        ahead = torch.tensor([m.ahead for m in corpus.moments], device=config.device)
        for _ in range(steps):
            chosen = torch.as_tensor(rng.choice(usable, config.batch), device=config.device)
            yield parts_of(corpus.tensors, name, chosen), spelled_room(ahead[chosen], tokens)
        return
    told = [m.told for m in corpus.moments if m.told]
    for _ in range(steps):
        some = [told[int(k)] for k in rng.integers(len(told), size=config.batch)]
        samples = [readings(sense, (), [each.thing for each in own], strict=True) for own in some]
        parts = {key.removeprefix(f"{name}_"): v.to(config.device) for key, v in collate(name, sense, samples).items()}
        words = spelled_places(parts["values"][..., :3]).words
        yield parts, Spelled({group: torch.where(parts["mask"], word, -1) for group, word in words.items()})


def _loss(name: str, said: Tensor, target: Tensor) -> Tensor:
    """Yes or no, or a number; what is NaN is not to be learned."""
    known = torch.isfinite(target)
    if not known.any():
        return said.sum() * 0.0
    if name.startswith("is_"):
        return F.binary_cross_entropy_with_logits(said[known], target[known])
    return F.smooth_l1_loss(said[known], target[known], beta=0.2)


def _lessons(name: str, corpus: Corpus, config: TowerTraining) -> Iterator[tuple[Tensor, dict[str, Tensor]]]:
    """All moments that have the sense, in batches: which, and what can be known of them."""
    having = torch.nonzero(corpus.tensors[f"{name}_mask"].any(1))[:, 0].cpu()
    order = having[torch.randperm(len(having), generator=torch.Generator().manual_seed(config.seed))]
    for chosen in torch.split(order, config.batch):
        if len(chosen) < 2:
            continue
        parts = parts_of(corpus.tensors, name, chosen.to(config.device))
        targets = _targets(name, [corpus.moments[int(k)] for k in chosen], parts)
        yield chosen.to(config.device), {target: value.to(config.device) for target, value in targets.items()}


def parts_of(tensors: Mapping[str, Tensor], name: str, chosen: Tensor) -> dict[str, Tensor]:
    """The tensors of a sense of some moments, as a tower takes them."""
    parts = {part: tensors[f"{name}_{part}"][chosen] for part in PARTS}
    return {part: value.float() if value.dtype == torch.float16 else value for part, value in parts.items()}


def _targets(name: str, moments: Sequence[Moment], parts: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """What a sense can know of some moments."""
    if name == "body":
        return {"is_holding": _flags([m.holding for m in moments])}
    if name == "lidar":
        nearest = _sector_minima(parts["values"][:, -1])
        return {"nearest": nearest, "ahead": _logs([m.ahead for m in moments])}
    if name == "depth":
        return {"ahead": _logs([m.ahead for m in moments]), "is_kind": _kinds(moments)}
    return {"is_dark": _flags([m.dark for m in moments]), "is_kind": _kinds(moments)}


def _flags(values: Sequence[bool]) -> Tensor:
    return torch.tensor(values, dtype=torch.float32)[:, None]


def _logs(values: Sequence[float]) -> Tensor:
    return torch.log(torch.tensor(values, dtype=torch.float32).clamp(0.1, 8.0))[:, None]


def _kinds(moments: Sequence[Moment]) -> Tensor:
    """(B, kinds) which kinds of things are in view."""
    labels = taught().labels
    return torch.tensor([[float(any(t.seen and t.label == k for t in m.told)) for k in labels] for m in moments])


def _sector_minima(points: Tensor) -> Tensor:
    """(B, SECTORS) log distance [m] of the nearest echo of each direction, at the height of furniture."""
    distance = torch.hypot(points[..., 0], points[..., 1])
    usable = (distance > 0.35) & (points[..., 2] > 0.1) & (points[..., 2] < 1.2)
    which = torch.remainder(
        torch.round(torch.atan2(points[..., 1], points[..., 0]) / (2 * torch.pi / SECTORS)), SECTORS
    )
    minima = []
    for sector in range(SECTORS):
        inside = torch.where(usable & (which == sector), distance, torch.full_like(distance, 8.0))
        minima.append(torch.nan_to_num(inside, nan=8.0).amin(1))
    return torch.log(torch.stack(minima, dim=1).clamp(0.1, 8.0))

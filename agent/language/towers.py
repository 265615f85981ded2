"""Stage 0: each tower alone learns to put into its soft tokens what can be known from its sense.

At first a small head reads the mean of the soft tokens; what it must say is known of every moment, or follows from the
reading itself; it is thrown away. Then the tokens of sound, LiDAR and things are drawn to the words for what they hold
(`spelling`). Sounds are drawn anew for every batch, so none is seen twice.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from yanshi.agent.hearing.sounds import ARRAY, HELD_OUT, clip
from yanshi.agent.language.corpus import Corpus
from yanshi.agent.language.moments import Moment
from yanshi.agent.language.spelling import (
    Spelled,
    Speller,
    put_among_words,
    spelled_places,
    spelled_room,
    spelled_sounds,
)
from yanshi.agent.seeing.words import taught
from yanshi.contracts import Frame, Observation, Proprioception
from yanshi.perception.embodied_lm.clips import collate, readings
from yanshi.perception.embodied_lm.senses import PARTS, SenseConfig
from yanshi.perception.embodied_lm.tower import SenseTower
from yanshi.perception.hearing.features import RATE
from yanshi.perception.hearing.network import CLASSES

SECTORS = 8
"""Directions in which a scan's nearest echo must be told."""
Batch = tuple[dict[str, Tensor], dict[str, Tensor]]
"""The tensors of a sense by part, and the targets by name."""


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
    name: str, sense: SenseConfig, hidden: int, corpus: Corpus, config: TowerTraining,
    tell: Callable[[str], None] = lambda line: None,
) -> SenseTower:  # fmt: skip
    """A tower that has learned its sense. Objects have nothing to learn alone: they come back fresh."""
    torch.manual_seed(config.seed)
    tower = SenseTower(sense, hidden)
    if sense.is_objects:
        return tower
    lessons = list(_lessons(name, sense, corpus, config)) if name != "sound" else None
    first = next(iter(lessons)) if lessons else next(sounds(sense, config.batch, 1, config.seed))
    head = Head(hidden, {target: value.shape[1] for target, value in first[1].items()})
    parameters = [*tower.parameters(), *head.parameters()]
    optimizer = torch.optim.AdamW(parameters, lr=config.learning_rate, weight_decay=0.01)
    steps = config.sounds if lessons is None else config.epochs * len(lessons)
    rng, losses, began = np.random.default_rng(config.seed), [], time.process_time()
    stream = sounds(sense, config.batch, steps, config.seed) if lessons is None else _passes(lessons, steps, rng)
    for step, (parts, targets) in enumerate(stream):
        for group in optimizer.param_groups:
            group["lr"] = config.learning_rate * min(1.0, (step + 1) / 50) * (1.0 - 0.95 * step / steps)
        soft = tower(*(parts[part] for part in PARTS))
        said = head(soft.tokens)
        loss = torch.stack([_loss(target, said[target], value) for target, value in targets.items()]).sum()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(parameters, 5.0)
        optimizer.step()
        losses.append(float(loss.detach()))
        if (step + 1) % max(steps // 10, 1) == 0:
            mean = float(np.mean(losses[-max(steps // 10, 1) :]))
            tell(f"{name}: {step + 1} of {steps}, loss {mean:.3f}, {time.process_time() - began:.0f} CPU s")
    return tower.eval()


def spell(
    name: str, tower: SenseTower, corpus: Corpus, speller: Speller, config: TowerTraining,
    tell: Callable[[str], None] = lambda line: None,
) -> None:  # fmt: skip
    """Draw the tokens of a tower, which are at the scale of the language model's embeddings, to words."""
    steps = config.spelled.get(name, 0)
    if not steps:
        return
    torch.manual_seed(config.seed)
    parameters = list(tower.train().parameters())
    optimizer = torch.optim.AdamW(parameters, lr=config.learning_rate, weight_decay=0.01)
    losses, began = [], time.process_time()
    for step, (parts, spelled) in enumerate(_spelled(name, tower.config, corpus, steps, config)):
        for group in optimizer.param_groups:
            group["lr"] = config.learning_rate * min(1.0, (step + 1) / 30) * (1.0 - 0.95 * step / steps)
        loss = speller(tower(*(parts[part] for part in PARTS)).tokens, spelled)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, 5.0)
        optimizer.step()
        losses.append(float(loss.detach()))
        if (step + 1) % max(steps // 5, 1) == 0:
            mean = float(np.mean(losses[-max(steps // 5, 1) :]))
            tell(f"{name} in words: {step + 1} of {steps}, loss {mean:.3f}, {time.process_time() - began:.0f} CPU s")
    put_among_words(tower.eval(), speller)


def _spelled(
    name: str, sense: SenseConfig, corpus: Corpus, steps: int, config: TowerTraining
) -> Iterator[tuple[dict[str, Tensor], Spelled]]:
    """Readings of a sense, and the words that its tokens should be near."""
    tokens = sense.soft_tokens(1)
    if name == "sound":
        for parts, targets in sounds(sense, config.batch, steps, config.seed + 777):
            ways = targets["direction"].reshape(len(targets["is_present"]), -1, 2)
            bearings = torch.atan2(ways[..., 1], ways[..., 0])
            there = targets["is_present"] == 1.0
            heard = [[(int(k), float(row[k])) for k in torch.nonzero(own)[:, 0]] for row, own in
                     zip(bearings, there, strict=True)]  # fmt: skip
            yield parts, spelled_sounds(heard, tokens)
        return
    rng = np.random.default_rng([config.seed, 6])
    usable = [k for k, m in enumerate(corpus.moments) if (m.told if sense.is_objects else _have(corpus, name, k))]
    for _ in range(steps):
        chosen = rng.choice(usable, config.batch)
        moments = [corpus.moments[int(k)] for k in chosen]
        if not sense.is_objects:
            parts = parts_of(corpus.tensors, name, torch.as_tensor(chosen))
            yield parts, spelled_room([m.ahead for m in moments], tokens)
            continue
        samples = [readings(sense, (), [told.thing for told in m.told], strict=True) for m in moments]
        parts = {key.removeprefix(f"{name}_"): value for key, value in collate(name, sense, samples).items()}
        words = spelled_places(parts["values"][..., :3]).words
        yield parts, Spelled({group: torch.where(parts["mask"], word, -1) for group, word in words.items()})


def _have(corpus: Corpus, name: str, moment: int) -> bool:
    return bool(corpus.tensors[f"{name}_mask"][moment].any())


def _loss(name: str, said: Tensor, target: Tensor) -> Tensor:
    """Yes or no, or a number; what is NaN is not to be learned."""
    known = torch.isfinite(target)
    if not known.any():
        return said.sum() * 0.0
    if name.startswith("is_"):
        return F.binary_cross_entropy_with_logits(said[known], target[known])
    return F.smooth_l1_loss(said[known], target[known], beta=0.2)


def _passes(lessons: Sequence[Batch], steps: int, rng: np.random.Generator) -> Iterator[Batch]:
    made = 0
    while made < steps:
        for k in rng.permutation(len(lessons)):
            if made < steps:
                yield lessons[int(k)]
            made += 1


def _lessons(name: str, sense: SenseConfig, corpus: Corpus, config: TowerTraining) -> Iterator[Batch]:
    """All moments that have the sense, in batches."""
    mask = corpus.tensors[f"{name}_mask"].any(1)
    having = torch.nonzero(mask)[:, 0]
    order = having[torch.randperm(len(having), generator=torch.Generator().manual_seed(config.seed))]
    for chosen in torch.split(order, config.batch):
        if len(chosen) < 2:
            continue
        parts = parts_of(corpus.tensors, name, chosen)
        yield parts, _targets(name, [corpus.moments[int(k)] for k in chosen], parts)


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


def sounds(sense: SenseConfig, batch: int, batches: int, seed: int) -> Iterator[Batch]:
    """Batches of sounds that are new each time, heard with the head turned this way and that."""
    for number in range(batches):
        heard, targets = [], []
        for k in range(batch):
            rng = np.random.default_rng([seed, 5, number, k])
            made = clip(int(rng.integers(HELD_OUT // 2, HELD_OUT)))
            yaw = rng.uniform(-1.0, 1.0)
            T_bs = np.eye(4)
            T_bs[:2, :2] = [[np.cos(yaw), -np.sin(yaw)], [np.sin(yaw), np.cos(yaw)]]
            T_bs[2, 3] = 1.2
            frame = Frame(
                name="audio", modality="audio", stamp=1.0, data=made.audio, rate=RATE, T_bs=T_bs, microphones_s=ARRAY
            )
            heard.append(frame)
            directions = made.directions @ T_bs[:3, :3].T
            level = directions[:, :2] / np.linalg.norm(directions[:, :2], axis=1, keepdims=True)
            level[made.present != 1.0] = np.nan
            targets.append((made.present, level.ravel()))
        samples = [readings(sense, (_moment_of(frame),), (), strict=True) for frame in heard]
        parts = {key.removeprefix("sound_"): value for key, value in collate("sound", sense, samples).items()}
        present, level = (torch.as_tensor(np.stack(v), dtype=torch.float32) for v in zip(*targets, strict=True))
        assert present.shape[1] == len(CLASSES)
        yield parts, {"is_present": present, "direction": level}


def _moment_of(frame: Frame) -> Observation:
    """A moment in which nothing but a frame was sensed."""
    nothing = np.zeros(3)
    felt = Proprioception(
        joint_names=(), joint_positions=np.zeros(0), joint_velocities=np.zeros(0), odometry=nothing,
        base_velocity_b=nothing, T_be=np.eye(4), gripper_opening=0.0,
    )  # fmt: skip
    return Observation(stamp=frame.stamp, frames={frame.name: frame}, proprioception=felt)

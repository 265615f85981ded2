"""Soft tokens near the words for what they hold, so that a language model can read them from the first step on.

A token is drawn, in the space of the language model's own embeddings, to the sum of a few words: one of each group,
such as a sound, *ahead* and *left*. Groups are told apart by cosine, as in contrastive alignment (CLIP, Radford et al.
2021).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from yanshi.agent.language.directions import NEAR, RANGES, in_steps
from yanshi.agent.language.questions import NOISES
from yanshi.perception.embodied_lm.tower import SenseTower
from yanshi.perception.hearing.network import CLASSES

FORE, SIDE = ("ahead", "behind", "beside"), ("left", "right", "straight")
FAR = tuple(word.split()[-1] for _, word in NEAR)
ROOM = tuple(word.split()[0] for _, word in RANGES)
SOUNDS = (*(NOISES[name] for name in CLASSES), "nothing")
GROUPS: Mapping[str, Sequence[str]] = {"fore": FORE, "side": SIDE, "far": FAR, "room": ROOM, "sound": SOUNDS}
"""Group → its words."""
SPELLED = ("sound", "lidar", "things")
"""Senses whose tokens are words."""
SHARE = 0.5
"""Of a token's length beyond what all words have in common, when it comes among words: about that of a word."""
SLOTS = 3
"""Sounds that are told at once, a token each."""
_SHARPNESS = 20.0


@dataclass(frozen=True)
class Spelled:
    """What some tokens are to say: of each group the word for every token (B, Q), -1 where it says none."""

    words: Mapping[str, Tensor]


class Speller(nn.Module):
    """Says how far tokens are from the words that they should be."""

    def __init__(self, embedding: Tensor, tokenizer: Any) -> None:
        """
        Args:
            embedding: (V, H) of the language model.
            tokenizer: its tokenizer.
        """
        super().__init__()
        middle: Tensor = embedding.float().mean(0)
        self.middle = nn.Buffer(middle)
        for name, words in GROUPS.items():
            ids = [tokenizer(f" {word}", add_special_tokens=False)["input_ids"] for word in words]
            rows = torch.stack([embedding[each].float().mean(0) for each in ids]) - middle
            self.register_buffer(name, F.normalize(rows - rows.mean(0), dim=1))

    def forward(self, tokens: Tensor, spelled: Spelled) -> Tensor:
        """The mean cross-entropy of tokens (B, Q, H), which have the root mean square of the embeddings."""
        unit = F.normalize(tokens.float(), dim=2)
        losses = []
        for name, target in spelled.words.items():
            kept = target >= 0
            if kept.any():
                losses.append(F.cross_entropy(_SHARPNESS * unit[kept] @ getattr(self, name).T, target[kept]))
        return torch.stack(losses).sum() if losses else tokens.sum() * 0.0


def put_among_words(tower: SenseTower, speller: Speller) -> None:
    """Give the tokens of a tower what all words have in common, and their length."""
    with torch.no_grad():
        tower.gain.mul_(SHARE)
        tower.sense.mul_(SHARE).add_(speller.middle)


def way(bearing: float) -> tuple[int, int]:
    """Words of `FORE` and `SIDE` for an azimuth [rad], left positive."""
    sector = round(bearing / (np.pi / 4.0)) % 8
    fore = {0: 0, 1: 0, 7: 0, 2: 2, 6: 2}.get(sector, 1)
    side = 2 if sector in (0, 4) else 0 if sector < 4 else 1
    return fore, side


def spelled_places(position_b: Tensor) -> Spelled:
    """Of things at places (B, Q, 3) [m] in the robot base: which way and how far."""
    flat = position_b.reshape(-1, 3).tolist()
    ways = [way(float(np.arctan2(y, x))) for x, y, _ in flat]
    far = [_index(float(np.hypot(x, y)), NEAR) for x, y, _ in flat]
    shape = position_b.shape[:2]
    fore, side = (torch.tensor([each[k] for each in ways]).reshape(shape) for k in (0, 1))
    return Spelled({"fore": fore, "side": side, "far": torch.tensor(far).reshape(shape)})


def spelled_sounds(heard: Sequence[Sequence[tuple[int, float]]], tokens: int) -> Spelled:
    """Of moments with sounds (class, azimuth [rad]): a token each, in the order of classes; the next says *nothing*."""
    shape, slots = (len(heard), tokens), min(SLOTS, tokens)
    words = {name: torch.full(shape, -1) for name in ("sound", "fore", "side")}
    for row, sounds in enumerate(heard):
        for slot, (kind, bearing) in enumerate(sorted(sounds)[:slots]):
            words["sound"][row, slot] = kind
            words["fore"][row, slot], words["side"][row, slot] = way(bearing)
        if len(sounds) < slots:
            words["sound"][row, len(sounds)] = len(SOUNDS) - 1
    return Spelled(words)


def spelled_room(ahead: Sequence[float], tokens: int) -> Spelled:
    """Of distances [m]: every token says how much room there is ahead."""
    rows = torch.tensor([_index(distance, RANGES) for distance in ahead])
    return Spelled({"room": rows[:, None].expand(-1, tokens)})


def _index(distance: float, steps: tuple[tuple[float, str], ...]) -> int:
    word = in_steps(distance, steps)
    return next(k for k, (_, each) in enumerate(steps) if each == word)

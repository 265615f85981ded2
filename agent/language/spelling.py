"""Soft tokens near the words for what they hold, so that a language model can read them from the first step on.

A token is drawn, in the space of the language model's own embeddings, to the sum of a few words: one of each group,
such as a sound, *ahead* and *left*. Groups are told apart by cosine, as in contrastive alignment (CLIP, Radford et al.
2021).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from yanshi.agent.language.directions import NEAR, RANGES
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
_FORE_OF, _SIDE_OF = (0, 0, 2, 1, 1, 1, 2, 0), (2, 0, 0, 0, 2, 1, 1, 1)
"""Of the eighths of a turn from straight ahead to the left."""


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


def ways(bearing: Tensor) -> tuple[Tensor, Tensor]:
    """Words of `FORE` and `SIDE` for azimuths [rad], left positive."""
    sector = torch.round(bearing / (torch.pi / 4.0)).nan_to_num().long() % 8
    fore, side = (torch.tensor(table, device=bearing.device)[sector] for table in (_FORE_OF, _SIDE_OF))
    return fore, side


def spelled_places(position_b: Tensor) -> Spelled:
    """Of things at places (B, Q, 3) [m] in the robot base: which way and how far."""
    fore, side = ways(torch.atan2(position_b[..., 1], position_b[..., 0]))
    return Spelled(
        {"fore": fore, "side": side, "far": _steps(torch.hypot(position_b[..., 0], position_b[..., 1]), NEAR)}
    )


def spelled_sounds(there: Tensor, bearings: Tensor, tokens: int) -> Spelled:
    """Of moments with sounds, bool (B, classes) from azimuths (B, classes) [rad]: a token each, in the order of
    classes; the next says *nothing*.
    """
    slots = min(SLOTS, tokens)
    slot = there.cumsum(1) - 1
    row, kind = torch.nonzero(there & (slot < slots), as_tuple=True)
    place = slot[row, kind]
    words = {name: torch.full((len(there), tokens), -1, device=there.device) for name in ("sound", "fore", "side")}
    words["sound"][row, place] = kind
    words["fore"][row, place], words["side"][row, place] = ways(bearings[row, kind])
    count = there.sum(1)
    few = torch.nonzero(count < slots)[:, 0]
    words["sound"][few, count[few]] = len(SOUNDS) - 1
    return Spelled(words)


def spelled_room(ahead: Tensor, tokens: int) -> Spelled:
    """Of distances (B,) [m]: every token says how much room there is ahead."""
    return Spelled({"room": _steps(ahead, RANGES)[:, None].expand(-1, tokens)})


def _steps(distance: Tensor, steps: tuple[tuple[float, str], ...]) -> Tensor:
    """Which of the steps each distance is in."""
    borders = torch.tensor([most for most, _ in steps[:-1]], device=distance.device, dtype=distance.dtype)
    return torch.bucketize(distance, borders, right=True)

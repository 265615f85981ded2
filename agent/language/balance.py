"""How much each sense weighs in the joint loss: more, the less its own loss still falls.

Dynamic weight average (Liu et al., "End-to-End Multi-Task Learning with Attention", 2019): the weight of task k is
K softmax(r / T) with r_k = L_k(t - 1) / L_k(t - 2), over spans of steps.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

GROUPS = ("things", "sound", "body", "camera", "lidar", "all", "instructions", "words")
"""What answers stand on: a sense, all of them (descriptions), what is asked for, and nothing that is sensed."""
TEMPERATURE = 2.0
"""T: the greater, the more even."""


def weights(spans: Sequence[Sequence[float]]) -> list[float]:
    """The weights of `GROUPS`, with mean 1, from their mean losses in the spans of steps so far (NaN where there was
    none).
    """
    if len(spans) < 2:
        return [1.0] * len(GROUPS)
    last, before = (torch.tensor(each, dtype=torch.float64) for each in (spans[-1], spans[-2]))
    ratio = torch.nan_to_num(last / before, nan=1.0, posinf=1.0).clamp(0.0, 4.0)
    found: list[float] = (len(GROUPS) * torch.softmax(ratio / TEMPERATURE, dim=0)).tolist()
    return found


def weighed(losses: Tensor, group: Tensor, weight: Tensor) -> Tensor:
    """The mean loss of answers' tokens (N,), each weighed as its group (N,) is."""
    own = weight[group]
    return (own * losses).sum() / own.sum()


def sums(losses: Tensor, group: Tensor) -> Tensor:
    """(2, groups): the sum of the losses of each group's tokens, and how many there are."""
    table = torch.zeros(2, len(GROUPS), device=losses.device)
    return table.index_add_(1, group, torch.stack((losses.detach().float(), torch.ones_like(losses.detach()).float())))

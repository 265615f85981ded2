"""Tokens near words: which words, and that learning brings tokens there."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from yanshi.agent.language.spelling import (
    FORE,
    SIDE,
    SLOTS,
    SOUNDS,
    Speller,
    spelled_places,
    spelled_room,
    spelled_sounds,
    ways,
)
from yanshi.perception.embodied_lm.fakes import fake_tokenizer
from yanshi.perception.hearing.network import CLASSES


def heard(*moments: dict[int, float]) -> tuple[torch.Tensor, torch.Tensor]:
    """Which classes are heard from which azimuths."""
    there = torch.tensor([[k in each for k in range(len(CLASSES))] for each in moments])
    bearings = torch.tensor([[each.get(k, np.nan) for k in range(len(CLASSES))] for each in moments])
    return there, bearings


@pytest.mark.parametrize(
    ("degrees", "fore", "side"),
    [
        (0, "ahead", "straight"), (45, "ahead", "left"), (90, "beside", "left"), (135, "behind", "left"),
        (180, "behind", "straight"), (-180, "behind", "straight"), (-100, "beside", "right"), (-50, "ahead", "right"),
    ],
)  # fmt: skip
def test_ways_in_words(degrees: float, fore: str, side: str) -> None:
    found = ways(torch.tensor(np.deg2rad(degrees)))
    assert (FORE[int(found[0])], SIDE[int(found[1])]) == (fore, side)


def test_sounds_have_a_token_each_in_the_order_of_their_classes_and_then_nothing() -> None:
    spelled = spelled_sounds(*heard({4: 0.0, 1: np.pi / 2}, {}, {0: 0.0, 1: 0.0, 2: 0.0}), tokens=5)
    nothing = len(SOUNDS) - 1
    assert SOUNDS[: len(CLASSES)][4] == "humming"
    assert spelled.words["sound"].tolist() == [[1, 4, nothing, -1, -1], [nothing, -1, -1, -1, -1], [0, 1, 2, -1, -1]]
    assert spelled.words["side"][0, :2].tolist() == [SIDE.index("left"), SIDE.index("straight")]
    assert (spelled.words["fore"][1] == -1).all()
    assert SLOTS == 3


def test_places_and_room() -> None:
    places = spelled_places(torch.tensor([[[0.5, 0.5, 0.7], [-3.0, 0.0, 0.7]]])).words
    assert places["fore"].tolist() == [[0, 1]]
    assert places["side"].tolist() == [[0, 2]]
    assert places["far"].tolist() == [[0, 2]]
    assert spelled_room(torch.tensor([0.3, 1.5, np.inf]), 2).words["room"].tolist() == [[0, 0], [2, 2], [4, 4]]


def test_tokens_are_drawn_to_the_sum_of_their_words() -> None:
    torch.manual_seed(0)
    tokenizer = fake_tokenizer()
    speller = Speller(torch.randn(len(tokenizer), 64), tokenizer)
    spelled = spelled_sounds(*heard({2: 0.8}), tokens=1)
    token = torch.nn.Parameter(torch.randn(1, 1, 64))
    optimizer = torch.optim.Adam([token], lr=0.05)
    before = float(speller(token, spelled))
    for _ in range(200):
        optimizer.zero_grad()
        loss = speller(token, spelled)
        loss.backward()
        optimizer.step()
    assert float(loss) < 0.2 * before
    unit = torch.nn.functional.normalize(token.detach()[0, 0], dim=0)
    assert int((speller.sound @ unit).argmax()) == 2
    assert FORE[int((speller.fore @ unit).argmax())] == "ahead"
    assert SIDE[int((speller.side @ unit).argmax())] == "left"

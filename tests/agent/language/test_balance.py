"""How senses weigh against one another in the joint loss."""

from __future__ import annotations

import math

import pytest
import torch

from yanshi.agent.language.balance import GROUPS, sums, weighed, weights


def test_all_weigh_alike_until_something_is_known() -> None:
    assert weights([]) == weights([[1.0] * len(GROUPS)]) == [1.0] * len(GROUPS)


def test_what_falls_slowly_weighs_more_and_the_mean_is_one() -> None:
    before, after = [1.0] * len(GROUPS), [0.5] * len(GROUPS)
    after[1] = 0.95
    found = weights([before, after])
    assert found[1] > found[0] == pytest.approx(found[2])
    assert found[1] / found[0] == pytest.approx(math.exp((0.95 - 0.5) / 2.0))
    assert sum(found) == pytest.approx(len(GROUPS))


def test_what_was_not_asked_weighs_as_what_stands_still() -> None:
    spans = [[1.0] * len(GROUPS), [1.0] * len(GROUPS)]
    spans[0][3] = math.nan
    assert weights(spans) == pytest.approx([1.0] * len(GROUPS))


def test_losses_are_weighed_and_summed_by_group() -> None:
    losses, group = torch.tensor([1.0, 2.0, 4.0]), torch.tensor([0, 0, 1])
    weight = torch.ones(len(GROUPS))
    assert float(weighed(losses, group, weight)) == pytest.approx(7.0 / 3.0)
    weight[1] = 3.0
    assert float(weighed(losses, group, weight)) == pytest.approx(15.0 / 5.0)
    table = sums(losses, group)
    assert table[:, :2].tolist() == [[3.0, 4.0], [2.0, 1.0]]
    assert not table[:, 2:].any()

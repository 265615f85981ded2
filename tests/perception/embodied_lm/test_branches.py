"""Branches behind one stem are the samples that they stand for."""

from __future__ import annotations

import pytest
import torch

from yanshi.errors import InputError
from yanshi.perception.embodied_lm.branches import branched
from yanshi.perception.embodied_lm.fakes import fake_language_model

STEM = [5, 6, 7, 8]
SAMPLES = [([*STEM, 20, 21, 30], 6), ([*STEM, 22, 31, 32, 33], 5), ([*STEM, 23, 24, 25, 34], 7)]
"""Ids, and where the answer begins."""


def alone(model: object, ids: list[int]) -> torch.Tensor:
    return model(input_ids=torch.tensor([ids])).logits[0]  # type: ignore[operator]


@pytest.mark.parametrize("family", ["llama", "qwen2"])
def test_each_branch_is_as_if_it_stood_alone(family: str) -> None:
    model = fake_language_model(family)
    batch = branched([SAMPLES, SAMPLES[:1]], pad=0)
    with torch.inference_mode():
        logits = model(
            input_ids=batch.input_ids, attention_mask=batch.mask(torch.float32), position_ids=batch.position_ids
        ).logits
        end = len(STEM)
        for ids, _ in SAMPLES:
            expected = alone(model, ids)
            own = torch.cat((logits[0, : len(STEM)], logits[0, end : end + len(ids) - len(STEM)]))
            assert torch.allclose(own, expected, atol=1e-5)
            end += len(ids) - len(STEM)
        ids = SAMPLES[0][0]
        assert torch.allclose(logits[1, : len(ids)], alone(model, ids), atol=1e-5)


def test_labels_are_the_answers_alone() -> None:
    batch = branched([SAMPLES], pad=0)
    kept = batch.labels[0] != -100
    assert batch.input_ids[0][kept].tolist() == [30, 31, 32, 33, 34]
    assert (batch.labels[0][kept] == batch.input_ids[0][kept]).all()


def test_a_short_row_is_filled_up_and_what_fills_it_brings_no_loss() -> None:
    batch = branched([SAMPLES, SAMPLES[:1]], pad=9)
    size = len(SAMPLES[0][0])
    assert (batch.input_ids[1, size:] == 9).all()
    assert (batch.labels[1, size:] == -100).all()
    assert torch.isfinite(batch.mask(torch.float32)).all()


def test_samples_with_one_prompt_part_before_its_last_token() -> None:
    batch = branched([[([1, 2, 3, 8], 3), ([1, 2, 3, 9], 3)], [([1, 2, 3, 8], 3)]], pad=0)
    assert batch.input_ids.tolist() == [[1, 2, 3, 8, 3, 9], [1, 2, 3, 8, 0, 0]]
    assert batch.position_ids[0].tolist() == [0, 1, 2, 3, 2, 3]
    assert batch.labels.tolist() == [[-100, -100, -100, 8, -100, 9], [-100, -100, -100, 8, -100, -100]]


def test_a_row_has_samples() -> None:
    with pytest.raises(InputError, match="at least one sample"):
        branched([[]], pad=0)

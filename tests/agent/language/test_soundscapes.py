"""Sounds on disk, from any posture, and mixed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from yanshi.agent.language import soundscapes
from yanshi.agent.language.soundscapes import Soundscapes
from yanshi.errors import InputError
from yanshi.perception.embodied_lm.recipes import small_senses
from yanshi.perception.hearing.network import CLASSES

SENSE = small_senses()["sound"]


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Soundscapes:
    folder = tmp_path_factory.mktemp("sounds")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(soundscapes, "CLIPS", 6)
        told: list[str] = []
        soundscapes.draw(folder, SENSE, 2, told.append)
        soundscapes.draw(folder, SENSE, 2, told.append)
        assert len(told) == 2  # what is there is not drawn again
    return soundscapes.read(folder, 2)


def silent(present: list[list[float]]) -> Soundscapes:
    """Clips that hold their own number as sound, with given classes straight ahead of the microphones."""
    count, classes = len(present), len(CLASSES)
    found = torch.zeros(count, classes)
    found[:, : len(present[0])] = torch.tensor(present)
    directions = torch.full((count, classes, 3), torch.nan)
    directions[found == 1.0] = torch.tensor([1.0, 0.0, 0.0])
    parts = {
        "values": torch.arange(1.0, count + 1.0)[:, None, None, None].expand(count, 2, 8, 4).clone(),
        "mask": torch.ones(count, 2, dtype=torch.bool), "time": torch.zeros(count, 2),
        "source": torch.zeros(count, 2, dtype=torch.long), "view": torch.zeros(count, 2, 16),
    }  # fmt: skip
    return Soundscapes(parts, found, directions)


def test_a_batch_is_what_a_tower_takes(drawn: Soundscapes) -> None:
    parts, targets = drawn.batch(np.random.default_rng(0), 5)
    assert parts["values"].shape == (5, 2, *SENSE.reader.reading)
    assert targets["is_present"].shape == (5, len(CLASSES))
    tokens = soundscapes_tower()(*(parts[part] for part in ("values", "mask", "time", "source", "view"))).tokens
    assert torch.isfinite(tokens).all()
    level = targets["direction"].reshape(5, -1, 2)
    heard = targets["is_present"] == 1.0
    assert torch.allclose(level[heard].norm(dim=1), torch.ones(int(heard.sum())), atol=1e-5)
    assert torch.isnan(level[~heard]).all()


def soundscapes_tower() -> torch.nn.Module:
    from yanshi.perception.embodied_lm.tower import SenseTower

    return SenseTower(SENSE, 32).eval()


def test_directions_turn_with_the_microphones() -> None:
    parts, targets = silent([[1.0]]).batch(np.random.default_rng(3), 64)
    for view, level in zip(parts["view"][:, 0], targets["direction"].reshape(64, -1, 2)[:, 0], strict=True):
        ahead = view[:9].reshape(3, 3)[:2, 0]
        assert torch.allclose(level, ahead / ahead.norm(), atol=1e-5)
    assert float(parts["view"][:, 0, 9].std()) > 0.05  # and they are moved


def test_sounds_of_other_classes_are_mixed_and_those_of_one_are_not() -> None:
    apart, alike = silent([[1.0, 0.0], [0.0, 1.0]]), silent([[1.0, 0.0], [1.0, 0.0]])
    parts, targets = apart.batch(np.random.default_rng(1), 400)
    both = (targets["is_present"][:, :2] == 1.0).all(1)
    assert 0.1 < float(both.float().mean()) < 0.3  # half of the share that is mixed has two of a kind
    assert torch.equal(parts["values"][both, 0, 0, 0], torch.full((int(both.sum()),), 3.0))
    parts, targets = alike.batch(np.random.default_rng(1), 200)
    assert float(targets["is_present"].max()) == 1.0
    assert set(parts["values"][:, 0, 0, 0].tolist()) == {1.0, 2.0}


def test_what_nobody_could_say_is_never_mixed() -> None:
    parts, _ = silent([[float("nan"), 0.0], [0.0, 1.0]]).batch(np.random.default_rng(1), 200)
    unsure = parts["values"][:, 0, 0, 0]
    assert set(unsure.tolist()) <= {1.0, 2.0}


def test_a_file_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"sounds-0000.safetensors: expected clips of sound"):
        soundscapes.read(tmp_path, 1)

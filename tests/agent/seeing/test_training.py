"""The trainer from end to end on a handful of pictures: it leaves its files, and resumes to the same weights."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from yanshi.agent.seeing.pictures import Variety, postures
from yanshi.agent.seeing.shards import DataConfig, shard_file, write_shard
from yanshi.agent.seeing.training import CARD, CHECKPOINT, CURVE, LOG, WEIGHTS, EyeTraining, train
from yanshi.agent.seeing.words import taught
from yanshi.agent.skills.kinematics import Kinematics
from yanshi.errors import InputError
from yanshi.perception.grounding.storage import load_eye, read_card
from yanshi.planning.embedding import HashEmbedder

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> DataConfig:
    """Two shards of a few pictures instead of hundreds."""
    config = DataConfig(folder=tmp_path_factory.mktemp("data"), train=1, heldout=1)
    bodies: dict[str, Kinematics] = {}
    for split, seeds in (("train", (0, 3)), ("heldout", (0,))):
        shown = [p for seed in seeds for posture in postures(seed, split, Variety(), bodies) for p in posture.pictures]  # type: ignore[arg-type]
        write_shard(shard_file(config.folder, split, 0), shown[:8], taught())
    return config


def recipe(data: DataConfig, out: Path, steps: int) -> EyeTraining:
    return EyeTraining(
        out=out, data=data, steps=steps, batch=2, every=3, phrases=120, propose_after=2, threads=1, half=False
    )


def test_a_run_leaves_weights_a_card_and_a_curve(data: DataConfig, tmp_path: Path) -> None:
    lines: list[str] = []
    file = train(recipe(data, tmp_path, 6), HashEmbedder(384), lines.append)
    assert file == tmp_path / WEIGHTS
    assert load_eye(file).config == taught()
    card = read_card(file)
    assert card["step"] == 6
    assert card["pictures"] == 12
    assert {"recall", "precision", "named"} <= card["heldout"].keys()
    for name in (CARD, CURVE, CHECKPOINT, LOG):
        assert (tmp_path / name).stat().st_size > 0
    assert "6 steps of 2 pictures" in (tmp_path / CARD).read_text()
    assert len(lines) == 2
    with pytest.raises(InputError, match=r"other settings \(seed\)"):
        train(replace(recipe(data, tmp_path, 6), seed=1), HashEmbedder(384))


def test_a_run_that_is_broken_off_goes_on_as_if_it_had_not_been(data: DataConfig, tmp_path: Path) -> None:
    class PulledPlug(RuntimeError):
        pass

    def pull(line: str) -> None:
        raise PulledPlug(line)

    whole = train(recipe(data, tmp_path / "whole", 6), HashEmbedder(384))
    with pytest.raises(PulledPlug):
        train(recipe(data, tmp_path / "broken", 6), HashEmbedder(384), pull)
    resumed = train(recipe(data, tmp_path / "broken", 6), HashEmbedder(384))
    expected, found = load_file(whole), load_file(resumed)
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, atol=2e-3, err_msg=name)

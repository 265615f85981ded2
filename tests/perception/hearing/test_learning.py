"""The network, its training and its files; the simulator's acoustics over frequency against those over time."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from yanshi.agent.hearing import sounds
from yanshi.contracts import Array
from yanshi.envs.senses.acoustics import Emission, Knot, render
from yanshi.envs.senses.waveforms import waveform
from yanshi.envs.senses.wavetable import Wavetable
from yanshi.errors import InputError, ModelError
from yanshi.perception.hearing.calibration import Error, best_thresholds, fit_errors
from yanshi.perception.hearing.direction import Estimate, predictors, tangents
from yanshi.perception.hearing.features import BANDS, CHANNELS, FRAMES, analyse
from yanshi.perception.hearing.network import CLASSES, SoundNet, SoundNetConfig
from yanshi.perception.hearing.training import CHECKPOINT, Shown, TrainingConfig, tensors, train
from yanshi.perception.hearing.weights import CONFIG, WEIGHTS, HearingModel, load_hearing, save_hearing

RATE = 16_000.0


@pytest.mark.parametrize("place", ["free", "room", "doorway"])
def test_acoustics_over_frequency_are_those_over_time(place: str) -> None:
    rng = np.random.default_rng(3)
    room, listener = sounds._room(rng), np.array([1.2, 1.3, 1.2])
    way = sounds.PLACES[place](rng, room, listener)
    knot = Knot(
        time=0.0, arrival=way.arrival, microphones_w=listener + sounds.ARRAY,
        room=None if place == "free" else room, occlusion=0.4,
    )  # fmt: skip
    loop = waveform("ring", RATE)
    expected = render(Emission(Wavetable(loop, RATE, periodic=True), 0.0), [knot], range(320_000, 320_000 + len(loop)))
    error = np.mean((sounds.still(loop, knot) - expected.T) ** 2) / np.mean(expected**2)
    assert 10.0 * np.log10(error) < -60.0


def test_clips_are_drawn_from_their_seed_and_say_what_is_in_them() -> None:
    first, again = sounds.clip(7), sounds.clip(7)
    assert np.array_equal(first.audio, again.audio)
    assert not np.array_equal(first.audio, sounds.clip(8).audio)
    for seed in range(12):
        made = sounds.clip(seed)
        there = np.isfinite(made.distance)
        assert np.all(made.present[~there] == 0.0)
        assert np.allclose(np.linalg.norm(made.directions[there], axis=1), 1.0)
        shown = sounds.example(made)
        assert shown.features.shape == (CHANNELS, FRAMES, BANDS)
        assert np.all(np.isfinite(shown.features))
        assert shown.masks.min() >= 0.0
        assert shown.masks.max() <= 1.0
        assert not shown.masks[~there].any()
    assert not np.isfinite(sounds.clip(3, sources=0).distance).any()


def test_features_do_not_know_which_way_the_array_is_turned() -> None:
    audio = sounds.clip(11, sources=1).audio
    turned = audio[:, [2, 0, 3, 1]]
    assert analyse(audio).features() == pytest.approx(analyse(turned).features(), abs=2e-3)


def test_training_learns_and_a_killed_one_ends_the_same(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    present = (rng.random((96, len(CLASSES))) < 0.3).astype(np.float32)
    features = 0.05 * rng.standard_normal((96, CHANNELS, FRAMES, BANDS))
    for c in range(len(CLASSES)):
        features[:, 0, :, 5 * c : 5 * c + 4] += present[:, c, None, None]
    data: dict[str, Array] = {
        "features": features.astype(np.float16), "present": present,
        "masks": np.zeros((96, len(CLASSES), FRAMES, BANDS), dtype=np.uint8),
        "distance": np.where(present > 0, 2.0, np.nan).astype(np.float32),
    }  # fmt: skip
    held = tensors(data, slice(24))

    def run(folder: Path, epochs: int, stop: int | None = None) -> tuple[SoundNet, list[float]]:
        torch.manual_seed(0)
        net = SoundNet(SoundNetConfig(base=2, context=2))
        lessons, config = Shown(data, 16), TrainingConfig(epochs=epochs, rate=1e-2)

        def tell(row: object) -> None:
            if stop is not None and getattr(row, "epoch", 0) == stop:
                raise KeyboardInterrupt

        if stop is None:
            return net, [row.loss for row in train(net, lessons, held, folder, config, tell)]
        with pytest.raises(KeyboardInterrupt):
            train(net, lessons, held, folder, config, tell)
        return net, []

    whole, losses = run(tmp_path / "whole", 5)
    assert losses[-1] < 0.8 * losses[0]
    run(tmp_path / "killed", 5, stop=2)
    resumed, resumed_losses = run(tmp_path / "killed", 5)
    assert resumed_losses == pytest.approx(losses, rel=1e-4)
    for mine, theirs in zip(resumed.state_dict().values(), whole.state_dict().values(), strict=True):
        assert torch.allclose(mine.float(), theirs.float(), atol=1e-4)
    (tmp_path / "killed" / CHECKPOINT).write_bytes(b"nonsense")
    with pytest.raises(ModelError, match="expected a checkpoint of this network; remove it"):
        run(tmp_path / "killed", 5)


def test_weights_are_loaded_as_they_were_saved_or_refused(tmp_path: Path) -> None:
    net = SoundNet(SoundNetConfig(base=2, context=1)).eval()
    model = HearingModel(net, np.full(len(CLASSES), 0.4), np.tile([-5.0, 0.5, 0.5, 0.0], (len(CLASSES), 1)))
    save_hearing(model, tmp_path)
    loaded = load_hearing(tmp_path)
    x = torch.zeros(1, CHANNELS, FRAMES, BANDS)
    assert torch.equal(loaded.net(x).presence, net(x).presence)
    assert loaded.errors == pytest.approx(model.errors)
    with pytest.raises(ModelError, match=r"No hearing in .*train one with") as missing:
        load_hearing(tmp_path / "nowhere")
    assert "\n" not in str(missing.value)
    config = json.loads((tmp_path / CONFIG).read_text())
    (tmp_path / WEIGHTS).write_bytes((tmp_path / WEIGHTS).read_bytes() + b" ")
    with pytest.raises(ModelError, match="SHA-256"):
        load_hearing(tmp_path)
    (tmp_path / CONFIG).write_text(json.dumps({**config, "kind": "something else"}))
    with pytest.raises(ModelError, match="expected the config of a yanshi hearing"):
        load_hearing(tmp_path)
    with pytest.raises(InputError, match="SoundNet: expected"):
        net(torch.zeros(1, 1, 2, 3))


def test_calibrated_errors_keep_their_promise() -> None:
    """Errors that are drawn with a variance that depends on the score: χ² coverage on others than those fitted."""
    rng = np.random.default_rng(0)

    def draw() -> Error:
        index, score = int(rng.integers(3)), float(rng.uniform(0.2, 0.95))
        shape = np.diag(rng.uniform(0.005, 0.05, 2))
        deviation = np.deg2rad(3.0 + 2.0 * index) * np.sqrt(1.02 - score)
        direction = np.array([1.0, 0.0, 0.0])
        estimate = Estimate(direction=direction, score=score, shape=shape, support=0.2)
        scaled = shape * (2.0 * deviation**2 / np.trace(shape))
        along = np.linalg.cholesky(scaled) @ rng.standard_normal(2)
        true = direction + along @ tangents(direction)
        return Error(index, estimate, true / np.linalg.norm(true))

    weights = fit_errors([draw() for _ in range(600)], 3)
    assert weights.shape == (3, 4)
    squares = []
    for error in (draw() for _ in range(1500)):
        squares.append(error.square / np.exp(weights[error.index] @ predictors(error.estimate)))
    assert np.mean(np.array(squares) < 4.605) == pytest.approx(0.90, abs=0.03)
    assert np.mean(np.array(squares) < 1.386) == pytest.approx(0.50, abs=0.06)
    with pytest.raises(InputError, match="expected 30 located sounds or more, got 2"):
        fit_errors([draw(), draw()], 3)


def test_thresholds_tell_the_fewest_windows_wrong() -> None:
    probability = np.array([[0.1], [0.3], [0.65], [0.7], [0.9], [0.8]])
    present = np.array([[0.0], [0.0], [0.0], [1.0], [1.0], [np.nan]])
    assert 0.65 < best_thresholds(probability, present)[0] <= 0.7

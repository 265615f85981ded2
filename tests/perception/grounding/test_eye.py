from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from yanshi.contracts import Detection, Frame
from yanshi.errors import ContractError, InputError, SenseError
from yanshi.perception.grounding.config import EyeConfig
from yanshi.perception.grounding.eye import Eye, EyeOptions, wrapped, yaw_of
from yanshi.perception.grounding.network import ObjectNet
from yanshi.perception.grounding.storage import load_eye, read_card, save_eye
from yanshi.perception.grounding.views import CameraView, camera_views

CONFIG = EyeConfig(
    labels=("mug", "cube"),
    attributes={"color": ("red", "blue"), "digit": ("", "1")},
    widths=(8, 8, 8, 8),
    features=8,
    hidden=16,
    embedding=4,
    text=6,
)
K = np.array([[55.0, 0.0, 31.5], [0.0, 55.0, 31.5], [0.0, 0.0, 1.0]])
AHEAD = np.array([[0.0, 0.0, 1.0, 0.0], [-1.0, 0.0, 0.0, 0.0], [0.0, -1.0, 0.0, 1.0], [0.0, 0.0, 0.0, 1.0]])


def network(seed: int = 0) -> ObjectNet:
    torch.manual_seed(seed)
    return ObjectNet(CONFIG).eval()


def view(name: str = "head_rgb", **changes: object) -> CameraView:
    rng = np.random.default_rng(0)
    made = CameraView(
        name=name,
        rgb=rng.integers(0, 256, (64, 64, 3), dtype=np.uint8),
        depth=np.full((64, 64), 1.0, np.float32),
        K=K,
        T_bc=AHEAD,
    )
    return replace(made, **changes)  # type: ignore[arg-type]


class OneThing(ObjectNet):
    """Says of a square in the middle of each picture that it is a thing 2 cm behind its points, and is sure of it."""

    def forward(self, scene):  # type: ignore[no-untyped-def]
        dense = super().forward(scene)
        presence = torch.full_like(dense.presence, -9.0)
        presence[:, 24:40, 24:40] = 9.0
        # One centre for all points: on the axis, 1.02 m before the camera.
        votes = torch.zeros_like(dense.votes_c)
        votes[:, 2] = 1.02
        return replace(dense, presence=presence, votes_c=votes, log_scale=torch.full_like(presence, -5.0))

    def describe(self, scene, dense, pixels, T_bc):  # type: ignore[no-untyped-def]
        said = super().describe(scene, dense, pixels, T_bc)
        vote = torch.tensor([[0.0, 1.02, 0.0]]).expand_as(said.center_g)  # the camera's forward is y of g
        return replace(said, center_g=vote, quality=torch.full_like(said.quality, 3.0))


def sure_eye() -> Eye:
    torch.manual_seed(0)
    return Eye(OneThing(CONFIG))


def test_a_vote_becomes_a_detection_at_its_place_in_the_map() -> None:
    (found,) = sure_eye().look([view()], np.array([2.0, 3.0, np.pi / 2]))
    # The camera stands 1 m over the base and looks ahead, which is the map's y.
    np.testing.assert_allclose(found.position_w, [2.0, 3.0 + 1.02, 1.0], atol=1e-5)
    assert found.box == (24.0, 24.0, 40.0, 40.0)
    assert found.mask is not None
    assert found.mask.sum() == 256
    assert found.sensor == "head_rgb"
    assert found.covariance.shape == (3, 3)
    assert np.linalg.eigvalsh(found.covariance).min() > 0.0
    assert found.label in CONFIG.labels
    assert set(found.attributes) <= {"color", "digit"}
    assert found.embedding is not None
    assert np.linalg.norm(found.embedding) == pytest.approx(1.0, abs=1e-5)


def test_two_cameras_of_different_sizes_see_one_thing() -> None:
    small = view("wrist_rgb", rgb=np.zeros((48, 48, 3), np.uint8), depth=np.ones((48, 48), np.float32))
    assert len(sure_eye().look([view(), small], np.zeros(3))) == 1


def test_without_colour_no_colour_is_told() -> None:
    (found,) = sure_eye().look([view("head_depth", rgb=None)], np.zeros(3))
    assert "color" not in found.attributes
    assert "digit" not in found.attributes


def test_where_there_is_no_depth_nothing_is_seen() -> None:
    assert sure_eye().look([view(depth=np.full((64, 64), np.nan, np.float32))], np.zeros(3)) == []
    assert sure_eye().look([], np.zeros(3)) == []


def test_what_is_not_sure_enough_is_not_told() -> None:
    eye = Eye(sure_eye().network, EyeOptions(score=0.99))
    assert eye.look([view()], np.zeros(3)) == []


def test_yaw_is_read_by_the_footprint() -> None:
    for yaw in (-1.2, 0.1, 0.7):
        turn = np.array([np.cos(2 * yaw), np.sin(2 * yaw), np.cos(4 * yaw), np.sin(4 * yaw)])
        assert yaw_of(turn, np.array([0.1, 0.05, 0.03])) == pytest.approx(yaw)
        quarter = yaw_of(turn, np.array([0.05, 0.05, 0.03]))
        assert (yaw - quarter) / (np.pi / 2) == pytest.approx(round((yaw - quarter) / (np.pi / 2)), abs=1e-9)
    assert wrapped(np.pi) == pytest.approx(0.0)
    assert wrapped(2.0) == pytest.approx(2.0 - np.pi)


def test_saved_weights_give_the_same_eye(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "eye.safetensors"
    before = network()
    save_eye(before, file, {"step": 7})
    after = load_eye(file)
    assert after.config == CONFIG
    assert read_card(file) == {"step": 7}
    assert [p.name for p in file.parent.iterdir()] == ["eye.safetensors"]
    for name, value in before.state_dict().items():
        np.testing.assert_allclose(after.state_dict()[name], value, atol=2e-3, rtol=1e-3)


def test_missing_and_foreign_weights_are_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there are no weights of an eye; to train some: yanshi train senses"):
        load_eye(tmp_path / "none.safetensors")
    (tmp_path / "text.safetensors").write_text("hello")
    with pytest.raises(InputError, match="expected a safetensors file"):
        load_eye(tmp_path / "text.safetensors")


def test_match_checks_its_vectors_and_prefers_what_agrees() -> None:
    eye = Eye(network())
    sentences = np.random.default_rng(0).standard_normal((2, 6)).astype(np.float32)
    with torch.no_grad():
        words = torch.nn.functional.normalize(eye.network.text(torch.tensor(sentences)), dim=1).numpy()
    thing = Detection(label="mug", position_w=np.zeros(3), covariance=np.eye(3), extent=np.ones(3), embedding=words[0])
    other = replace(thing, embedding=-words[0])
    probability = eye.match(sentences[:1], [thing, other])
    assert probability.shape == (1, 2)
    assert probability[0, 0] > probability[0, 1]
    with pytest.raises(ContractError, match="expected an embedding"):
        eye.match(sentences, [replace(thing, embedding=None)])
    with pytest.raises(ContractError, match="expected shape"):
        eye.match(sentences[:, :3], [thing])


def frame(name: str, modality: str, stamp: float = 1.0, **changes: object) -> Frame:
    data = np.zeros((64, 64, 3), np.uint8) if modality == "rgb" else np.ones((64, 64), np.float32)
    made = Frame(name=name, modality=modality, stamp=stamp, data=data, rate=10.0, K=K, T_bs=AHEAD)  # type: ignore[arg-type]
    return replace(made, **changes)  # type: ignore[arg-type]


def test_frames_of_one_camera_and_moment_make_a_view() -> None:
    frames = [frame("head_rgb", "rgb"), frame("head_depth", "depth"), frame("wrist_depth", "depth")]
    head, wrist = camera_views(frames)
    assert head.name == "head_rgb"
    assert head.rgb is not None
    assert wrist.name == "wrist_depth"
    assert wrist.rgb is None
    (late,) = camera_views([frame("head_rgb", "rgb", stamp=0.5), frame("head_depth", "depth")])
    assert late.rgb is None, "a picture of another moment does not belong to the depth"
    assert camera_views([frame("head_rgb", "rgb")]) == []


def test_a_frame_that_cannot_be_placed_is_refused() -> None:
    with pytest.raises(SenseError, match="expected intrinsics K and pose T_bs"):
        camera_views([frame("head_depth", "depth", T_bs=None)])
    with pytest.raises(SenseError, match="multiple of 16 px, got 50×50"):
        camera_views([frame("head_depth", "depth", data=np.ones((50, 50), np.float32))])


def test_configurations_are_checked() -> None:
    with pytest.raises(InputError, match="different labels"):
        replace(CONFIG, labels=("mug", "mug"))
    with pytest.raises(InputError, match="different values of 'color'"):
        replace(CONFIG, attributes={"color": ()})
    assert EyeConfig.from_json(CONFIG.to_json()) == CONFIG
    with pytest.raises(InputError, match="expected the fields"):
        EyeConfig.from_json({**CONFIG.to_json(), "nose": 1})

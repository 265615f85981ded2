"""One contract over every encoder and projector: shapes, gradients, any clip length, NaN, save and load, dtypes."""

import importlib.util
from dataclasses import dataclass

import pytest

if importlib.util.find_spec("torch") is None or importlib.util.find_spec("transformers") is None:
    pytest.skip("needs the extra `language`", allow_module_level=True)

import torch
from torch import Tensor, nn

from yanshi.errors import ContractError, InputError, UnknownNameError
from yanshi.perception.encoders.catalog import ENCODERS
from yanshi.perception.encoders.depth_cnn import DepthCNNConfig
from yanshi.perception.encoders.encoder import EncoderConfig, FakeEncoder, FakeEncoderConfig, check_encoder
from yanshi.perception.encoders.image_cnn import ImageCNNConfig
from yanshi.perception.encoders.image_vit import ImageViTConfig
from yanshi.perception.encoders.point_net import PointNetConfig
from yanshi.perception.encoders.range_cnn import RangeCNNConfig
from yanshi.perception.encoders.sound_cnn import SoundCNNConfig
from yanshi.perception.encoders.vector_mlp import VectorMLPConfig
from yanshi.perception.projectors.catalog import PROJECTORS
from yanshi.perception.projectors.projector import FakeProjectorConfig, ProjectorConfig, check_projector
from yanshi.perception.projectors.qformer import QFormerConfig
from yanshi.perception.registry import Registry

SMALL_ENCODERS: list[EncoderConfig] = [
    FakeEncoderConfig(reading=(2, 5)),
    *(ImageCNNConfig(channels=c, height=32, columns=48, base=8, width=16, grid=(2, 3)) for c in ("rgb", "rgbd")),
    ImageCNNConfig(channels="depth", height=32, columns=32, base=8, width=16, grid=(2, 2)),
    *(ImageViTConfig(channels=c, height=16, columns=24, patch=8, width=16, layers=1, heads=2) for c in ("rgb", "rgbd")),
    DepthCNNConfig(height=32, columns=32, base=8, width=16, grid=(2, 2)),
    PointNetConfig(points=64, sectors=4, hidden=16, width=16),
    RangeCNNConfig(rows=4, columns=36, base=4, width=16, sectors=3),
    SoundCNNConfig(samples=2048, bands=20, base=4, width=16, tokens=2),
    SoundCNNConfig(samples=2048, microphones=2, bands=16, base=4, width=16, tokens=2),
    VectorMLPConfig(size=7, hidden=16, width=16),
]
SMALL_PROJECTORS: list[ProjectorConfig] = [
    QFormerConfig(queries=3, hidden=16, layers=2, heads=2),
    *(PROJECTORS.from_dict({"name": name}) for name in PROJECTORS.names() if name != "qformer"),
]


def test_every_registered_part_is_checked() -> None:
    assert {ENCODERS.to_dict(c)["name"] for c in SMALL_ENCODERS} == set(ENCODERS.names())
    assert {PROJECTORS.to_dict(c)["name"] for c in SMALL_PROJECTORS} == set(PROJECTORS.names())


@pytest.mark.parametrize("config", SMALL_ENCODERS, ids=repr)
def test_encoders_keep_their_contract(config: EncoderConfig) -> None:
    check_encoder(config)


@pytest.mark.parametrize("config", SMALL_PROJECTORS, ids=repr)
def test_projectors_keep_their_contract(config: ProjectorConfig) -> None:
    check_projector(config)


@pytest.mark.parametrize("config", SMALL_ENCODERS, ids=repr)
def test_encoders_survive_json(config: EncoderConfig) -> None:
    import json

    assert ENCODERS.from_dict(json.loads(json.dumps(ENCODERS.to_dict(config)))) == config


@pytest.mark.parametrize("config", SMALL_ENCODERS[1:], ids=repr)
def test_encoders_name_the_shape_they_want(config: EncoderConfig) -> None:
    with pytest.raises(ContractError, match=r"expected values of shape \(B, F, .*got \(1, 2, 99"):
        config.build()(torch.zeros(1, 2, *(99 for _ in config.reading)))


@pytest.mark.parametrize("config", SMALL_ENCODERS[1:], ids=repr)
def test_what_is_sensed_moves_the_features(config: EncoderConfig) -> None:
    encoder = config.build().eval()
    generator = torch.Generator().manual_seed(0)
    values = torch.rand((1, 1, *config.reading), generator=generator) * 2.0 - 1.0
    with torch.no_grad():
        one, other = encoder(values), encoder(values.flip(-2 if len(config.reading) > 1 else -1) * 3.0)
    assert (one - other).abs().max() > 1e-3


class Leaky(nn.Module):
    """Looks at the whole batch, which no encoder may."""

    def __init__(self, config: FakeEncoderConfig) -> None:
        super().__init__()
        self.inner = FakeEncoder(config)

    def forward(self, values: Tensor) -> Tensor:
        return self.inner(values - torch.nan_to_num(values).mean(0, keepdim=True))


@dataclass(frozen=True, kw_only=True)
class LeakyConfig(FakeEncoderConfig):
    def build(self) -> nn.Module:  # type: ignore[override]
        return Leaky(self)


@dataclass(frozen=True, kw_only=True)
class WideConfig(FakeEncoderConfig):
    def build(self) -> nn.Module:  # type: ignore[override]
        return FakeEncoder(FakeEncoderConfig(reading=self.reading, width=self.width + 1))


@dataclass(frozen=True, kw_only=True)
class CountingConfig(FakeProjectorConfig):
    def soft_tokens(self, features: int) -> int:
        return features + 1


def test_the_checks_find_faults() -> None:
    with pytest.raises(ContractError, match="depend on what else is in the batch"):
        check_encoder(LeakyConfig())
    with pytest.raises(ContractError, match=r"expected features of shape \(1, 2, 8\), got \(1, 2, 9\)"):
        check_encoder(WideConfig())
    with pytest.raises(ContractError, match=r"expected \[7, 5, 1\] soft tokens .* got \[6, 4, 0\]"):
        check_projector(CountingConfig())


def test_registries_say_what_exists() -> None:
    with pytest.raises(UnknownNameError, match=r"Unknown encoder 'image_cn'. Did you mean 'image_cnn'"):
        ENCODERS.from_dict({"name": "image_cn"})
    with pytest.raises(UnknownNameError, match=r"option of the encoder 'image_cnn' 'heigth'. Did you mean 'height'"):
        ENCODERS.from_dict({"name": "image_cnn", "heigth": 3})
    registry: Registry[ProjectorConfig] = Registry("projector", {"fake": FakeProjectorConfig})
    with pytest.raises(InputError, match="already registered"):
        registry.register("fake", FakeProjectorConfig)
    with pytest.raises(InputError, match="CountingConfig is no registered projector"):
        registry.to_dict(CountingConfig())


def test_points_need_no_order() -> None:
    config = PointNetConfig(points=64, sectors=4, hidden=16, width=16)
    encoder = config.build().eval()
    values = torch.randn((1, 1, 64, 4), generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        assert torch.allclose(encoder(values), encoder(values[:, :, torch.randperm(64)]), atol=1e-6)


def test_a_point_moves_only_the_token_of_its_cell() -> None:
    config = PointNetConfig(points=4, sectors=4, rings=(1.5,), hidden=16, width=16)
    encoder = config.build().eval()
    none = torch.full((1, 1, 4, 4), float("nan"))
    one = none.clone()
    one[0, 0, 2] = torch.tensor((1.0, 0.5, 0.3, 0.5))  # Near, at azimuth 27°: the third of four.
    with torch.no_grad():
        moved = (encoder(one) - encoder(none)).abs().amax(-1)[0] > 1e-6
    assert moved.tolist() == [False, False, True, False, False, False, False, False]


def test_a_scan_has_no_seam() -> None:
    config = RangeCNNConfig(rows=4, columns=48, base=4, width=16, sectors=3)
    encoder = config.build().eval()
    values = torch.rand((1, 1, 2, 4, 48), generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        encoder.net[-1].place.zero_()
        there, turned = encoder(values), encoder(values.roll(16, dims=-1))
    assert torch.allclose(there.roll(1, dims=1), turned, atol=1e-5)


def test_phase_tells_left_from_right() -> None:
    """A tone that reaches microphone 1 a quarter period after microphone 0 has its cross-spectrum turned by 90°."""
    config = SoundCNNConfig(samples=4096, microphones=2, bands=24, width=16)
    time = torch.arange(4096) / 16_000.0
    tone = 2.0 * torch.pi * 1000.0
    clip = torch.stack((torch.sin(tone * time), torch.sin(tone * time - torch.pi / 2)), dim=-1)
    level, cosine, sine = config.build().features(clip[None])[0].unbind(0)
    band = int(level.mean(0).argmax())
    assert cosine[:, band].abs().max() < 0.05
    assert sine[:, band].min() > 0.95
    assert level[:, band].mean() == pytest.approx(1.0, abs=0.05)  # A full-scale sine has power 1: 0 dB.

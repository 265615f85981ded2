"""The closer look: what is cropped, and that it begins by adding nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from yanshi.agent.seeing.training import begin_with
from yanshi.errors import InputError
from yanshi.perception.grounding.channels import CHANNELS, Scenery, Views, heading, scenery
from yanshi.perception.grounding.closer import CloserLook, crop
from yanshi.perception.grounding.config import EyeConfig
from yanshi.perception.grounding.network import POINTS, Dense, ObjectNet, Pixels, shapes

SIZE = 32


def square(low: int, high: int, owner: int = 0, view: int = 0) -> tuple[torch.Tensor, ...]:
    row, column = torch.meshgrid(torch.arange(low, high), torch.arange(low, high), indexing="ij")
    row, column = row.flatten(), column.flatten()
    return torch.full_like(row, view), row, column, torch.full_like(row, owner)


def test_a_crop_shows_the_object_whole_with_its_mask_and_a_margin() -> None:
    channels = torch.zeros(2, CHANNELS, SIZE, SIZE)
    channels[1, 0, 10:20, 10:20] = 7.0
    crops = crop(channels, *square(10, 20, view=1), count=1, side=16)
    assert crops.shape == (1, CHANNELS + 1, 16, 16)
    mask, color = crops[0, -1], crops[0, 0]
    assert ((color == 7.0) == (mask == 1.0)).all()
    assert mask[8, 8] == 1.0
    assert mask[0].sum() == 0.0  # the margin
    assert 0.5 < float(mask.mean()) < 0.75  # (1 / 1.3)²


def test_objects_are_cropped_from_their_own_views_and_beyond_the_picture_is_nothing() -> None:
    channels = torch.stack((torch.full((CHANNELS, SIZE, SIZE), 1.0), torch.full((CHANNELS, SIZE, SIZE), 2.0)))
    parts = [torch.cat(pair) for pair in zip(square(0, 8), square(12, 20, owner=1, view=1), strict=True)]
    crops = crop(channels, *parts, count=2, side=8)
    assert crops[0, 0, 0, 0] == 0.0
    assert crops[0, 0, 4, 4] == 1.0
    assert (crops[1, 0] == 2.0).all()


def test_it_begins_by_adding_nothing_so_that_an_eye_that_was_taught_before_goes_on() -> None:
    torch.manual_seed(0)
    look = CloserLook(16, CHANNELS, (8, 8, 16), 24, 24)
    assert (look(torch.randn(2, CHANNELS + 1, 16, 16)) == torch.zeros(2, 24)).all()
    plain = EyeConfig(labels=("mug", "ball"), attributes={"color": ("red", "blue")}, widths=(8, 8, 8, 8), features=8)
    before = ObjectNet(plain)
    after = ObjectNet(EyeConfig(**{**plain.to_json(), "labels": plain.labels, "closer": 16, "measures": True}))
    begin_with(after, before)
    own = after.state_dict()
    assert all(torch.equal(value, own[name]) for name, value in before.state_dict().items())


def test_what_is_read_comes_from_the_crop_alone() -> None:
    config = EyeConfig(
        labels=("tile",), attributes={"digit": ("", "1", "2")}, widths=(8, 8, 8, 8), features=8, closer=16,
        reads=("digit",),
    )  # fmt: skip
    torch.manual_seed(0)
    net = ObjectNet(config)
    torch.nn.init.normal_(net.readers["digit"].add.weight)
    channels = torch.randn(1, CHANNELS, SIZE, SIZE)
    scene = Scenery(channels, torch.zeros(1, 3, SIZE, SIZE), torch.ones(1, SIZE, SIZE, dtype=torch.bool))
    pixels = Pixels(*square(8, 16), count=1)
    logits = net.read(scene, pixels)["digit"]
    assert logits.shape == (1, 3)
    far = channels.clone()
    far[..., 24:, 24:] += 5.0
    near = channels.clone()
    near[..., 10:12, 10:12] += 5.0
    assert torch.equal(logits, net.read(replace(scene, channels=far), pixels)["digit"])
    assert not torch.equal(logits, net.read(replace(scene, channels=near), pixels)["digit"])


def test_a_measuring_look_tells_a_near_thing_from_a_large_one() -> None:
    config = EyeConfig(labels=("mug",), attributes={}, widths=(8, 8, 8, 8), features=8, closer=16, measures=True)
    net = ObjectNet(config)
    depth = torch.full((1, SIZE, SIZE), 0.5)
    K, T_bc = torch.tensor([[[30.0, 0.0, 15.5], [0.0, 30.0, 15.5], [0.0, 0.0, 1.0]]]), torch.eye(4)[None]
    T_bc[0, :3, :3] = torch.tensor([[0.0, 0.0, 1.0], [-1.0, 0.0, 0.0], [0.0, -1.0, 0.0]])  # it looks along x
    pixels = Pixels(*square(8, 16), count=1)
    widths = []
    for far in (1.0, 2.0):
        scene = scenery(Views(torch.zeros(1, 3, SIZE, SIZE), far * depth, K, T_bc))
        dense = Dense(depth, scene.points_c, torch.zeros_like(depth), torch.zeros(1, 8, 16, 16))
        R_gc = heading(T_bc)
        crops = net._crops(scene, pixels, R_gc, shapes(scene, dense, pixels, R_gc)[2])
        assert crops.shape == (1, CHANNELS + 4, 16, 16)
        level = crops[0, CHANNELS] * crops[0, -1]
        widths.append(float(level.max() - level.min()) / POINTS)
    assert widths[0] == pytest.approx(0.5 * 7 / 30, abs=1e-4)  # from the first pixel's middle to the last one's
    assert widths[1] == pytest.approx(2 * widths[0], abs=1e-4)


@pytest.mark.parametrize(
    ("changes", "message"),
    [({"reads": ("smell",)}, "attributes that there are"), ({"reads": ("digit",), "reader": 0}, "a crop")],
)
def test_what_cannot_be_read_is_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        EyeConfig(labels=("tile",), attributes={"digit": ("", "1")}, **{"closer": 16, **changes})  # type: ignore[arg-type]


def test_whether_something_is_written_on_a_thing_is_not_for_the_crop_alone_to_say() -> None:
    config = EyeConfig(
        labels=("tile",), attributes={"digit": ("", "1", "2")}, widths=(8, 8, 8, 8), features=8, closer=16,
        reads=("digit",),
    )  # fmt: skip
    net = ObjectNet(config)
    hidden = torch.zeros(2, config.hidden)
    read = {"digit": torch.tensor([[-9.0, 0.0, 5.0], [9.0, 0.0, 5.0]])}
    with torch.no_grad():
        for absent, said in ((8.0, 0), (-8.0, 2)):
            net.attributes["digit"].weight.zero_()
            net.attributes["digit"].bias.copy_(torch.tensor([absent, 0.0, 0.0]))
            logits = net._attributes(hidden, read)["digit"]
            assert logits.argmax(1).tolist() == [said, said]
            assert torch.allclose(logits.exp().sum(1), torch.ones(2), atol=1e-4)

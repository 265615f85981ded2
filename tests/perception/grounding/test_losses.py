"""The network learns from its losses what they are for: a tiny one is made to know one picture by heart."""

import numpy as np
import pytest
import torch

from yanshi.perception.grounding.channels import Views, heading, scenery
from yanshi.perception.grounding.config import EyeConfig
from yanshi.perception.grounding.eye import Eye, EyeOptions
from yanshi.perception.grounding.instances import Grouping
from yanshi.perception.grounding.losses import Things, dense_loss, object_loss, words_loss
from yanshi.perception.grounding.network import Dense, ObjectNet, Pixels, shapes
from yanshi.perception.grounding.views import CameraView

CONFIG = EyeConfig(
    labels=("mug", "cube"),
    attributes={"color": ("red", "blue")},
    widths=(8, 12, 16, 16),
    features=12,
    hidden=32,
    embedding=4,
    text=6,
)
SIZE = 32
K = np.array([[40.0, 0.0, 15.5], [0.0, 40.0, 15.5], [0.0, 0.0, 1.0]])
T_BC = np.array([[0.0, 0.0, 1.0, 0.0], [-1.0, 0.0, 0.0, 0.0], [0.0, -1.0, 0.0, 0.5], [0.0, 0.0, 0.0, 1.0]])
CENTERS_C = np.array([[-0.10, 0.0, 0.55], [0.12, 0.05, 0.65]])


def scene_of_two() -> tuple[Views, torch.Tensor, Things]:
    """A wall at 1 m, before it a red and a blue square."""
    rgb, depth = np.full((SIZE, SIZE, 3), 120, np.uint8), np.full((SIZE, SIZE), 1.0, np.float32)
    owners = np.zeros((SIZE, SIZE), np.int64)
    for number, (x, y, z) in enumerate(CENTERS_C, 1):
        u, v = round(40 * x / z + 15.5), round(40 * y / z + 15.5)
        spot = (slice(v - 4, v + 4), slice(u - 4, u + 4))
        depth[spot], owners[spot] = z - 0.03, number
        rgb[spot] = (200, 30, 30) if number == 1 else (30, 30, 200)
    views = Views(
        rgb=torch.tensor(rgb[None]).permute(0, 3, 1, 2),
        depth=torch.tensor(depth[None]),
        K=torch.tensor(K[None], dtype=torch.float32),
        T_bc=torch.tensor(T_BC[None], dtype=torch.float32),
    )
    R_gc = heading(views.T_bc)[0]
    centers = torch.tensor(CENTERS_C, dtype=torch.float32)
    things = Things(
        view=torch.zeros(2, dtype=torch.long),
        number=torch.tensor([1, 2]),
        label=torch.tensor([0, 1]),
        attributes={"color": torch.tensor([0, 1])},
        center_c=centers,
        center_g=centers @ R_gc.T,
        extent=torch.tensor([[0.08, 0.06, 0.1], [0.05, 0.05, 0.05]]),
        yaw_g=torch.tensor([0.3, 0.0]),
    )
    return views, torch.tensor(owners[None]), things


def true_pixels(owners: torch.Tensor) -> Pixels:
    view, row, column = torch.nonzero(owners > 0, as_tuple=True)
    return Pixels(view, row, column, owners[view, row, column] - 1, 2)


@pytest.mark.slow
def test_a_picture_can_be_learned_by_heart() -> None:
    torch.manual_seed(0)
    views, owners, things = scene_of_two()
    network, scene = ObjectNet(CONFIG), scenery(views)
    optimizer = torch.optim.Adam(network.parameters(), lr=5e-3)
    pixels = true_pixels(owners)
    for _ in range(150):
        dense = network(scene)
        said = network.describe(scene, dense, pixels, views.T_bc)
        losses = dense_loss(dense, scene, owners, things)
        losses |= object_loss(said, things, torch.tensor([0, 1]), torch.ones(2))
        optimizer.zero_grad()
        torch.stack(list(losses.values())).sum().backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        optimizer.step()
    seen = CameraView(
        name="head_rgb",
        rgb=views.rgb[0].permute(1, 2, 0).numpy(),
        depth=views.depth[0].numpy(),
        K=K,
        T_bc=T_BC,
    )
    narrow = Grouping(nearest=0.02, nearest_up=0.02)  # it was not taught to doubt groups of stray votes
    found = sorted(Eye(network, EyeOptions(grouping=narrow)).look([seen], np.zeros(3)), key=lambda d: d.label)
    assert [(d.label, d.attributes["color"]) for d in found] == [("cube", "blue"), ("mug", "red")]
    for detection, center in zip(found, CENTERS_C[::-1], strict=True):
        np.testing.assert_allclose(detection.position_w, (T_BC @ [*center, 1.0])[:3], atol=0.02)
    assert found[1].yaw == pytest.approx(0.3 - np.pi / 2 + np.pi, abs=0.15) or found[1].yaw == pytest.approx(
        0.3 - np.pi / 2, abs=0.15
    )


def dense_of(votes_c: torch.Tensor, scale: float) -> Dense:
    shape = (1, *votes_c.shape[2:])
    return Dense(torch.zeros(shape), votes_c, torch.full(shape, float(np.log(scale))), torch.zeros(1, 2, 16, 16))


def test_votes_are_scored_as_a_laplace_distribution() -> None:
    views, owners, things = scene_of_two()
    scene = scenery(views)
    truth = torch.zeros(1, 3, SIZE, SIZE)
    for number in (1, 2):
        truth[0][:, owners[0] == number] = things.center_c[number - 1][:, None]
    for error, scale in ((0.0, 0.01), (0.02, 0.01), (0.02, 0.02)):
        dense = dense_of(truth + torch.tensor([error, 0.0, 0.0])[None, :, None, None], scale)
        expected = error / scale + 3 * np.log(scale)
        assert float(dense_loss(dense, scene, owners, things)["votes"]) == pytest.approx(expected, abs=1e-4)


def test_the_shape_of_an_object_is_told_in_metres_of_the_upright_frame() -> None:
    views, owners, things = scene_of_two()
    scene = scenery(views)
    truth = torch.zeros(1, 3, SIZE, SIZE)
    for number in (1, 2):
        truth[0][:, owners[0] == number] = things.center_c[number - 1][:, None]
    _, vote, middle = shapes(scene, dense_of(truth, 0.01), true_pixels(owners), heading(views.T_bc))
    np.testing.assert_allclose(vote, things.center_g, atol=1e-6)
    np.testing.assert_allclose(middle[:, 1], things.center_g[:, 1] - 0.03, atol=1e-6)  # forward: the near faces


def test_matching_words_cost_less_than_others() -> None:
    truth = torch.eye(4)
    good, bad = 8.0 * truth - 4.0, 4.0 - 8.0 * truth
    assert words_loss(good, truth) < 0.05
    assert words_loss(bad, truth) > 3.0
    assert torch.isfinite(words_loss(bad, torch.zeros(4, 4)))


def test_nothing_to_learn_from_costs_nothing_and_breaks_nothing() -> None:
    views, _, things = scene_of_two()
    network, scene = ObjectNet(CONFIG), scenery(views)
    dense = network(scene)
    pixels = true_pixels(torch.ones(1, SIZE, SIZE, dtype=torch.long))
    said = network.describe(scene, dense, Pixels(pixels.view, pixels.row, pixels.column, pixels.owner, 1), views.T_bc)
    losses = dense_loss(dense, scene, torch.zeros(1, SIZE, SIZE, dtype=torch.long), things)
    losses |= object_loss(said, things, torch.tensor([-1]), torch.zeros(1))
    assert losses["votes"] == 0.0
    assert losses["label"] == 0.0
    torch.stack(list(losses.values())).sum().backward()

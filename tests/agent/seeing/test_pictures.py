"""Pictures drawn for training: the truth in them agrees with the pictures themselves, and they can be drawn again."""

from pathlib import Path

import mujoco
import numpy as np
import pytest
import torch

from yanshi.agent.seeing.batches import Faults, batch
from yanshi.agent.seeing.furniture import part_shapes
from yanshi.agent.seeing.pictures import PLAIN, Picture, Variety, picture, postures
from yanshi.agent.seeing.shards import DEPTH_UNIT, joined, read_shard, write_shard
from yanshi.agent.seeing.words import taught
from yanshi.agent.skills.kinematics import Kinematics
from yanshi.envs.robots import robot
from yanshi.envs.senses.camera import CameraConfig
from yanshi.envs.worlds.compose import compose
from yanshi.envs.worlds.tabletop import tabletop
from yanshi.errors import InputError
from yanshi.perception.geometry import deproject, inverse, planar, project, transform
from yanshi.perception.grounding.channels import scenery
from yanshi.perception.grounding.furniture import FurnitureSight
from yanshi.perception.grounding.losses import UNKNOWN

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def drawn() -> list[Picture]:
    bodies: dict[str, Kinematics] = {}
    return [p for seed in (0, 3) for posture in postures(seed, "train", Variety(), bodies) for p in posture.pictures]


def test_points_of_a_thing_lie_in_its_box(drawn: list[Picture]) -> None:
    checked = 0
    for shown in drawn:
        T_wc = planar(shown.base_pose_w) @ shown.view.T_bc
        points = transform(T_wc, deproject(shown.view.depth.astype(float), shown.view.K))
        for number, thing in enumerate(shown.things, 1):
            mask = shown.owners == number
            assert mask.sum() == thing.pixels
            at = points[mask & np.isfinite(shown.view.depth)]
            if not len(at):
                continue
            c, s = np.cos(thing.yaw), np.sin(thing.yaw)
            local = (at - thing.position_w) @ np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])
            inside = (np.abs(local) <= thing.extent / 2 + 0.02).all(axis=1)
            assert inside.mean() > 0.9, thing
            checked += 1
    assert checked >= 20


def test_the_same_seed_draws_the_same_pictures_and_splits_differ() -> None:
    bodies: dict[str, Kinematics] = {}
    first, again = (next(postures(3, "train", Variety(), bodies)).pictures[0] for _ in range(2))
    np.testing.assert_array_equal(first.view.rgb, again.view.rgb)
    np.testing.assert_array_equal(first.owners, again.owners)
    other = next(postures(3, "heldout", Variety(), bodies)).pictures[0]
    assert not np.array_equal(first.view.rgb, other.view.rgb)


def test_a_shard_gives_back_what_was_drawn(drawn: list[Picture], tmp_path: Path) -> None:
    file, config = tmp_path / "train-00000.npz", taught()
    write_shard(file, drawn, config)
    arrays = read_shard(file, config)
    for k, shown in enumerate(drawn):
        np.testing.assert_array_equal(arrays["rgb"][k], shown.view.rgb)
        np.testing.assert_allclose(arrays["depth"][k], shown.view.depth, atol=0.51 * DEPTH_UNIT)
    labels = [thing.label for shown in drawn for thing in shown.things]
    assert [config.labels[k] for k in arrays["label"]] == labels
    both = joined([arrays, arrays])
    assert both["picture"][-1] == 2 * len(drawn) - 1 - (len(drawn) - 1 - arrays["picture"][-1])
    (tmp_path / "broken.npz").write_bytes(b"no")
    with pytest.raises(InputError, match="expected a shard"):
        read_shard(tmp_path / "broken.npz", config)


@pytest.mark.parametrize("faults", [None, Faults(), Faults(moved=1.0), Faults(colorless=1.0, tilt=0.0)])
def test_a_batch_places_things_where_their_points_are(
    drawn: list[Picture], tmp_path: Path, faults: Faults | None
) -> None:
    config = taught()
    write_shard(tmp_path / "s.npz", drawn, config)
    arrays = read_shard(tmp_path / "s.npz", config)
    chosen = np.arange(len(drawn))[::-1].copy()
    shown = batch(arrays, chosen, config, np.random.default_rng(0), faults)
    scene, things = scenery(shown.views), shown.things
    assert len(things.label) == len(arrays["label"])
    checked = 0
    for k in np.flatnonzero(shown.pixels.numpy() >= 100):
        mask = (shown.owners[things.view[k]] == k + 1) & scene.known[things.view[k]]
        if mask.sum() < 50:
            continue  # too near for depth
        points = scene.points_c[things.view[k]][:, mask].double().numpy()
        offset = np.median(points, axis=1) - things.center_c[k].double().numpy()
        assert np.linalg.norm(offset) < 0.75 * float(things.extent[k].norm())
        if int((shown.owners == k + 1).sum()) < int(shown.pixels[k]):
            continue  # cut off
        pixel = project(things.center_c[k].double().numpy(), shown.views.K[things.view[k]].double().numpy())
        rows, columns = np.nonzero(mask.numpy())
        checked += 1
        assert np.hypot(pixel[0] - columns.mean(), pixel[1] - rows.mean()) < 40
    assert checked >= 5
    if faults is not None and faults.moved == 1.0:
        cut = [int((shown.owners == k + 1).sum()) < int(shown.pixels[k]) for k in range(len(shown.pixels))]
        assert sum(cut) >= 5
        assert not (things.attributes["digit"][torch.tensor(cut)] > 0).any()
    if faults is not None and faults.colorless == 1.0:
        assert (things.attributes["color"] == UNKNOWN).all()
        assert (shown.views.rgb == 0).all()
    if faults is None:
        np.testing.assert_allclose(shown.views.T_bc, arrays["T_bc"][chosen], atol=1e-6)


def test_yaw_in_the_upright_frame_is_yaw_in_the_map_less_the_cameras(drawn: list[Picture], tmp_path: Path) -> None:
    config = taught()
    write_shard(tmp_path / "s.npz", drawn, config)
    arrays = read_shard(tmp_path / "s.npz", config)
    head = np.array([k for k, shown in enumerate(drawn) if shown.view.name == "head_rgb"])
    things = batch(arrays, head, config, np.random.default_rng(0), None).things
    row = 0
    for k in head:
        T_wc = planar(drawn[k].base_pose_w) @ drawn[k].view.T_bc
        right = np.arctan2(T_wc[1, 0], T_wc[0, 0])
        for thing in drawn[k].things:
            offset = float(things.yaw_g[row]) - (thing.yaw - right)
            assert np.cos(offset) == pytest.approx(1.0, abs=1e-6)
            row += 1


def test_a_drawer_seen_in_simulation_is_as_far_open_as_it_is() -> None:
    world = compose(tabletop(np.random.default_rng(0), fixtures=["chest"]), robot("panda"))
    data = mujoco.MjData(world.model)
    sight = FurnitureSight(world.floor_plan, part_shapes(world))
    joint = world.entities["chest_drawer"].joint
    assert joint is not None
    for opening in (0.0, 0.3, 0.7, 1.0):
        data.qpos[:] = world.qpos0
        data.qpos[world.model.jnt_qposadr[joint]] = opening * world.model.jnt_range[joint, 1]
        mujoco.mj_forward(world.model, data)
        shown = picture(world, world.model, data, "head", CameraConfig())
        seen = sight.look([shown.view], shown.base_pose_w, {})
        assert seen.openings["chest_drawer"] == pytest.approx(opening, abs=0.08)


def test_plain_worlds_stay_as_they_are_and_poses_are_sound() -> None:
    bodies: dict[str, Kinematics] = {}
    for posture in postures(1, "heldout", PLAIN, bodies):
        for shown in posture.pictures:
            R = shown.view.T_bc[:3, :3]
            np.testing.assert_allclose(R @ R.T, np.eye(3), atol=1e-6)
            assert shown.view.T_bc[2, 3] > 0.0
            np.testing.assert_allclose(inverse(inverse(shown.view.T_bc)), shown.view.T_bc, atol=1e-9)
        assert set(posture.openings) >= set(posture.shapes)

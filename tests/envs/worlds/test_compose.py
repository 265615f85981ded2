from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import mujoco
import numpy as np
import pytest

from yanshi.envs.worlds import Scene, Wanted, World, home, tabletop, world, worlds
from yanshi.envs.worlds.catalog import kind
from yanshi.errors import UnknownNameError, WorldError


def _saved(model: mujoco.MjModel) -> bytes:
    buffer = np.empty(mujoco.mj_sizeModel(model), np.uint8)
    mujoco.mj_saveModel(model, None, buffer)
    return buffer.tobytes()


@pytest.mark.parametrize("name", ["home", "tabletop"])
def test_a_seed_gives_the_same_world_bit_for_bit(name: str) -> None:
    one, two, other = world(name, 7), world(name, 7), world(name, 8)
    assert _saved(one.model) == _saved(two.model)
    assert one.qpos0.tobytes() == two.qpos0.tobytes()
    assert list(one.entities) == list(two.entities)
    assert _saved(one.model) != _saved(other.model)


@pytest.mark.parametrize("name", ["home", "tabletop"])
@pytest.mark.parametrize("seed", [0, 5])
def test_entities_are_where_the_model_has_them(name: str, seed: int) -> None:
    made = world(name, seed)
    model, data = made.model, mujoco.MjData(made.model)
    mujoco.mj_kinematics(model, data)  # everything closed: the frame in which parts are described
    for entity_name, thing in made.entities.items():
        entity = thing.entity
        assert model.body(thing.body).name == entity_name == entity.name
        np.testing.assert_allclose(data.xpos[thing.body], entity.position_w, atol=1e-9)
        forward = data.xmat[thing.body].reshape(3, 3)[:, 0]
        np.testing.assert_allclose(forward[:2], [np.cos(entity.yaw), np.sin(entity.yaw)], atol=1e-9)
        sites = {model.site(s).name: s for s in range(model.nsite)}
        own = [s for n, s in sites.items() if model.site_bodyid[s] == thing.body and n.startswith(entity_name)]
        for site in own:
            center = data.site_xpos[site]
            assert any(np.allclose(entity.to_world(r.center_e), center, atol=1e-9) for r in entity.regions)


def test_a_part_moves_as_its_articulation_says() -> None:
    made = world("home", 3)
    model, data = made.model, mujoco.MjData(made.model)
    moved = 0
    for thing in made.entities.values():
        entity, hinge = thing.entity, thing.entity.articulation
        if hinge is None or thing.joint is None:
            continue
        moved += 1
        value = 0.6 * hinge.limit
        data.qpos[:] = model.qpos0
        data.qpos[model.jnt_qposadr[thing.joint]] = value
        mujoco.mj_kinematics(model, data)
        corner = np.array([0.1, 0.2, 0.05])
        seen = data.xpos[thing.body] + data.xmat[thing.body].reshape(3, 3) @ corner
        if hinge.kind == "slide":
            expected = corner + hinge.axis_e * value
        else:
            turn = np.zeros(4)
            mujoco.mju_axisAngle2Quat(turn, hinge.axis_e, value)
            arm = np.zeros(3)
            mujoco.mju_rotVecQuat(arm, corner - hinge.pivot_e, turn)
            expected = hinge.pivot_e + arm
        np.testing.assert_allclose(seen, entity.to_world(expected), atol=1e-9)
    assert moved == 3  # drawer, cabinet door, bedroom door


def test_things_start_open_as_asked(alone: Callable[[Scene], World]) -> None:
    wish = (Wanted(kind="cube", color="red", where="cabinet_drawer"),)
    openings = {"cabinet_drawer": 1.0, "cabinet_door": 0.5, "bedroom_door": 0.0}
    made = alone(home(np.random.default_rng(0), objects=wish, openings=openings))
    for name, share in openings.items():
        joint = made.thing(name).joint
        assert joint is not None
        limit = made.model.jnt_range[joint, 1]
        assert made.qpos0[made.model.jnt_qposadr[joint]] == pytest.approx(share * limit)
    data = mujoco.MjData(made.model)
    data.qpos[:] = made.qpos0
    mujoco.mj_forward(made.model, data)
    drawer = data.xpos[made.thing("cabinet_drawer").body]
    region = made.thing("cabinet_drawer").entity.region("in")
    assert region is not None
    inside = data.xmat[made.thing("cabinet_drawer").body].reshape(3, 3).T @ (
        data.xpos[made.thing("red_cube").body] - drawer
    )
    assert np.all(np.abs(inside - region.center_e) < region.half)


@pytest.mark.parametrize("name", ["home", "tabletop"])
def test_the_grid_agrees_with_rays_from_above(name: str) -> None:
    """A ray straight down from 1.4 m meets something higher than 5 cm where a cell is occupied, and only there."""
    made = world(name, 2)
    model, data = made.model, mujoco.MjData(made.model)
    moving = [
        b for b in range(model.nbody) if model.body_weldid[b] != 0 or model.body_rootid[b] == model.body("base").id
    ]
    for geom in range(model.ngeom):  # out of the way: what is not part of the plan
        if model.geom_bodyid[geom] in moving or not (model.geom_contype[geom] or model.geom_conaffinity[geom]):
            model.geom_group[geom] = 5
    mujoco.mj_kinematics(model, data)
    grid = made.floor_plan.grid
    hit = np.zeros(1, np.int32)
    groups = np.array([1, 1, 1, 1, 1, 0], np.uint8)
    blocked, inside, near = np.zeros((3, *grid.occupied.shape), bool)
    for j, i in np.ndindex(grid.occupied.shape):
        point = np.array([*(grid.origin_w + (np.array([i, j]) + 0.5) * grid.resolution), 1.4])
        inside[j, i] = any(room.contains(point) for room in made.floor_plan.rooms)
        down = np.array([0.0, 0.0, -1.0])
        blocked[j, i] = 0 <= mujoco.mj_ray(model, data, point, down, groups, 1, -1, hit) < 1.35
        point[2] = 3.4  # there are things taller than 1.4 m
        above = mujoco.mj_ray(model, data, point, down, groups, 1, -1, hit)
        near[j, i] = above >= 0 or not inside[j, i]
    assert not (blocked & inside & ~grid.occupied).any()
    for axis in (0, 1):
        near = near | np.roll(near, 1, axis) | np.roll(near, -1, axis)
    assert not (grid.occupied & ~near).any()
    assert 0.05 < grid.occupied.mean() < 0.9


def test_only_movable_things_look_for_collisions() -> None:
    made = world("home", 0)
    model = made.model
    static = (model.body_weldid[model.geom_bodyid] == 0) & (
        model.body_rootid[model.geom_bodyid] != model.body("base").id
    )
    assert not model.geom_conaffinity[static].any()
    for thing in made.entities.values():
        if thing.entity.category == "object" and kind(thing.kind).movable:
            assert model.geom_conaffinity[list(thing.geoms)].any()


def test_the_floor_plan_says_nothing_of_movable_things() -> None:
    made = world("home", 4)
    told = {entity.name for entity in made.floor_plan.fixtures}
    assert told == {name for name, thing in made.entities.items() if thing.entity.category != "object"}
    assert {"cabinet_drawer", "bedroom_door", "kitchen_switch", "sink"} <= told


def test_a_light_that_is_off_leaves_the_room_dark(alone: Callable[[Scene], World]) -> None:
    means = []
    for on in (True, False):
        made = alone(tabletop(np.random.default_rng(1), light=on))
        data = mujoco.MjData(made.model)
        mujoco.mj_forward(made.model, data)
        with mujoco.Renderer(made.model, 60, 80) as renderer:
            camera = mujoco.MjvCamera()
            camera.lookat[:], camera.distance, camera.elevation = (0.5, 0.0, 0.4), 1.4, -45
            renderer.update_scene(data, camera)
            means.append(float(renderer.render().mean()))
    assert means[0] > 60
    assert means[1] < 8


def test_tiles_show_their_digit(alone: Callable[[Scene], World]) -> None:
    """The segments that are left are those of the usual seven-segment codes, bit 0 being segment a."""
    codes = (0x3F, 0x06, 0x5B, 0x4F, 0x66, 0x6D, 0x7D, 0x07, 0x7F, 0x6F)
    for digit, code in enumerate(codes):
        made = alone(tabletop(np.random.default_rng(digit), objects=(Wanted(digit=digit),)))
        names = [made.model.geom(geom).name for geom in made.thing(f"tile_{digit}").geoms]
        shown = sum(1 << "abcdefg".index(name[-1]) for name in names if "segment" in name)
        assert shown == code


def test_names_that_do_not_exist(alone: Callable[[Scene], World]) -> None:
    assert {"home", "tabletop"} <= set(worlds())
    with pytest.raises(UnknownNameError, match="Did you mean 'home'"):
        world("hame", 0)
    with pytest.raises(UnknownNameError, match="Unknown entity"):
        world("tabletop", 0).thing("unicorn")
    scene = tabletop(np.random.default_rng(0))
    twice = replace(scene, objects=(*scene.objects, scene.objects[0]))
    with pytest.raises(WorldError, match=f"2 things are called '{scene.objects[0].item.name}'"):
        alone(twice)

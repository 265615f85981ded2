from __future__ import annotations

from collections.abc import Callable

import mujoco
import numpy as np
import pytest

from yanshi.envs.worlds import ObjectSpec, Scene, Wanted, World, home, tabletop
from yanshi.envs.worlds.catalog import kind, kinds
from yanshi.envs.worlds.choice import choose
from yanshi.envs.worlds.layout import Footprint
from yanshi.envs.worlds.scene import named
from yanshi.errors import InputError, UnknownNameError, WorldError

DRAWS = [(name, seed) for name in ("home", "tabletop") for seed in range(8)]


def _scene(name: str, seed: int) -> Scene:
    return {"home": home, "tabletop": tabletop}[name](np.random.default_rng(seed))


@pytest.mark.parametrize(("name", "seed"), DRAWS)
def test_nothing_starts_inside_something_else(alone: Callable[[Scene], World], name: str, seed: int) -> None:
    made = alone(_scene(name, seed))
    data = mujoco.MjData(made.model)
    data.qpos[:] = made.qpos0
    mujoco.mj_forward(made.model, data)
    owner = {geom: thing.entity.name for thing in made.entities.values() for geom in thing.geoms}
    for contact in data.contact:
        first, second = (owner.get(geom, "room") for geom in contact.geom)
        movable = [n for n in (first, second) if n != "room" and made.entities[n].entity.category == "object"]
        assert len(set(movable)) < 2, f"{first} touches {second}"
        assert contact.dist > -1e-4, f"{first} is {-contact.dist} m inside {second}"


@pytest.mark.parametrize(("name", "seed"), DRAWS)
def test_objects_stand_within_reach_of_the_front_edge(name: str, seed: int) -> None:
    scene = _scene(name, seed)
    for placement in scene.objects:
        support = scene.fixture(placement.support)
        region = kind(support.kind).root.regions[0]
        c, s = np.cos(support.yaw), np.sin(support.yaw)
        away = placement.position_w - support.position_w
        local = np.array([c * away[0] + s * away[1], -s * away[0] + c * away[1], away[2]])
        edge = region.center_e[0] + region.half[0] - local[0]
        assert 0.10 <= edge <= 0.49
        bottom = local[2] - kind(placement.item.kind).extent[2] * placement.item.scale / 2
        assert bottom == pytest.approx(region.center_e[2] - region.half[2], abs=1e-9)


@pytest.mark.parametrize("seed", range(20))
def test_the_gap_between_rectangles_is_never_more_than_their_distance(seed: int) -> None:
    rng = np.random.default_rng(seed)
    one, other = (
        Footprint(center_w=rng.uniform(-0.3, 0.3, 2), half=rng.uniform(0.02, 0.2, 2), yaw=float(rng.uniform(-3, 3)))
        for _ in range(2)
    )
    edges = []
    for rect in (one, other):
        u = np.linspace(-1, 1, 81)
        side = np.concatenate(
            [np.c_[u, np.ones(81)], np.c_[u, -np.ones(81)], np.c_[np.ones(81), u], np.c_[-np.ones(81), u]]
        )
        edges.append((side * rect.half) @ rect.axes() + rect.center_w)
    distance = np.linalg.norm(edges[0][:, None] - edges[1][None], axis=-1).min()
    assert one.gap(other) == pytest.approx(other.gap(one))
    assert one.gap(other) <= distance + 1e-9
    if one.gap(other) > 0:
        assert distance < np.sqrt(2) * one.gap(other) + 0.02 or one.gap(other) < distance


def test_a_task_gets_what_it_asks_for_first_and_nothing_like_it() -> None:
    for seed in range(10):
        wanted = (
            Wanted(kind="mug", color="red", where="sink"),
            Wanted(digit=5, where="table"),
            Wanted(kind="ball", color="red", beside=1),
            Wanted(kind="phone", where="bedroom", sounding=True),
        )
        scene = home(np.random.default_rng(seed), objects=wanted)
        mug, tile, ball, phone = scene.objects[:4]
        assert (mug.item.name, tile.item.name, ball.item.name) == ("red_mug", "tile_5", "red_ball")
        assert mug.support == "sink"
        assert ball.support == tile.support == "table"
        gap = np.linalg.norm(ball.position_w[:2] - tile.position_w[:2])
        assert 0.05 < gap < 0.20
        assert scene.fixture(phone.support).room == "bedroom"
        assert scene.sounding == (phone.item.name,)
        for other in scene.objects[4:]:
            assert not any(wish.matches(other.item) for wish in wanted)
        assert 12 <= len(scene.objects) <= 20


def test_a_person_stands_on_the_floor_of_a_room() -> None:
    for seed in range(10):
        scene = home(np.random.default_rng(seed), objects=(Wanted(kind="person", where="kitchen", sounding=True),))
        person = scene.objects[0]
        kitchen = next(room for room in scene.rooms if room.name == "kitchen")
        assert kitchen.contains(person.position_w)
        assert np.linalg.norm(person.position_w[:2] - np.array(scene.start_w[:2])) > 0.5


def test_names_tell_things_apart() -> None:
    def item(kind_name: str, **attributes: str) -> ObjectSpec:
        return ObjectSpec(kind=kind_name, attributes=attributes)

    items = [
        item("mug", color="red", size="large"),
        item("mug", color="red", size="small"),
        item("mug", color="blue", size="small"),
        item("cube", color="green"),
        item("cube", color="green"),
        item("banana", color="yellow"),
        item("tile", color="white", digit="5"),
    ]
    names = [i.name for i in named(items, plain=lambda kind_name: kind_name == "banana")]
    assert names == ["large_red_mug", "small_red_mug", "blue_mug", "green_cube", "green_cube_2", "banana", "tile_5"]


@pytest.mark.parametrize("seed", range(5))
def test_objects_drawn_to_fill_a_scene_differ_by_kind_or_colour(seed: int) -> None:
    items = choose(np.random.default_rng(seed), (), 25, forbid=lambda item: item.attributes["color"] == "red")
    told = [(i.kind, i.attributes["color"], i.attributes.get("digit")) for i in items]
    assert len(set(told)) == len(told) == 25
    assert all(i.attributes["color"] != "red" for i in items)
    assert len({i.name for i in items}) == 25


def test_what_cannot_be_had_is_said_in_one_line() -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(InputError, match="A banana comes in colors yellow"):
        home(rng, objects=(Wanted(kind="banana", color="blue"),))
    with pytest.raises(UnknownNameError, match="Did you mean 'mug'"):
        home(rng, objects=(Wanted(kind="mugg"),))
    with pytest.raises(UnknownNameError, match="Did you mean 'sink'"):
        home(rng, objects=(Wanted(kind="mug", where="sinc"),))
    with pytest.raises(UnknownNameError, match="Did you mean 'kitchen'"):
        home(rng, start="kitchn")
    with pytest.raises(UnknownNameError, match="Unknown room"):
        home(rng, lights={"cellar": False})
    with pytest.raises(UnknownNameError, match="Did you mean 'cabinet_drawer'"):
        home(rng, openings={"cabinet_draw": 1.0})
    with pytest.raises(UnknownNameError, match="table-top fixture"):
        tabletop(rng, fixtures=["sofa"])
    with pytest.raises(WorldError, match="milk_carton' on chest_drawer"):
        tabletop(rng, objects=(Wanted(kind="milk_carton", where="chest_drawer"),), fixtures=["chest"])
    with pytest.raises(WorldError, match="do not fit"):
        tabletop(rng, count=40)
    assert all(kind(name).movable or name == "person" for name in kinds("object"))

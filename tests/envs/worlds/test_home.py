from __future__ import annotations

import numpy as np
import pytest

from yanshi.envs.worlds import Scene, Wall, home
from yanshi.envs.worlds.catalog import kind
from yanshi.envs.worlds.rooms import Doorway, Edge, Rect, walls

SEEDS = range(12)
BASE = 0.28


def _drawn(seed: int) -> Scene:
    return home(np.random.default_rng(seed))


@pytest.mark.parametrize("seed", SEEDS)
def test_a_home_has_what_the_tasks_need(seed: int) -> None:
    scene = _drawn(seed)
    assert {room.name for room in scene.rooms} == {"kitchen", "living_room", "bedroom"}
    names = {fixture.name for fixture in scene.fixtures}
    assert {
        "counter",
        "sink",
        "cabinet",
        "table",
        "bin",
        "shelf",
        "bed",
        "sofa",
        "desk",
        "nightstand",
        "green_mat",
    } <= names
    assert {f"{room.name}_switch" for room in scene.rooms} <= names
    assert {"button_box", "microwave", "bedroom_door"} <= names
    assert len({fixture.kind for fixture in scene.fixtures}) >= 8
    assert 12 <= len(scene.objects) <= 20


@pytest.mark.parametrize("seed", SEEDS)
def test_surfaces_can_be_worked_on(seed: int) -> None:
    """They are 0.40 to 0.90 m high, in their room, and 0.7 m of the floor before them is free."""
    scene = _drawn(seed)
    standing = [f for f in scene.fixtures if kind(f.kind).category == "fixture" and f.position_w[2] < 0.01]
    for fixture in standing:
        form = kind(fixture.kind)
        if form.root.region("on") is None and form.root.region("in") is None:
            continue
        ahead = np.array([np.cos(fixture.yaw), np.sin(fixture.yaw)])
        room = next(room for room in scene.rooms if room.name == fixture.room)
        for distance in (0.1, 0.35, 0.69):
            point = fixture.position_w[:2] + ahead * (form.extent[0] / 2 + distance)
            assert room.contains(point)
            for other in standing:
                assert other is fixture or not _covers(other, point), f"{other.name} stands before {fixture.name}"


def _covers(fixture: object, point: np.ndarray) -> bool:
    c, s = np.cos(fixture.yaw), np.sin(fixture.yaw)
    local = np.array([[c, s], [-s, c]]) @ (point - fixture.position_w[:2])
    return bool(np.all(np.abs(local) < kind(fixture.kind).extent[:2] / 2))


@pytest.mark.parametrize("seed", SEEDS)
def test_the_robot_starts_on_free_floor(seed: int) -> None:
    scene = _drawn(seed)
    start = np.array(scene.start_w[:2])
    assert any(room.contains(start) for room in scene.rooms)
    for wall in scene.walls:
        nearest = np.clip(start, wall.low_w, wall.high_w)
        assert np.linalg.norm(nearest - start) > BASE
    for fixture in scene.fixtures:
        if fixture.position_w[2] < 0.05:
            half = kind(fixture.kind).extent[:2] / 2
            c, s = np.cos(fixture.yaw), np.sin(fixture.yaw)
            local = np.array([[c, s], [-s, c]]) @ (start - fixture.position_w[:2])
            assert np.linalg.norm(np.maximum(np.abs(local) - half, 0.0)) > BASE


@pytest.mark.parametrize("seed", SEEDS)
def test_doorways_are_wide(seed: int) -> None:
    """Somewhere on the line between two rooms is a gap of at least a metre in the wall."""
    scene = _drawn(seed)
    door = scene.fixture("bedroom_door")
    across = np.array([-np.sin(door.yaw), np.cos(door.yaw)])
    for offset in np.linspace(-0.499, 0.499, 21):
        assert not any(_within(wall, door.position_w[:2] + across * offset) for wall in scene.walls)
    assert any(_within(wall, door.position_w[:2] + across * 0.52) for wall in scene.walls)
    assert all(wall.height == 2.4 for wall in scene.walls)


def _within(wall: Wall, point: np.ndarray) -> bool:
    return bool(np.all(point >= wall.low_w) and np.all(point <= wall.high_w))


def test_plans_differ() -> None:
    scenes = [_drawn(seed) for seed in SEEDS]
    sizes = {tuple(np.round(room.high_w - room.low_w, 3)) for scene in scenes for room in scene.rooms}
    assert len(sizes) > 20
    assert {scene.start_w for scene in scenes}.__len__() == len(scenes)
    towards = {tuple(np.sign(np.round(s.rooms[1].low_w - s.rooms[0].low_w, 1))) for s in scenes}
    assert len(towards) >= 3


def test_walls_are_whole_but_for_doorways() -> None:
    outlines = [Rect(0, 0, 4, 3), Rect(4, 0, 7, 3)]
    doorway = Doorway(edge=Edge("x", 4, 1.0, 2.0), rooms=("a", "b"))
    built = walls(outlines, [doorway])
    u = np.linspace(0, 7, 281)
    for point in [*np.c_[u, np.zeros(281)], *np.c_[u, np.full(281, 3.0)]]:
        assert any(_within(wall, point) for wall in built)
    for y in np.linspace(0, 3, 121):
        inside = any(_within(wall, np.array([4.0, y])) for wall in built)
        assert inside == (not 1.0 < y < 2.0)

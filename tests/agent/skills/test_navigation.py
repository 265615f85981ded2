"""Ways are compared with shortest paths of networkx, and with the cells that they pass."""

from __future__ import annotations

from itertools import pairwise

import networkx as nx
import numpy as np
import pytest
from scipy.ndimage import distance_transform_edt

from yanshi.agent.skills.navigation import ClearanceMap, shortest_path
from yanshi.contracts import OccupancyGrid


def random_weight(rng: np.random.Generator, shape: tuple[int, int] = (18, 23), blocked: float = 0.3) -> np.ndarray:
    weight = 1.0 + rng.random(shape) * 2.0
    weight[rng.random(shape) < blocked] = np.inf
    return weight


def graph_of(weight: np.ndarray) -> nx.Graph:
    """The same moves, written down independently."""
    graph = nx.Graph()
    ny, nx_ = weight.shape
    free = np.isfinite(weight)
    for j in range(ny):
        for i in range(nx_):
            if not free[j, i]:
                continue
            graph.add_node((j, i))
            for dj, di in ((0, 1), (1, 0), (1, 1), (1, -1)):
                b, a = j + dj, i + di
                if not (0 <= b < ny and 0 <= a < nx_ and free[b, a]):
                    continue
                if dj and di and not (free[j, a] and free[b, i]):
                    continue
                length = np.hypot(dj, di)
                graph.add_edge((j, i), (b, a), weight=length * 0.5 * (weight[j, i] + weight[b, a]))
    return graph


def cost(graph: nx.Graph, path: list[tuple[int, int]]) -> float:
    return float(sum(graph.edges[a, b]["weight"] for a, b in pairwise(path)))


@pytest.mark.parametrize("seed", range(40))
def test_a_star_is_as_short_as_networkx(seed: int) -> None:
    rng = np.random.default_rng(seed)
    weight = random_weight(rng)
    free = [tuple(int(v) for v in cell) for cell in np.argwhere(np.isfinite(weight))]
    start, goal = (free[k] for k in rng.choice(len(free), 2, replace=False))
    graph = graph_of(weight)
    path = shortest_path(weight, start, goal)
    if not nx.has_path(graph, start, goal):
        assert path is None
        return
    assert path is not None
    assert path[0] == start
    assert path[-1] == goal
    assert cost(graph, path) == pytest.approx(nx.shortest_path_length(graph, start, goal, weight="weight"), rel=1e-9)


def test_a_start_or_goal_inside_an_obstacle_has_no_path() -> None:
    weight = np.ones((5, 5))
    weight[2, 2] = np.inf
    assert shortest_path(weight, (2, 2), (0, 0)) is None
    assert shortest_path(weight, (0, 0), (2, 2)) is None


def room(rng: np.random.Generator) -> ClearanceMap:
    """A room of 6 m by 5 m with a wall that has a door, and blocks."""
    occupied = np.zeros((100, 120), bool)
    occupied[[0, -1]] = occupied[:, [0, -1]] = True
    occupied[:, 60] = True
    door = int(rng.integers(15, 70))
    occupied[door : door + 18, 60] = False
    for _ in range(6):
        j, i = rng.integers(5, 85), rng.integers(5, 100)
        if abs(i - 60) > 20:
            occupied[j : j + 8, i : i + 10] = True
    grid = OccupancyGrid(occupied=occupied, resolution=0.05, origin_w=np.array([-1.0, 2.0]))
    return ClearanceMap(grid, 0.29)


@pytest.mark.parametrize("seed", range(15))
def test_a_way_never_comes_nearer_than_the_radius(seed: int) -> None:
    rng = np.random.default_rng(seed)
    space = room(rng)
    distance = distance_transform_edt(~np.pad(space.grid.occupied, 1, constant_values=True))[1:-1, 1:-1] * 0.05
    cells = np.argwhere(space.islands == np.bincount(space.islands.ravel())[1:].argmax() + 1)
    for _ in range(5):
        a, b = (space.point(tuple(cells[k])) for k in rng.choice(len(cells), 2, replace=False))
        way = space.way(a, b)
        assert way is not None
        np.testing.assert_allclose(way[0], a)
        np.testing.assert_allclose(way[-1], b)
        for p, q in pairwise(way):
            for point in p + np.linspace(0, 1, 200)[:, None] * (q - p):
                assert distance[space.cell(point)] - 0.025 >= space.radius - 1e-9


@pytest.mark.parametrize("seed", range(5))
def test_pulling_straight_makes_no_way_longer(seed: int) -> None:
    rng = np.random.default_rng(seed)
    space = room(rng)
    cells = np.argwhere(space.islands == np.bincount(space.islands.ravel())[1:].argmax() + 1)
    a, b = (tuple(int(v) for v in cells[k]) for k in rng.choice(len(cells), 2, replace=False))
    path = shortest_path(space.weight, a, b)
    way = space.way(space.point(a), space.point(b))
    assert path is not None
    assert way is not None
    assert np.linalg.norm(np.diff(way, axis=0), axis=1).sum() <= (
        np.linalg.norm(np.diff(np.array(path), axis=0), axis=1).sum() * 0.05 + 1e-9
    )


def test_a_base_that_was_pushed_against_a_wall_finds_out() -> None:
    space = room(np.random.default_rng(0))
    start = np.array([-0.85, 2.15])
    assert not space.is_free(start)
    goal = space.point(tuple(np.argwhere(space.islands == space.islands[space.cell(space.nearest_free(start))])[500]))
    way = space.way(start, goal)
    assert way is not None
    np.testing.assert_allclose(way[0], start)

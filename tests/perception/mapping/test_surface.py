"""The fused surfaces against a plane and a box that are met by rays in closed form."""

from __future__ import annotations

import numpy as np
import pytest

from yanshi.contracts import Array
from yanshi.errors import MissingDependencyError
from yanshi.perception.mapping import surface
from yanshi.perception.mapping.surface import SurfaceConfig, SurfaceMap, range_view

K = np.array([[60.0, 0.0, 31.5], [0.0, 60.0, 31.5], [0.0, 0.0, 1.0]])
LOW, HIGH = np.array([1.013, -0.391, 0.017]), np.array([1.607, 0.408, 0.811])
"""Not on the corners of voxels, where the sign of a distance of zero is anybody's guess."""


def looking_ahead(x: float, y: float, z: float) -> Array:
    T = np.eye(4)
    T[:3, :3] = np.array([[0.0, 0.0, 1.0], [-1.0, 0.0, 0.0], [0.0, -1.0, 0.0]])
    T[:3, 3] = x, y, z
    return T


def distance_to_box(points: Array) -> Array:
    """(n,) [m] from the faces of the box."""
    outside = np.maximum(np.maximum(LOW - points, points - HIGH), 0.0)
    inside = np.minimum(points - LOW, HIGH - points).min(axis=1)
    return np.where((outside > 0).any(axis=1), np.linalg.norm(outside, axis=1), inside)


def box_depth(T_wc: Array, size: int = 64) -> Array:
    """(size, size) [m] along the optical axis to the box, NaN beside it: slabs (Kay & Kajiya 1986)."""
    v, u = np.indices((size, size), dtype=float)
    rays = np.stack(((u - K[0, 2]) / K[0, 0], (v - K[1, 2]) / K[1, 1], np.ones_like(u)), axis=-1) @ T_wc[:3, :3].T
    with np.errstate(divide="ignore"):
        a, b = (LOW - T_wc[:3, 3]) / rays, (HIGH - T_wc[:3, 3]) / rays
    near, far = np.minimum(a, b).max(axis=-1), np.maximum(a, b).min(axis=-1)
    return np.where((near < far) & (near > 0.0), near, np.nan).astype(np.float32)


def test_a_box_seen_from_several_places_is_where_it_is() -> None:
    pytest.importorskip("open3d")
    field = SurfaceMap()
    for y in (-0.3, 0.0, 0.3):
        T_wc = looking_ahead(0.0, y, 0.6)
        field.add_depth(box_depth(T_wc), K, T_wc)
    points = field.points()
    front = points[np.abs(points[:, 1]) < 0.3]
    front = front[(front[:, 2] > 0.1) & (front[:, 2] < 0.7)]
    assert len(front) > 100
    np.testing.assert_allclose(front[:, 0], LOW[0], atol=0.01)
    assert np.quantile(distance_to_box(points.astype(float)), 0.95) < field.config.voxel
    corners, triangles = field.mesh()
    assert len(triangles) > 100
    assert triangles.max() < len(corners)
    assert np.quantile(distance_to_box(corners.astype(float)), 0.95) < field.config.voxel


def test_the_sides_of_a_lidar_are_put_where_they_were_measured() -> None:
    pytest.importorskip("open3d")
    azimuth, elevation = np.meshgrid(np.deg2rad(np.arange(0.0, 360.0, 1.0)), np.deg2rad(np.arange(-30.0, 31.0, 2.0)))
    ray = np.stack((np.cos(azimuth) * np.cos(elevation), np.sin(azimuth) * np.cos(elevation), np.sin(elevation)), -1)
    walls = 1.0 / np.maximum(np.abs(ray[..., 0]) / 2.0, np.abs(ray[..., 1]) / 1.5)  # a room of 4 m by 3 m
    points = (walls[..., None] * ray).reshape(-1, 3)
    T_ws = np.eye(4)
    T_ws[:3, 3] = 5.013, 1.022, 1.2
    field = SurfaceMap()
    field.add_echoes(points, T_ws)
    found = field.points() - T_ws[:3, 3]
    off = np.minimum(np.abs(np.abs(found[:, 0]) - 2.0), np.abs(np.abs(found[:, 1]) - 1.5))
    assert np.quantile(off, 0.95) < field.config.voxel
    for side, wall in ((0, 2.0), (1, 1.5)):
        for sign in (-1.0, 1.0):
            assert (np.abs(found[:, side] - sign * wall) < field.config.voxel).sum() > 50
    one = SurfaceMap()
    one.add_echoes(points, T_ws, sides=(1,))
    assert (one.points()[:, 1] > 1.0).all(), "to the left is where y grows"


def test_memory_is_bounded() -> None:
    pytest.importorskip("open3d")
    field = SurfaceMap(SurfaceConfig(most_blocks=60))
    wall = np.full((64, 64), 2.02, dtype=np.float32)
    for y in range(12):
        field.add_depth(wall, K, looking_ahead(0.0, 2.0 * y, 0.6))
    assert 0 < field.blocks <= 60
    first = field.points()
    assert np.abs(first[:, 0] - 2.02).max() < 0.05, "what was there first is still there"


def test_pixels_without_depth_or_too_far_away_leave_nothing() -> None:
    pytest.importorskip("open3d")
    field = SurfaceMap()
    for nothing in (np.nan, 0.0, np.inf, 9.0):
        field.add_depth(np.full((64, 64), nothing, dtype=np.float32), K, looking_ahead(0.0, 0.0, 0.6))
    assert field.blocks == 0
    assert field.points().shape == (0, 3)
    assert field.mesh()[1].shape == (0, 3)


def test_the_nearest_of_two_points_is_seen() -> None:
    image, intrinsics = range_view(
        np.array([[0.0, 0.0, 3.0], [0.0, 0.0, 1.0], [0.5, 0.0, 1.0], [0.0, 0.0, -1.0]]), 45.0
    )
    assert np.isfinite(image).sum() == 2
    assert image[int(intrinsics[1, 2]), int(intrinsics[0, 2])] == 1.0


def test_without_open3d_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(surface, "available", lambda: False)
    with pytest.raises(MissingDependencyError, match=r"'open3d-cpu' is not installed.*'yanshi\[mapping\]'"):
        SurfaceMap()

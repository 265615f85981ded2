from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from yanshi.contracts import Frame
from yanshi.errors import ContractError
from yanshi.perception.geometry import deproject, inverse, planar, points_in_base, project, transform

K = np.array([[110.0, 0.0, 63.5], [0.0, 120.0, 47.5], [0.0, 0.0, 1.0]])
coordinate = st.floats(-10.0, 10.0)
vectors = st.tuples(coordinate, coordinate, coordinate)


def rigid(translation: tuple[float, ...], rotation: tuple[float, ...]) -> np.ndarray:
    T = np.eye(4)
    T[:3, :3] = Rotation.from_rotvec(rotation).as_matrix()
    T[:3, 3] = translation
    return T


@given(vectors, vectors)
def test_inverse_is_the_matrix_inverse(translation: tuple[float, ...], rotation: tuple[float, ...]) -> None:
    T = rigid(translation, rotation)
    assert np.allclose(inverse(T), np.linalg.inv(T), atol=1e-9)


@given(vectors, vectors, vectors)
def test_transform_is_the_homogeneous_product(t: tuple[float, ...], r: tuple[float, ...], p: tuple[float, ...]) -> None:
    T = rigid(t, r)
    assert np.allclose(transform(T, np.array(p)), (T @ [*p, 1.0])[:3], atol=1e-9)
    assert np.allclose(transform(T, np.tile(p, (2, 3, 1)))[1, 2], (T @ [*p, 1.0])[:3], atol=1e-9)


@given(coordinate, coordinate, coordinate)
def test_planar(x: float, y: float, yaw: float) -> None:
    assert np.allclose(planar(np.array([x, y, yaw])), rigid((x, y, 0.0), (0.0, 0.0, yaw)), atol=1e-12)


def test_a_point_on_the_axis_is_at_the_principal_point() -> None:
    assert project(np.array([0.0, 0.0, 3.0]), K) == pytest.approx([63.5, 47.5])


def test_right_is_greater_u_and_down_is_greater_v() -> None:
    assert project(np.array([0.5, 0.25, 2.0]), K) == pytest.approx([63.5 + 110.0 * 0.25, 47.5 + 120.0 * 0.125])


def test_what_is_behind_the_camera_has_no_pixel() -> None:
    assert np.isnan(project(np.array([[0.0, 0.0, -1.0], [0.0, 0.0, 0.0]]), K)).all()


def test_deproject_then_project_gives_every_pixel_back() -> None:
    depth = np.random.default_rng(0).uniform(0.5, 5.0, (96, 128))
    points = deproject(depth, K)
    assert points.shape == (96, 128, 3)
    assert np.array_equal(points[..., 2], depth)
    v, u = np.indices(depth.shape)
    assert np.allclose(project(points, K), np.stack((u, v), axis=-1), atol=1e-9)


def test_holes_stay_holes() -> None:
    assert np.isnan(deproject(np.full((2, 2), np.nan), K)).all()


def test_points_in_base_of_depth_and_lidar() -> None:
    T = rigid((0.1, 0.2, 1.0), (0.0, 0.5, 0.2))
    depth = np.array([[1.0, np.nan], [2.0, 3.0]], np.float32)
    frame = Frame(name="head_depth", modality="depth", stamp=0.0, data=depth, rate=10.0, K=K, T_bs=T)
    points = points_in_base(frame)
    assert points.shape == (3, 3)
    assert np.allclose(points[0], (T @ [-63.5 / 110.0, -47.5 / 120.0, 1.0, 1.0])[:3])
    echo = np.array([[1.0, 2.0, 3.0, 0.5]], np.float32)
    frame = Frame(name="lidar", modality="lidar", stamp=0.0, data=echo, rate=10.0, T_bs=T)
    assert np.allclose(points_in_base(frame), [(T @ [1.0, 2.0, 3.0, 1.0])[:3]])


def test_frames_without_points_or_pose_are_refused() -> None:
    touch = Frame(name="touch", modality="touch", stamp=0.0, data=np.zeros(4, np.float32), rate=50.0)
    lost = Frame(name="lidar", modality="lidar", stamp=0.0, data=np.zeros((1, 4), np.float32), rate=10.0)
    with pytest.raises(ContractError, match="'touch': expected depth or lidar, got touch"):
        points_in_base(touch)
    with pytest.raises(ContractError, match="'lidar': expected the sensor's pose"):
        points_in_base(lost)

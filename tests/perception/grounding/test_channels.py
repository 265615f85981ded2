import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from yanshi.perception.geometry import deproject, transform
from yanshi.perception.grounding.channels import CHANNELS, Views, heading, scenery

K = np.array([[110.0, 0.0, 31.5], [0.0, 110.0, 31.5], [0.0, 0.0, 1.0]])


def looking_down(pitch: float, height: float) -> np.ndarray:
    """A camera (4, 4) in the base that looks ahead and `pitch` [rad] down."""
    T = np.eye(4)
    level = np.array([[0.0, 0.0, 1.0], [-1.0, 0.0, 0.0], [0.0, -1.0, 0.0]])
    T[:3, :3] = Rotation.from_euler("y", pitch).as_matrix() @ level
    T[:3, 3] = (0.1, 0.2, height)
    return T


def floor_depth(T_bc: np.ndarray) -> np.ndarray:
    """Depth (64, 64) of the plane z = 0, found by meeting every ray with it."""
    rays = deproject(np.ones((64, 64)), K) @ T_bc[:3, :3].T
    return -T_bc[2, 3] / rays[..., 2]


def views(depth: np.ndarray, T_bc: np.ndarray, rgb: int = 128) -> Views:
    return Views(
        rgb=torch.full((1, 3, *depth.shape), rgb, dtype=torch.uint8),
        depth=torch.tensor(depth[None], dtype=torch.float32),
        K=torch.tensor(K[None], dtype=torch.float32),
        T_bc=torch.tensor(T_bc[None], dtype=torch.float32),
    )


def test_a_floor_is_at_height_nought_and_faces_up() -> None:
    T_bc = looking_down(0.9, 1.3)
    scene = scenery(views(floor_depth(T_bc), T_bc))
    assert scene.channels.shape == (1, CHANNELS, 64, 64)
    assert scene.known.all()
    height, up = scene.channels[0, 5], scene.channels[0, 6]
    np.testing.assert_allclose(height, -1.4, atol=1e-4)
    np.testing.assert_allclose(up[4:-4, 4:-4], 1.0, atol=1e-3)


def test_points_are_those_of_the_pinhole_model() -> None:
    T_bc = looking_down(0.6, 1.0)
    depth = floor_depth(T_bc)
    points = scenery(views(depth, T_bc)).points_c[0].permute(1, 2, 0).double().numpy()
    np.testing.assert_allclose(points, deproject(depth, K), atol=1e-5)
    np.testing.assert_allclose(transform(T_bc, points)[..., 2], 0.0, atol=1e-5)


def test_what_has_no_depth_has_no_geometry() -> None:
    T_bc = looking_down(0.9, 1.3)
    depth = floor_depth(T_bc)
    depth[20:30, 20:30] = np.nan
    scene = scenery(views(depth, T_bc))
    assert torch.isfinite(scene.channels).all()
    assert not scene.known[0, 20:30, 20:30].any()
    assert (scene.channels[0, 3:9, 23:27, 23:27] == 0.0).all()


@pytest.mark.parametrize("pitch", [-0.3, 0.0, 0.8, np.pi / 2])
def test_the_upright_frame_is_upright_and_looks_the_cameras_way(pitch: float) -> None:
    T_bc = looking_down(pitch, 1.0)
    R_gc = heading(torch.tensor(T_bc[None], dtype=torch.float32))[0].double().numpy()
    np.testing.assert_allclose(R_gc @ R_gc.T, np.eye(3), atol=1e-6)
    assert np.linalg.det(R_gc) == pytest.approx(1.0, abs=1e-6)
    up_c = T_bc[:3, :3].T @ np.array([0.0, 0.0, 1.0])
    np.testing.assert_allclose(R_gc @ up_c, [0.0, 0.0, 1.0], atol=1e-6)
    np.testing.assert_allclose(R_gc @ np.array([1.0, 0.0, 0.0]), [1.0, 0.0, 0.0], atol=1e-6)


def test_a_camera_on_its_side_has_an_upright_frame_too() -> None:
    T_bc = looking_down(0.2, 1.0)
    T_bc[:3, :3] = T_bc[:3, :3] @ Rotation.from_euler("z", np.pi / 2).as_matrix()
    R_gc = heading(torch.tensor(T_bc[None], dtype=torch.float32))[0].double().numpy()
    np.testing.assert_allclose(R_gc @ (T_bc[:3, :3].T @ np.array([0.0, 0.0, 1.0])), [0.0, 0.0, 1.0], atol=1e-6)

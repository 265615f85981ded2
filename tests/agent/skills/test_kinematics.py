"""The robot's own body: inverse kinematics against forward kinematics, and the head against geometry."""

from __future__ import annotations

import numpy as np
import pytest

from yanshi.agent.skills.kinematics import Kinematics
from yanshi.agent.skills.motion import forward_pose, rotation_vector, top_down, upright
from yanshi.contracts import Proprioception
from yanshi.envs.robots import robot


@pytest.fixture(scope="module", params=["panda", "mobile_panda"])
def body(request: pytest.FixtureRequest) -> Kinematics:
    return Kinematics(robot(request.param))


@pytest.mark.parametrize("reach", [0.45, 0.6, 0.7])
@pytest.mark.parametrize("height", [0.45, 0.65, 0.85])
def test_solutions_reach_the_pose_within_limits(body: Kinematics, reach: float, height: float) -> None:
    pose = top_down(np.array([reach, 0.1, height]), -np.pi / 2 + 0.2)
    q = body.solve(pose)
    assert q is not None
    reached = body.forward(q)
    assert np.linalg.norm(reached[:3, 3] - pose[:3, 3]) < 0.004
    assert np.linalg.norm(rotation_vector(pose[:3, :3] @ reached[:3, :3].T)) < 0.03
    assert body.margin(q) > 0.0


def test_what_is_too_far_is_not_reached(body: Kinematics) -> None:
    assert body.solve(top_down(np.array([1.2, 0.0, 0.6]), 0.0)) is None


def test_home_is_where_the_description_says(body: Kinematics) -> None:
    np.testing.assert_allclose(body.home_T_be[:3, 3], [0.45, 0.0, 1.0], atol=2e-3)


@pytest.mark.parametrize("point", [(1.0, 0.5, 0.6), (2.0, -1.0, 1.0), (0.6, 0.0, 0.8), (-0.5, 2.0, 1.2)])
def test_the_head_turns_to_a_point(point: tuple[float, float, float]) -> None:
    body = Kinematics(robot("mobile_panda"))
    names = body.robot.arm_joints + body.robot.head_joints
    position = np.concatenate([body.home, [0.0, 0.3]])
    for _ in range(200):
        felt = Proprioception(
            joint_names=names,
            joint_positions=position,
            joint_velocities=np.zeros(len(names)),
            odometry=np.zeros(3),
            base_velocity_b=np.zeros(3),
            T_be=body.home_T_be,
            gripper_opening=0.08,
        )
        position = position.copy()
        position[-2:] += 0.04 * np.array(body.head_rates(felt, np.array(point)))
    body.head_rates(felt, np.array(point))
    camera = body.data.camera("head")
    ahead, wanted = -camera.xmat.reshape(3, 3)[:, 2], np.array(point) - camera.xpos
    assert ahead @ wanted / np.linalg.norm(wanted) > 0.9995


@pytest.mark.parametrize("dip", [0.0, 0.4, 1.0, np.pi / 2])
@pytest.mark.parametrize("fingers", ["horizontal", "vertical"])
def test_forward_poses(dip: float, fingers: str) -> None:
    T = forward_pose(np.array([1.0, 2.0, 3.0]), 0.7, fingers=fingers, dip=dip)
    assert np.linalg.det(T[:3, :3]) == pytest.approx(1.0)
    assert T[2, 2] == pytest.approx(-np.sin(dip))
    if fingers == "horizontal":
        assert T[2, 1] == pytest.approx(0.0, abs=1e-12)
    down = upright(T)
    np.testing.assert_allclose(down[:3, 2], [0, 0, -1], atol=1e-9)
    np.testing.assert_allclose(down[:3, 3], T[:3, 3])

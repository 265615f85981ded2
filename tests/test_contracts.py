import dataclasses

import numpy as np
import pytest

from yanshi import contracts
from yanshi.contracts import Entity, Fact, Frame, Held, Proprioception, WorldState
from yanshi.errors import ContractError, UnknownNameError


def frame(**changes: object) -> Frame:
    values: dict[str, object] = {
        "name": "head_rgb",
        "modality": "rgb",
        "stamp": 0.0,
        "rate": 10.0,
        "data": np.zeros((4, 6, 3), np.uint8),
    }
    return Frame(**(values | changes))  # type: ignore[arg-type]


def test_a_frame_says_what_it_expected_and_what_came() -> None:
    with pytest.raises(ContractError, match=r"expected dtype uint8, got float64"):
        frame(data=np.zeros((4, 6, 3)))
    with pytest.raises(ContractError, match=r"expected shape \(\*, \*, 3\), got \(4, 6, 4\)"):
        frame(data=np.zeros((4, 6, 4), np.uint8))
    with pytest.raises(ContractError, match=r"K: expected shape \(3, 3\), got \(4, 4\)"):
        frame(K=np.eye(4))


def test_audio_needs_a_position_for_every_channel() -> None:
    with pytest.raises(ContractError, match=r"microphones_s: expected shape \(4, 3\), got \(2, 3\)"):
        frame(modality="audio", data=np.zeros((160, 4), np.float32), microphones_s=np.zeros((2, 3)))


def test_proprioception_counts_its_joints() -> None:
    with pytest.raises(ContractError, match=r"joint_positions: expected shape \(2\), got \(3,\)"):
        Proprioception(
            joint_names=("a", "b"), joint_positions=np.zeros(3), joint_velocities=np.zeros(2), odometry=np.zeros(3),
            base_velocity_b=np.zeros(3), T_be=np.eye(4), gripper_opening=0.0,
        )  # fmt: skip


def test_everything_that_crosses_a_border_is_frozen_and_slotted() -> None:
    for name in contracts.__all__:
        cls = getattr(contracts, name)
        if dataclasses.is_dataclass(cls):
            assert cls.__dataclass_params__.frozen, name  # type: ignore[attr-defined]
            assert "__slots__" in vars(cls), name


def test_an_entity_maps_its_frame_to_the_world() -> None:
    entity = Entity(
        name="a", label="box", category="object", position_w=np.array([1.0, 2.0, 0.5]), yaw=np.pi / 2, extent=np.ones(3)
    )
    np.testing.assert_allclose(entity.to_world(np.array([1.0, 0.0, 0.0])), [1.0, 3.0, 0.5], atol=1e-12)
    np.testing.assert_allclose(entity.to_world(np.array([[0.0, 1.0, 0.1]])), [[0.0, 2.0, 0.6]], atol=1e-12)


def test_what_is_not_known_is_not_true() -> None:
    state = WorldState(stamp=0.0, base_pose_w=np.zeros(3), facts={Fact("open", ("a",)): Held(value=False)})
    assert not state.true(Fact("open", ("a",)))
    assert not state.true(Fact("open", ("b",)))
    assert state.with_(facts={Fact("open", ("b",)): Held(value=True)}).true(Fact("open", ("b",)))


def test_an_unknown_name_gets_the_nearest_and_the_list() -> None:
    assert str(UnknownNameError("world", "hoem", ["tabletop", "home"])) == (
        "Unknown world 'hoem'. Did you mean 'home'? Available: home, tabletop."
    )

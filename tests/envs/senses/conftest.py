"""Small simulations for tests of the senses: a model, a robot description, and time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import mujoco
import pytest

from yanshi.envs.robots import Robot


def described(**changes: object) -> Robot:
    """A robot that is a body `base` and what `changes` says."""
    values: dict[str, object] = {
        "name": "stub",
        "mjcf": Path("stub.xml"),
        "base_body": "base",
        "arm_joints": (),
        "arm_actuators": (),
        "tcp_site": "tcp",
        "gripper_actuator": "",
        "finger_joints": (),
        "finger_pads": (),
        "max_opening": 0.08,
        "gripper_ctrl": (0.0, 0.04),
    }
    return Robot(**{**values, **changes})  # type: ignore[arg-type]


@dataclass
class StubSimulation:
    """What a sense reads: no motors, no house."""

    model: mujoco.MjModel
    data: mujoco.MjData
    robot: Robot

    @property
    def time(self) -> float:
        return float(self.data.time)


@pytest.fixture
def simulate() -> Callable[..., StubSimulation]:
    """Make a simulation of the contents of a worldbody, at rest at time 0."""

    def make(worldbody: str, extra: str = "", **robot: object) -> StubSimulation:
        model = mujoco.MjModel.from_xml_string(f"<mujoco>{extra}<worldbody>{worldbody}</worldbody></mujoco>")
        data = mujoco.MjData(model)
        mujoco.mj_forward(model, data)
        return StubSimulation(model, data, described(**robot))

    return make


@pytest.fixture
def stub() -> type[StubSimulation]:
    """The class itself, for models that come from elsewhere."""
    return StubSimulation

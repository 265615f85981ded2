"""Bodies put to the test under MuJoCo alone: no robot that might disturb them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import mujoco
import pytest

from yanshi.envs.worlds import World, compose
from yanshi.envs.worlds.scene import Scene

_POST = "<mujoco><worldbody><body name='post' pos='0 0 20'/></worldbody></mujoco>"


@pytest.fixture
def alone() -> Callable[[Scene], World]:
    """Composes a scene with, instead of a robot, a body far above everything."""

    def build(scene: Scene) -> World:
        post: Any = SimpleNamespace(
            name="post",
            base_body="post",
            base_joints=(),
            home={},
            mjcf=Path(),
            spec=lambda: mujoco.MjSpec.from_string(_POST),
        )
        return compose(scene, post)

    return build

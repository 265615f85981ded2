"""Small environments that are learned in a second: to try the recipe on, and to test it."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

HORIZON = 20
"""Steps of an episode."""
RADIUS = 0.1
"""What is near enough."""

Info = dict[str, Any]


def _box(size: int) -> spaces.Box:
    return spaces.Box(-np.inf, np.inf, (size,), np.float64)


class PointReach(gymnasium.Env[dict[str, Any], NDArray[np.float32]]):
    """A point in [-1, 1]² and a goal; reward 0 within `RADIUS` of it and -1 elsewhere.

    | index | action | min | max | unit |
    |---|---|---|---|---|
    | 0, 1 | way of the point in this step, times 10 | -2 | 2 | - |
    """

    def __init__(self) -> None:
        self.observation_space = spaces.Dict(observation=_box(1), achieved_goal=_box(2), desired_goal=_box(2))
        self.action_space = spaces.Box(-2.0, 2.0, (2,), np.float32)

    def compute_reward(self, achieved: NDArray[Any], desired: NDArray[Any], info: Any) -> Any:
        """0 or -1 for one pair of goals (2,), or for n (n, 2)."""
        return np.where(np.linalg.norm(achieved - desired, axis=-1) < RADIUS, 0.0, -1.0)

    def reset(self, *, seed: int | None = None, options: Info | None = None) -> tuple[dict[str, Any], Info]:
        """A new place and a new goal."""
        super().reset(seed=seed)
        self.place, self.goal = self.np_random.uniform(-1, 1, (2, 2))
        self.steps = 0
        return self._observe(), {}

    def step(self, action: NDArray[np.float32]) -> tuple[dict[str, Any], float, bool, bool, Info]:
        """Move."""
        self.place = np.clip(self.place + 0.1 * action, -1, 1)
        self.steps += 1
        reward = float(self.compute_reward(self.place, self.goal, {}))
        return self._observe(), reward, False, self.steps >= HORIZON, {"is_success": reward == 0.0}

    def _observe(self) -> dict[str, Any]:
        return {"observation": np.zeros(1), "achieved_goal": self.place.copy(), "desired_goal": self.goal.copy()}


class PointCentre(gymnasium.Env[NDArray[Any], NDArray[np.float32]]):
    """A point in [-1, 1]² that should be at the origin; the reward is its distance, negative. There are no goals.

    | index | action | min | max | unit |
    |---|---|---|---|---|
    | 0, 1 | way of the point in this step, times 5 | -1 | 1 | - |
    """

    def __init__(self) -> None:
        self.observation_space, self.action_space = _box(2), spaces.Box(-1.0, 1.0, (2,), np.float32)

    def reset(self, *, seed: int | None = None, options: Info | None = None) -> tuple[NDArray[Any], Info]:
        """A new place."""
        super().reset(seed=seed)
        self.place, self.steps = self.np_random.uniform(-1, 1, 2), 0
        return self.place.copy(), {}

    def step(self, action: NDArray[np.float32]) -> tuple[NDArray[Any], float, bool, bool, Info]:
        """Move."""
        self.place = np.clip(self.place + 0.2 * action, -1, 1)
        self.steps += 1
        distance = float(np.linalg.norm(self.place))
        return self.place.copy(), -distance, False, self.steps >= HORIZON, {"is_success": distance < RADIUS}


def point_controller(seen: Any) -> Any:
    """Straight to the goal of `PointReach`."""
    return np.clip(10.0 * (seen["desired_goal"] - seen["achieved_goal"]), -2.0, 2.0)

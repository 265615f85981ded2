"""Who steps the simulators."""

import sys
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces
from stable_baselines3.common.env_util import make_vec_env

from yanshi.agent.learning.demonstrations import record
from yanshi.agent.learning.fakes import HORIZON, PointCentre, PointReach, point_controller
from yanshi.agent.learning.ray_rollouts import RayRollouts
from yanshi.agent.learning.rollouts import Chunk, Rollouts, Uniform, VecEnvRollouts, VectorEnvRollouts, rowwise
from yanshi.errors import InputError, MissingDependencyError


class Counter(gymnasium.Env[Any, Any]):
    """Observes its own clock, which starts at 100 times the episode; ends after three steps, every other time early."""

    observation_space = spaces.Box(-np.inf, np.inf, (1,), np.float32)
    action_space = spaces.Box(np.float32([0.0]), np.float32([4.0]))

    def __init__(self) -> None:
        self.episode = 0

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, Any]:
        super().reset(seed=seed)
        self.episode = 1 if seed is not None else self.episode + 1
        self.clock = 100 * self.episode
        return np.float32([self.clock]), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, Any]:
        self.clock += 1
        done = self.clock % 100 == 3
        early = done and self.episode % 2 == 0
        return np.float32([self.clock]), float(action[0]), early, done and not early, {"success": early}


def both() -> list[Rollouts]:
    vector = gymnasium.vector.SyncVectorEnv([Counter, Counter])
    return [VecEnvRollouts(make_vec_env(Counter, 2)), VectorEnvRollouts(vector)]


@pytest.mark.parametrize("index", [0, 1], ids=["stable-baselines3", "gymnasium"])
def test_the_last_step_of_an_episode_leads_to_its_last_observation(index: int) -> None:
    rollouts = both()[index]
    rollouts.reset(0)
    chunk = rollouts.collect(Uniform(1), 9)
    for env in range(2):
        valid = chunk.valid[:, env]
        now, after = chunk.now.observation[valid, env, 0], chunk.after.observation[valid, env, 0]
        np.testing.assert_array_equal(after, now + 1)
        np.testing.assert_array_equal(now[:6], [100, 101, 102, 200, 201, 202])
        np.testing.assert_array_equal(chunk.ended[valid, env][:6], [0, 0, 1, 0, 0, 1])
        np.testing.assert_array_equal(chunk.terminal[valid, env][:6], [0, 0, 0, 0, 0, 1])
        np.testing.assert_array_equal(chunk.success[valid, env][[2, 5]], [0, 1])
        # Actions of ± 1 are stretched to the range 0 … 4, which the reward tells.
        np.testing.assert_allclose(chunk.reward[valid, env], 2 + 2 * chunk.action[valid, env, 0], rtol=1e-5)
    assert (~chunk.valid).sum() == (0 if index == 0 else 4)


def test_the_same_seed_brings_the_same_experience() -> None:
    rollouts = VecEnvRollouts(make_vec_env(PointReach, 3))
    chunks = []
    for seed in (5, 5, 6):
        rollouts.reset(seed)
        chunks.append(rollouts.collect(Uniform(2), 30))
    np.testing.assert_array_equal(chunks[0].after.observation, chunks[1].after.observation)
    np.testing.assert_array_equal(chunks[0].now.desired, chunks[1].now.desired)
    assert not np.array_equal(chunks[0].now.desired, chunks[2].now.desired)


def test_goals_are_judged_by_the_environment() -> None:
    rollouts = VecEnvRollouts(make_vec_env(PointReach, 2))
    achieved, desired = np.zeros((3, 2), np.float32), np.array([[0.05, 0], [0.2, 0], [0, 0.09]], np.float32)
    np.testing.assert_array_equal(rollouts.reward(achieved, desired), [0, -1, 0])
    assert rollouts.terminal(achieved, desired) is None


@pytest.mark.parametrize(
    "function",
    [
        lambda a, d, info: -np.abs(a - d).sum(axis=-1),
        lambda a, d, info: -float(np.abs(a - d).sum()),
        lambda a, d, info: -abs(float(a[0]) - float(d[0])) if a.ndim == 1 else np.zeros(()),
    ],
    ids=["rows", "a single row", "a single row, and nonsense for more"],
)
@pytest.mark.parametrize("count", [1, 2, 5])
def test_reward_functions_of_one_row_work_for_many(function: Any, count: int) -> None:
    a, d = np.arange(count, dtype=np.float32)[:, None], np.full((count, 1), 2.0, np.float32)
    np.testing.assert_allclose(rowwise(function, a, d), -np.abs(np.arange(count) - 2.0))


@pytest.mark.parametrize(
    ("env", "message"),
    [
        (lambda: make_vec_env("CartPole-v1", 1), "expected a flat Box with finite bounds, got Discrete"),
        (lambda: make_vec_env("Blackjack-v1", 1), "expected a flat Box, or a Dict"),
    ],
)
def test_spaces_that_are_not_supported_are_named(env: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        VecEnvRollouts(env())


def test_another_way_to_reset_is_refused() -> None:
    same = gymnasium.vector.SyncVectorEnv([PointCentre], autoreset_mode=gymnasium.vector.AutoresetMode.SAME_STEP)
    with pytest.raises(InputError, match="NEXT_STEP"):
        VectorEnvRollouts(same)


def test_noise_is_done_and_the_controller_is_meant() -> None:
    env = make_vec_env(PointReach, 4, seed=0)
    shown = record(env, point_controller, episodes=8, noise=0.5, seed=1)
    assert len(shown) == 8
    for episode in shown.episodes:
        assert len(episode) == HORIZON
        seen = {"desired_goal": episode.desired, "achieved_goal": episode.achieved}
        np.testing.assert_allclose(episode.label, point_controller(seen) / 2.0, atol=1e-6)
    strengths = [float(np.abs(episode.action - episode.label).mean()) for episode in shown.episodes]
    assert max(strengths) > 3 * min(strengths), "the strength of the noise is drawn for each episode"
    clean = record(env, point_controller, episodes=4, noise=0.0, seed=1)
    np.testing.assert_array_equal(clean.steps.action, clean.steps.label)
    np.testing.assert_array_equal(clean.success, 1.0)


def test_a_controller_that_never_succeeds_is_told() -> None:
    def away(seen: Any) -> Any:
        return -point_controller(seen)

    with pytest.raises(InputError, match="expected 3 successful episodes, got"):
        record(make_vec_env(PointReach, 2), away, episodes=3, only_successful=True)


def test_without_ray_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingDependencyError, match=r"yanshi\[cluster\]"):
        RayRollouts(reach_rollouts, workers=1)


def reach_rollouts() -> VecEnvRollouts:
    return VecEnvRollouts(make_vec_env(PointReach, 2))


@pytest.mark.slow
def test_one_worker_of_ray_brings_the_same_experience_as_none() -> None:
    ray = pytest.importorskip("ray")
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    try:
        chunks: list[Chunk] = []
        local = reach_rollouts()
        single, double = (RayRollouts(reach_rollouts, workers=count) for count in (1, 2))
        for rollouts in (local, single, double):
            rollouts.reset(3)
            chunks.append(rollouts.collect(Uniform(2), 30))
        np.testing.assert_array_equal(chunks[0].after.achieved, chunks[1].after.achieved)
        np.testing.assert_array_equal(chunks[0].action, chunks[1].action)
        assert double.num_envs == 4
        np.testing.assert_array_equal(chunks[2].after.achieved[:, :2], chunks[0].after.achieved)
        assert not np.array_equal(chunks[2].after.achieved[:, 2:], chunks[0].after.achieved)
        single.close()
        double.close()
    finally:
        ray.shutdown()

"""The model class: it learns, and Stable-Baselines3's users find what they know."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from stable_baselines3.common.callbacks import CheckpointCallback, EvalCallback
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.evaluation import evaluate_policy
from stable_baselines3.common.vec_env import VecEnv

from yanshi.agent.learning import checkpoint
from yanshi.agent.learning.config import CloningConfig, LossConfig, SACfDConfig
from yanshi.agent.learning.demonstrations import Demonstrations, record
from yanshi.agent.learning.evaluation import evaluate
from yanshi.agent.learning.fakes import HORIZON, PointCentre, PointReach, point_controller
from yanshi.agent.learning.rollouts import Exploring, VecEnvRollouts
from yanshi.agent.learning.sacfd import SACfD
from yanshi.errors import InputError

SMALL = SACfDConfig(
    hidden=(32, 32),
    batch_size=64,
    steps_per_round=20,
    learning_starts=320,
    critic_updates_first=0,
    cloning=CloningConfig(updates=300, batch_size=64),
    loss=LossConfig(discount=0.9, target_rate=0.05, actor_learning_rate=1e-3),
)


def reach(count: int = 8) -> VecEnv:
    return make_vec_env(PointReach, count, seed=0)


@pytest.fixture(scope="module")
def shown() -> Demonstrations:
    return record(reach(), point_controller, episodes=16, noise=0.3, seed=5)


def success(model: SACfD, env: Any = PointReach) -> float:
    return evaluate(model.policy, VecEnvRollouts(make_vec_env(env, 10)), 100, seed=900).rate


def weights(model: SACfD) -> np.ndarray:
    return np.concatenate([array.ravel() for pair in model.policy.layers for array in pair])


def test_it_learns_a_goal_environment_from_nothing() -> None:
    model = SACfD("MultiInputPolicy", reach(), config=SMALL, seed=1)
    assert success(model) < 0.5
    model.learn(6400)
    assert success(model) >= 0.95


def test_it_learns_a_plain_environment_from_nothing() -> None:
    model = SACfD("MlpPolicy", make_vec_env(PointCentre, 8, seed=0), config=SMALL, seed=1)
    model.learn(6400)
    assert success(model, PointCentre) >= 0.95


def test_cloning_and_then_learning_keeps_what_was_shown(shown: Demonstrations) -> None:
    model = SACfD("MultiInputPolicy", reach(), config=SMALL, demonstrations=shown, seed=1)
    assert model.clone() < 0.05
    assert success(model) >= 0.95
    model.learn(1600)
    assert success(model) >= 0.95


def test_the_value_is_the_discounted_return_that_follows(shown: Demonstrations) -> None:
    """Against the returns of the sampling policy, whose values the critics learn."""
    model = SACfD("MultiInputPolicy", reach(), config=SMALL, demonstrations=shown, seed=1)
    model.clone()
    model.learn(4800)
    rollouts = VecEnvRollouts(reach(64))
    rollouts.reset(77)
    chunk = rollouts.collect(Exploring(model.policy), HORIZON)
    returns = (chunk.reward * 0.9 ** np.arange(HORIZON)[:, None]).sum(axis=0)
    now = chunk.now
    seen = {"observation": now.observation[0], "achieved_goal": now.achieved[0], "desired_goal": now.desired[0]}
    values = model.value(seen, model.policy.actions.to_env(chunk.action[0]))
    assert np.corrcoef(values, returns)[0, 1] > 0.8
    assert abs(float((values - returns).mean())) < 1.0


def test_the_same_seed_gives_the_same_networks() -> None:
    first, second, other = (SACfD("MultiInputPolicy", reach(), config=SMALL, seed=seed) for seed in (3, 3, 4))
    for model in (first, second, other):
        model.learn(640)
    np.testing.assert_array_equal(weights(first), weights(second))
    assert np.abs(weights(first) - weights(other)).max() > 1e-3


def test_overlapping_changes_the_time_and_not_the_result() -> None:
    runs = [
        SACfD("MultiInputPolicy", reach(), config=replace(SMALL, overlap=overlap), seed=3).learn(800)
        for overlap in (True, False)
    ]
    np.testing.assert_array_equal(weights(runs[0]), weights(runs[1]))


@pytest.mark.parametrize("with_demonstrations", [False, True])
def test_a_loaded_model_goes_on_as_the_saved_one(
    with_demonstrations: bool, shown: Demonstrations, tmp_path: Path
) -> None:
    model = SACfD(
        "MultiInputPolicy", reach(), config=SMALL, demonstrations=shown if with_demonstrations else None, seed=3
    )
    if with_demonstrations:
        model.clone()
    model.learn(490)  # ends in the middle of an episode of the buffer's
    file = model.save(tmp_path / "model.zip", experience=True)
    assert file == tmp_path / "model.safetensors"
    again = SACfD.load(tmp_path / "model", reach())
    for one in (model, again):
        one.learn(640, reset_num_timesteps=False)
    assert again.num_timesteps == model.num_timesteps
    np.testing.assert_array_equal(weights(model), weights(again))


def test_the_callbacks_of_stable_baselines_work(tmp_path: Path) -> None:
    model = SACfD("MultiInputPolicy", reach(4), config=SMALL, seed=0, tensorboard_log=str(tmp_path / "logs"))
    looking = EvalCallback(
        make_vec_env(PointReach, 1),
        n_eval_episodes=2,
        eval_freq=40,
        best_model_save_path=str(tmp_path),
        log_path=str(tmp_path),
    )
    saving = CheckpointCallback(save_freq=40, save_path=str(tmp_path), name_prefix="point")
    model.learn(640, callback=[looking, saving])
    assert len(looking.evaluations_timesteps) == 4
    names = {path.name for path in tmp_path.glob("*.safetensors")}
    assert names == {"best_model.safetensors", *(f"point_{steps}_steps.safetensors" for steps in (160, 320, 480, 640))}
    assert list((tmp_path / "logs").rglob("events.*"))
    mean, _ = evaluate_policy(model, make_vec_env(PointReach, 1), n_eval_episodes=2)
    assert -20.0 <= mean <= 0.0


def test_a_callback_can_stop_it() -> None:
    model = SACfD("MultiInputPolicy", reach(), config=SMALL, seed=0)
    model.learn(10_000, callback=lambda seen, _: seen["self"].num_timesteps < 480)
    assert model.num_timesteps == 480


def test_actions_are_in_the_units_of_the_environment() -> None:
    model = SACfD("MultiInputPolicy", reach(), config=SMALL, seed=0)
    seen = model.get_env().reset()  # type: ignore[union-attr]
    actions, _ = model.predict(seen)
    assert actions.shape == (8, 2)
    stretched = model.policy.actions.to_env(np.array([[-1.0, 0.0], [0.5, 1.0]], np.float32))
    np.testing.assert_allclose(stretched, [[-2, 0], [1, 2]])
    one, _ = model.predict({key: value[0] for key, value in seen.items()}, deterministic=True)
    assert one.shape == (2,)


@pytest.mark.parametrize(
    ("policy", "env", "message"),
    [
        ("CnnPolicy", PointReach, "expected one of MlpPolicy, MultiInputPolicy"),
        ("MlpPolicy", PointReach, "MlpPolicy does not fit"),
        ("MultiInputPolicy", PointCentre, "MultiInputPolicy does not fit"),
    ],
)
def test_a_policy_that_does_not_fit_is_refused(policy: str, env: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        SACfD(policy, make_vec_env(env, 1), config=SMALL)


def test_there_is_nothing_to_clone_without_demonstrations() -> None:
    with pytest.raises(InputError, match="no demonstrations"):
        SACfD("MultiInputPolicy", reach(), config=SMALL).clone()


def test_other_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        SACfD.load(tmp_path / "nothing", reach())
    (tmp_path / "pickle.safetensors").write_bytes(b"\x80\x04\x95cos\nsystem\n")
    with pytest.raises(InputError, match="expected a safetensors file written by yanshi"):
        SACfD.load(tmp_path / "pickle", reach())
    checkpoint.write(tmp_path / "kind.safetensors", {}, {"kind": "cake"})
    with pytest.raises(InputError, match="expected a model of kind SACfD"):
        SACfD.load(tmp_path / "kind", reach())
    file = SACfD("MlpPolicy", make_vec_env(PointCentre, 1), config=SMALL).save(tmp_path / "centre")
    with pytest.raises(InputError, match=r"does not fit|was trained on"):
        SACfD.load(file, reach())
    arrays, meta = checkpoint.read(file)
    checkpoint.write(file, {name: array[:1] if array.ndim else array for name, array in arrays.items()}, meta)
    with pytest.raises(InputError, match=r"expected 'state.* of shape"):
        SACfD.load(file, make_vec_env(PointCentre, 1))

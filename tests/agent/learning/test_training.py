"""A run in a folder: what it leaves, and that a kill costs nothing but time."""

import io
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from stable_baselines3.common.env_util import make_vec_env

from yanshi.agent.learning import checkpoint
from yanshi.agent.learning.config import SACfDConfig
from yanshi.agent.learning.export import load_policy
from yanshi.agent.learning.fakes import PointReach
from yanshi.agent.learning.rollouts import VecEnvRollouts
from yanshi.agent.learning.sacfd import SACfD
from yanshi.agent.learning.training import TrainingConfig, best_policy, resume, train
from yanshi.errors import InputError

SCRIPT = """
import sys
from pathlib import Path
from stable_baselines3.common.env_util import make_vec_env
from yanshi.agent.learning.config import SACfDConfig
from yanshi.agent.learning.fakes import PointReach
from yanshi.agent.learning.rollouts import VecEnvRollouts
from yanshi.agent.learning.sacfd import SACfD
from yanshi.agent.learning.training import TrainingConfig, resume, train

folder, total = Path(sys.argv[1]), int(sys.argv[2])
config = SACfDConfig(hidden=(16, 16), batch_size=32, steps_per_round=20, learning_starts=160)
env = make_vec_env(PointReach, 4, seed=0)
model = resume(folder, env) or SACfD("MultiInputPolicy", env, config=config, seed=7)
print("from", model.num_timesteps, flush=True)
training = TrainingConfig(name="Point", total_timesteps=total, interval=160, episodes=10)
train(model, VecEnvRollouts(make_vec_env(PointReach, 5)), folder, training, stream=sys.stderr)
"""


def start(folder: Path, total: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", SCRIPT, str(folder), str(total)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)


@pytest.mark.slow
def test_a_killed_run_goes_on_as_if_nothing_had_happened(tmp_path: Path) -> None:
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    process = start(killed, 1_000_000)
    deadline = time.monotonic() + 600
    while (
        not (killed / "checkpoint.safetensors").exists()
        or checkpoint.read(killed / "checkpoint.safetensors")[1]["num_timesteps"] < 320
    ):
        assert process.poll() is None, "the run must still be there"
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    _, meta = checkpoint.read(killed / "checkpoint.safetensors")
    total = meta["num_timesteps"] + 320

    again = start(killed, total)
    said, _ = again.communicate(timeout=600)
    assert again.returncode == 0
    assert said.split() == ["from", str(meta["num_timesteps"])]
    other = start(whole, total)
    other.communicate(timeout=600)
    resumed, straight = (checkpoint.read(folder / "checkpoint.safetensors")[0] for folder in (killed, whole))
    assert set(resumed) == set(straight)
    for name in straight:
        np.testing.assert_array_equal(resumed[name], straight[name], err_msg=name)
    rows = [json.loads((folder / "curve.json").read_text()) for folder in (killed, whole)]
    assert [row["success"] for row in rows[0]] == [row["success"] for row in rows[1]]


def test_a_run_leaves_a_policy_a_curve_and_a_card(tmp_path: Path) -> None:
    config = SACfDConfig(hidden=(32, 32), batch_size=64, steps_per_round=20, learning_starts=320)
    logs = tmp_path / "logs"
    model = SACfD("MultiInputPolicy", make_vec_env(PointReach, 8, seed=0), config=config, tensorboard_log=str(logs))
    evaluation = VecEnvRollouts(make_vec_env(PointReach, 10))
    stream, seen = io.StringIO(), []
    training = TrainingConfig(name="Point", total_timesteps=1280, interval=640, episodes=20)
    rows = train(model, evaluation, tmp_path, training, stream=stream, after=seen.append)
    assert [row.steps for row in rows] == [0, 640, 1280]
    assert rows == seen
    assert stream.getvalue().startswith("\rPoint: ")
    assert (tmp_path / "curve.png").read_bytes().startswith(b"\x89PNG")
    assert list(logs.rglob("events.*"))
    card = (tmp_path / "README.md").read_text()
    best = max(row.success for row in rows)
    assert f"{100 * best:.1f} %" in card
    policy = load_policy(tmp_path / "policy")
    assert policy.meta["validation_success"] == f"{best:.3f}"
    np.testing.assert_array_equal(best_policy(tmp_path).mean, policy.mean)
    assert not list(tmp_path.glob(".*.tmp"))


def test_there_is_nothing_to_resume_in_an_empty_folder(tmp_path: Path) -> None:
    assert resume(tmp_path, make_vec_env(PointReach, 1)) is None


def test_enough_is_enough(tmp_path: Path) -> None:
    config = SACfDConfig(hidden=(8, 8), batch_size=16, steps_per_round=20, learning_starts=10_000)
    model = SACfD("MultiInputPolicy", make_vec_env(PointReach, 2, seed=0), config=config)
    training = TrainingConfig(name="Point", total_timesteps=10_000, interval=40, episodes=4, enough=0.0)
    rows = train(model, VecEnvRollouts(make_vec_env(PointReach, 2)), tmp_path, training, stream=io.StringIO())
    assert len(rows) == 1


def test_a_spoilt_checkpoint_is_refused(tmp_path: Path) -> None:
    (tmp_path / "checkpoint.safetensors").write_bytes(b"half of it")
    with pytest.raises(InputError, match="expected a safetensors file written by yanshi"):
        resume(tmp_path, make_vec_env(PointReach, 1))

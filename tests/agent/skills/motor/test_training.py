from __future__ import annotations

import io
import json
import socket
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("safetensors")

from yanshi.agent.skills.motor.cluster import Cluster, connect
from yanshi.agent.skills.motor.environment import MotorEnv
from yanshi.agent.skills.motor.features import FEATURES
from yanshi.agent.skills.motor.gathering import Here, Workers
from yanshi.agent.skills.motor.picking import Picking
from yanshi.agent.skills.motor.policy import MotorPolicy
from yanshi.agent.skills.motor.skill_set import learned_manoeuvres
from yanshi.agent.skills.motor.starts import Start, save_starts
from yanshi.agent.skills.motor.training import SkillTraining, TrainingPlan
from yanshi.agent.skills.motor.tuning import Tuner, TuningConfig
from yanshi.errors import InputError

SMALL = TuningConfig(hidden=(16,), cloning_updates=20, parts=2, steps=30, epochs=1, batches=2)


def made_up(count: int = 64) -> tuple[np.ndarray, np.ndarray]:
    """Features, and labels that are a linear function of them."""
    rng = np.random.default_rng(0)
    features = rng.normal(size=(count, FEATURES)).astype(np.float32)
    return features, np.tanh(features[:, :5]).astype(np.float32)


def test_cloning_finds_what_the_labels_are_made_of(starts: tuple[Start, ...]) -> None:
    tuner = Tuner(Here(MotorEnv(Picking(), starts)), made_up(4000), TuningConfig(hidden=(64,), cloning_updates=1500), 0)
    before = np.mean((tuner.policy()(tuner.shown[0]) - tuner.shown[1]) ** 2)
    tuner.clone()
    features, labels = made_up(4000)
    after = np.mean((tuner.policy()(features) - labels) ** 2)
    assert after < 0.05 * before


def test_advantages_are_those_of_the_definition(starts: tuple[Start, ...]) -> None:
    """Against the sum of discounted rewards, which they are with λ = 1 and a critic that says nothing."""
    tuner = Tuner(Here(MotorEnv(Picking(), starts)), made_up(), TuningConfig(trace=1.0, discount=0.9), 0)
    rewards, ends = np.zeros(6, np.float32), np.zeros(6, np.float32)
    rewards[2], ends[2], rewards[5], ends[5] = 1.0, 1.0, 2.0, 1.0
    experience = type("Made", (), {"rewards": rewards, "ends": ends})()
    found = tuner._advantages(experience, np.zeros(6, np.float32))
    np.testing.assert_allclose(found, [0.81, 0.9, 1.0, 2 * 0.81, 2 * 0.9, 2.0], rtol=1e-6)


def test_several_processes_come_to_what_one_comes_to(starts: tuple[Start, ...], tmp_path: Path) -> None:
    save_starts(starts, tmp_path / "starts.jsonl")
    here = Tuner(Here(MotorEnv(Picking(), starts, (0.0, 2.0), lifelike=0.5)), made_up(), SMALL, 3)
    with Workers("pick", tmp_path / "starts.jsonl", (0.0, 2.0), 2, 0.5) as field:
        there = Tuner(field, made_up(), SMALL, 3)
        for tuner in (here, there):
            tuner.iterate()
            tuner.iterate()
    for name, value in here.arrays().items():
        np.testing.assert_array_equal(there.arrays()[name], value, err_msg=name)


def test_a_cluster_comes_to_what_one_process_comes_to(starts: tuple[Start, ...]) -> None:
    pytest.importorskip("ray")
    here = Tuner(Here(MotorEnv(Picking(), starts, (0.0, 2.0))), made_up(), SMALL, 3)
    with Cluster("pick", starts, (0.0, 2.0), 2, None) as field:
        there = Tuner(field, made_up(), SMALL, 3)
        for tuner in (here, there):
            tuner.iterate()
    for name, value in here.arrays().items():
        np.testing.assert_array_equal(there.arrays()[name], value, err_msg=name)


def test_a_cluster_that_is_not_there_is_refused_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    ray = SimpleNamespace(is_initialized=lambda: False, init=lambda **_: pytest.fail("Ray was asked"))
    monkeypatch.setitem(sys.modules, "ray", ray)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    with pytest.raises(InputError, match=f"expected a running cluster at '{address}', there is none"):
        connect(address)


def test_a_run_that_was_stopped_ends_as_one_that_was_not(starts: tuple[Start, ...]) -> None:
    def tuner() -> Tuner:
        return Tuner(Here(MotorEnv(Picking(), starts, (0.0, 2.0))), made_up(), SMALL, 3)

    whole = tuner()
    for _ in range(3):
        whole.iterate()
    first = tuner()
    for _ in range(2):
        first.iterate()
    second = tuner()
    second.restore(first.arrays(), first.iteration, first.taken)
    second.iterate()
    for name, value in whole.arrays().items():
        np.testing.assert_array_equal(second.arrays()[name], value, err_msg=name)


@pytest.mark.slow
def test_a_run_leaves_what_the_skills_need(starts: tuple[Start, ...], tmp_path: Path) -> None:
    save_starts(starts, tmp_path / "starts.jsonl")
    plan = TrainingPlan(minutes=0.01, demonstrations=3, guidance=(0.9,), corrections=2, judged=3, tuning=SMALL)
    SkillTraining(Picking(), tmp_path, plan, io.StringIO()).run()
    shown = (tmp_path / "shown.safetensors").read_bytes()
    learned = learned_manoeuvres(tmp_path)["pick"]
    assert learned.timeout == Picking().timeout
    assert MotorPolicy.load(tmp_path / "cloned.safetensors").card["kind"] == "cloned"
    assert {"curve.json", "curve.png", "README.md", "checkpoint.safetensors", "tensorboard"} <= {
        f.name for f in tmp_path.iterdir()
    }
    assert "severity -1.0 … 2.5" in (tmp_path / "README.md").read_text()
    iterations = len(json.loads((tmp_path / "curve.json").read_text()))
    assert iterations >= 1
    more = replace(plan, minutes=json.loads((tmp_path / "curve.json").read_text())[-1]["seconds"] / 60.0 + 0.001)
    SkillTraining(Picking(), tmp_path, more, io.StringIO()).run()
    assert len(json.loads((tmp_path / "curve.json").read_text())) > iterations
    assert (tmp_path / "shown.safetensors").read_bytes() == shown

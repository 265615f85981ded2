from __future__ import annotations

from collections.abc import Generator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from yanshi.agent.skills.motor.action import ACTION
from yanshi.agent.skills.motor.environment import MotorEnv
from yanshi.agent.skills.motor.features import FEATURES
from yanshi.agent.skills.motor.learned import Learned, perform
from yanshi.agent.skills.motor.policy import MotorPolicy, forward
from yanshi.agent.skills.motor.skill_set import learned_manoeuvres
from yanshi.agent.skills.script import Command
from yanshi.errors import InputError


def some_policy(**more: object) -> MotorPolicy:
    rng = np.random.default_rng(0)
    sizes = (FEATURES, 16, ACTION)
    layers = tuple(
        (rng.normal(size=(b, a)).astype(np.float32) / a, rng.normal(size=b).astype(np.float32))
        for a, b in pairwise(sizes)
    )
    return MotorPolicy(layers, **more)  # type: ignore[arg-type]


def script() -> Generator[Command, None, str]:
    yield Command(phase="script")
    return "the script was here"


def outcome(running: Generator[Command, None, str]) -> tuple[list[str], str]:
    phases = []
    try:
        while len(phases) < 500:
            phases.append(next(running).phase)
    except StopIteration as end:
        return phases, str(end.value)
    raise AssertionError("it does not end")


def test_without_weights_the_script_works(env: MotorEnv) -> None:
    env.reset(seed=0)
    assert outcome(perform(env.now, "pick", lambda: env.aim, script())) == (["script"], "the script was here")


def test_what_is_shipped_can_be_used() -> None:
    shipped = learned_manoeuvres()
    assert "push" in shipped
    for name, learned in shipped.items():
        assert learned.policy.card["name"] == name
        assert (learned.reflex is not None) == (learned.policy.card["control"] == "residual")


def test_a_policy_takes_over_and_the_script_after_two_failures(env: MotorEnv) -> None:
    env.reset(seed=0)
    now = env.now
    now.policies = {"pick": Learned(some_policy(), 6.0, lambda now, aim: lambda: True)}
    phases, trouble = outcome(perform(now, "pick", lambda: env.aim, script(), 1))
    assert (phases, trouble) == (["pick"], "")
    assert outcome(perform(now, "pick", lambda: env.aim, script(), 2))[0] == ["script"]


def test_a_network_is_what_torch_says_it_is(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    net = torch.nn.Sequential(torch.nn.Linear(5, 8), torch.nn.ReLU(), torch.nn.Linear(8, 2))
    x = np.random.default_rng(0).normal(size=(4, 5)).astype(np.float32)
    layers = tuple((one.weight.detach().numpy(), one.bias.detach().numpy()) for one in (net[0], net[2]))
    np.testing.assert_allclose(forward(layers, x), net(torch.as_tensor(x)).detach().numpy(), atol=1e-6)


def test_a_policy_survives_its_files(tmp_path: Path) -> None:
    policy = some_policy(card={"name": "pick"})
    policy.save(tmp_path / "pick.safetensors")
    again = MotorPolicy.load(tmp_path / "pick.safetensors")
    x = np.random.default_rng(1).normal(size=FEATURES).astype(np.float32)
    np.testing.assert_array_equal(policy(x), again(x))
    assert again.card == {"name": "pick"}
    (tmp_path / "pick.json").write_text("not json")
    with pytest.raises(InputError, match=r"pick\.json"):
        MotorPolicy.load(tmp_path / "pick.safetensors")

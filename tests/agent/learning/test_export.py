"""What is left when training is over: the same answers without JAX, and no way in for a bad file."""

import hashlib
import json
import pickle
import subprocess
import sys
import time
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest

from yanshi.agent.learning import checkpoint, networks
from yanshi.agent.learning.export import load_policy, save_policy
from yanshi.agent.learning.policy import ActionRange, Policy
from yanshi.errors import ContractError, InputError

WIDTH, ACTIONS = 25 + 2 * 3, 4


@pytest.fixture
def trained() -> tuple[networks.Network, Policy]:
    rng = np.random.default_rng(0)
    actor = networks.actor(rng, (WIDTH, 128, 128, 2 * ACTIONS), 0.3)
    layers = tuple((np.array(weight), np.array(bias)) for weight, bias in actor)
    mean, std = rng.normal(size=WIDTH).astype(np.float32), rng.uniform(0.1, 2, WIDTH).astype(np.float32)
    actions = ActionRange(np.full(ACTIONS, -2, np.float32), np.full(ACTIONS, 3, np.float32))
    return actor, Policy(layers, mean, std, actions, 25, 3, {"name": "test"})


def observation(count: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(1)
    return {
        key: rng.normal(size=(count, size))
        for key, size in (("observation", 25), ("achieved_goal", 3), ("desired_goal", 3))
    }


def test_the_file_answers_as_the_training_network(trained: tuple[networks.Network, Policy], tmp_path: Path) -> None:
    actor, policy = trained
    save_policy(policy, tmp_path / "policy")
    loaded = load_policy(tmp_path / "policy")
    seen = observation(50)
    x = np.concatenate(
        [seen["observation"], seen["achieved_goal"], seen["desired_goal"] - seen["achieved_goal"]], axis=1
    )
    normal = networks.normalise(jnp.asarray(x, jnp.float32), jnp.asarray(policy.mean), jnp.asarray(policy.std))
    mode = np.tanh(networks.distribution(actor, normal)[0])
    np.testing.assert_allclose(loaded.predict(seen)[0], 0.5 + 2.5 * mode, atol=1e-5)
    assert loaded.meta == {"name": "test"}


def test_it_runs_without_jax_and_torch(trained: tuple[networks.Network, Policy], tmp_path: Path) -> None:
    save_policy(trained[1], tmp_path / "policy")
    code = (
        "import sys; from yanshi.agent.learning.export import load_policy; "
        f"load_policy({str(tmp_path / 'policy')!r}); "
        "print(sorted({'jax', 'torch', 'stable_baselines3'} & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_an_answer_takes_less_than_a_millisecond(trained: tuple[networks.Network, Policy]) -> None:
    policy, seen = trained[1], {key: value[0] for key, value in observation(1).items()}
    for _ in range(50):
        policy.predict(seen)
    used = []
    for _ in range(500):
        begun = time.thread_time()
        policy.predict(seen)
        used.append(time.thread_time() - begun)
    assert np.quantile(used, 0.99) < 1e-3


def test_bad_observations_are_refused(trained: tuple[networks.Network, Policy]) -> None:
    seen = observation(2)
    seen["desired_goal"][0, 0] = np.nan
    with pytest.raises(ContractError, match="finite"):
        trained[1].predict(seen)
    with pytest.raises(ContractError, match="expected 25 numbers and a goal of 3"):
        trained[1].predict(np.zeros((2, 31)))


@pytest.mark.parametrize("part", ["safetensors", "json"])
def test_a_pickle_is_refused_and_never_run(trained: tuple[networks.Network, Policy], tmp_path: Path, part: str) -> None:
    marker = tmp_path / "ran"

    class Evil:
        def __reduce__(self) -> tuple[object, tuple[object, ...]]:
            return Path.touch, (marker,)

    content = pickle.dumps(Evil())
    pickle.loads(content)
    assert marker.exists(), "the pickle must be harmful, or the test says nothing"
    marker.unlink()
    _, card = save_policy(trained[1], tmp_path / "policy")
    (tmp_path / f"policy.{part}").write_bytes(content)
    if part == "safetensors":
        told = json.loads(card.read_text())
        card.write_text(json.dumps(told | {"sha256": hashlib.sha256(content).hexdigest()}))
    with pytest.raises(InputError) as error:
        load_policy(tmp_path / "policy")
    assert "\n" not in str(error.value)
    assert not marker.exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kind": "diffusion"}, "expected the card of a squashed gaussian policy"),
        ({"version": 2}, "version 1"),
        ({"layers": 10**9}, "1 to 16 layers"),
        ({"layers": True}, "'layers' of type int"),
        ({"layers": 2}, "expected the arrays"),
        ({"observation_size": 24}, "expected mean and std"),
        ({"goal_size": "3"}, "'goal_size' of type int"),
        ({"sha256": "0" * 64}, "SHA-256"),
        ({"meta": []}, "'meta' of type dict"),
    ],
)
def test_a_wrong_card_is_refused(
    trained: tuple[networks.Network, Policy], tmp_path: Path, change: dict[str, object], message: str
) -> None:
    _, card = save_policy(trained[1], tmp_path / "policy")
    card.write_text(json.dumps(json.loads(card.read_text()) | change))
    with pytest.raises(InputError, match=message):
        load_policy(tmp_path / "policy")


@pytest.mark.parametrize(
    ("name", "array", "message"),
    [
        ("layers.0.weight", np.zeros((WIDTH, 5), np.float32), "layer 0 must be"),
        ("layers.1.bias", np.full(128, np.nan, np.float32), "finite float32"),
        ("layers.1.bias", np.zeros(128, np.float64), "finite float32"),
        ("std", np.zeros(WIDTH, np.float32), "positive 'std'"),
        ("high", np.full(ACTIONS, -3, np.float32), "'low' below 'high'"),
        ("more", np.zeros(1, np.float32), "expected the arrays"),
    ],
)
def test_wrong_weights_are_refused(
    trained: tuple[networks.Network, Policy], tmp_path: Path, name: str, array: np.ndarray, message: str
) -> None:
    weights, card = save_policy(trained[1], tmp_path / "policy")
    arrays, meta = checkpoint.read(weights)
    checkpoint.write(weights, arrays | {name: array}, meta)
    told = json.loads(card.read_text()) | {"sha256": hashlib.sha256(weights.read_bytes()).hexdigest()}
    card.write_text(json.dumps(told))
    with pytest.raises(InputError, match=message):
        load_policy(tmp_path / "policy")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nothing\.json: cannot be read"):
        load_policy(tmp_path / "nothing")


def test_a_transposed_array_is_written_as_it_reads(tmp_path: Path) -> None:
    array = np.arange(6.0).reshape(2, 3).T
    checkpoint.write(tmp_path / "a.safetensors", {"a": array, "b": np.float32(3.0)}, {})
    arrays, _ = checkpoint.read(tmp_path / "a.safetensors")
    np.testing.assert_array_equal(arrays["a"], array)
    assert arrays["b"].shape == ()

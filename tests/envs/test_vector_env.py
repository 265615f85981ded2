import gymnasium
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode

from yanshi.envs.vector_env import YanshiVectorEnv
from yanshi.errors import InputError, UnknownNameError

pytestmark = pytest.mark.filterwarnings("ignore:Attaching a spec")
COUNT = 3


def both(task, **options):
    """The vector form, and as many single environments in a loop."""
    vector = gymnasium.make_vec(f"yanshi/{task}-v0", COUNT, "vector_entry_point", layout=2, **options)
    loop = gymnasium.make_vec(f"yanshi/{task}-v0", COUNT, "sync", layout=2, **options)
    return vector, loop


@pytest.mark.parametrize(
    ("task", "steps"),
    [
        ("Pick", 120),
        ("Press", 400),
        ("Tidy", 60),
        ("HomePick", 40),
        pytest.param("Chain", 1100, marks=pytest.mark.slow),
    ],
)
def test_it_goes_through_the_states_of_the_single_environment_bit_for_bit(task, steps):
    vector, loop = both(task)
    ours, our_info = vector.reset(seed=11)
    theirs, their_info = loop.reset(seed=11)
    np.testing.assert_array_equal(ours, theirs)
    np.testing.assert_array_equal(our_info["instruction"], their_info["instruction"])
    rng = np.random.default_rng(0)
    ended = 0
    for step in range(steps):
        if step % 10 == 0:
            actions = rng.uniform(-1.0, 1.0, vector.action_space.shape).astype(np.float32)
        ours, *our_rest, our_info = vector.step(actions)
        theirs, *their_rest, their_info = loop.step(actions)
        np.testing.assert_array_equal(ours, theirs)
        for mine, other in zip(our_rest, their_rest, strict=True):
            np.testing.assert_array_equal(mine, other)
        for key in ("is_success", "instruction"):
            np.testing.assert_array_equal(our_info[key], their_info[key])
        ended += our_rest[1].sum() + our_rest[2].sum()
    assert ended or steps < 375, "the time of an episode must run out in the longer runs, and a new one begin"
    vector.close()
    loop.close()


def test_pressing_acts_in_the_simulation_whose_button_it_is():
    vector, _ = both("Press", reward="sparse")
    vector.reset(seed=0)
    env = vector.unwrapped
    env._devices[1].press("button_box")
    _, reward, success, timeout, info = vector.step(np.zeros(vector.action_space.shape, np.float32))
    assert reward.tolist() == [0.0, 1.0, 0.0]
    assert success.tolist() == info["is_success"].tolist() == [False, True, False]
    assert not timeout.any()
    _, reward, success, _, _ = vector.step(np.zeros(vector.action_space.shape, np.float32))
    assert not success.any(), "the episode began anew, with the lamp off"
    assert reward[1] == 0.0


def test_spaces_and_metadata_are_those_gymnasium_expects():
    vector, loop = both("Pick")
    assert vector.metadata["autoreset_mode"] is AutoresetMode.NEXT_STEP
    assert vector.single_observation_space == loop.single_observation_space
    assert vector.observation_space == loop.observation_space
    assert vector.action_space == loop.action_space
    observation, _ = vector.reset(seed=[4, 5, 6])
    assert observation in vector.observation_space
    again, _ = vector.reset(seed=[4, 5, 6])
    np.testing.assert_array_equal(observation, again)
    fresh, _ = vector.reset()
    assert not np.array_equal(fresh, again)


def test_heldout_wordings_on_request():
    vector, _ = both("Pick")
    task = vector.unwrapped.task
    patterns = {p.split("{")[0] for p in task.stages[0].wordings.of("heldout")}
    _, info = vector.reset(seed=0, options={"split": "heldout"})
    assert all(any(said.startswith(pattern) for pattern in patterns) for said in info["instruction"])


def test_bad_arguments_are_named():
    with pytest.raises(UnknownNameError, match="Unknown task"):
        YanshiVectorEnv("Juggle", 2)
    with pytest.raises(InputError, match="at least 1, got 0"):
        YanshiVectorEnv("Pick", 0)
    with pytest.raises(InputError, match="'dense' or 'sparse'"):
        YanshiVectorEnv("Pick", 2, reward="huge")
    with pytest.raises(InputError, match="expected 3 seeds, got 2"):
        both("Pick")[0].reset(seed=[1, 2])

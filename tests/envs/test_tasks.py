"""One contract for every task."""

import warnings

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from stable_baselines3.common.env_checker import check_env as check_env_sb3

from yanshi.contracts import Goal
from yanshi.envs.gym_env import YanshiEnv
from yanshi.envs.oracle import Oracle
from yanshi.envs.simulation import Simulation
from yanshi.envs.suites import suite, suites
from yanshi.envs.tasks import Task, register_task, task, tasks
from yanshi.envs.worlds import compose
from yanshi.envs.worlds.world import default_robot
from yanshi.errors import InputError, UnknownNameError

pytestmark = pytest.mark.filterwarnings("ignore:Attaching a spec")
EVERY = pytest.mark.parametrize("name", tasks())
SEEDS = range(4)


@pytest.fixture(scope="module")
def start():
    """Simulations at their start, by task and seed."""
    made = {}

    def get(name, seed):
        if (name, seed) not in made:
            chosen = task(name)
            scene = chosen.scene(np.random.default_rng(seed))
            made[name, seed] = Simulation(compose(scene, default_robot(chosen.world)))
        return made[name, seed]

    return get


def test_the_suites_name_every_task_and_nothing_else():
    assert set(suite("all")) == set(tasks())
    assert all(set(suite(name)) <= set(tasks()) for name in suites())
    with pytest.raises(UnknownNameError, match="Available: all"):
        suite("every")


def test_a_name_is_given_once():
    with pytest.raises(InputError, match="already registered"):
        register_task(task("Pick"))
    with pytest.raises(UnknownNameError, match="Did you mean 'Pick'"):
        task("Pik")


@EVERY
@pytest.mark.parametrize("seed", SEEDS)
def test_the_goal_speaks_of_what_is_there_and_is_not_met_at_the_start(name, seed, start):
    sim, chosen = start(name, seed), task(name)
    oracle = Oracle(sim)
    for stage in range(len(chosen.stages)):
        goal = chosen.goal(sim.world.scene, stage)
        assert Goal.parse(str(goal)) == goal
        named = {arg for fact in goal.facts() for arg in fact.args if not arg.startswith("?")}
        assert named & set(sim.world.entities), goal
    assert not oracle.holds(chosen.goal(sim.world.scene))
    assert oracle.progress(chosen.goal(sim.world.scene)) < 1.0


@EVERY
def test_a_seed_gives_one_scene_and_seeds_differ(name):
    chosen = task(name)

    def told(seed):
        scene = chosen.scene(np.random.default_rng(seed))
        return [(p.item.name, p.position_w.tolist()) for p in scene.objects], str(chosen.goal(scene))

    assert told(0) == told(0)
    assert len({str(told(seed)) for seed in range(3)}) == 3


@EVERY
def test_hundreds_of_wordings_of_which_a_fifth_is_held_out(name, start):
    chosen, scene = task(name), start(name, 0).world.scene
    for number, stage in enumerate(chosen.stages):
        train, heldout = set(stage.wordings.of("train")), set(stage.wordings.of("heldout"))
        assert len(train | heldout) >= 300
        assert not train & heldout
        assert len(heldout) >= 0.2 * len(train | heldout)
        rng = np.random.default_rng(0)
        said = {
            split: {chosen.instruction(scene, rng, split, number) for _ in range(200)} for split in ("train", "heldout")
        }
        assert not said["train"] & said["heldout"]
        for sentence in said["train"] | said["heldout"]:
            assert not set("{}()[]|_") & set(sentence), sentence
            assert "  " not in sentence
            assert sentence == sentence.strip()


@EVERY
def test_where_things_are_can_be_drawn_apart_from_what_there_is(name):
    chosen = task(name)
    scenes = [chosen.scene(np.random.default_rng(7), np.random.default_rng(where)) for where in range(3)]
    things = [([p.item for p in s.objects], [f.name for f in s.fixtures], str(chosen.goal(s))) for s in scenes]
    assert things[0] == things[1] == things[2]
    places = [np.concatenate([p.position_w for p in s.objects]) for s in scenes]
    assert not np.allclose(places[0], places[1])


@EVERY
def test_the_environment_passes_both_checkers(name):
    env = gymnasium.make(f"yanshi/{name}-v0", layout=0).unwrapped
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", "Attaching a spec")
        check_env(env, skip_render_check=True)
        check_env_sb3(env)
    env.close()


@EVERY
def test_chance_does_not_achieve_it_and_a_seed_gives_one_trajectory(name):
    trajectories = []
    for _ in range(2):
        env = YanshiEnv(name, layout=1)
        observation, info = env.reset(seed=5)
        env.action_space.seed(5)
        seen, rewards = [observation], []
        for _ in range(50):
            observation, reward, terminated, _, info = env.step(env.action_space.sample())
            seen.append(observation)
            rewards.append(reward)
            assert not terminated
            assert info["is_success"] is False
        assert -1.0 <= min(rewards) <= max(rewards) < 0.0
        trajectories.append(np.array(seen))
        env.close()
    np.testing.assert_array_equal(*trajectories)


@EVERY
def test_it_is_declared_in_one_line_and_finite_time(name):
    chosen = task(name)
    assert isinstance(chosen, Task)
    assert chosen.summary.endswith(".")
    assert "\n" not in chosen.summary
    assert 0.0 < chosen.horizon_s <= 300.0

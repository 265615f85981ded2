import warnings

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from stable_baselines3.common.env_checker import check_env as check_env_sb3

from yanshi.envs.facts.predicates import PREDICATES
from yanshi.envs.gym_env import YanshiEnv
from yanshi.envs.judging.state_vector import parts
from yanshi.errors import InputError, UnknownNameError

pytestmark = pytest.mark.filterwarnings("ignore:Attaching a spec")


@pytest.mark.parametrize("task", ["Pick", pytest.param("HomePick", marks=pytest.mark.slow)])
def test_the_senses_pass_both_checkers(task):
    env = YanshiEnv(task, observations="senses", layout=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", "Attaching a spec")
        # SB3 recommends flattening what is neither a picture nor a vector; its CombinedExtractor does that by itself.
        warnings.filterwarnings("ignore", ".*unconventional shape")
        check_env(env, skip_render_check=True)
        check_env_sb3(env)
    env.close()


def test_senses_give_readings_and_nothing_true():
    env = YanshiEnv("Pick", observations="senses", layout=0, senses=("rgb", "depth", "touch"))
    observation, info = env.reset(seed=0)
    assert set(observation) == {"head_rgb", "wrist_rgb", "head_depth", "wrist_depth", "touch", "proprioception"}
    assert set(info) == {"is_success", "instruction"}
    for _ in range(6):
        observation, *_ = env.step(env.action_space.sample())
    assert observation["head_rgb"].dtype == np.uint8
    assert observation["head_rgb"].std() > 5.0, "a picture"
    assert 0.3 < np.median(observation["head_depth"]) < 3.0
    assert np.isfinite(observation["head_depth"]).all()
    assert observation in env.observation_space
    env.close()


def test_the_trajectory_does_not_depend_on_what_is_observed():
    states = []
    for observations in ("state", "senses"):
        env = YanshiEnv("Pick", observations=observations, layout=0, senses=("touch",))
        env.reset(seed=3)
        env.action_space.seed(3)
        for _ in range(20):
            env.step(env.action_space.sample())
        states.append(env.sim.data.qpos.copy())
        env.close()
    np.testing.assert_array_equal(*states)


def test_a_layout_keeps_the_model_and_moves_the_things():
    env = YanshiEnv("Pick", layout=4)
    env.reset(seed=0)
    model, first = env.sim.model, env.sim.data.qpos.copy()
    names = [p.item.name for p in env.sim.world.scene.objects]
    env.reset(seed=1)
    assert env.sim.model is model
    assert not np.array_equal(first, env.sim.data.qpos)
    assert [p.item.name for p in env.sim.world.scene.objects] == names
    for placement in env.sim.world.scene.objects:
        entity = env.sim.world.entities[placement.item.name].entity
        np.testing.assert_allclose(env.sim.data.body(placement.item.name).xpos, placement.position_w, atol=1e-9)
        np.testing.assert_array_equal(entity.position_w, placement.position_w)
    env.reset(seed=0)
    np.testing.assert_array_equal(first, env.sim.data.qpos)


def test_without_a_layout_a_seed_draws_the_whole_world():
    env = YanshiEnv("Pick")
    env.reset(seed=0)
    first = [p.item.name for p in env.sim.world.scene.objects]
    env.reset(seed=1)
    assert [p.item.name for p in env.sim.world.scene.objects] != first
    env.reset(seed=0)
    assert [p.item.name for p in env.sim.world.scene.objects] == first


def test_the_state_vector_says_what_its_table_says():
    env = YanshiEnv("PlaceIn", layout=0)
    observation, _ = env.reset(seed=0)
    at, sim = parts(env.robot), env.sim
    goal = env.task.goal(sim.world.scene).fact
    np.testing.assert_allclose(
        observation[at["arm"]], [sim.data.joint(j).qpos[0] for j in env.robot.arm_joints], atol=1e-6
    )
    base = sim.data.body(env.robot.base_body)
    axes = base.xmat.reshape(3, 3)
    tool = sim.data.site(env.robot.tcp_site)
    np.testing.assert_allclose(observation[at["tool position"]], (tool.xpos - base.xpos) @ axes, atol=1e-6)
    np.testing.assert_allclose(observation[at["tool axes"]][3:], tool.xmat.reshape(3, 3)[:, 2] @ axes, atol=1e-6)
    for slot, name in enumerate(goal.args):
        body = sim.data.body(name)
        positions, directions = (observation[at[part]].reshape(10, -1) for part in ("thing position", "thing axes"))
        np.testing.assert_allclose(positions[slot], (body.xpos - tool.xpos) @ axes, atol=1e-6)
        np.testing.assert_allclose(directions[slot, :3], body.xmat.reshape(3, 3)[:, 0] @ axes, atol=1e-6)
        extent = sim.world.entities[name].entity.extent
        np.testing.assert_allclose(observation[at["thing extent"]].reshape(10, 3)[slot], extent, atol=1e-6)
    assert observation[at["thing named"]].tolist() == [1.0, 1.0] + [0.0] * 8
    predicate = observation[at["fact predicate"]].reshape(6, -1)
    assert PREDICATES[int(predicate[0].argmax())] == "in"
    assert not predicate[1:].any()
    np.testing.assert_allclose(observation[at["fact arguments"]][:2], [0.1, 0.2], atol=1e-6)
    assert not observation[at["fact true"]].any()


def test_the_goal_met_ends_the_episode_with_the_highest_reward():
    for kind, reward in (("dense", 0.0), ("sparse", 1.0)):
        env = YanshiEnv("Open", layout=0, reward=kind)
        env.reset(seed=0)
        thing = env.sim.world.entities["chest_drawer"]
        still = env.robot.action(gripper=0.08)
        _, before, terminated, _, _ = env.step(still)
        assert before < reward
        assert not terminated
        env.sim.data.qpos[env.sim.model.jnt_qposadr[thing.joint]] = thing.entity.articulation.limit
        _, got, terminated, truncated, info = env.step(still)
        assert (got, terminated, truncated, info["is_success"]) == (reward, True, False, True)


def test_time_runs_out_by_truncation():
    env = YanshiEnv("Press", layout=0)
    env.reset(seed=0)
    for step in range(1, 1000):  # noqa: B007 (used after the loop)
        _, _, terminated, truncated, info = env.step(env.robot.action(gripper=0.08))
        if truncated:
            break
    assert step == round(env.task.horizon_s / 0.04)
    assert not terminated
    assert not info["is_success"]


def test_a_chain_asks_for_the_next_thing_when_one_is_done():
    env = YanshiEnv("Chain", layout=0, reward="sparse")
    _, info = env.reset(seed=0)
    assert "drawer" in info["instruction"]
    thing = env.sim.world.entities["chest_drawer"]
    address = env.sim.model.jnt_qposadr[thing.joint]
    env.sim.data.qpos[address] = thing.entity.articulation.limit
    still = env.robot.action(gripper=0.08)
    _, reward, terminated, _, info = env.step(still)
    stored = env.sim.world.scene.objects[0].item.kind
    assert reward == 1.0
    assert not terminated
    assert not info["is_success"]
    assert stored in info["instruction"]
    assert env.instruction == info["instruction"]
    for _ in range(1100):
        _, reward, terminated, truncated, _ = env.step(still)
        if truncated:
            break
    assert truncated, "the second instruction has its own time, then the chain ends"
    assert reward == 0.0


def test_the_picture_from_outside():
    env = gymnasium.make("yanshi/Pick-v0", layout=0, render_mode="rgb_array")
    env.reset(seed=0)
    picture = env.render()
    assert picture.shape == (480, 640, 3)
    assert picture.std() > 10.0
    env.close()


def test_bad_arguments_are_named():
    with pytest.raises(UnknownNameError, match="Did you mean 'Pick'"):
        YanshiEnv("Pic")
    with pytest.raises(UnknownNameError, match="Unknown sense 'smell'"):
        YanshiEnv("Pick", observations="senses", senses=("smell",))
    for option in ({"observations": "all"}, {"reward": "big"}, {"render_mode": "human"}):
        with pytest.raises(InputError, match=f"{next(iter(option))}: expected one of"):
            YanshiEnv("Pick", **option)
    with pytest.raises(UnknownNameError, match="Unknown split 'test'"):
        YanshiEnv("Pick", layout=0).reset(seed=0, options={"split": "test"})
    with pytest.raises(InputError, match="call reset first"):
        YanshiEnv("Pick").step(np.zeros(7, np.float32))

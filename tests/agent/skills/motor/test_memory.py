from __future__ import annotations

import numpy as np

from yanshi.agent.skills.motor.action import ACTION, command_of
from yanshi.agent.skills.motor.environment import MotorEnv
from yanshi.agent.skills.motor.features import FEATURES
from yanshi.agent.skills.motor.reflexes import REFLEXES
from yanshi.agent.skills.motor.residual import asked


def test_the_correction_by_the_truth_puts_the_hand_where_it_belongs(env: MotorEnv) -> None:
    for seed in range(8):
        env.reset(seed=seed, options={"severity": 1.0})
        correction, memory = env.guided(), env._reader.memory
        assert correction is not None
        assert np.all(np.abs(correction) < 1.0)
        memory.shift = correction
        found = env.aim.hand_at(memory.corrected(env._reader.T_wt).thing)
        np.testing.assert_allclose(found, env._true_aim.hand_at(env._truth()), atol=2e-3)


def test_smoothing_brings_an_estimate_nearer_to_where_its_errors_gather(env: MotorEnv) -> None:
    raw, smooth = [], []
    for seed in range(10):
        env.reset(seed=seed, options={"severity": 2.0})
        for _ in range(25):
            env.step(np.zeros(ACTION, np.float32))
        middle = env._truth().position_w + env._estimate._fixed[:3]
        raw.append(np.linalg.norm(env.now.entity(env.aim.name).position_w - middle))
        smooth.append(np.linalg.norm(env._reader.memory.entity.position_w - middle))
    assert np.mean(smooth) < 0.8 * np.mean(raw)


def test_nothing_is_put_right_before_something_was_met(env: MotorEnv) -> None:
    env.reset(seed=0, options={"severity": 0.0})
    memory, all_of_it = env._reader.memory, np.ones(ACTION, np.float32)
    for _ in range(3):
        env.step(all_of_it)
    np.testing.assert_array_equal(memory.shift[:4], 0.0)
    assert memory.shift[4] > 0.5  # how fast the hand goes, it may change
    for _ in range(100):
        if memory._waits:
            env.step(np.zeros(ACTION, np.float32))
    assert not memory._waits
    memory.correct(all_of_it)
    assert np.all(memory.shift[:4] > 0.2)


def test_fingers_that_closed_on_nothing_are_remembered_until_the_hand_has_drawn_back(env: MotorEnv) -> None:
    env.reset(seed=0)
    env.control = "direct"
    memory = env._reader.memory
    for _ in range(25):
        env.step(np.array([0.0, 0.0, 0.0, 0.0, -1.0], np.float32))
    assert memory.missed
    place = memory.features(env.now, env._reader.T_wt)[ACTION + 2 : ACTION + 5]
    assert np.any(place != 0.0)
    for _ in range(15):
        env.step(np.array([0.0, 0.0, -1.0, 0.0, 1.0], np.float32))
    assert not memory.missed
    assert memory.features(env.now, env._reader.T_wt)[ACTION + 1] == np.float64(1 / 3)


def test_an_action_that_corrects_nothing_is_the_reflex(env: MotorEnv) -> None:
    env.reset(seed=2, options={"severity": 2.0})
    reader, reflex = env._reader, REFLEXES["pick"]
    assert reader.read(env.now).shape == (FEATURES,)
    command = asked(np.zeros(ACTION), reader, env.now, env.aim, reflex)
    wanted = reflex.act(env.now, env.aim, reader.memory.sight)
    np.testing.assert_array_equal(command.twist_b, wanted.twist_b)
    assert command.gripper == wanted.gripper
    direct = asked(np.zeros(ACTION), reader, env.now, env.aim, None)
    np.testing.assert_array_equal(direct.twist_b, command_of(np.zeros(ACTION), reader.T_wt, env.now, "act").twist_b)

from __future__ import annotations

import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from yanshi.agent.skills.motor.action import ACTION, action_of, command_of
from yanshi.agent.skills.motor.environment import MotorEnv
from yanshi.agent.skills.motor.features import FEATURES
from yanshi.agent.skills.motor.perturbation import EXACT, NOMINAL, perturbation
from yanshi.agent.skills.motor.placing import stacking
from yanshi.agent.skills.motor.pressing import Pressing
from yanshi.agent.skills.motor.reflexes import REFLEXES
from yanshi.agent.skills.motor.rollouts import trial
from yanshi.agent.skills.motor.starts import Start, draw_starts, load_starts, save_starts
from yanshi.errors import InputError


def test_gymnasium_finds_no_fault(env: MotorEnv) -> None:
    check_env(env, skip_render_check=True)


def test_the_script_picks_at_the_nominal_noise_and_standing_still_does_not(env: MotorEnv) -> None:
    shown = [trial(env, None, seed, 0.0).success for seed in range(6)]
    env.control = "direct"
    still = [trial(env, lambda _: np.zeros(ACTION), seed, 0.0).success for seed in range(2)]
    assert sum(shown) >= 5
    assert not any(still)


def test_who_knows_the_truth_picks_what_is_believed_to_be_elsewhere(env: MotorEnv) -> None:
    successes = 0
    for seed in range(6):
        env.reset(seed=seed, options={"severity": 2.0})
        ended = False
        while not ended:
            action = env.guided()
            assert action is not None
            _, _, ended, _, info = env.step(action)
        successes += info["is_success"]
    assert successes >= 5


def test_a_reflex_that_is_not_corrected_picks_at_the_nominal_noise(env: MotorEnv) -> None:
    assert env.control == "residual"
    assert sum(trial(env, lambda _: np.zeros(ACTION), seed, 0.0).success for seed in range(6)) >= 5


def test_faults_and_noise_do_not_depend_on_who_acts(env: MotorEnv) -> None:
    seen = []
    for action in (np.zeros(ACTION), np.array([0.2, 0.1, -0.3, 0.0, 1.0])):
        first, _ = env.reset(seed=7, options={"severity": 2.0})
        errors = []
        for _ in range(30):
            env.step(action)
            errors.append(env.privileged()[[7, 8, 9, 10, 11]])
        seen.append((first, np.stack(errors), env._estimate._fixed, env._estimate._wandering))
    for a, b in zip(*seen, strict=True):
        np.testing.assert_array_equal(a, b)


def test_features_are_those_that_a_skill_at_work_computes(env: MotorEnv) -> None:
    """Read again from belief and observation alone, by a reader of its own."""
    seen, _ = env.reset(seed=3, options={"severity": 2.0})
    reader = REFLEXES["pick"].reader(env.now, env.aim, env.manoeuvre.timeout)
    np.testing.assert_array_equal(seen, reader.read(env.now))
    rng = np.random.default_rng(0)
    for _ in range(40):
        action = rng.uniform(-1, 1, ACTION)
        reader.acted(action)
        seen, *_ = env.step(action)
        np.testing.assert_array_equal(seen, reader.read(env.now))
    assert seen.shape == (FEATURES,)


def test_an_action_means_the_same_as_its_command(env: MotorEnv) -> None:
    env.reset(seed=0)
    rng = np.random.default_rng(1)
    T_wt = env.aim.hand(env.now)
    for _ in range(20):
        action = rng.uniform(-1, 1, ACTION)
        again = action_of(command_of(action, T_wt, env.now, "act"), T_wt, env.now)
        np.testing.assert_allclose(again, action, atol=1e-9)


def test_severity_is_between_no_noise_and_three() -> None:
    assert perturbation(-1.0) == EXACT
    assert perturbation(0.0) == NOMINAL
    two = perturbation(2.0)
    assert (two.position, two.latency, two.friction, two.mass, two.size) == (0.02, 0.10, (0.5, 1.5), (0.5, 2.0), 0.2)
    assert np.isclose(perturbation(0.5).position, 0.0125)
    with pytest.raises(InputError, match="-1 … 3"):
        perturbation(3.5)


def test_mass_and_friction_are_perturbed_and_put_back(env: MotorEnv) -> None:
    env.reset(seed=1, options={"severity": 2.0, "start": 0})
    model, ideal = env._stage.sim.model, env._stage.world.model
    body = env._focus.body
    assert not np.isclose(model.body_mass[body], ideal.body_mass[body])
    assert np.isclose(model.body_mass[body] / ideal.body_mass[body], env._disturbance.mass)
    env.reset(seed=1, options={"severity": 0.0, "start": 0})
    np.testing.assert_allclose(model.body_mass, ideal.body_mass)
    np.testing.assert_allclose(model.geom_friction, ideal.geom_friction)


def test_starts_survive_a_file(starts: tuple[Start, ...], tmp_path: object) -> None:
    file = tmp_path / "starts.jsonl"  # type: ignore[operator]
    save_starts(starts, file)
    again = load_starts(file)
    assert [s.names for s in again] == [s.names for s in starts]
    np.testing.assert_array_equal(again[0].qpos, starts[0].qpos)
    file.write_text("{}\n")
    with pytest.raises(InputError, match="no file of starts"):
        load_starts(file)


def test_nothing_has_been_met_when_an_episode_begins(env: MotorEnv) -> None:
    """After a reset the motors are slack, and the wrist would feel tens of newtons that no robot feels."""
    for seed in range(4):
        env.reset(seed=seed)
        features = env.step(np.zeros(ACTION, np.float32))[0]
        assert np.abs(20.0 * features[18:21]).max() < 2.0, "force at the wrist since the start"
        assert features[76] == 0.0, "how long ago the hand met something"


def test_where_the_hand_begins_does_not_tell_the_truth(env: MotorEnv, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is where it would be by the belief, give or take, not over the thing: starts are drawn by the truth."""
    errors, begins, approach = [], [], MotorEnv._approach

    def watched(self: MotorEnv, rng: np.random.Generator) -> None:
        before = self.now.T_we[:2, 3].copy()
        approach(self, rng)
        errors.append((self.now.entity(self.aim.name).position_w - self._truth().position_w)[:2])
        begins.append(self.now.T_we[:2, 3] - before)

    monkeypatch.setattr(MotorEnv, "_approach", watched)
    for seed in range(8):
        env.reset(seed=seed, options={"severity": 2.0, "start": 0})
    assert np.abs(np.array(begins) - np.array(errors)).max() < 0.015
    assert np.std(begins) > 0.01


def test_what_is_held_does_not_take_along_the_belief_of_what_it_is_put_on() -> None:
    env = MotorEnv(stacking(), tuple(draw_starts(stacking(), "Stack", (1,), 1)))
    env.reset(seed=0, options={"severity": -1.0})
    ended = success = False
    while not ended:
        if env.now.gripper < env.now.opening:  # still in the hand
            np.testing.assert_allclose(env._reader.memory.entity.position_w, env._truth().position_w, atol=3e-3)
        _, _, ended, _, info = env.step(np.zeros(ACTION, np.float32))
        success = bool(info["is_success"])
    assert success


@pytest.mark.parametrize("error", [-0.012, 0.02])
def test_a_button_is_pressed_until_it_is_felt(error: float) -> None:
    env = MotorEnv(Pressing(), tuple(draw_starts(Pressing(), "Press", (1,), 1)))
    env.reset(seed=0, options={"severity": -1.0})
    env._estimate._fixed = np.array([0.0, 0.0, error, 0.0])  # believed to be so much higher than it is [m]
    env._estimate._entity = None
    env._sense()
    ended = success = False
    while not ended:
        _, _, ended, _, info = env.step_script()
        success = bool(info["is_success"])
    assert success

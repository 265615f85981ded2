"""SACfD, soft actor-critic from demonstrations: the model class, at home among the users of Stable-Baselines3.

It is a `BaseAlgorithm`: callbacks, `VecEnv`, logger, `evaluate_policy`, `learn`, `predict`, `save` and `load` are as
they know them. It is not an `OffPolicyAlgorithm`: that one returns to Python for every step and every update and
unpickles what it loads. Here a round is one call of the simulators and one compiled call of many updates, and the two
run at the same time.

Where the time goes, in CPU seconds of one core (hidden 128 × 128, batches of 256, 2 critics): an update takes 2.7 ms on
a quiet core (1.1 ms with 64 × 64; `torch`, stacked critics: 4.7 and 3.0 ms), drawing its batch with hindsight 0.1 ms
(`HerReplayBuffer`: 1.4 ms). Compiling takes some 4 s, once for all models of the same sizes. FetchPush, one update a
step: learner 70 %, simulator 22 %, replay 8 %. `SACfD.seconds` tells it of any run.
"""

from __future__ import annotations

import time
from collections import deque
from pathlib import Path
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np

from yanshi.agent.learning import checkpoint, cloning, losses, model_state, networks
from yanshi.agent.learning.config import SACfDConfig
from yanshi.agent.learning.demonstrations import Demonstrations
from yanshi.agent.learning.features import Floats, Observations, features, goal_size, parts
from yanshi.agent.learning.moments import Moments
from yanshi.agent.learning.policy import ActionRange, Policy
from yanshi.agent.learning.replay import Batches, Goals, Replay, batches
from yanshi.agent.learning.rollouts import Behaviour, Chunk, Exploring, Rollouts, Uniform, VecEnvRollouts
from yanshi.agent.learning.steps import Sizes
from yanshi.errors import InputError, MissingDependencyError

try:
    from stable_baselines3.common import utils
    from stable_baselines3.common.base_class import BaseAlgorithm
    from stable_baselines3.common.callbacks import BaseCallback
    from stable_baselines3.common.type_aliases import GymEnv, MaybeCallback
except ImportError as error:
    raise MissingDependencyError("stable-baselines3", "rl") from error

POLICIES = ("MlpPolicy", "MultiInputPolicy")


class SACfD(BaseAlgorithm):
    """Soft actor-critic with hindsight goals, seeded by demonstrations; the mathematics is in `losses`."""

    def __init__(
        self,
        policy: str,
        env: GymEnv | Rollouts | str,
        *,
        config: SACfDConfig | None = None,
        demonstrations: Demonstrations | None = None,
        seed: int = 0,
        tensorboard_log: str | None = None,
        verbose: int = 0,
    ) -> None:
        """Make networks and an empty replay.

        Args:
            policy: ``MultiInputPolicy`` for a goal environment, ``MlpPolicy`` for a flat Box, as in Stable-Baselines3.
            env: an environment, a `VecEnv`, an id of Gymnasium, or other `Rollouts`.
            config: the recipe's constants.
            demonstrations: what a controller showed; None to learn from nothing.
            seed: of networks, batches and environments.
            tensorboard_log: folder for TensorBoard's files.
            verbose: 1 for a table of each log.

        Raises:
            InputError: the policy does not fit the spaces, or the spaces are not supported.
        """
        if policy not in POLICIES:
            raise InputError(f"policy: expected one of {', '.join(POLICIES)}, got {policy!r}.")
        given = hasattr(env, "collect")
        super().__init__(
            policy=cast(Any, Policy),
            env=None if given else cast(Any, env),
            learning_rate=(config or SACfDConfig()).loss.learning_rate,
            tensorboard_log=tensorboard_log,
            verbose=verbose,
            device="cpu",
            support_multi_env=True,
            seed=seed,
        )
        self.rollouts: Rollouts = cast(Any, env) if given else VecEnvRollouts(cast(Any, self.env))
        self.observation_space, self.action_space = self.rollouts.observation_space, self.rollouts.action_space
        self.n_envs = self.rollouts.num_envs
        self.config = config or SACfDConfig()
        self.demonstrations = demonstrations
        goals = goal_size(self.observation_space)
        if (policy == "MultiInputPolicy") != (goals > 0):
            raise InputError(f"policy: {policy} does not fit the observation space {self.observation_space}.")
        space: Any = self.observation_space["observation"] if goals else self.observation_space  # type: ignore[index]
        self.sizes = Sizes(int(space.shape[0]), goals, int(self.rollouts.action_space.shape[0]))
        self._range = ActionRange(
            self.rollouts.action_space.low.astype(np.float32), self.rollouts.action_space.high.astype(np.float32)
        )
        self._setup_model()

    def _setup_model(self) -> None:
        config, sizes = self.config, self.sizes
        starts, self.rng = (np.random.default_rng(s) for s in np.random.SeedSequence(self.seed).spawn(2))
        width = sizes.observation + 2 * sizes.goal
        self.moments = Moments.of_size(width)
        std = config.initial_std or (1.0 if self.demonstrations is None else 0.2)
        actor = networks.actor(starts, (width, *config.hidden, 2 * sizes.action), std)
        critics = networks.critics(starts, (width + sizes.action, *config.hidden, 1), config.critics)
        log_alpha = jnp.log(jnp.float32(config.initial_alpha))
        self.state = losses.State(
            actor,
            critics,
            jax.tree.map(jnp.copy, critics),
            log_alpha,
            losses.adam_start(actor),
            losses.adam_start(critics),
            losses.adam_start(log_alpha),
            jnp.float32(0.0),
            jax.random.PRNGKey(self.seed or 0),
        )
        self._update = losses.fused_update(config.loss)
        self.replay_buffer = Replay(config.capacity, sizes, self.n_envs)
        self.shown: Replay | None = None
        """The demonstrations, ready to be drawn from."""
        self.rewards = [np.inf, -np.inf]
        """The least and the greatest reward seen."""
        self.cloned = False
        """Whether the actor was fitted to the demonstrations."""
        self.critic_updates = 0
        """Updates so far in which the cloned actor waited for the critics."""
        self._stale = True
        self._running = np.zeros((2, self.n_envs))
        self.seconds = dict.fromkeys(("simulator", "replay", "learner", "callbacks"), 0.0)
        """CPU time of the whole process by what it was spent on; apart only without ``overlap``."""
        if self.demonstrations is not None:
            steps = self.demonstrations.steps
            self.shown = Replay(len(steps), sizes, 1)
            for episode in self.demonstrations.episodes:
                self.shown.write(episode)
            self.moments.add(steps.features())
            self._see_rewards(steps.reward)
        self.take_policy()

    def clone(self) -> float:
        """Fit the actor to the demonstrations.

        Returns:
            The mean squared error of its actions, in actions of [-1, 1].

        Raises:
            InputError: there are no demonstrations.
        """
        if self.demonstrations is None:
            raise InputError("clone: there are no demonstrations to clone.")
        steps = self.demonstrations.steps
        actor, error = cloning.clone(
            self.state.actor, steps.features(), steps.label, self._normaliser(), self.rng, self.config.cloning
        )
        self.state = self.state._replace(actor=actor)
        self.cloned = True
        self.take_policy()
        return error

    def learn(
        self,
        total_timesteps: int,
        callback: MaybeCallback = None,
        log_interval: int = 4,
        tb_log_name: str = "SACfD",
        reset_num_timesteps: bool = True,
        progress_bar: bool = False,
    ) -> SACfD:
        """Collect `total_timesteps` steps and learn from them.

        Args:
            total_timesteps: steps, summed over the environments; whole rounds are taken.
            callback: of Stable-Baselines3; each is told of every step, after the round in which it was taken.
            log_interval: rounds between two entries in the log.
            tb_log_name: name of the run for TensorBoard.
            reset_num_timesteps: False to go on counting.
            progress_bar: whether to show the bar of Stable-Baselines3.
        """
        calls = self._begin_learning(total_timesteps, callback, tb_log_name, reset_num_timesteps, progress_bar)
        calls.on_training_start(locals(), globals())
        rounds, going = 0, True
        while going and self.num_timesteps < self._total_timesteps:
            calls.on_rollout_start()
            chunk, report = self._round()
            begun = time.process_time()
            going = self._tell(chunk, calls)
            calls.on_rollout_end()
            self.seconds["callbacks"] += time.process_time() - begun
            rounds += 1
            if rounds % log_interval == 0 or not going:
                self._log(report)
        calls.on_training_end()
        return self

    def predict(
        self,
        observation: Observations,
        state: tuple[Floats, ...] | None = None,
        episode_start: Any = None,
        deterministic: bool = False,
    ) -> tuple[Floats, None]:
        """Actions in the environment's unit for one observation or a batch."""
        return cast(Policy, self.policy).predict(observation, state, episode_start, deterministic)

    def value(self, observation: Observations, action: Floats) -> Floats:
        """(n,) the return that the more doubtful critic expects of actions (n, d_a) in the environment's unit."""
        mean, std = self._normaliser()
        x = networks.normalise(jnp.asarray(features(parts(observation))), jnp.asarray(mean), jnp.asarray(std))
        return np.asarray(networks.values(self.state.critics, x, jnp.asarray(self._range.from_env(action))).min(axis=0))

    def save(  # type: ignore[override]
        self, path: str | Path, exclude: Any = None, include: Any = None, *, experience: bool = False
    ) -> Path:
        """Write networks, optimisers and counters into one file, in one step: a kill leaves the old file or the new.

        Args:
            path: its suffix becomes ``.safetensors``; there is no other form.
            exclude: not supported; here because callbacks of Stable-Baselines3 may name it.
            include: not supported, likewise.
            experience: whether to write replay and demonstrations too, so that learning goes on from the file as if it
                had not stopped: unfinished episodes are dropped, and all environments begin anew in both cases.

        Returns:
            The file.
        """
        file = model_file(path)
        if experience:
            self._restart()
        arrays, meta = model_state.pack(self, experience)
        checkpoint.write(file, arrays, meta)
        return file

    @classmethod
    def load(  # type: ignore[override]
        cls, path: str | Path, env: GymEnv | Rollouts | str, *, tensorboard_log: str | None = None, verbose: int = 0
    ) -> SACfD:
        """A model from a file of `save`; nothing is unpickled.

        Args:
            path: with or without its suffix.
            env: an environment with the spaces that it was trained on.
            tensorboard_log: folder for TensorBoard's files.
            verbose: 1 for a table of each log.

        Raises:
            InputError: it is another kind of file, or was trained on other spaces.
        """
        file = model_file(path)
        arrays, meta = checkpoint.read(file)
        config, seed, demonstrations = model_state.needed(file, arrays, meta)
        policy = "MultiInputPolicy" if meta["sizes"][1] else "MlpPolicy"
        model = cls(
            policy,
            env,
            config=config,
            demonstrations=demonstrations,
            seed=seed,
            tensorboard_log=tensorboard_log,
            verbose=verbose,
        )
        model_state.unpack(model, file, arrays, meta)
        return model

    def _begin_learning(self, total: int, callback: MaybeCallback, name: str, anew: bool, bar: bool) -> BaseCallback:
        """What `BaseAlgorithm._setup_learn` does, for any rollouts."""
        self.start_time = time.time_ns()
        if self.ep_info_buffer is None or anew:
            self.ep_info_buffer = deque(maxlen=self._stats_window_size)
            self.ep_success_buffer = deque(maxlen=self._stats_window_size)
        if anew:
            self.num_timesteps = self._episode_num = 0
        self._num_timesteps_at_start = self.num_timesteps
        self._total_timesteps = total + self.num_timesteps
        if not self._custom_logger:
            self._logger = utils.configure_logger(self.verbose, self.tensorboard_log, name, anew)
        calls = self._init_callback(callback, bar)
        if anew or self._stale:
            self._restart()
        return calls

    def _restart(self) -> None:
        """Begin an episode everywhere, in a way that depends on the seed and on how far learning has come."""
        self.replay_buffer.forget_unfinished()
        self._running[:] = 0.0
        mixed = np.random.SeedSequence((self.seed or 0, self.num_timesteps)).generate_state(1)[0]
        self.rollouts.reset(int(mixed) % 2**30)
        self._stale = False

    def _round(self) -> tuple[Chunk, dict[str, float]]:
        """Updates, and meanwhile steps by the policy from before them."""
        config = self.config
        steps = config.steps_per_round * self.n_envs
        updates = max(1, round(config.updates_per_step * steps))
        clock = _Clock(self.seconds)
        pending: Any = None
        if self.num_timesteps >= config.learning_starts and len(self.replay_buffer):
            drawn = batches(self._sources(), updates, self.rng, self._goals())
            clock.lap("replay")
            pending = self._dispatch(drawn, updates)
            if not config.overlap:
                jax.tree.map(lambda array: array.block_until_ready(), pending)
            clock.lap("learner")
        chunk = self.rollouts.collect(self._behaviour(), config.steps_per_round)
        clock.lap("simulator")
        report: dict[str, float] = {}
        if pending is not None:
            self.state, reports = pending
            report = {name: float(value) for name, value in reports.items()}
            self._n_updates += updates
            clock.lap("learner")
        self._take_in(chunk)
        self.take_policy()
        clock.lap("replay")
        return chunk, report

    def _dispatch(self, drawn: Batches, updates: int) -> Any:
        """Begin a fused call; its results can be waited for."""
        actor_on = 1.0
        if self.cloned and self.critic_updates < self.config.critic_updates_first:
            self.critic_updates += updates
            actor_on = 0.0
        mean, std = self._normaliser()
        batch = losses.Batch(*(jnp.asarray(getattr(drawn, name)) for name in losses.Batch._fields))
        bounds = jnp.asarray(self._bounds())
        return self._update(self.state, batch, jnp.asarray(mean), jnp.asarray(std), bounds, jnp.float32(actor_on))

    def _behaviour(self) -> Behaviour:
        if self.cloned or self.num_timesteps >= self.config.learning_starts:
            return Exploring(cast(Policy, self.policy))
        return Uniform(self.sizes.action)

    def _sources(self) -> list[tuple[Replay, int, bool]]:
        size = self.config.batch_size
        shown = 0 if self.shown is None else round(size * self.config.demonstration_share)
        sources = [(self.replay_buffer, size - shown, False)]
        if self.shown is not None and shown:
            sources.append((self.shown, shown, True))
        return sources

    def _goals(self) -> Goals | None:
        if self.sizes.goal == 0 or self.config.hindsight == 0.0:
            return None
        return Goals(self.rollouts.reward, self.rollouts.terminal, self.config.hindsight)

    def _bounds(self) -> Floats:
        """The least and the greatest return that the rewards seen so far allow, Σ γ^t r."""
        if not self.config.clip_returns:
            return np.array([-np.inf, np.inf], dtype=np.float32)
        horizon = 1.0 / (1.0 - self.config.loss.discount)
        return np.array([min(self.rewards[0], 0.0) * horizon, max(self.rewards[1], 0.0) * horizon], dtype=np.float32)

    def _see_rewards(self, rewards: Floats) -> None:
        if rewards.size:
            self.rewards[0] = min(self.rewards[0], float(rewards.min()))
            self.rewards[1] = max(self.rewards[1], float(rewards.max()))

    def _take_in(self, chunk: Chunk) -> None:
        self.replay_buffer.add(chunk)
        valid = chunk.valid
        self.moments.add(features(chunk.now)[valid])
        self._see_rewards(chunk.reward[valid])

    def _normaliser(self) -> tuple[Floats, Floats]:
        return self.moments.mean.astype(np.float32), self.moments.std

    def take_policy(self) -> None:
        """Copy the actor out of JAX."""
        layers = tuple((np.array(weight), np.array(bias)) for weight, bias in self.state.actor)
        mean, std = self._normaliser()
        sizes = self.sizes
        self.policy: Any = Policy(layers, mean, std, self._range, sizes.observation, sizes.goal)

    def _tell(self, chunk: Chunk, calls: BaseCallback) -> bool:
        """Count the steps of a chunk, its episodes' returns and successes, and tell the callbacks step by step."""
        assert self.ep_info_buffer is not None
        assert self.ep_success_buffer is not None
        for t in range(len(chunk.reward)):
            self._running[0] += chunk.reward[t] * chunk.valid[t]
            self._running[1] += chunk.valid[t]
            for env in np.flatnonzero(chunk.ended[t]):
                total, length = self._running[:, env]
                self.ep_info_buffer.append({"r": float(total), "l": int(length), "t": 0.0})
                if not np.isnan(chunk.success[t, env]):
                    self.ep_success_buffer.append(float(chunk.success[t, env]))
                self._episode_num += 1
                self._running[:, env] = 0.0
            self.num_timesteps += self.n_envs
            calls.update_locals({"rewards": chunk.reward[t], "dones": chunk.ended[t], "infos": ({},) * self.n_envs})
            if not calls.on_step():
                return False
        return True

    def _log(self, report: dict[str, float]) -> None:
        assert self.ep_info_buffer is not None
        elapsed = max((time.time_ns() - self.start_time) / 1e9, 1e-9)
        if self.ep_info_buffer:
            self.logger.record("rollout/ep_rew_mean", utils.safe_mean([info["r"] for info in self.ep_info_buffer]))
            self.logger.record("rollout/ep_len_mean", utils.safe_mean([info["l"] for info in self.ep_info_buffer]))
        if self.ep_success_buffer:
            self.logger.record("rollout/success_rate", utils.safe_mean(self.ep_success_buffer))
        self.logger.record("time/fps", int((self.num_timesteps - self._num_timesteps_at_start) / elapsed))
        self.logger.record("time/total_timesteps", self.num_timesteps, exclude="tensorboard")
        self.logger.record("train/n_updates", self._n_updates, exclude="tensorboard")
        for name, value in report.items():
            self.logger.record(f"train/{name}", value)
        self.logger.dump(step=self.num_timesteps)


def model_file(path: str | Path) -> Path:
    """The file of a model: the name that Stable-Baselines3 would give, with our suffix in place of ``.zip``."""
    path = Path(path)
    if path.suffix in (".zip", ".safetensors"):
        path = path.with_suffix("")
    return path.with_name(path.name + ".safetensors")


class _Clock:
    """Adds the process's CPU time between two laps to a name."""

    def __init__(self, seconds: dict[str, float]) -> None:
        self._seconds, self._last = seconds, time.process_time()

    def lap(self, name: str) -> None:
        now = time.process_time()
        self._seconds[name] += now - self._last
        self._last = now

"""Gymnasium-Robotics' Fetch tasks: the recipe of `yanshi.agent.learning` against stock Stable-Baselines3 SAC + HER.

Sparse reward, published environments unchanged. Demonstrations come only from the controllers in this file, which see
what a policy sees. Gymnasium-Robotics wants an older MuJoCo than yanshi, so it all runs in an environment of its own:

    python benchmarks/fetch.py setup                    # makes its environment from requirements/fetch.txt
    python benchmarks/fetch.py run reach recipe 0       # TASK ARM SEED, in that environment; writes a JSON file
    python benchmarks/fetch.py all                      # every task, arm and seed that has no JSON file yet
    python benchmarks/fetch.py table                    # what the JSON files say
    python benchmarks/fetch.py                          # all three

Tasks: reach, push, pick. Arms: ``recipe`` (demonstrations → cloning → SACfD), ``scratch`` (SACfD without
demonstrations) and ``sb3`` (the example of Stable-Baselines3's HER page, its defaults).

CPU seconds are those of the whole process, all threads, from its start: imports, compilation, recording and cloning
count, evaluations do not. "to 90 %" is the first evaluation of at least 90 % over 100 unseen episodes. The policy that
did best on those is measured once more, on another 100 episodes: that is the success in the table.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).parents[1]
VENV = Path(os.environ.get("YANSHI_FETCH_VENV", Path(tempfile.gettempdir()) / "venv-fetch"))
OUT = Path(os.environ.get("YANSHI_FETCH_OUT", ROOT / "out/fetch"))
IDS = {"reach": "FetchReach-v4", "push": "FetchPush-v4", "pick": "FetchPickAndPlace-v4"}
ARMS = ("recipe", "scratch", "sb3")
PLAN = [("reach", arm) for arm in ARMS] + [("push", "recipe"), ("pick", "recipe")]
SEEDS = (0, 1, 2)

EPISODES = {"reach": 10, "push": 150, "pick": 200}
"""Demonstrations."""
NOISE, WANDERING = 0.3, 0.05
INTERVAL = {"reach": 1000, "push": 4000, "pick": 4000}
"""Steps between evaluations."""
LIMIT = {"reach": 15_000, "push": 40_000, "pick": 40_000}
"""Steps at most."""
ENOUGH = 0.95
"""Success on the 100 validation episodes at which a run stops."""
ENVS, TRIALS = 8, 100
VALIDATION_SEED, TEST_SEED = 700_000, 800_000
"""Training environments are seeded below 2³⁰ from the run's seed, demonstrations from 1000 on."""

Observations = Mapping[str, Any]


def reach(seen: Observations) -> Any:
    """Straight to the goal."""
    way = seen["desired_goal"] - seen["achieved_goal"]
    return np.concatenate([np.clip(10 * way, -1, 1), np.zeros((len(way), 1))], axis=-1)


def push(seen: Observations) -> Any:
    """Over the block, down behind it, and straight on to the goal."""
    grip, block, goal = seen["observation"][:, :3], seen["observation"][:, 3:6], seen["desired_goal"]
    way = (goal - block)[:, :2]
    distance = np.linalg.norm(way, axis=1, keepdims=True)
    forward = way / np.maximum(distance, 1e-6)
    offset, height = (grip - block)[:, :2], (grip - block)[:, 2:]
    along = (offset * forward).sum(axis=1, keepdims=True)
    beside = offset - along * forward
    aligned = np.linalg.norm(beside, axis=1, keepdims=True) < 0.03
    to_start = block[:, :2] - 0.075 * forward - grip[:, :2]
    pushing = (along < -0.02) & aligned & (height < 0.025)
    descending = (np.linalg.norm(to_start, axis=1, keepdims=True) < 0.025) | ((along < -0.05) & aligned)
    move = np.where(
        descending,
        np.concatenate([15 * to_start, -15 * height], axis=1),
        np.concatenate([np.where(height > 0.05, 15 * to_start, 0), 15 * (0.08 - height)], axis=1),
    )
    forth = forward * np.clip(8 * distance, 0.15, 0.8) - 15 * beside
    move = np.where(pushing, np.concatenate([forth, -10 * height], axis=1), move)
    move = np.where(distance < 0.015, 0, move)
    return np.concatenate([np.clip(move, -1, 1), np.zeros((len(move), 1))], axis=-1)


def pick(seen: Observations) -> Any:
    """Over the block, down, close, and to the goal."""
    block, to_block, goal = seen["observation"][:, 3:6], seen["observation"][:, 6:9], seen["desired_goal"]
    width = seen["observation"][:, 9:11].sum(axis=-1, keepdims=True)
    beside = np.linalg.norm(to_block[:, :2], axis=1, keepdims=True)
    height = -to_block[:, 2:]
    between = (beside < 0.015) & (np.abs(height) < 0.015)
    above = 15 * (to_block + np.array([0, 0, 0.07]))
    # Low and beside the block: rise before going over it.
    above[:, :2] *= (height > 0.04) | (beside > 0.06)
    move = np.where(beside < 0.02, 15 * to_block, above)
    move = np.where(between, 0, move)
    move = np.where(between & (width < 0.06), 12 * (goal - block), move)
    return np.concatenate([np.clip(move, -1, 1), np.where(between, -1, 1)], axis=-1)


CONTROLLERS = {"reach": reach, "push": push, "pick": pick}


class Course:
    """Evaluations of one run and the CPU time of all else."""

    def __init__(self, task: str) -> None:
        from yanshi.agent.learning.rollouts import VecEnvRollouts

        self.task, self._evaluating = task, 0.0
        self._rollouts = VecEnvRollouts(vec_env(task, 10, 0))
        self.rows: list[dict[str, float]] = []

    def cpu(self) -> float:
        """Seconds since the process began, less the evaluations."""
        return time.process_time() - self._evaluating

    def measure(self, policy: Any, seed: int) -> float:
        """Success over `TRIALS` unseen episodes."""
        from yanshi.agent.learning.evaluation import evaluate

        begun = time.process_time()
        rate = evaluate(policy, self._rollouts, TRIALS, seed).rate
        self._evaluating += time.process_time() - begun
        return rate

    def note(self, policy: Any, steps: int) -> float:
        """Evaluate on the validation episodes and write it down."""
        cpu = self.cpu()
        rate = self.measure(policy, VALIDATION_SEED)
        self.rows.append({"steps": steps, "cpu_s": round(cpu, 1), "success": round(rate, 3)})
        print(f"{self.task}: {steps:6d} steps, {cpu:6.1f} CPU-s, {100 * rate:.0f} %", flush=True)
        return rate


def vec_env(task: str, count: int, seed: int) -> Any:
    import gymnasium
    import gymnasium_robotics
    from stable_baselines3.common.env_util import make_vec_env

    gymnasium.register_envs(gymnasium_robotics)
    return make_vec_env(IDS[task], count, seed=seed)


def run_ours(task: str, arm: str, seed: int) -> dict[str, Any]:
    """The recipe, or the same learner with nothing shown to it."""
    from yanshi.agent.learning.config import CloningConfig, LossConfig, SACfDConfig
    from yanshi.agent.learning.demonstrations import record
    from yanshi.agent.learning.export import save_policy
    from yanshi.agent.learning.sacfd import SACfD

    course = Course(task)
    env = vec_env(task, ENVS, seed)
    result: dict[str, Any] = {}
    shown = None
    if arm == "recipe":
        count = EPISODES[task]
        shown = record(env, CONTROLLERS[task], episodes=count, noise=NOISE, wandering=WANDERING, seed=1000 * (seed + 1))
        result |= {"demonstrations": count, "demonstrated_success": round(float(shown.success.mean()), 3)}
        result["recorded_cpu_s"] = round(course.cpu(), 1)
    cloning = CloningConfig(updates=1000 if task == "reach" else 6000)
    # γ and τ are those of RL Baselines3 Zoo for these tasks.
    config = SACfDConfig(overlap=False, cloning=cloning, loss=LossConfig(discount=0.95, target_rate=0.05))
    model = SACfD("MultiInputPolicy", env, config=config, demonstrations=shown, seed=seed)
    best, policy, steps = -1.0, model.policy, 0
    if shown is not None:
        model.clone()
        policy, best = model.policy, course.note(model.policy, 0)
        result["cloned"] = best
    while steps < LIMIT[task] and best < ENOUGH:
        model.learn(INTERVAL[task], reset_num_timesteps=steps == 0)
        steps = model.num_timesteps
        rate = course.note(model.policy, steps)
        if rate > best:
            best, policy = rate, model.policy
    save_policy(policy, OUT / f"{task}-{arm}-{seed}-policy")
    seconds = {name: round(value, 1) for name, value in model.seconds.items()}
    return (
        result
        | {"rows": course.rows, "updates": model._n_updates, "seconds": seconds, "config": config.to_json()}
        | {"test_success": course.measure(policy, TEST_SEED)}
    )


def run_sb3(task: str, seed: int) -> dict[str, Any]:
    """The example of the HER page of Stable-Baselines3."""
    import torch
    from stable_baselines3 import SAC, HerReplayBuffer

    torch.set_num_threads(1)
    course = Course(task)
    model = SAC(
        "MultiInputPolicy",
        vec_env(task, 1, seed),
        replay_buffer_class=HerReplayBuffer,
        replay_buffer_kwargs={"n_sampled_goal": 4, "goal_selection_strategy": "future"},
        seed=seed,
    )
    steps, rate = 0, 0.0
    while steps < LIMIT[task] and rate < ENOUGH:
        model.learn(INTERVAL[task], reset_num_timesteps=steps == 0)
        steps = model.num_timesteps
        rate = course.note(Adapter(model), steps)
    return {"rows": course.rows, "test_success": course.measure(Adapter(model), TEST_SEED)}


class Adapter:
    """A model of Stable-Baselines3 as a policy for `evaluate`, which hands it features: the three parts in a row."""

    def __init__(self, model: Any) -> None:
        self._model = model
        self._sizes = [model.observation_space[key].shape[0] for key in ("observation", "achieved_goal")]

    def squashed(self, features: Any) -> Any:
        """Fetch's actions are in [-1, 1] already."""
        observation, achieved, way = np.split(features, np.cumsum(self._sizes), axis=-1)
        seen = {"observation": observation, "achieved_goal": achieved, "desired_goal": achieved + way}
        return self._model.predict(seen, deterministic=True)[0]


def run(task: str, arm: str, seed: int) -> None:
    """One run, written to a JSON file."""
    OUT.mkdir(parents=True, exist_ok=True)
    result = run_sb3(task, seed) if arm == "sb3" else run_ours(task, arm, seed)
    first = next((row["cpu_s"] for row in result["rows"] if row["success"] >= 0.9), None)
    result |= {"task": task, "arm": arm, "seed": seed, "to_90_cpu_s": first, "trials": TRIALS}
    (OUT / f"{task}-{arm}-{seed}.json").write_text(json.dumps(result, indent=1))
    print(
        f"{task} {arm} {seed}: {100 * result['test_success']:.0f} % of {TRIALS} test episodes; 90 % after {first} CPU-s"
    )


def table() -> None:
    """Medians and ranges over the seeds."""

    def spread(values: list[float], scale: float = 1.0) -> str:
        if not values:
            return "-"
        values = [scale * value for value in values]
        return f"{statistics.median(values):.0f} ({min(values):.0f} … {max(values):.0f})"

    print(
        "| task | arm | seeds | CPU-s to 90 % | CPU-s in all | cloned, % | success on test episodes, % |\n"
        "|---|---|---:|---|---|---|---|"
    )
    for task, arm in PLAN:
        results = [json.loads(path.read_text()) for path in sorted(OUT.glob(f"{task}-{arm}-?.json"))]
        if not results:
            continue
        reached = [r["to_90_cpu_s"] for r in results if r["to_90_cpu_s"] is not None]
        never = f", never in {len(results) - len(reached)}" if len(reached) < len(results) else ""
        total = spread([r["rows"][-1]["cpu_s"] for r in results])
        cloned = spread([r["cloned"] for r in results if "cloned" in r], 100)
        success = spread([r["test_success"] for r in results], 100)
        print(f"| {IDS[task]} | {arm} | {len(results)} | {spread(reached)}{never} | {total} | {cloned} | {success} |")


def setup() -> None:
    """The environment of its own."""
    venv.create(VENV, with_pip=True)
    requirements = str(ROOT / "requirements/fetch.txt")
    subprocess.run([VENV / "bin/python", "-m", "pip", "install", "--quiet", "-r", requirements], check=True)


def inside(*arguments: str) -> None:
    """Run this file in that environment, one thread for each library."""
    quiet = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "OMP_WAIT_POLICY": "passive", "GOMP_SPINCOUNT": "0"}
    environment = {**os.environ, **quiet, "PYTHONPATH": str(ROOT / "src"), "YANSHI_FETCH_INSIDE": "1"}
    subprocess.run([VENV / "bin/python", __file__, *arguments], env=environment, check=True, stdout=sys.stderr)


def run_all() -> None:
    """Every run that has no JSON file yet; what they say goes to standard error."""
    for task, arm in PLAN:
        for seed in SEEDS:
            if not (OUT / f"{task}-{arm}-{seed}.json").exists():
                inside("run", task, arm, str(seed))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command")
    for name in ("setup", "all", "table"):
        commands.add_parser(name)
    one = commands.add_parser("run")
    one.add_argument("task", choices=list(IDS))
    one.add_argument("arm", choices=ARMS)
    one.add_argument("seed", type=int)
    given = parser.parse_args()
    if given.command == "setup":
        setup()
    elif given.command == "table":
        table()
    elif given.command == "all":
        run_all()
    elif given.command is None:
        if not VENV.exists():
            setup()
        run_all()
        table()
    elif "YANSHI_FETCH_INSIDE" in os.environ:
        run(given.task, given.arm, given.seed)
    else:
        inside(*sys.argv[1:])


if __name__ == "__main__":
    main()

"""What an environment costs beside the physics it steps: state-only, one simulation and many.

Single: the time of ``env.step`` against the time of bare ``mj_step`` calls over the same states: the controls that the
environment wrote are recorded and played back. The two alternate in blocks, so that both meet the same load.

Vector: environment steps a second of ``make_vec(…, "vector_entry_point")`` against one environment stepped as often.

Peer: Gymnasium-Robotics' FetchPickAndPlace, when it is installed, measured in the same way against its own ``mj_step``.

Usage: python benchmarks/environments.py [ROUNDS]
"""

from __future__ import annotations

import importlib.util
import statistics
import sys
import time
import warnings
from collections.abc import Callable, Sequence

import gymnasium
import mujoco
import numpy as np

import yanshi.envs  # noqa: F401 (registers the environments)
from yanshi.envs.clock import STEPS_PER_CONTROL
from yanshi.envs.gym_env import YanshiEnv

TASKS = ("Pick", "Press", "Tidy", "HomePick", "HomePress")
STEPS = 50
"""Control steps a block."""
VECTOR = 16
STATE = mujoco.mjtState.mjSTATE_INTEGRATION


def spread(values: Sequence[float]) -> str:
    """Median and spread."""
    return f"{statistics.median(values):.2f} ({min(values):.2f} … {max(values):.2f})"


def wall(action: Callable[[], object]) -> float:
    """Seconds that an action takes."""
    begin = time.perf_counter()
    action()
    return time.perf_counter() - begin


def cpu(action: Callable[[], object]) -> float:
    """CPU seconds that an action takes in this thread: what others do on the machine counts less."""
    begin = time.thread_time()
    action()
    return time.thread_time() - begin


def overhead(task: str, rounds: int) -> tuple[list[float], list[float], list[float]]:
    """Ratios env.step / mj_step, and the CPU seconds of both a control step."""
    env = YanshiEnv(task, layout=0)
    env.reset(seed=0)
    assert env.sim is not None
    model, live = env.sim.model, env.sim.data
    bare = mujoco.MjData(model)
    rng = np.random.default_rng(0)
    ratios, ours, physics = [], [], []
    for _ in range(rounds):
        state = np.empty(mujoco.mj_stateSize(model, STATE))
        mujoco.mj_getState(model, live, state, STATE)
        mujoco.mj_setState(model, bare, state, STATE)
        actions = rng.uniform(-1, 1, (STEPS // 10, *env.action_space.shape)).astype(np.float32).repeat(10, axis=0)
        controls: list[np.ndarray] = []
        env_time = sum(step_and_note(env, action, live, controls) for action in actions)
        bare_time = sum(play_back(model, bare, control) for control in controls)
        if not np.array_equal(bare.qpos, live.qpos):
            raise RuntimeError(f"{task}: the bare physics went another way.")
        ratios.append(env_time / bare_time)
        ours.append(env_time / STEPS)
        physics.append(bare_time / STEPS)
    env.close()
    return ratios, ours, physics


def step_and_note(env: YanshiEnv, action: np.ndarray, live: mujoco.MjData, controls: list[np.ndarray]) -> float:
    """One environment step; keeps the controls that it wrote."""
    seconds = cpu(lambda: env.step(action))
    controls.append(live.ctrl.copy())
    return seconds


def play_back(model: mujoco.MjModel, data: mujoco.MjData, control: np.ndarray) -> float:
    """The physics of one environment step."""
    data.ctrl[:] = control
    return cpu(lambda: mujoco.mj_step(model, data, STEPS_PER_CONTROL))


def vector_gain(task: str, rounds: int) -> tuple[list[float], list[float]]:
    """Ratios of throughput, vector over single, and environment steps a second of the vector form."""
    single = YanshiEnv(task, layout=0)
    single.reset(seed=0)
    many = gymnasium.make_vec(f"yanshi/{task}-v0", VECTOR, "vector_entry_point", layout=0)
    many.reset(seed=0)
    rng = np.random.default_rng(0)
    ratios, rates = [], []
    for _ in range(rounds):
        actions = rng.uniform(-1, 1, (STEPS // 5, VECTOR, *single.action_space.shape)).astype(np.float32)
        together = wall(lambda actions=actions: [many.step(action) for action in actions])
        alone = wall(lambda actions=actions: [single.step(one) for action in actions for one in action])
        ratios.append(alone / together)
        rates.append(actions.shape[0] * VECTOR / together)
    many.close()
    single.close()
    return ratios, rates


def fetch_overhead(rounds: int) -> list[float]:
    """Ratios env.step / mj_step of Gymnasium-Robotics' FetchPickAndPlace."""
    import gymnasium_robotics

    gymnasium.register_envs(gymnasium_robotics)
    env = gymnasium.make("FetchPickAndPlace-v4").unwrapped
    env.reset(seed=0)
    model, live = env.model, env.data
    bare = mujoco.MjData(model)
    rng = np.random.default_rng(0)
    ratios = []
    for _ in range(rounds):
        state = np.empty(mujoco.mj_stateSize(model, STATE))
        mujoco.mj_getState(model, live, state, STATE)
        mujoco.mj_setState(model, bare, state, STATE)
        actions = rng.uniform(-1, 1, (STEPS, 4))
        ours = cpu(lambda actions=actions: [env.step(action) for action in actions])
        theirs = cpu(lambda: [mujoco.mj_step(model, bare, env.n_substeps) for _ in range(STEPS)])
        ratios.append(ours / theirs)
    return ratios


def main(rounds: int = 30) -> None:
    warnings.filterwarnings("ignore", message="Attaching a spec")
    print(
        f"One state-only step beside the `mj_step` of its {STEPS_PER_CONTROL} physics steps, same states (CPU time):\n"
    )
    print("| task | step / physics | step, ms | physics, ms |\n|---|---|---|---|")
    for task in TASKS:
        ratios, ours, physics = overhead(task, rounds)
        step, bare = (f"{1e3 * statistics.median(seconds):.2f}" for seconds in (ours, physics))
        print(f"| {task} | {spread(ratios)} | {step} | {bare} |")
    if importlib.util.find_spec("gymnasium_robotics") is not None:
        print(f"| Gymnasium-Robotics FetchPickAndPlace | {spread(fetch_overhead(rounds))} | | |")
    else:
        print("| Gymnasium-Robotics Fetch (not installed here; measured before on such a machine) | 1.38 … 1.44 | | |")
    print(f"\nThroughput of {VECTOR} simulations in the vector form beside the single environment (wall time):\n")
    print("| task | vector / single | env steps/s |\n|---|---|---|")
    for task in TASKS:
        ratios, rates = vector_gain(task, max(rounds // 2, 5))
        print(f"| {task} | {spread(ratios)} | {statistics.median(rates):.0f} |")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))

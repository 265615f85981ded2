"""What an environment costs beside the physics it steps: state-only, one simulation and many.

Single: the time of ``env.step`` against the time of bare ``mj_step`` calls over the same states: the controls that the
environment wrote are recorded and played back, and must lead to the same positions. The two alternate in blocks, so
that both meet the same load, and CPU time of the stepping thread is counted. Environments are measured by themselves
and as ``gymnasium.make`` returns them, inside its wrappers (``PassiveEnvChecker``, ``OrderEnforcing``, and
``TimeLimit`` where an environment has no time limit of its own). Peers: Gymnasium's own MuJoCo environments.

Vector: throughput of ``make_vec(…, "vector_entry_point")`` against one environment stepped as often, and beside it that
of Gymnasium's ``sync`` vector of the same environment. Wall time tells of idle cores only; on a machine that is busy
with other work read the CPU column: the CPU time of one environment over that of the thread that steps them all, which
is the gain that idle cores give when it is the thread that works longest.

Usage: python benchmarks/environments.py [ROUNDS]
"""

from __future__ import annotations

import os
import statistics
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import gymnasium
import mujoco
import numpy as np

import yanshi.envs  # noqa: F401 (registers the environments)
from yanshi.envs.clock import STEPS_PER_CONTROL

TASKS = ("Pick", "Press", "Tidy", "HomePick", "HomePress")
PEERS: dict[str, dict[str, Any]] = {
    "Pusher-v5": {},
    "Ant-v5": {"terminate_when_unhealthy": False},
    "Humanoid-v5": {"terminate_when_unhealthy": False},
}
STEPS = 50
"""Control steps a block."""
VECTOR, VECTOR_STEPS = 16, 5
STATE = mujoco.mjtState.mjSTATE_INTEGRATION


def spread(values: Sequence[float]) -> str:
    """Median and spread."""
    return f"{statistics.median(values):.2f} ({min(values):.2f} … {max(values):.2f})"


def seconds(clock: Callable[[], float], action: Callable[[], object]) -> float:
    """What an action takes by a clock."""
    begin = clock()
    action()
    return clock() - begin


def simulated(env: gymnasium.Env[Any, Any]) -> tuple[mujoco.MjModel, mujoco.MjData, int]:
    """The model and data of an environment, and the physics steps of one of its steps."""
    inner: Any = env.unwrapped
    if hasattr(inner, "sim"):
        return inner.sim.model, inner.sim.data, STEPS_PER_CONTROL
    return inner.model, inner.data, inner.frame_skip


def overhead(env: gymnasium.Env[Any, Any], rounds: int) -> tuple[list[float], list[float], list[float]]:
    """Ratios env.step / mj_step, and the CPU seconds of both a control step, block by block."""
    env.reset(seed=0)
    model, live, frames = simulated(env)
    bare = mujoco.MjData(model)
    rng = np.random.default_rng(0)
    space = env.action_space
    assert isinstance(space, gymnasium.spaces.Box)
    ours, physics = [], []
    for _ in range(rounds + 1):
        state = np.empty(mujoco.mj_stateSize(model, STATE))
        mujoco.mj_getState(model, live, state, STATE)
        mujoco.mj_setState(model, bare, state, STATE)
        actions = rng.uniform(space.low, space.high, (STEPS // 10, *space.shape)).astype(space.dtype).repeat(10, axis=0)
        stepping = playing = 0.0
        controls = []
        for action in actions:
            stepping += seconds(time.thread_time, lambda action=action: env.step(action))  # type: ignore[misc]
            controls.append(live.ctrl.copy())
        for control in controls:
            bare.ctrl[:] = control
            playing += seconds(time.thread_time, lambda: mujoco.mj_step(model, bare, frames))
        if not np.array_equal(bare.qpos, live.qpos):
            raise RuntimeError(f"{env}: the bare physics went another way.")
        ours.append(stepping / STEPS)
        physics.append(playing / STEPS)
    env.close()
    # The first block compiles and warms up.
    return [a / b for a, b in zip(ours, physics, strict=True)][1:], ours[1:], physics[1:]


def overhead_row(name: str, rounds: int, **options: Any) -> str:
    """An environment by itself and inside the wrappers of ``gymnasium.make``."""
    ratios, ours, physics = overhead(gymnasium.make(name, **options).unwrapped, rounds)
    wrapped, _, _ = overhead(gymnasium.make(name, **options), rounds)
    step, bare = (f"{1e3 * statistics.median(times):.3f}" for times in (ours, physics))
    return f"| {name} | {spread(ratios)} | {step} | {bare} | {spread(wrapped)} |"


def vector_row(name: str, rounds: int) -> str:
    """Throughput of the vector form, and of Gymnasium's, over that of the single environment."""
    single = gymnasium.make(name, layout=0).unwrapped
    single.reset(seed=0)
    vectors = {kind: gymnasium.make_vec(name, VECTOR, kind, layout=0) for kind in ("vector_entry_point", "sync")}
    for vector in vectors.values():
        vector.reset(seed=0)
    rng = np.random.default_rng(0)
    shape = (VECTOR_STEPS, VECTOR, *(single.action_space.shape or ()))
    wall: dict[str, list[float]] = {kind: [] for kind in (*vectors, "single")}
    cpu: dict[str, list[float]] = {kind: [] for kind in wall}
    for _ in range(rounds + 1):
        actions = rng.uniform(-1, 1, shape).astype(np.float32)
        blocks: dict[str, Callable[[], object]] = {
            kind: lambda vector=vector, actions=actions: [vector.step(batch) for batch in actions]  # type: ignore[misc]
            for kind, vector in vectors.items()
        }
        blocks["single"] = lambda actions=actions: [single.step(one) for batch in actions for one in batch]  # type: ignore[misc]
        for kind, block in blocks.items():
            used = time.thread_time()
            wall[kind].append(seconds(time.perf_counter, block))
            cpu[kind].append(time.thread_time() - used)
    for env in (*vectors.values(), single):
        env.close()

    def gain(times: dict[str, list[float]], kind: str) -> str:
        return spread([alone / many for alone, many in zip(times["single"], times[kind], strict=True)][1:])

    rate = VECTOR_STEPS * VECTOR / statistics.median(wall["vector_entry_point"][1:])
    ours, theirs = gain(wall, "vector_entry_point"), gain(wall, "sync")
    return f"| {name} | {ours} | {gain(cpu, 'vector_entry_point')} | {theirs} | {rate:.0f} |"


def main(rounds: int = 20) -> None:
    warnings.filterwarnings("ignore", message="Attaching a spec")
    warnings.filterwarnings("ignore", module="gymnasium")
    load, cores = os.getloadavg()[0], os.cpu_count()
    print(
        f"One state-only step beside the `mj_step` of its physics steps ({STEPS_PER_CONTROL} of ours), "
        "same states, CPU time;\n"
        f"median (min … max) of {rounds} blocks of {STEPS} steps. Load before the run: {load:.1f} on {cores} cores.\n\n"
        "| environment | step / physics | step, ms | physics, ms | as `gymnasium.make` gives it / physics |\n"
        "|---|---|---:|---:|---|"
    )
    for task in TASKS:
        print(overhead_row(f"yanshi/{task}-v0", rounds, layout=0), flush=True)
    for peer, options in PEERS.items():
        try:
            print(overhead_row(peer, rounds, **options), flush=True)
        except ModuleNotFoundError as error:
            print(f"| {peer} | not measured: {error.name} is not installed | | | |")
    print(
        f"\nThroughput of {VECTOR} simulations over that of the single environment stepped as often:\n\n"
        "| environment | vector form, wall time | vector form, CPU time of the stepping thread "
        "| Gymnasium's `sync` vector, wall time | env steps/s |\n|---|---|---|---|---:|"
    )
    for task in TASKS:
        print(vector_row(f"yanshi/{task}-v0", max(rounds // 2, 5)), flush=True)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))

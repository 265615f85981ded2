"""What a simulation costs above its physics: a control step of the robot beside the bare `mj_step` of the same states.

Both walk the same trajectory in turns of one simulated second: the simulation by actions, noting the controls that it
writes; bare MuJoCo by those controls, so that it integrates the same states, bit for bit, and nothing else. Times are
of the thread's CPU, so that what else the machine does counts little.

Usage: python benchmarks/physics.py [ROUNDS]
"""

from __future__ import annotations

import statistics
import sys
import time

import mujoco
import numpy as np
from numpy.typing import NDArray

from yanshi.envs.clock import CONTROL_DT, STEPS_PER_CONTROL
from yanshi.envs.control import MotorControl
from yanshi.envs.simulation import Simulation
from yanshi.envs.worlds.world import world, worlds

SECOND = round(1.0 / CONTROL_DT)


def actions(sim: Simulation, rng: np.random.Generator) -> NDArray[np.float32]:
    """Motions that change their mind every 0.4 s, in the free space above things."""
    nu = len(sim.robot.action_names)
    return np.repeat(rng.uniform(-0.3, 0.3, (-(-SECOND // 10), nu)), 10, axis=0)[:SECOND].astype(np.float32)


def second(sim: Simulation, bare: mujoco.MjData, commands: NDArray[np.float32]) -> tuple[float, float, float]:
    """CPU seconds of one simulated second: bare physics, the simulation, the simulation with proprioception read."""
    start = np.zeros(mujoco.mj_stateSize(sim.model, mujoco.mjtState.mjSTATE_INTEGRATION))
    mujoco.mj_getState(sim.model, sim.data, start, mujoco.mjtState.mjSTATE_INTEGRATION)
    stepping = reading = 0.0
    controls = []
    for command in commands:
        began = time.thread_time()
        sim.step(command)
        stepped = time.thread_time()
        sim.observe()
        stepping += stepped - began
        reading += time.thread_time() - stepped
        controls.append(sim.data.ctrl.copy())
    mujoco.mj_setState(sim.model, bare, start, mujoco.mjtState.mjSTATE_INTEGRATION)
    physics = 0.0
    for control in controls:
        bare.ctrl[:] = control
        began = time.thread_time()
        mujoco.mj_step(sim.model, bare, STEPS_PER_CONTROL)
        physics += time.thread_time() - began
    if not np.array_equal(bare.qpos, sim.data.qpos):
        sys.exit("The bare physics did not follow the same trajectory: the times cannot be compared.")
    return physics, stepping, stepping + reading


def control_alone(sim: Simulation, calls: int = 2000) -> float:
    """Seconds of one call of motor control, warm."""
    control = MotorControl(sim.model, sim.robot)
    control.reset(sim.data)
    action = sim.robot.action(gripper=0.04, linear=(0.1, 0.0, 0.0))
    began = time.thread_time()
    for _ in range(calls):
        control.apply(sim.data, action)
    return (time.thread_time() - began) / calls


def spread(values: list[float]) -> str:
    return f"{statistics.median(values):.3f} ({min(values):.3f} … {max(values):.3f})"


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    print(
        f"A control step of {CONTROL_DT * 1e3:.0f} ms is {STEPS_PER_CONTROL} physics steps. Ratios to the bare\n"
        f"physics of the same states; median (min … max) of {rounds} simulated seconds, each walked by both.\n\n"
        "| world | things | degrees of freedom | bare physics [µs] | step | "
        "step and proprioception | motor control, warm [µs] |\n"
        "|---|---:|---:|---:|---:|---:|---:|"
    )
    for name in worlds():
        sim = Simulation(world(name, seed=1))
        bare = mujoco.MjData(sim.model)
        rng = np.random.default_rng(0)
        times = [second(sim, bare, actions(sim, rng)) for _ in range(rounds + 1)][1:]
        physics = [a / SECOND * 1e6 for a, _, _ in times]
        print(
            f"| {name} | {len(sim.world.entities)} | {sim.model.nv} | {statistics.median(physics):.0f} "
            f"| {spread([b / a for a, b, _ in times])} | {spread([c / a for a, _, c in times])} "
            f"| {control_alone(sim) * 1e6:.0f} |"
        )


if __name__ == "__main__":
    main()

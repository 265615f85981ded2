"""All senses in the home: simulated seconds a wall second, and what each sense costs.

The mobile arm drives and turns in a home in which a radio, a microwave oven and a doorbell sound; physics at 500 Hz,
control at 25 Hz. "Cost" is how much more CPU time a simulated second takes with a sense than with none in the same
round; CPU time hardly depends on what else the machine does, wall time does.

Usage: python benchmarks/senses.py [SECONDS [ROUNDS]]
"""

from __future__ import annotations

import statistics
import sys
import time
from dataclasses import replace

import numpy as np

from yanshi.envs.robots import robot
from yanshi.envs.senses.rendering import gl_renderer_name
from yanshi.envs.senses.suite import SENSES, sensor_suite
from yanshi.envs.simulation import Simulation
from yanshi.envs.worlds import Wanted, World, compose, home

ALL = ("rgb", "depth", "lidar", "audio", "touch", "force")
"""Two cameras 128×128 RGB-D at 10 Hz, LiDAR 16×360 at 10 Hz, four microphones at 16 kHz, touch, force and joints."""


def noisy_home() -> World:
    """A home with 12 to 20 objects, three of its things sounding."""
    radio = Wanted(kind="radio", sounding=True)
    scene = home(np.random.default_rng(1), objects=(radio,))
    scene = replace(scene, sounding=(*scene.sounding, "microwave", "doorbell"))
    return compose(scene, robot("mobile_panda"))


def drive(names: tuple[str, ...], seconds: float) -> tuple[float, float]:
    """Wall and CPU seconds that one simulated second takes."""
    house = noisy_home()
    with Simulation(house, sensor_suite(names, house.robot)) as sim:
        steps = round(seconds / 0.04)
        actions = [house.robot.action(gripper=0.08, base=(0.2, 0.0, 0.5 * np.sin(0.04 * k))) for k in range(steps)]
        for action in actions[:5]:  # The first call of each sense allocates and compiles.
            sim.step(action)
            sim.observe()
        wall, cpu = time.perf_counter(), time.process_time()
        for action in actions:
            sim.step(action)
            sim.observe()
        return (time.perf_counter() - wall) / seconds, (time.process_time() - cpu) / seconds


def main() -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 8.0
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    runs: dict[str, tuple[str, ...]] = {"none": (), **{name: (name,) for name in SENSES}, "all": ALL}
    took: dict[str, list[tuple[float, float]]] = {name: [] for name in runs}
    for turn in range(rounds):
        for name in list(runs) if turn % 2 else list(runs)[::-1]:
            took[name].append(drive(runs[name], seconds))
    print(f"Renderer: {gl_renderer_name()}. `all` is {', '.join(ALL)} together.\n")
    print("| senses | simulated s a wall s, median (min … max) | a CPU s | cost [CPU ms a simulated s] |")
    print("|---|---:|---:|---:|")
    for name, pairs in took.items():
        wall, cpu = ([pair[k] for pair in pairs] for k in (0, 1))
        speed = f"{1.0 / statistics.median(wall):.1f} ({1.0 / max(wall):.1f} … {1.0 / min(wall):.1f})"
        cost = statistics.median(mine - none for mine, (_, none) in zip(cpu, took["none"], strict=True))
        print(f"| {name} | {speed} | {1.0 / statistics.median(cpu):.1f} | {cost * 1e3:.1f} |")
    print("\nRequired: 2 simulated seconds a wall second with all senses.")


if __name__ == "__main__":
    main()

"""How long one observation takes to be perceived: two RGB-D pictures, a turn of each LiDAR, sound, and the map.

The robot turns on the spot in homes that no training saw; each observation is given to learned perception as the loop
gives it. What counts are those in which both cameras, the LiDAR and the microphones are new.

Usage: python benchmarks/perceiving.py [--homes N] [--seconds S]
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import torch

from yanshi.agent.assignment import draw_assignment
from yanshi.agent.wiring import AgentConfig, build_agent, simulate

TASK = "FindSound"
SENSES = ("head_rgb", "wrist_rgb", "head_depth", "wrist_depth", "lidar", "audio")
REQUIRED = 100.0
"""[ms]."""


def home(seed: int, seconds: float) -> tuple[list[float], float]:
    """CPU time [ms] of every observation in which all is new, and CPU seconds of perceiving a second of time."""
    config = AgentConfig(perception="learned")
    full, whole = [], 0.0
    with simulate(draw_assignment(TASK, seed).world, config) as sim:
        perception = build_agent(sim, config).perception
        turn = np.zeros(len(sim.robot.action_names), dtype=np.float32)
        turn[sim.robot.action_names.index("base_wz")] = 0.4
        known: dict[str, object] = {}
        while sim.time < seconds:
            observation = sim.observe()
            began = time.process_time()
            perception.perceive(observation)
            took = time.process_time() - began
            fresh = {name for name, frame in observation.frames.items() if known.get(name) is not frame}
            known = dict(observation.frames)
            if sim.time > 1.0:  # what is loaded and compiled at the first is not counted
                whole += took
                if fresh.issuperset(SENSES):
                    full.append(1000.0 * took)
            sim.step(turn)
    return full, whole / (seconds - 1.0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--homes", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=11.0)
    options = parser.parse_args()
    torch.set_num_threads(1)
    print("| home | observations | CPU ms, median | p90 | CPU s for a second of the robot's time |")
    print("|---|---:|---:|---:|---:|")
    everything: list[float] = []
    for seed in range(200_000, 200_000 + options.homes):
        full, load = home(seed, options.seconds)
        everything += full
        print(
            f"| {seed} | {len(full)} | {np.median(full):.0f} | {np.quantile(full, 0.9):.0f} | {load:.2f} |", flush=True
        )
    print(f"\nAll: median {np.median(everything):.0f} ms (required: {REQUIRED:.0f}), n {len(everything)}.")


if __name__ == "__main__":
    main()

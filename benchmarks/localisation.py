"""How well the robot knows its place: odometry alone, and corrected by the LiDAR and the safety scanner, in the home.

The expert carries out a task of the home, and the localiser, which is given the observations alone, follows. Errors
are distances between the base's true and estimated place, and angles between the headings, at every control step.

Usage: python benchmarks/localisation.py [--task NAME] [--episodes N] [--senses lidar,scan]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence

import numpy as np

from yanshi.agent.assignment import draw_assignment, told
from yanshi.agent.episode import Outcome, Request, Step
from yanshi.agent.executive import Limits
from yanshi.agent.wiring import AgentConfig, build_agent, build_loop
from yanshi.envs.senses.suite import sensor_suite
from yanshi.envs.simulation import Simulation
from yanshi.perception.mapping.localisation import Localiser, after, wrapped


class Follower:
    """Compares with the truth at every step."""

    def __init__(self, sim: Simulation) -> None:
        self.sim = sim
        self.localiser = Localiser(sim.world.floor_plan)
        self.rows: list[tuple[float, float, float, float]] = []
        self.seconds = 0.0

    def on_start(self, requests: Sequence[Request]) -> None: ...

    def on_step(self, step: Step) -> None:
        truth = step.belief.base_pose_w
        began = time.process_time()
        pose = self.localiser.locate(step.observation)
        self.seconds += time.process_time() - began
        odometry = after(self.sim.world.floor_plan.start_w, step.observation.proprioception.odometry)
        row = []
        for guess in (pose, odometry):
            row += [float(np.hypot(*(guess - truth)[:2])), abs(wrapped(guess[2] - truth[2]))]
        self.rows.append((row[0], row[1], row[2], row[3]))

    def on_end(self, outcome: Outcome) -> None: ...


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--task", default="Fetch")
    parser.add_argument("--episodes", type=int, default=10)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--senses", default="lidar,scan")
    options = parser.parse_args()
    errors: list[tuple[float, float, float, float]] = []
    last = []
    seconds = 0.0
    for seed in range(options.first, options.first + options.episodes):
        assignment = draw_assignment(options.task, seed)
        config = AgentConfig(agent="expert", seed=seed)
        senses = [name for name in options.senses.split(",") if name]
        with Simulation(assignment.world, sensor_suite(senses, assignment.world.robot), seed) as sim:
            sim.reset(seed)
            follower = Follower(sim)
            loop = build_loop(sim, build_agent(sim, config), [follower])
            loop.run(told(assignment.instructions, assignment.goals), Limits(horizon=assignment.horizon))
        errors += follower.rows
        last.append(follower.rows[-1])
        seconds += follower.seconds
    print(f"{options.task}, seeds {options.first} … {seed}, senses {options.senses}: {len(errors)} steps.\n")
    print("| measure | localised | odometry alone |")
    print("|---|---:|---:|")
    e = np.array(errors)
    for name, f in (("median", np.median), ("95th percentile", lambda x: np.quantile(x, 0.95)), ("worst", np.max)):
        print(f"| place, {name} [m] | {f(e[:, 0]):.4f} | {f(e[:, 2]):.4f} |")
    for name, f in (("median", np.median), ("95th percentile", lambda x: np.quantile(x, 0.95)), ("worst", np.max)):
        print(f"| heading, {name} [°] | {np.rad2deg(f(e[:, 1])):.3f} | {np.rad2deg(f(e[:, 3])):.3f} |")
    ends = np.array(last)
    print(f"| place at the end, worst [m] | {ends[:, 0].max():.4f} | {ends[:, 2].max():.4f} |")
    print(f"\n{1e3 * seconds / len(errors):.2f} ms of CPU time an observation.")


if __name__ == "__main__":
    main()

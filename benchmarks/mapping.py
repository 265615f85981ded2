"""What mapping costs, and whether it finds obstacles where there are none, in homes that are as their floor plan says.

The expert carries out a task of the home; localiser and mapper, which are given the observations alone, follow. Every
cell that the mapper tells as an obstacle is a mistake, but for things on the floor and people.

Usage: python benchmarks/mapping.py [--task NAME] [--episodes N] [--first SEED] [--pictures DIR]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from yanshi.agent.assignment import draw_assignment, told
from yanshi.agent.episode import Outcome, Request, Step
from yanshi.agent.executive import Limits
from yanshi.agent.recording.map_view import occupancy_picture, surface_picture
from yanshi.agent.wiring import AgentConfig, build_agent, build_loop
from yanshi.contracts import FloorPlan
from yanshi.envs.senses.suite import sensor_suite
from yanshi.envs.simulation import Simulation
from yanshi.perception.mapping import surface
from yanshi.perception.mapping.localisation import Localiser
from yanshi.perception.mapping.mapper import Mapper


class Follower:
    """Maps without surfaces, and once more with them."""

    def __init__(self, plan: FloorPlan) -> None:
        self.localiser = Localiser(plan)
        self.mappers = [Mapper(plan)] + [Mapper(plan, surface=surface.SurfaceMap())] * surface.available()
        self.costs: list[list[tuple[bool, float]]] = [[] for _ in self.mappers]
        self.obstacles = 0
        self.way: list[np.ndarray] = []

    def on_start(self, requests: Sequence[Request]) -> None: ...

    def on_step(self, step: Step) -> None:
        self.way.append(self.localiser.locate(step.observation)[:2])
        for mapper, costs in zip(self.mappers, self.costs, strict=True):
            began = time.process_time()
            taken = mapper.update(step.observation, self.localiser.at)
            costs.append((taken, time.process_time() - began))
        self.obstacles = max(self.obstacles, int(self.mappers[0].obstacles.occupied.sum()))

    def on_end(self, outcome: Outcome) -> None: ...


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--task", default="Fetch")
    parser.add_argument("--episodes", type=int, default=5)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--pictures", type=Path, help="a folder for the maps")
    options = parser.parse_args()
    costs: dict[str, list[tuple[bool, float]]] = {"occupancy": [], "occupancy and surfaces": []}
    for seed in range(options.first, options.first + options.episodes):
        assignment = draw_assignment(options.task, seed)
        plan = assignment.world.floor_plan
        with Simulation(
            assignment.world, sensor_suite(("depth", "lidar", "scan"), assignment.world.robot), seed
        ) as sim:
            sim.reset(seed)
            follower = Follower(plan)
            loop = build_loop(sim, build_agent(sim, AgentConfig(agent="expert", seed=seed)), [follower])
            loop.run(told(assignment.instructions, assignment.goals), Limits(horizon=assignment.horizon))
        for name, rows in zip(costs, follower.costs, strict=False):
            costs[name] += rows[25:]  # the first second loads and compiles
        mapper = follower.mappers[-1]
        memory = mapper.occupancy.log_odds.nbytes / 1e6
        blocks = f", {mapper.surface.blocks} blocks of surfaces" if mapper.surface is not None else ""
        print(
            f"seed {seed}: {len(follower.way) / 25:.0f} s, {mapper.occupancy.free.sum() * 0.0025:.1f} m² free, "
            f"{follower.obstacles} cells of obstacles at most, {memory:.1f} MB of voxels{blocks}"
        )
        if options.pictures is not None:
            options.pictures.mkdir(parents=True, exist_ok=True)
            way = np.array(follower.way)
            Image.fromarray(occupancy_picture(mapper, way)).save(options.pictures / f"{seed}_occupancy.png")
            if mapper.surface is not None:
                Image.fromarray(surface_picture(mapper, way)).save(options.pictures / f"{seed}_surfaces.png")
    print("\n| CPU time [ms] | a frame, median | a frame, 99th percentile | a control step |\n|---|---:|---:|---:|")
    for name, rows in costs.items():
        if rows:
            taken, seconds = np.array([row[0] for row in rows]), 1e3 * np.array([row[1] for row in rows])
            figures = np.median(seconds[taken]), np.quantile(seconds[taken], 0.99), seconds.mean()
            print(f"| {name} | " + " | ".join(f"{figure:.1f}" for figure in figures) + " |")


if __name__ == "__main__":
    main()

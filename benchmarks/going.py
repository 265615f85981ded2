"""Driving there: `go_to` in homes that nothing was tuned on, and whether base, arm or hand strike anything on the way.

In each home the robot goes to objects and to furniture that opens, drawn from the seed, one after another. The place of
the thing and the map are known, as they are once something was found; what stands in the way besides is met by the
safety scanner. The simulation's contacts judge, as they do dangers (`yanshi.agent.shield.dangers.Watch`). A thing that
is behind a shut door is for a plan, not for this skill: it is counted apart. Success with 95 % Wilson intervals.

Usage: python benchmarks/going.py [HOMES] [FIRST] [FOLDER]
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from yanshi.agent.evaluation.statistics import wilson
from yanshi.agent.shield.dangers import COLLISIONS, Watch
from yanshi.agent.skills.experts import expert_skills
from yanshi.contracts import Fact, SkillCall, Status
from yanshi.envs.oracle import Oracle
from yanshi.envs.senses.sensor import Timed
from yanshi.envs.senses.suite import sensor_suite
from yanshi.envs.simulation import Simulation
from yanshi.envs.worlds import world

DRIVES = 4
"""In each home."""
LIMIT = 60.0
"""Of one drive [s]."""
NO_WAY = "There is no way there for me."


def drives(seed: int) -> list[dict[str, Any]]:
    """What came of each drive in one home."""
    place = world("home", seed)
    rng = np.random.default_rng((seed, 11))
    names = [n for n, t in place.entities.items() if t.entity.category == "object" or t.entity.region("handle")]
    watch, found = Watch(), []
    with Simulation(place, [*sensor_suite(("scan",), place.robot), Timed(watch, 50.0)], seed) as sim:
        sim.reset(seed)
        oracle, skills = Oracle(sim), expert_skills(sim.robot, place.floor_plan)
        for name in rng.choice(names, DRIVES, replace=False):
            watch.harms.clear()
            belief, began = oracle.state(), sim.time
            skills.start(SkillCall("go_to", (str(name),)), belief, sim.observe())
            while True:
                belief = belief.with_(base_pose_w=oracle.base_pose_w(), stamp=sim.time)
                done = skills.act(belief, sim.observe())
                if done.status is not Status.RUNNING or sim.time - began > LIMIT:
                    break
                sim.step(done.action)
            near = done.status is Status.SUCCEEDED and oracle.true(Fact("near", (str(name),)))
            found.append({
                "seed": seed, "thing": str(name), "arrived": near, "struck": sorted(watch.harms & COLLISIONS),
                "seconds": round(sim.time - began, 2), "words": done.phase,
            })  # fmt: skip
    return found


def table(rows: list[dict[str, Any]]) -> str:
    """Markdown."""
    tried = [r for r in rows if NO_WAY not in r["words"]]
    lines = ["| drives | arrived | without contact | both | median time |", "|---:|---:|---:|---:|---:|"]
    cells = []
    for good in (
        [r["arrived"] for r in tried],
        [not r["struck"] for r in tried],
        [r["arrived"] and not r["struck"] for r in tried],
    ):
        share = wilson(sum(good), len(good))
        cells.append(f"{share.value:.1%} [{share.low:.1%}, {share.high:.1%}]")
    seconds = float(np.median([r["seconds"] for r in tried]))
    lines.append(f"| {len(tried)} | {' | '.join(cells)} | {seconds:.1f} s |")
    lines += ["", f"Behind a shut door: {len(rows) - len(tried)}. What did not go well:", ""]
    bad = [r for r in tried if r["struck"] or not r["arrived"]]
    lines += [f"- home {r['seed']}, {r['thing']}: {', '.join(r['struck']) or r['words']}" for r in bad] or ["- nothing"]
    return "\n".join(lines)


def main(homes: str = "60", first: str = "1000", folder: str = "out/going") -> None:
    """Run what is not in the log yet, and print the table."""
    log = Path(folder) / "drives.jsonl"
    log.parent.mkdir(parents=True, exist_ok=True)
    rows = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
    seeds = range(int(first), int(first) + int(homes))
    for seed in seeds:
        if not any(r["seed"] == seed for r in rows):
            fresh = drives(seed)
            rows += fresh
            with log.open("a") as file:
                file.write("".join(json.dumps(r) + "\n" for r in fresh))
    print(f"homes {first} to {int(first) + int(homes) - 1}, {DRIVES} drives in each\n")
    print(table([r for r in rows if r["seed"] in seeds]))


if __name__ == "__main__":
    main(*sys.argv[1:])

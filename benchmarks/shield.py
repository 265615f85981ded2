"""What the shield prevents, what it costs the skills, and how long it takes.

Three tables: 200 dangerous commands and scenes (`yanshi.agent.shield.dangers`), without a shield, with the minimal
`RangeShield` and with `Shield`, each judged by the simulation's own contacts; episodes of the expert with the minimal
shield and with the full one, same seeds, all range senses running; and the time of one `filter` call when the
observations of such episodes are played back. Dangers and episodes that are done are not run again. The shield was
mended on seeds below `FIRST`, and the robot got its second scanner for dangers of seeds from there on: those reported
are from 300 on.

Usage: python benchmarks/shield.py [dangers|harmless|latency|tables] [COUNT] [FOLDER] [ARMS] [FIRST SEED OF THE DANGERS]
"""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np

from yanshi.agent.assignment import draw_assignment, told
from yanshi.agent.episode import Outcome, Request, Step
from yanshi.agent.evaluation.judge import Judge
from yanshi.agent.evaluation.statistics import wilson
from yanshi.agent.executive import Limits
from yanshi.agent.loop import Loop
from yanshi.agent.shield import RangeShield, Shield
from yanshi.agent.shield.dangers import COLLISIONS, FAMILIES, SENSES, Filter, dangers, face
from yanshi.agent.wiring import AgentConfig, SimulatedSource, build_agent
from yanshi.contracts import Observation
from yanshi.envs.oracle import Oracle
from yanshi.envs.robots import Robot
from yanshi.envs.senses.suite import sensor_suite
from yanshi.envs.simulation import Simulation

FIRST = 100
"""The first seed."""
TASKS = ("Pick", "PlaceIn", "Open", "Press", "HomePlaceIn", "HomeOpen", "HomePress", "Fetch")
ARMS: dict[str, Callable[[Robot], Filter] | None] = {
    "none": None,
    "range": lambda robot: RangeShield(robot.action_names),
    "shield": Shield,
}


class Tape:
    """A subscriber that keeps what a shield would be given."""

    def __init__(self) -> None:
        self.played: list[tuple[Any, Observation]] = []

    def on_start(self, requests: Iterable[Request]) -> None:
        self.played.clear()

    def on_step(self, step: Step) -> None:
        if step.action is not None:
            self.played.append((step.action, step.observation))

    def on_end(self, outcome: Outcome) -> None:
        pass


def episode(task: str, seed: int, arm: str) -> tuple[dict[str, Any], Tape]:
    """One episode of the expert, with the senses that a shield sees with."""
    assignment = draw_assignment(task, seed)
    config = AgentConfig(agent="expert", seed=seed)
    with Simulation(assignment.world, sensor_suite(SENSES, assignment.world.robot), seed) as sim:
        sim.reset(seed)
        agent, judge, tape = build_agent(sim, config), Judge(Oracle(sim), assignment.goals), Tape()
        shield: Any = RangeShield(sim.robot.action_names) if arm == "range" else Shield(sim.robot)
        listeners: list[Any] = [judge, tape] if arm == "range" else [judge, tape, shield]
        loop = Loop(
            source=SimulatedSource(sim), perception=agent.perception, tracker=agent.tracker, planner=agent.planner,
            skills=agent.skills, shield=shield, subscribers=listeners,
        )  # fmt: skip
        limits = Limits(horizon=assignment.horizon, step=assignment.horizon)
        loop.run(told(assignment.instructions, assignment.goals), limits)
        reasons = dict(shield.journal.by_reason) if arm == "shield" else {}
    found = {"task": task, "seed": seed, "arm": arm, "success": judge.success, "commands": len(tape.played)}
    return {**found, "altered": shield.interventions, "reasons": reasons}, tape


def once(log: Path, key: dict[str, Any], run: Callable[[], dict[str, Any]]) -> None:
    """Run what is not in the log yet, and put it there."""
    done = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
    if not any(all(row[name] == value for name, value in key.items()) for row in done):
        found = run()
        with log.open("a") as file:
            file.write(json.dumps(found) + "\n")


def run_dangers(count: int, folder: Path, arms: Iterable[str] = tuple(ARMS), first: int = FIRST) -> None:
    """Every danger through every shield."""
    for danger in dangers(count, first):
        for arm in arms:
            key = {"family": danger.family, "seed": danger.seed, "arm": arm}

            def run(danger: Any = danger, arm: str = arm, key: dict[str, Any] = key) -> dict[str, Any]:
                verdict = face(danger, ARMS[arm])
                return {**key, "harms": sorted(verdict.harms), "reasons": list(verdict.reasons)}

            once(folder / f"dangers_{arm}.jsonl", key, run)


def run_harmless(seeds: int, folder: Path) -> None:
    """Every task, the first seeds, with the minimal shield and with the full one."""
    for seed in range(FIRST, FIRST + seeds):
        for task in TASKS:
            for arm in ("range", "shield"):
                key = {"task": task, "seed": seed, "arm": arm}
                once(folder / "harmless.jsonl", key, lambda t=task, s=seed, a=arm: episode(t, s, a)[0])  # type: ignore[misc]


def run_latency(rounds: int, folder: Path) -> None:
    """Play back what shields were given, and time each call; CPU time of the thread."""
    log = folder / "latency.jsonl"
    log.unlink(missing_ok=True)
    for task in ("PlaceIn", "HomePlaceIn"):
        _, tape = episode(task, 0, "range")
        robot = draw_assignment(task, 0).world.robot
        times: list[float] = []
        for _ in range(rounds + 1):
            shield = Shield(robot)
            times = times if times else []
            for action, observation in tape.played:
                began = time.thread_time()
                shield.filter(action, observation)
                times.append(time.thread_time() - began)
        micro = 1e6 * np.array(times[len(tape.played) :])
        share = {str(q): float(np.percentile(micro, q)) for q in (50, 90, 99)}
        with log.open("a") as file:
            file.write(json.dumps({"task": task, "calls": len(micro), **share}) + "\n")


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def share(good: int, of: int) -> str:
    """A share with its 95 % Wilson interval."""
    if not of:
        return "–"
    interval = wilson(good, of)
    return f"{good}/{of} = {good / of:.1%} [{interval.low:.1%}, {interval.high:.1%}]"


def tables(folder: Path) -> str:
    """All of it as Markdown."""
    return "\n\n".join((table_of_dangers(folder), table_of_harmless(folder), table_of_latency(folder)))


def table_of_dangers(folder: Path) -> str:
    found = {
        arm: {(r["family"], r["seed"]): set(r["harms"]) for r in rows(folder / f"dangers_{arm}.jsonl")} for arm in ARMS
    }
    keys = [k for k in found["none"] if all(k in found[arm] for arm in ARMS)]
    lines = [
        f"{len(keys)} dangers, {len({s for _, s in keys})} seeds a family. Scenes that end in a collision, and in harm "
        "(a collision, a joint at its limit, too fast beside a person, a command that is no number at the motors):",
        "",
        "| family | scenes | collisions: none | range | shield | harms: none | range | shield |",
        "|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for family in (*FAMILIES, "**all**"):
        mine = [k for k in keys if family in (k[0], "**all**")]
        collided = [sum(bool(found[arm][k] & COLLISIONS) for k in mine) for arm in ARMS]
        harmed = [sum(bool(found[arm][k]) for k in mine) for arm in ARMS]
        lines.append(f"| {family} | {len(mine)} | " + " | ".join(str(n) for n in (*collided, *harmed)) + " |")
    lines += ["", "| of those that came about without a shield, avoided by | range | shield |", "|---|---:|---:|"]
    for name, harms in (("collisions", COLLISIONS), ("harms", None)):
        cells = []
        for arm in ("range", "shield"):

            def bad(arm: str, k: Any, harms: Any = harms) -> bool:
                return bool(found[arm][k] & harms) if harms else bool(found[arm][k])

            # A scene that broke off at a command that is no number says nothing of what would have come after it.
            without = [k for k in keys if bad("none", k) or (k[0] == "not finite" and bad("range", k))]
            cells.append(share(sum(not bad(arm, k) for k in without), len(without)))
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def table_of_harmless(folder: Path) -> str:
    found = rows(folder / "harmless.jsonl")
    lines = [
        "| task | episodes | success: range | shield | commands | altered | why |",
        "|---|---:|---:|---:|---:|---:|---|",
    ]
    for task in (*TASKS, "**all**"):
        mine = [r for r in found if task in (r["task"], "**all**")]
        both = {(r["task"], r["seed"]) for r in mine if r["arm"] == "range"} & {
            (r["task"], r["seed"]) for r in mine if r["arm"] == "shield"
        }
        arms = {a: [r for r in mine if r["arm"] == a and (r["task"], r["seed"]) in both] for a in ("range", "shield")}
        wins = {a: sum(r["success"] for r in arms[a]) for a in arms}
        commands, altered = (sum(r[name] for r in arms["shield"]) for name in ("commands", "altered"))
        why: Counter[str] = Counter()
        for r in arms["shield"]:
            why.update(r["reasons"])
        text = ", ".join(f"{name.replace('_', ' ')} {n}" for name, n in why.most_common(4))
        part = f"{altered / max(commands, 1):.2%}"
        lines.append(f"| {task} | {len(both)} | {wins['range']} | {wins['shield']} | {commands} | {part} | {text} |")
    return "\n".join(lines)


def table_of_latency(folder: Path) -> str:
    lines = ["| observations of | calls | median [µs] | p90 | p99 |", "|---|---:|---:|---:|---:|"]
    lines += [
        f"| {r['task']} | {r['calls']} | {r['50']:.0f} | {r['90']:.0f} | {r['99']:.0f} |"
        for r in rows(folder / "latency.jsonl")
    ]
    return "\n".join(lines)


def main(
    part: str = "all",
    count: str = "",
    folder: str = "out/shield",
    arms: str = ",".join(ARMS),
    first: str = str(FIRST),
) -> None:
    """Run a part, or all of it, and print the tables."""
    out = Path(folder)
    out.mkdir(parents=True, exist_ok=True)
    if part in ("all", "dangers"):
        run_dangers(int(count or 200), out, arms.split(","), int(first))
    if part in ("all", "harmless"):
        run_harmless(int(count or 3), out)
    if part in ("all", "latency"):
        run_latency(int(count or 5), out)
    if part in ("all", "tables"):
        print(tables(out))


if __name__ == "__main__":
    main(*sys.argv[1:])

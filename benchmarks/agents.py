"""How often the tasks are achieved by the expert (told the truth and the goal) and by the default agent.

The expert shows what the tasks and the scripted skills allow; the default agent sees what is in view, hears, searches,
and understands held-out wordings by itself. The skills were mended on episodes with seeds below 100, so there are some
with other seeds too. Episodes that are in the folder already are not run again.

Usage: python benchmarks/agents.py [EPISODES_EXPERT] [EPISODES_UNSEEN] [EPISODES_DEFAULT] [FOLDER]
       python benchmarks/agents.py records

`records` makes the tables of the episodes in benchmarks/records, one file for each run of `yanshi bench`, called
DATE_AGENT_PERCEPTION_SUITE.jsonl. A run goes on from such a file where it is copied to FOLDER/episodes.jsonl and
`yanshi bench … --out FOLDER` is started again.
"""

from __future__ import annotations

import datetime
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from yanshi.agent.evaluation.bench import read_log
from yanshi.agent.evaluation.summary import summarise

RECORDS = Path(__file__).parent / "records"
UNSEEN = 1000
"""The first seed of the episodes that nobody looked at while the skills were made."""


def bench(agent: str, seed: int, episodes: str, folder: Path) -> dict[str, Any]:
    """What `yanshi bench` found."""
    out = folder / f"{agent}_{seed}"
    command = [sys.executable, "-m", "yanshi", "bench", "all", "--agent", agent, "--episodes", episodes]
    command += ["--seed", str(seed), "--workers", str(os.cpu_count()), "--out", str(out)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    file = out / "bench.json"
    found: dict[str, Any] = json.loads(file.read_text())
    return found | {"date": datetime.date.fromtimestamp(file.stat().st_mtime)}


def table(found: dict[str, Any]) -> str:
    """What one agent achieved, and where it failed."""
    first, last = found["seeds"][0], found["seeds"][-1]
    lines = [
        f"### Agent `{found['agent']}`, perception `{found['perception']}`, seeds {first} to {last}, {found['date']}",
        "",
        "| task | achieved | success, 95 % Wilson interval | claimed, but not true | median, simulated s |",
        "|---|---:|---:|---:|---:|",
    ]
    for name, x in [*found["tasks"].items(), ("**all**", found["overall"])]:
        achieved = f"{round(x['success'] * x['n'])} of {x['n']}"
        share = f"{x['success']:.1%} [{x['low']:.1%}, {x['high']:.1%}]"
        lines.append(f"| {name} | {achieved} | {share} | {x['false_success']:.1%} | {x['sim_seconds']:.0f} |")
    failures = [
        f"- {name} {seed}: {reason}" for name, x in found["tasks"].items() for seed, reason in x["failures"].items()
    ]
    return "\n".join([*lines, "", "Failures, by seed:", "", *(failures or ["- none"])])


def recorded(file: Path) -> dict[str, Any]:
    """What a record holds."""
    date, agent, perception, _ = file.stem.split("_")
    results = list(read_log(file))
    tasks = {name: [r for r in results if r.task == name] for name in dict.fromkeys(r.task for r in results)}
    return {
        "agent": agent,
        "perception": perception,
        "date": date,
        "seeds": sorted({r.seed for r in results}),
        "tasks": {name: summarise(some) for name, some in tasks.items()},
        "overall": summarise(results),
    }


def main(expert: str = "100", unseen: str = "20", default: str = "5", folder: str = "out/agents") -> None:
    """Runs each agent and prints a table of it; or prints the tables of the records."""
    if expert == "records":
        for file in sorted(RECORDS.glob("*.jsonl")):
            print(table(recorded(file)), end="\n\n")
        return
    for agent, seed, episodes in (("expert", 0, expert), ("expert", UNSEEN, unseen), ("default", UNSEEN, default)):
        print(table(bench(agent, seed, episodes, Path(folder))), end="\n\n")


if __name__ == "__main__":
    main(*sys.argv[1:])

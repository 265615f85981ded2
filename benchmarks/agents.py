"""How often the tasks are achieved by the expert (told the truth and the goal) and by the default agent.

The expert shows what the tasks and the scripted skills allow; the default agent sees what is in view, hears, searches,
and understands held-out wordings by itself. Both get the same episodes. Episodes that are done are not run again.

Usage: python benchmarks/agents.py [EPISODES_EXPERT] [EPISODES_DEFAULT] [FOLDER]
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any


def bench(agent: str, episodes: str, folder: Path) -> dict[str, Any]:
    """What `yanshi bench` found."""
    command = [sys.executable, "-m", "yanshi", "bench", "all", "--agent", agent, "--episodes", episodes]
    command += ["--workers", str(os.cpu_count()), "--out", str(folder / agent)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    found: dict[str, Any] = json.loads((folder / agent / "bench.json").read_text())
    return found


def table(found: dict[str, Any]) -> str:
    """What one agent achieved, and where it failed."""
    lines = [
        f"### Agent `{found['agent']}`, perception `{found['perception']}`",
        "",
        f"{len(found['seeds'])} episodes a task, seeds from {found['seeds'][0]}; success with 95 % Wilson intervals.",
        "",
        "| task | success | claimed, but not true | median, simulated s |",
        "|---|---:|---:|---:|",
    ]
    for name, x in [*found["tasks"].items(), ("**all**", found["overall"])]:
        share = f"{x['success']:.1%} [{x['low']:.1%}, {x['high']:.1%}]"
        lines.append(f"| {name} | {share} | {x['false_success']:.1%} | {x['sim_seconds']:.0f} |")
    failures = [
        f"- {name} {seed}: {reason}" for name, x in found["tasks"].items() for seed, reason in x["failures"].items()
    ]
    return "\n".join([*lines, "", "Failures, by seed:", "", *(failures or ["- none"])])


def main(expert_episodes: str = "100", default_episodes: str = "20", folder: str = "out/agents") -> None:
    """Runs each agent and prints a table of it."""
    for agent, episodes in (("expert", expert_episodes), ("default", default_episodes)):
        print(table(bench(agent, episodes, Path(folder))), end="\n\n")


if __name__ == "__main__":
    main(*sys.argv[1:])

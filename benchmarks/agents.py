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


def row(name: str, expert: dict[str, Any], default: dict[str, Any]) -> str:
    """One line of the table."""

    def share(x: dict[str, Any]) -> str:
        return f"{x['success']:.1%} [{x['low']:.1%}, {x['high']:.1%}]"

    times = f"{expert['sim_seconds']:.0f} | {default['sim_seconds']:.0f}"
    return f"| {name} | {share(expert)} | {share(default)} | {default['false_success']:.1%} | {times} |"


def main(expert_episodes: str = "100", default_episodes: str = "20", folder: str = "out/agents") -> None:
    """Runs both and prints the table."""
    expert = bench("expert", expert_episodes, Path(folder))
    default = bench("default", default_episodes, Path(folder))
    print(
        f"Success with 95 % Wilson intervals over {expert_episodes} (expert) and {default_episodes} (default) episodes,"
    )
    print(f"seeds from 0. Perception: expert {expert['perception']}, default {default['perception']}. False success:")
    print("claimed, but not true.\n")
    print("| task | expert | default | default: false success | expert, s | default, s |")
    print("|---|---:|---:|---:|---:|---:|")
    for name, found in expert["tasks"].items():
        print(row(name, found, default["tasks"][name]))
    print(row("**all**", expert["overall"], default["overall"]))
    failures = {name: found["failures"] for name, found in expert["tasks"].items() if found["failures"]}
    if failures:
        print("\nWhere the expert fails, by seed:\n")
        for name, by_seed in failures.items():
            print("\n".join(f"- {name} {seed}: {reason}" for seed, reason in by_seed.items()))


if __name__ == "__main__":
    main(*sys.argv[1:])

"""``yanshi tasks``: what there is to do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import tyro
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from yanshi.agent.commands.parsing import at_least, parse
from yanshi.envs.tasks import task, tasks
from yanshi.errors import InputError


@dataclass(frozen=True, kw_only=True)
class Options:
    """List every task; with `audit`, check each: the oracle agent must succeed, doing nothing must not."""

    action: tyro.conf.Positional[str] = "list"
    """`list` or `audit`."""
    episodes: int = 20
    """Episodes of each agent for each task, for `audit`."""
    task: str | None = None
    """Only this task, for `audit`."""
    workers: int = 1
    """Processes, for `audit`."""


def main(arguments: Sequence[str]) -> int:
    """List or audit the tasks."""
    options = parse(Options, "tasks", arguments)
    at_least("tasks", 1, episodes=options.episodes, workers=options.workers)
    if options.action == "audit":
        return _audit(options)
    if options.action != "list":
        raise InputError(f"tasks: expected 'list' or 'audit', got '{options.action}'.")
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in ("id", "world", "what, and how somebody may ask for it"):
        table.add_column(column, overflow="fold")
    for name in tasks():
        item = task(name)
        rng = np.random.default_rng(0)
        example = item.instruction(item.scene(rng), rng)
        table.add_row(f"yanshi/{name}-v0", item.world, f"{item.summary}\n[dim]“{escape(example)}”[/]")
    Console().print(table)
    return 0


def _audit(options: Options) -> int:
    """Check tasks; the status is 1 if one of them does not pass."""
    from yanshi.agent.evaluation.audit import audit_task

    names = tasks() if options.task is None else (task(options.task).name,)
    console = Console()
    console.print(f"{'task':<14}{'expert':>8}{'nothing':>9}{'random':>8}  physics", style="bold")
    passed = True
    for name in names:
        found = audit_task(name, options.episodes, options.workers)
        passed = passed and found.passed
        shares = f"{found.expert:>8.0%}{found.nothing:>9.0%}{found.random:>8.0%}"
        console.print(
            f"{name:<14}{shares}  {found.fingerprint}  {'ok' if found.passed else 'not passed'}", highlight=False
        )
    return 0 if passed else 1

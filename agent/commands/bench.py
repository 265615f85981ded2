"""``yanshi bench``: success over tasks and seeds, with 95 % intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import tyro
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from yanshi.agent.commands.parsing import at_least, parse, say
from yanshi.agent.evaluation.bench import EpisodeResult, Job, run_jobs
from yanshi.agent.evaluation.summary import summarise
from yanshi.agent.recording.files import output_folder, write_json
from yanshi.agent.versions import versions
from yanshi.agent.wiring import SENSES, AgentConfig
from yanshi.envs.suites import suite, suites
from yanshi.envs.tasks import tasks
from yanshi.errors import UnknownNameError


@dataclass(frozen=True, kw_only=True)
class Options:
    """Measure success over tasks and seeds. A run that was stopped goes on where it was when it is started again."""

    suite: Annotated[str, tyro.conf.Positional] = "all"
    """A suite (`all`, `tabletop`, `home`, `senses`) or one task."""
    episodes: int = 20
    """Episodes for each task."""
    seed: int = 0
    """The first seed; the others follow. The same seeds give every agent the same episodes."""
    agent: str = "default"
    """`default`, `expert`, `nothing` or `random`."""
    perception: str = "learned"
    """Who perceives: `learned` (raw senses) or `oracle` (simulated truth, restricted to what is in view and heard)."""
    weights: str = ""
    """Of learned perception: the folder that `yanshi train senses` wrote; empty for those that are shipped."""
    understanding: str = "retrieval"
    """Who makes goals of words: `retrieval` or `model`."""
    shield: str = "range"
    """What stands before the motors: `range` or `full`."""
    skills: str = "tuned"
    """How the default agent moves: `tuned` (motor policies where there are any) or `scripted`."""
    ablate: str = ""
    """Senses to take away: `rgb`, `rgb,depth`, …"""
    workers: int = 1
    """Processes."""
    out: Path = Path("out/bench")
    """Where `bench.json` and the finished episodes (`episodes.jsonl`) go."""


def main(arguments: Sequence[str]) -> int:
    """Run a suite, print a table and write ``bench.json``."""
    options = parse(Options, "bench", arguments)
    at_least("bench", 1, episodes=options.episodes, workers=options.workers)
    at_least("bench", 0, seed=options.seed)
    names = _tasks(options.suite)
    config = _config(options)
    seeds = list(range(options.seed, options.seed + options.episodes))
    jobs = [Job(task=name, seed=seed, config=_seeded(config, seed)) for name in names for seed in seeds]
    folder = output_folder(options.out)
    folder.mkdir(parents=True, exist_ok=True)
    results = _run(jobs, folder, options.workers)
    by_task = {name: summarise([r for r in results if r.task == name]) for name in names}
    overall = summarise(results)
    overall.pop("failures")
    write_json(
        folder / "bench.json",
        {
            "suite": options.suite,
            "agent": options.agent,
            "perception": _perception(config),
            "understanding": config.understanding,
            "shield": config.shield,
            "skills": config.skills if config.agent == "default" else "scripted",
            "senses": list(config.senses) if config.agent == "default" else [],
            "seeds": seeds,
            "tasks": by_task,
            "overall": overall,
            "versions": versions(),
        },
    )
    _table(by_task, overall, options, _perception(config))
    say(str(folder / "bench.json"))
    return 0


def _tasks(name: str) -> tuple[str, ...]:
    if name in tasks():
        return (name,)
    if name not in suites():
        raise UnknownNameError("suite or task", name, (*suites(), *tasks()))
    return tuple(task for task in suite(name) if task in tasks())


def _config(options: Options) -> AgentConfig:
    taken = tuple(name.strip() for name in options.ablate.split(",") if name.strip())
    for name in taken:
        if name not in SENSES:
            raise UnknownNameError("sense", name, SENSES)
    senses = tuple(name for name in SENSES if name not in taken)
    return AgentConfig(
        agent=options.agent,  # type: ignore[arg-type]
        perception=options.perception,
        weights=options.weights,
        understanding=options.understanding,
        shield=options.shield,
        skills=options.skills,
        senses=senses,
    )


def _seeded(config: AgentConfig, seed: int) -> AgentConfig:
    return replace(config, seed=seed)


def _perception(config: AgentConfig) -> str:
    return {"default": config.perception, "expert": "truth"}.get(config.agent, "none")


def _run(jobs: Sequence[Job], folder: Path, workers: int) -> list[EpisodeResult]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        line = bar.add_task("episodes", total=len(jobs))
        good = 0

        def tell(result: EpisodeResult) -> None:
            nonlocal good
            good += result.success
            bar.update(line, advance=1, description=f"{result.task}: {good} achieved so far")

        return run_jobs(jobs, folder / "episodes.jsonl", workers, tell)


def _table(by_task: dict[str, dict[str, Any]], overall: dict[str, Any], options: Options, perception: str) -> None:
    title = f"{options.suite}, agent {options.agent}, {perception} perception" + (
        f", without {options.ablate}" if options.ablate else ""
    )
    table = Table(title=title, title_justify="left", box=None, header_style="bold", pad_edge=False)
    table.add_column("task")
    for column in ("n", "success", "95 % interval", "progress", "false success", "median time"):
        table.add_column(column, justify="right")
    for name, row in (*by_task.items(), ("overall", overall)):
        table.add_row(
            name,
            str(row["n"]),
            f"{100 * row['success']:.0f} %",
            f"{100 * row['low']:.0f}–{100 * row['high']:.0f} %",
            f"{100 * row['progress']:.0f} %",
            f"{100 * row['false_success']:.0f} %",
            f"{row['sim_seconds']:.1f} s",
            style="bold" if name == "overall" else None,
        )
    Console().print(table)

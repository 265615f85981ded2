"""Episodes are decided by their seed alone, a stopped run goes on, and the numbers are what they say."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from yanshi.agent.evaluation.bench import EpisodeResult, Job, read_log, run_job, run_jobs
from yanshi.agent.evaluation.summary import summarise
from yanshi.agent.wiring import AgentConfig
from yanshi.errors import InputError, UnknownNameError

RESULT = EpisodeResult(
    key="Pick/0/x",
    task="Pick",
    seed=0,
    success=True,
    ever=True,
    claimed_success=True,
    progress=1.0,
    stages=1,
    sim_seconds=4.0,
    replans=0,
    reason="",
)


def jobs(count: int, agent: str = "expert") -> list[Job]:
    return [
        Job(task="Pick", seed=seed, config=AgentConfig(agent=agent, seed=seed))  # type: ignore[arg-type]
        for seed in range(count)
    ]


def test_the_summary_of_known_episodes() -> None:
    results = [
        RESULT,
        replace(RESULT, seed=1, sim_seconds=6.0),
        replace(RESULT, seed=2, success=False, progress=0.5, sim_seconds=20.0, reason="dropped it"),
        replace(RESULT, seed=3, claimed_success=False),
    ]
    found = summarise(results)
    assert (found["n"], found["success"], found["progress"]) == (4, 0.75, 0.875)
    assert (found["false_success"], found["missed_success"]) == (0.25, 0.25)
    assert found["sim_seconds"] == 5.0
    assert (found["low"], found["high"]) == pytest.approx((0.3006, 0.9544), abs=1e-4)
    assert found["failures"] == {"2": "dropped it"}


def test_the_key_tells_settings_apart() -> None:
    job = jobs(1)[0]
    assert job.key == jobs(1)[0].key
    assert job.key != replace(job, seed=1).key
    assert job.key != replace(job, config=AgentConfig(agent="default", senses=("rgb",))).key


def test_a_line_that_was_cut_off_is_run_again(tmp_path: Path) -> None:
    log = tmp_path / "episodes.jsonl"
    line = json.dumps(asdict(RESULT))
    log.write_text(f"{line}\n{line[:40]}")
    assert list(read_log(log)) == [RESULT]
    assert log.read_text() == f"{line}\n"


def test_a_log_of_something_else_is_refused(tmp_path: Path) -> None:
    log = tmp_path / "episodes.jsonl"
    log.write_text('{"a": 1}\n')
    with pytest.raises(InputError, match="does not hold finished episodes"):
        read_log(log)


def test_a_stopped_run_goes_on(tmp_path: Path) -> None:
    log = tmp_path / "episodes.jsonl"
    first = run_jobs(jobs(1), log)
    ran: list[int] = []
    both = run_jobs(jobs(2), log, tell=lambda result: ran.append(result.seed))
    assert both[0] == first[0]
    assert ran == [0, 1]
    assert len(log.read_text().splitlines()) == 2
    run_jobs(jobs(2), log)
    assert len(log.read_text().splitlines()) == 2


@pytest.mark.slow
def test_the_number_of_workers_changes_nothing() -> None:
    assert run_jobs(jobs(3), None, workers=2) == run_jobs(jobs(3), None, workers=1)


def test_an_expert_solves_what_doing_nothing_does_not() -> None:
    expert = run_job(jobs(1)[0])
    assert expert.success
    assert expert.claimed_success
    nothing = run_job(jobs(1, "nothing")[0])
    assert not nothing.success
    assert not nothing.ever
    assert not nothing.claimed_success
    assert nothing.sim_seconds > expert.sim_seconds


def test_an_unknown_agent_is_refused() -> None:
    with pytest.raises(UnknownNameError, match="Available: default, expert, nothing, random"):
        AgentConfig(agent="clever")  # type: ignore[arg-type]


@pytest.mark.slow
def test_behind_the_full_shield_a_task_is_done_more_gently() -> None:
    shielded = run_job(Job(task="Pick", seed=0, config=AgentConfig(agent="expert", shield="full")))
    free = run_job(jobs(1)[0])
    assert shielded.success
    assert free.success
    assert shielded.sim_seconds >= free.sim_seconds

"""``result.json``: what an episode came to, for programs. Its fields are a contract: more may come, none goes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from yanshi.agent.episode import Outcome
from yanshi.agent.recording.files import write_json
from yanshi.contracts import Subtask


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What was run: all that is needed to run it again."""

    instruction: str
    goal: str | None
    world: str
    seed: int
    robot: str
    planner: str
    perception: str
    senses: tuple[str, ...]
    command: str
    versions: Mapping[str, str]
    task: str | None = None
    agent: str = "default"
    shield: str = "range"
    understood: str | None = None
    """What the agent took the words to mean; `goal` is the same with true names."""


@dataclass(frozen=True, kw_only=True)
class Result:
    """A setting and what came of it. Wall-clock values stand only in fields that end in ``_seconds``."""

    setting: Setting
    outcome: Outcome
    success: bool | None
    """The oracle's word; None if there was no goal to check."""
    progress: float | None
    """Share of the goal's conjuncts that the oracle finds true at the end [0, 1]."""
    wall_seconds: float

    def as_json(self) -> dict[str, Any]:
        """The content of ``result.json``."""
        setting, outcome = self.setting, self.outcome
        return {
            "instruction": setting.instruction,
            "world": setting.world,
            "seed": setting.seed,
            "robot": setting.robot,
            "task": setting.task,
            "goal": setting.goal,
            "understood": setting.understood,
            "success": self.success,
            "progress": self.progress,
            "claimed_success": outcome.claimed_success,
            "interrupted": outcome.interrupted,
            "error": outcome.error,
            "reason": outcome.reason,
            "plan": [_subtask(s) for s in outcome.subtasks],
            "thought": outcome.thought,
            "replans": outcome.replans,
            "interventions": outcome.interventions,
            "sim_seconds": round(outcome.sim_seconds, 3),
            "wall_seconds": round(self.wall_seconds, 3),
            "planner_seconds": round(outcome.planner_seconds, 6),
            "agent": setting.agent,
            "planner": setting.planner,
            "perception": setting.perception,
            "shield": setting.shield,
            "senses": list(setting.senses),
            "command": setting.command,
            "versions": dict(setting.versions),
        }

    def write(self, path: Path) -> None:
        """Write ``result.json`` to `path`, all at once."""
        write_json(path, self.as_json())


def _subtask(subtask: Subtask) -> dict[str, Any]:
    def rounded(stamp: float | None) -> float | None:
        return None if stamp is None else round(stamp, 3)

    return {
        "skill": subtask.call.skill,
        "args": list(subtask.call.args),
        "status": subtask.status.value,
        "started": rounded(subtask.started),
        "ended": rounded(subtask.ended),
        "note": subtask.note,
    }

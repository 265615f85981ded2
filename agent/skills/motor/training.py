"""A training run of one skill, in a folder: starts, demonstrations, clone, guided and tuned policy, curve, card.

What is there already is not made again, and a run that was killed goes on from its last iteration.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TextIO

import numpy as np
from numpy.typing import NDArray

from yanshi.agent.learning import checkpoint
from yanshi.agent.learning.curves import Point, draw
from yanshi.agent.skills.motor.action import ACTION
from yanshi.agent.skills.motor.cluster import Cluster, connect
from yanshi.agent.skills.motor.environment import MotorEnv
from yanshi.agent.skills.motor.features import FEATURES
from yanshi.agent.skills.motor.gathering import Corrected, Field, Here, Shown, Workers
from yanshi.agent.skills.motor.judgement import calibrated, calibration_errors, with_outcome
from yanshi.agent.skills.motor.manoeuvre import Manoeuvre
from yanshi.agent.skills.motor.policy import Layers, MotorPolicy
from yanshi.agent.skills.motor.rollouts import Demonstration, Trial, trials
from yanshi.agent.skills.motor.starts import Start, draw_starts, load_starts, save_starts
from yanshi.agent.skills.motor.tuning import Report, Tuner, TuningConfig, steps_of
from yanshi.errors import InputError, MissingDependencyError

try:
    from torch.utils.tensorboard import SummaryWriter
except ImportError as error:
    raise MissingDependencyError("tensorboard", "rl") from error

__all__ = ["HELD_OUT", "SkillTraining", "TrainingPlan", "starts_of"]

Array = NDArray[Any]
HELD_OUT = 1000
"""Layouts from this number on are never trained on."""
_SHOWN, _CORRECTED, _CHECKPOINT = "shown.safetensors", "corrected.safetensors", "checkpoint.safetensors"
_TOGETHER = 12
"""So many episodes are one job."""
_FIRST_TRIAL = 2_000_000
"""Seeds from here on are for the critic of the finished policy and its calibration."""


@dataclass(frozen=True, kw_only=True)
class TrainingPlan:
    """How much of what."""

    minutes: float = 30.0
    """Wall time of the tuning, looked at after each iteration."""
    seed: int = 0
    layouts: int = 128
    """How many layouts the starts come from, over all tasks."""
    places: int = 1
    """Arrangements of each."""
    workers: int = 1
    """Processes that act; with one, this one does."""
    cluster: str | None = None
    """Address of a Ray cluster whose workers act instead."""
    demonstrations: int = 240
    noise: float = 0.35
    """Of the demonstrations, in units of actions."""
    guidance: tuple[float, ...] = (0.5, 0.2, 0.1, 0.0)
    """In each round of corrections: the share of the time in which the guide acts itself."""
    corrections: int = 120
    """Episodes of a round."""
    severity: tuple[float, float] = (-1.0, 2.5)
    """Of the episodes, from … to: exact beliefs among them, so that nothing is put right that is not wrong."""
    lifelike: float = 0.5
    """Share of the episodes in which the belief errs as learned perception does."""
    judged: int = 800
    """Runs each for the critic of the finished policy, for its calibration, and for the proof of that; 0 for none."""
    tuning: TuningConfig = field(default_factory=TuningConfig)


def starts_of(
    item: Manoeuvre,
    file: Path,
    layouts: int,
    places: int,
    first: int = 0,
    tell: Callable[[int, int], None] = lambda drawn, wanted: None,
) -> tuple[Start, ...]:
    """The starts in a file; drawn and written there first, where there is none.

    Args:
        item: the manoeuvre.
        file: where they are kept.
        layouts: in all tasks together, by their shares.
        places: arrangements of each layout.
        first: number of the first layout.
        tell: is told how many layouts were gone through, and of how many.
    """
    if not file.is_file():
        total = sum(item.tasks.values())
        counts = {name: max(1, round(layouts * share / total)) for name, share in item.tasks.items()}
        wanted = [(name, first + k) for name, count in counts.items() for k in range(count)]
        drawn: list[Start] = []
        for number, (name, layout) in enumerate(wanted):
            tell(number, len(wanted))
            drawn += draw_starts(item, name, (layout,), places)
        if not drawn:
            raise InputError(f"Skill '{item.name}': the expert reached no start in {', '.join(item.tasks)}.")
        save_starts(drawn, file)
    return load_starts(file)


class SkillTraining:
    """One run.

    Args:
        item: which manoeuvre.
        folder: where everything goes.
        plan: how much of what.
        stream: where the live line goes.
    """

    def __init__(self, item: Manoeuvre, folder: Path, plan: TrainingPlan, stream: TextIO) -> None:
        self.item, self.folder, self.plan, self._stream = item, folder, plan, stream
        self._rows: list[dict[str, Any]] = []

    def run(self) -> MotorPolicy:
        """Everything, up to the files of the finished policy."""
        plan, folder = self.plan, self.folder
        folder.mkdir(parents=True, exist_ok=True)
        if plan.cluster is not None:
            connect(plan.cluster)

        def tell(drawn: int, wanted: int) -> None:
            self._say(f"drawing starts, layout {drawn + 1} of {wanted}")

        starts = starts_of(self.item, folder / "starts.jsonl", plan.layouts, plan.places, tell=tell)
        env = MotorEnv(self.item, starts, plan.severity, lifelike=plan.lifelike)
        self._control, severity, lifelike = env.control, plan.severity, plan.lifelike
        if plan.cluster is not None:
            with Cluster(self.item.name, starts, severity, plan.workers, plan.cluster, lifelike) as cluster:
                tuner = self._tuned(cluster)
        elif plan.workers > 1:
            with Workers(self.item.name, folder / "starts.jsonl", severity, plan.workers, lifelike) as field:
                tuner = self._tuned(field)
        else:
            tuner = self._tuned(Here(env))
        policy = self._judge(tuner.policy(self._card(tuner)), env) if plan.judged else tuner.policy(self._card(tuner))
        policy.save(folder / f"{self.item.name}.safetensors")
        (folder / "README.md").write_text(self._text(policy))
        return policy

    def _tuned(self, field: Field) -> Tuner:
        """All of the training."""
        plan, folder = self.plan, self.folder
        shown = self._shown(field)
        tuner = Tuner(field, shown, plan.tuning, plan.seed)
        if not self._resumed(tuner):
            self._say("cloning")
            tuner.clone()
            tuner.policy({"name": self.item.name, "kind": "cloned", "control": "direct"}).save(
                folder / "cloned.safetensors"
            )
            if self._control == "residual":
                tuner = self._corrected(field)
            tuner.policy({"name": self.item.name, "kind": "guided", "control": self._control}).save(
                folder / "guided.safetensors"
            )
            self._write_shown(_CORRECTED, tuner.shown)
            self._write_checkpoint(tuner)
        self._tune(tuner)
        return tuner

    def _shown(self, field: Field) -> tuple[Array, Array]:
        """Features and labels of what ended well among the script's demonstrations, or of all that was corrected."""
        for name in (_CORRECTED, _SHOWN):
            if (self.folder / name).is_file():
                arrays, _ = checkpoint.read(self.folder / name)
                return arrays["features"], arrays["labels"]
        count = self.plan.demonstrations
        self._say(f"{count} demonstrations")
        seeds = [self.plan.seed * 1_000_003 + number for number in range(count)]
        jobs = [Shown(tuple(seeds[k : k + _TOGETHER]), self.plan.noise) for k in range(0, count, _TOGETHER)]
        good = [one for shown in field.map(jobs) for one in shown if one.success]
        if not good:
            raise InputError(f"Skill '{self.item.name}': no demonstration of the script ended well.")
        shown = steps_of(good)
        self._write_shown(_SHOWN, shown)
        return shown

    def _corrected(self, field: Field) -> Tuner:
        """A policy that corrects as the truth would, as far as can be told: rounds of acting and being corrected."""
        plan, number = self.plan, 5_000_000 + self.plan.seed * 100_003
        layers: Layers = ((np.zeros((ACTION, FEATURES), np.float32), np.zeros(ACTION, np.float32)),)
        tuner: Tuner | None = None
        for turn, share in enumerate(plan.guidance):
            seeds = range(number, number + plan.corrections)
            number += plan.corrections
            jobs = [
                Corrected(layers, tuple(seeds[k : k + _TOGETHER]), share, 0.4 * plan.noise)
                for k in range(0, plan.corrections, _TOGETHER)
            ]
            found: list[Demonstration] = [one for some in field.map(jobs) for one in some]
            good = 100 * np.mean([one.success for one in found])
            self._say(f"corrected by the truth, round {turn + 1}: {good:.0f} % ended well")
            if tuner is None:
                tuner = Tuner(field, steps_of(found), plan.tuning, plan.seed)
                tuner.clone()
            else:
                tuner.distil(found)
            layers = tuner.policy().actor
        assert tuner is not None
        return tuner

    def _write_shown(self, name: str, shown: tuple[Array, Array]) -> None:
        checkpoint.write(self.folder / name, {"features": shown[0], "labels": shown[1]}, {})

    def _write_checkpoint(self, tuner: Tuner) -> None:
        state = {"iteration": tuner.iteration, "taken": tuner.taken}
        checkpoint.write(self.folder / _CHECKPOINT, tuner.arrays(), state)

    def _resumed(self, tuner: Tuner) -> bool:
        """Go on from the last checkpoint, if there is one."""
        file, curve = self.folder / _CHECKPOINT, self.folder / "curve.json"
        if not file.is_file():
            return False
        arrays, meta = checkpoint.read(file)
        tuner.restore(arrays, int(meta["iteration"]), int(meta["taken"]))
        if curve.is_file():
            self._rows = json.loads(curve.read_text())[: tuner.iteration]
        return True

    def _tune(self, tuner: Tuner) -> None:
        plan, folder = self.plan, self.folder
        spent = float(self._rows[-1]["seconds"]) if self._rows else 0.0
        begun, mark = time.monotonic() - spent, time.process_time()
        used = float(self._rows[-1]["cpu_seconds"]) if self._rows else 0.0
        board = SummaryWriter(str(folder / "tensorboard"), purge_step=tuner.iteration + 1)
        while time.monotonic() - begun < 60.0 * plan.minutes:
            report = tuner.iterate()
            row = report._asdict() | {
                "seconds": time.monotonic() - begun,
                "cpu_seconds": used + time.process_time() - mark,
            }
            self._rows.append(row)
            self._write_checkpoint(tuner)
            checkpoint.write_bytes(folder / "curve.json", json.dumps(self._rows, indent=1).encode())
            draw(list(_points(self._rows)), f"{self.item.name} (while exploring)", folder / "curve.png")
            for name in ("success", "hard", "divergence", "explained"):
                board.add_scalar(name, row[name], report.iteration)
            self._say(_line(report, row["seconds"] / 60.0, plan.minutes))
        board.close()

    def _judge(self, policy: MotorPolicy, env: MotorEnv) -> MotorPolicy:
        """Let it act, and learn from that how likely it is to succeed."""
        count = self.plan.judged
        rng = np.random.default_rng(self.plan.seed)
        runs: list[Trial] = []
        for number in range(3 * count):
            severity = float(rng.uniform(*self.plan.severity))
            seed = _FIRST_TRIAL + number
            runs += trials(env, policy, [seed], severity, keep=True)
            self._say(f"judging itself, run {number + 1} of {3 * count}")
        policy = calibrated(with_outcome(policy, runs[:count], self.plan.seed), runs[count : 2 * count])
        before, after = calibration_errors(policy, runs[2 * count :])
        policy.card["calibration_error"] = {"before": before, "after": after, "runs": count}
        return policy

    def _card(self, tuner: Tuner) -> dict[str, Any]:
        last = self._rows[-1] if self._rows else {}
        return {
            "name": self.item.name,
            "kind": "tuned",
            "control": self._control,
            "tasks": dict(self.item.tasks),
            "timeout": self.item.timeout,
            "plan": asdict(self.plan),
            "cloned_steps": len(tuner.shown[0]),
            "iterations": tuner.iteration,
            "steps": tuner.taken,
            "minutes": last.get("seconds", 0.0) / 60.0,
            "cpu_seconds": last.get("cpu_seconds", 0.0),
        }

    def _text(self, policy: MotorPolicy) -> str:
        """The model card, in Markdown."""
        card: Mapping[str, Any] = policy.card
        error = card.get("calibration_error")
        how = (
            "It corrects what a reflex acts on; fitted first to what the truth says of its own states"
            if self._control == "residual"
            else f"Cloned from {self.plan.demonstrations} disturbed demonstrations of the script"
        )
        trust = (
            ""
            if error is None
            else (
                f"Expected calibration error on {error['runs']} runs not used before: {error['before']:.3f} before it "
                f"starts, {error['after']:.3f} at its end.\n\n"
            )
        )
        return (
            f"# Motor policy `{card['name']}`\n\n"
            f"{how} ({card['cloned_steps']:,} steps), then tuned by PPO for "
            f"{card['iterations']} iterations: {card['steps']:,} steps, {card['minutes']:.0f} minutes, "
            f"{card['cpu_seconds']:.0f} s of CPU time in the learning process, {self.plan.workers} acting.\n"
            f"Tasks: {', '.join(card['tasks'])}; severity "
            f"{self.plan.severity[0]} … {self.plan.severity[1]}; seed {self.plan.seed}.\n\n"
            f"{trust}The curve (`curve.png`) is of episodes while exploring; what "
            "the finished policy does is measured by `benchmarks/skills.py`.\n"
        )

    def _say(self, text: str) -> None:
        self._stream.write(f"\r{self.item.name}: {text:<100}")
        self._stream.flush()


def _line(report: Report, minutes: float, limit: float) -> str:
    return (
        f"iteration {report.iteration}, {report.steps:,} steps, success {100 * report.success:.0f} % "
        f"(hard {100 * report.hard:.0f} %), {minutes:.1f} of {limit:.0f} min"
    )


def _points(rows: Sequence[Mapping[str, Any]]) -> Iterator[Point]:
    for row in rows:
        yield Point(int(row["steps"]), float(row["cpu_seconds"]), float(row["success"]), float(row["success"]))

"""A training run in a folder: a live line, evaluations, checkpoints that survive a kill, curves, and a model card."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TextIO

import numpy as np
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.type_aliases import GymEnv

from yanshi.agent.learning.checkpoint import write_bytes
from yanshi.agent.learning.curves import Point, draw
from yanshi.agent.learning.evaluation import evaluate
from yanshi.agent.learning.export import load_policy, save_policy
from yanshi.agent.learning.policy import Policy
from yanshi.agent.learning.rollouts import Rollouts
from yanshi.agent.learning.sacfd import SACfD
from yanshi.errors import InputError

CHECKPOINT, ROWS, POLICY, CURVE, CARD = "checkpoint.safetensors", "curve.json", "policy", "curve.png", "README.md"


@dataclass(frozen=True, kw_only=True)
class TrainingConfig:
    """When to stop, and how often to look."""

    name: str
    """What is trained: the title of curve and card."""
    total_timesteps: int
    """Steps at most, summed over the environments."""
    interval: int = 5_000
    """Steps between two evaluations; each is followed by a checkpoint."""
    episodes: int = 100
    """Of one evaluation."""
    evaluation_seed: int = 1_000_003
    """Of the episodes that choose the policy; take others for what you report."""
    enough: float = 1.01
    """Success at which to stop; above 1 for never."""
    minutes: float = float("inf")
    """Wall time at which to stop, looked at after each interval."""


class Progress(BaseCallback):
    """One line that is written anew as training goes on."""

    def __init__(self, stream: TextIO, name: str, total: int) -> None:
        super().__init__()
        self._stream, self._name, self._total = stream, name, total
        self._last, self._begun, self._from = 0.0, time.monotonic(), 0
        self.evaluated = ""

    def _on_training_start(self) -> None:
        self._begun, self._from = time.monotonic(), self.model.num_timesteps

    def _on_step(self) -> bool:
        now = time.monotonic()
        if now - self._last >= 0.5:
            self._last = now
            recent = self.model.ep_success_buffer
            success = f"{100 * float(np.mean(recent)):.0f} %" if recent else "-"
            rate = (self.num_timesteps - self._from) / max(now - self._begun, 1e-9)
            self._stream.write(
                f"\r{self._name}: {self.num_timesteps:,} of {self._total:,} steps, {rate:.0f}/s, "
                f"success while exploring {success}{self.evaluated}   "
            )
            self._stream.flush()
        return True


def train(
    model: SACfD,
    evaluation: Rollouts,
    folder: Path,
    config: TrainingConfig,
    *,
    stream: TextIO,
    after: Callable[[Point], None] | None = None,
) -> list[Point]:
    """Clone where there is something to clone and learn until it is enough, with everything written into a folder.

    A model that comes from `resume` goes on from its last checkpoint: with the same seed, and environments that obey
    it, the run then ends with the very networks that it would have had without the kill.

    Args:
        model: what to train.
        evaluation: other environments than the model's own, to look at it.
        folder: for checkpoint, curves, the best policy and its card.
        config: when to stop.
        stream: where the live line goes.
        after: told of every evaluation.

    Returns:
        All evaluations, those before a resumption too.
    """
    folder.mkdir(parents=True, exist_ok=True)
    rows = [row for row in _rows(folder) if row.steps <= model.num_timesteps] if model.num_timesteps else []
    best = max((row.success for row in rows), default=-1.0)
    progress = Progress(stream, config.name, config.total_timesteps)
    begun = time.monotonic()

    def look(clock: float) -> None:
        nonlocal best
        seen = evaluate(model.policy, evaluation, config.episodes, config.evaluation_seed)
        row = Point(model.num_timesteps, clock, seen.rate, float(seen.returns.mean()))
        rows.append(row)
        progress.evaluated = f", evaluated {100 * row.success:.0f} %"
        if not row.success <= best:  # NaN, where the environment does not say, keeps the newest
            best = row.success
            save_policy(_described(model.policy, config, row), folder / POLICY)
        write_bytes(folder / ROWS, json.dumps([asdict(row) for row in rows], indent=1).encode())
        if model.tensorboard_log:
            model.logger.record("eval/success_rate", row.success)
            model.logger.record("eval/mean_reward", row.mean_return)
            model.logger.dump(row.steps)
        if after is not None:
            after(row)

    used = rows[-1].cpu_seconds if rows else 0.0
    mark = time.process_time()
    if model.demonstrations is not None and not model.cloned:
        model.clone()
        used += time.process_time() - mark
    if not rows:
        model.learn(0, reset_num_timesteps=True)  # opens the logs
        look(used)
    going = time.monotonic() - begun < 60 * config.minutes
    while going and model.num_timesteps < config.total_timesteps and not best >= config.enough:
        mark = time.process_time()
        model.learn(config.interval, callback=progress, reset_num_timesteps=False)
        used += time.process_time() - mark
        look(used)
        model.save(folder / CHECKPOINT, experience=True)
        going = time.monotonic() - begun < 60 * config.minutes
    stream.write("\n")
    draw(rows, config.name, folder / CURVE)
    write_bytes(folder / CARD, _card(model, config, rows).encode())
    return rows


def resume(folder: Path, env: GymEnv | Rollouts | str, *, tensorboard_log: str | None = None) -> SACfD | None:
    """The model of a run's last checkpoint; None where there is none yet."""
    file = folder / CHECKPOINT
    return SACfD.load(file, env, tensorboard_log=tensorboard_log) if file.exists() else None


def best_policy(folder: Path) -> Policy:
    """The policy of a run that did best in its evaluations."""
    return load_policy(folder / POLICY)


def _rows(folder: Path) -> list[Point]:
    file = folder / ROWS
    if not file.exists():
        return []
    try:
        return [Point(**row) for row in json.loads(file.read_text())]
    except (ValueError, TypeError) as error:
        raise InputError(f"{file}: expected the evaluations of a run ({error}).") from error


def _described(policy: Policy, config: TrainingConfig, row: Point) -> Policy:
    meta = {
        "name": config.name,
        "steps": str(row.steps),
        "validation_success": f"{row.success:.3f}",
        "validation_episodes": str(config.episodes),
    }
    return replace(policy, meta=meta)


def _card(model: SACfD, config: TrainingConfig, rows: list[Point]) -> str:
    """What somebody who finds the files should know, in Markdown."""
    best = max(rows, key=lambda row: (row.success, -row.steps))
    first = rows[0]
    shown = model.demonstrations
    if shown is None:
        origin = "learned without demonstrations"
    else:
        origin = (
            f"began from {len(shown)} demonstrations ({100 * float(shown.success.mean()):.0f} % of them successful)"
        )
    settings = json.dumps(model.config.to_json(), indent=1)
    return (
        f"# {config.name}\n\nA policy of {' × '.join(map(str, model.config.hidden))} hidden units for "
        f"{model.sizes.observation} observed numbers, a goal of {model.sizes.goal} and {model.sizes.action} actions. "
        f"It {origin}, and was tuned by soft actor-critic with hindsight goals (SACfD).\n\n"
        f"| | steps | CPU s | success on {config.episodes} validation episodes |\n|---|---:|---:|---:|\n"
        f"| at the start | {first.steps} | {first.cpu_seconds:.0f} | {100 * first.success:.1f} % |\n"
        f"| best, shipped as `{POLICY}.safetensors` | {best.steps} | {best.cpu_seconds:.0f} "
        f"| {100 * best.success:.1f} % |\n\n"
        "The best was chosen on those episodes, so its rate on others is a little lower. Seed "
        f"{model.seed}; validation seeds from {config.evaluation_seed}. Curve: `{CURVE}`.\n\n"
        f"```json\n{settings}\n```\n"
    )

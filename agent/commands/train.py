"""``yanshi train skill NAME``: learns the contact-rich part of a skill on this machine."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import tyro
from rich.console import Console

from yanshi.agent.commands.parsing import parse
from yanshi.errors import InputError, UnknownNameError


@dataclass(frozen=True, kw_only=True)
class Options:
    """Train a skill: demonstrations by the script, cloning, then reinforcement under perturbation."""

    what: tyro.conf.Positional[str]
    """`skill`."""
    name: tyro.conf.Positional[str]
    """Which: pick, place, stack, open, close, press, push."""
    minutes: float = 30.0
    """Wall time of the reinforcement."""
    seed: int = 0
    """Of everything that is random."""
    out: Path | None = None
    """Folder for checkpoints, curve, card and weights; a run that was stopped goes on from there."""


def main(arguments: Sequence[str]) -> int:
    """Train, with a live line."""
    options = parse(Options, "train", arguments)
    if options.what != "skill":
        raise InputError(f"train: expected 'skill', got '{options.what}'.")
    if options.minutes <= 0.0:
        raise InputError(f"train: expected --minutes above 0, got {options.minutes}.")
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    from yanshi.agent.skills.motor.catalogue import manoeuvre, manoeuvres

    if options.name not in manoeuvres():
        raise UnknownNameError("skill to train", options.name, manoeuvres())
    from yanshi.agent.skills.motor.training import SkillTraining, TrainingPlan

    folder = options.out or Path("out") / "train" / options.name
    plan = TrainingPlan(minutes=options.minutes, seed=options.seed)
    policy = SkillTraining(manoeuvre(options.name), folder, plan, sys.stderr).run()
    card = policy.card
    console = Console()
    console.print(f"\n{card['iterations']} iterations, {card['steps']:,} steps, {card['minutes']:.1f} minutes.")
    console.print(f"Weights: {folder / options.name}.safetensors, curve and card beside them.")
    return 0

"""``yanshi train skill NAME``, ``senses`` and ``lm``: skills, eye and hearing, the language model."""

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

WHAT = ("skill", "senses", "lm")
_TAKERS = {
    "stage": ("lm",), "device": ("lm",), "workers": ("skill", "lm"), "seconds": ("lm",), "cluster": ("skill",),
}  # fmt: skip
"""Option → what it is for."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """Train a skill: demonstrations by the script, cloning, then reinforcement under perturbation. Or train the senses:
    hearing and the eye, on sounds and pictures drawn from the tasks' worlds. Or train the language model to speak of
    what is sensed and to understand instructions.
    """

    what: tyro.conf.Positional[str]
    """`skill`, `senses` or `lm`."""
    name: tyro.conf.Positional[str] = ""
    """Which skill: pick, place, stack, open, close, press, push."""
    minutes: float | None = None
    """Of a skill: wall time of the reinforcement (30). Of the senses (120) and the language model (90, on a GPU 12):
    how long it is to take, about, on one core, which decides how much is drawn and how many steps are made."""
    stage: str = ""
    """Of the language model: `data`, `towers`, `align` or `instruct`, after which to stop; empty for all."""
    device: str = "cpu"
    """Of the language model: `cpu` or `cuda`."""
    workers: int = 0
    """Processes beside the one that learns: of a skill, those that act; of the language model, those that draw data and
    make batches. The result is the same with any number."""
    cluster: str | None = None
    """Of a skill: address of a Ray cluster (`auto` for that of this machine) whose workers act."""
    seconds: float = 0.0
    """Of the language model: wall time after which the last stage ends in any case; 0 for none."""
    seed: int = 0
    """Of everything that is random."""
    out: Path | None = None
    """Folder for checkpoints, curve, card and weights; a run that was stopped goes on from there."""


def main(arguments: Sequence[str]) -> int:
    """Train, with a live line."""
    options = parse(Options, "train", arguments)
    if options.what not in WHAT:
        raise InputError(f"train: expected {', '.join(map(repr, WHAT))}, got '{options.what}'.")
    if options.minutes is not None and not 0.0 < options.minutes < float("inf"):
        raise InputError(f"train: expected --minutes above 0, got {options.minutes}.")
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    for name, takers in _TAKERS.items():
        if options.what not in takers and getattr(options, name) != getattr(Options, name):
            of = " or ".join(map(repr, takers))
            raise InputError(f"train: expected --{name} with {of} alone, got it with '{options.what}'.")
    return {"skill": _skill, "senses": _senses, "lm": _lm}[options.what](options)


def _skill(options: Options) -> int:
    from yanshi.agent.skills.motor.catalogue import manoeuvre, manoeuvres

    if options.name not in manoeuvres():
        raise UnknownNameError("skill to train", options.name, manoeuvres())
    from yanshi.agent.skills.motor.training import SkillTraining, TrainingPlan

    folder = options.out or Path("out") / "train" / options.name
    if options.workers < 0:
        raise InputError(f"train: expected --workers of 0 or more, got {options.workers}.")
    plan = TrainingPlan(
        minutes=30.0 if options.minutes is None else options.minutes,
        seed=options.seed,
        workers=max(1, options.workers),
        cluster=options.cluster,
    )
    policy = SkillTraining(manoeuvre(options.name), folder, plan, sys.stderr).run()
    card = policy.card
    console = Console()
    console.print(f"\n{card['iterations']} iterations, {card['steps']:,} steps, {card['minutes']:.1f} minutes.")
    console.print(f"Weights: {folder / options.name}.safetensors, curve and card beside them.")
    return 0


def _senses(options: Options) -> int:
    if options.name:
        raise InputError(f"train: expected nothing after 'senses', got '{options.name}'.")
    from yanshi.agent.senses_training import SensesTraining, train_senses

    folder = options.out or Path("out") / "train" / "senses"
    minutes = 120.0 if options.minutes is None else options.minutes
    console = Console(highlight=False)
    train_senses(
        SensesTraining(out=folder, minutes=minutes, seed=options.seed),
        lambda line: console.print(line, soft_wrap=True),
    )
    console.print(f"\nTo use them: yanshi run … --perception learned --weights {folder}")
    return 0


def _lm(options: Options) -> int:
    if options.name:
        raise InputError(f"train: expected nothing after 'lm', got '{options.name}'.")
    from yanshi.agent.language.pipeline import LanguageTraining, train_language

    folder = options.out or Path("out") / "train" / "lm"
    console = Console(highlight=False)
    made = train_language(
        LanguageTraining(
            out=folder, minutes=options.minutes, stage=options.stage, seed=options.seed, device=options.device,
            workers=options.workers, seconds=options.seconds,
        ),
        lambda line: console.print(line, soft_wrap=True),
    )  # fmt: skip
    console.print(f"\nThe model: {made}. To use it: EmbodiedLM.from_pretrained({str(made)!r})")
    return 0

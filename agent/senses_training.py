"""Hearing and the eye trained one after the other, in as many minutes of one core as there are.

How long it takes decides how much is drawn and shown, by rates measured on one core of a 2023 laptop-class server; so
the same minutes give the same weights on any machine, if not in the same time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from yanshi.agent.hearing.training import Options as HearingTraining
from yanshi.agent.hearing.training import teach as train_hearing
from yanshi.agent.seeing.shards import DataConfig
from yanshi.agent.seeing.training import EyeTraining
from yanshi.agent.seeing.training import train as train_eye
from yanshi.agent.weights import EYE, HEARING

WHOLE = 120.0
"""Minutes in which all that the shipped weights were shown is drawn and shown."""
STEPS, SHARDS = 15_000, 44
"""Of the shipped eye."""
CLIPS = 5000
"""Of the shipped hearing."""


@dataclass(frozen=True, kw_only=True)
class SensesTraining:
    """How the senses are trained."""

    out: Path
    """`eye` and `hearing` are made in it; what is there is gone on with."""
    minutes: float = WHOLE
    seed: int = 0

    def eye(self) -> EyeTraining:
        """The eye's share of the time."""
        share = self.minutes / WHOLE
        return EyeTraining(
            out=self.out / EYE[0],
            data=DataConfig(folder=self.out / "pictures", train=max(1, round(SHARDS * min(share, 1.0)))),
            steps=max(100, round(STEPS * share)),
            threads=1,
            seed=self.seed,
        )

    def hearing(self) -> HearingTraining:
        """Hearing's share of the time, which is small."""
        clips = max(100, 100 * round(CLIPS / 100 * min(self.minutes / WHOLE, 1.0)))
        held_out = max(100, min(300, clips))
        return HearingTraining(
            out=self.out / HEARING[0], clips=clips, held_out=held_out, calibration=2 * held_out, seed=self.seed
        )


def train_senses(config: SensesTraining, tell: Callable[[str], None] = lambda line: None) -> None:
    """Train both, or go on training them.

    Raises:
        InputError: The folder holds what was trained otherwise.
    """
    hearing = config.hearing()
    weights = hearing.out / HEARING[1]
    if not (weights / "model.safetensors").is_file():
        tell(f"Hearing: {hearing.clips} windows of sound, {hearing.epochs} times.")
        train_hearing(hearing)
    eye = config.eye()
    tell(f"The eye: {eye.data.train} shards of pictures, {eye.steps} steps.")
    train_eye(eye, tell=tell)

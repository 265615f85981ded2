"""What is to be known of a trained model: a card, and its learning curve as a picture."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path

from yanshi.agent.language.training import Progress, versions
from yanshi.agent.learning.checkpoint import write_bytes
from yanshi.errors import MissingDependencyError


def draw_curve(progress: Mapping[str, Progress], file: Path) -> None:
    """The loss of each stage over its steps. Raises: MissingDependencyError."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingDependencyError("matplotlib", "rl") from error
    figure = Figure(figsize=(9.6, 4.0), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    for axes, (stage, made) in zip(figure.subplots(1, len(progress), squeeze=False)[0], progress.items(), strict=True):
        axes.semilogy(*zip(*made.losses, strict=True), marker=".", color="#20639b")
        axes.set_title(f"{stage}: {made.samples} answers, {made.seconds:.0f} s")
        axes.set_xlabel("steps")
        axes.set_ylabel("loss on answers [nat a token]")
        axes.grid(alpha=0.3, which="both")
    picture = io.BytesIO()
    figure.savefig(picture, format="png")
    write_bytes(file, picture.getvalue())


def write_card(options: str, progress: Mapping[str, Progress], file: Path, date: str) -> None:
    """The model card in Markdown.

    Args:
        options: of the command that trained it.
        progress: of each stage.
        file: where it is written.
        date: of today.
    """
    stages = [
        f"- Stage `{stage}`: {made.step} steps, {made.samples} answers, {made.seconds:.0f} seconds."
        for stage, made in progress.items()
    ]
    lines = [
        "# yanshi-small: what is sensed, in words",
        "",
        "Colour and depth pictures, LiDAR, microphones, the body and objects in SmolLM2-135M-Instruct",
        "(Apache-2.0): answers about what is sensed, and instructions in any words as commands.",
        "",
        "- Data: moments of the tasks' worlds with a question of each kind, and instructions in the tasks' own",
        "  wordings and of the phrasings of every goal schema; a quarter of all wordings is held out.",
        "- Stage 0: each tower alone (what is in view, how far, holding, which sounds from where).",
        *stages,
        f"- Command: `yanshi train lm {options}`, {date}; it goes on where it was killed.",
        f"- Versions: {', '.join(f'{name} {version}' for name, version in versions().items())}.",
        "",
        "Learning curve: `curve.png`. To measure it: `python benchmarks/language.py`.",
        "",
    ]
    write_bytes(file, "\n".join(lines).encode())

"""What is to be known of an eye's weights: a model card, and the learning curve as a picture."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from yanshi.agent.learning.checkpoint import write_bytes
from yanshi.errors import MissingDependencyError


def card_text(card: Mapping[str, Any]) -> str:
    """The model card in Markdown, made from what the weights file says of itself."""
    training, heldout = card["training"], card["heldout"]
    lines = [
        "# The eye: objects in colour and depth",
        "",
        "Finds movable objects in RGB-D pictures of the robot's own cameras: kind, colour, size, shape, material and",
        "digit, 3-D position with covariance, yaw, extent, mask, and an embedding that sentences are compared with.",
        "",
        f"- Data: {card['shards']} shards of 32 simulated layouts each, drawn from the tasks' worlds with random",
        "  postures, light, paint and toppled things; camera noise, exposure, holes and pose errors at each showing.",
        f"- Training: {card['step']} steps of {training['batch']} pictures ({card['pictures']} shown), "
        f"{card['cpu_seconds']} CPU seconds, seed {training['seed']}.",
        "- Command: `python -m yanshi.agent.seeing.training`; the configuration is in the weights file's header.",
        f"- Versions: {', '.join(f'{name} {version}' for name, version in card['versions'].items())}.",
        "",
        "On layouts held out from training (a quick look; `benchmarks/seeing.py` measures properly):",
        "",
        "| measure | value |",
        "|---|---:|",
        *(f"| {name} | {value:.3f} |" for name, value in heldout.items() if name != "step"),
        "",
        "Limits: trained on pictures from one renderer; kinds outside of its list get the nearest label; without depth",
        "it sees nothing; it does not see furniture, doors or controls, which come from the floor plan.",
        "",
    ]
    return "\n".join(lines)


def draw_curve(losses: Sequence[Mapping[str, float]], scores: Sequence[Mapping[str, float]], file: Path) -> None:
    """Losses, and what was measured on held-out layouts, over steps. Raises: MissingDependencyError."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingDependencyError("matplotlib", "rl") from error
    figure = Figure(figsize=(9.6, 4.0), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2)
    for axes, rows in ((left, losses), (right, scores)):
        for name in sorted({name for row in rows for name in row} - {"step"}):
            points = [(row["step"], row[name]) for row in rows if name in row]
            axes.plot(*zip(*points, strict=True), marker=".", label=name)
        axes.set_xlabel("steps")
        axes.grid(alpha=0.3)
        axes.legend(fontsize="x-small")
    left.set_title("losses")
    right.set_title("held-out layouts")
    picture = io.BytesIO()
    figure.savefig(picture, format="png")
    write_bytes(file, picture.getvalue())

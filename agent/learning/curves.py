"""A learning curve as a picture."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from yanshi.agent.learning.checkpoint import write_bytes
from yanshi.errors import MissingDependencyError


@dataclass(frozen=True, slots=True)
class Point:
    """One evaluation."""

    steps: int
    """In the environments, so far."""
    cpu_seconds: float
    """Of the process for cloning and learning, without evaluations."""
    success: float
    """Share of the episodes, 0 to 1; NaN where the environment does not say."""
    mean_return: float


def draw(points: Sequence[Point], title: str, file: Path) -> None:
    """Success over steps, or the return where nothing is known of success."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingDependencyError("matplotlib", "rl") from error
    figure = Figure(figsize=(6.4, 4.0), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    steps = [point.steps for point in points]
    known = all(point.success == point.success for point in points)
    heights = [100 * point.success if known else point.mean_return for point in points]
    axes.plot(steps, heights, marker="o", color="#20639b")
    axes.set_xlabel("environment steps")
    axes.set_ylabel("success, %" if known else "return")
    if known:
        axes.set_ylim(-3, 103)
    axes.grid(alpha=0.3)
    axes.set_title(f"{title} · {points[-1].cpu_seconds:.0f} CPU s")
    picture = io.BytesIO()
    figure.savefig(picture, format="png")
    write_bytes(file, picture.getvalue())

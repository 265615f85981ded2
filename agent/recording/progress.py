"""What the terminal shows while an episode runs: a line for each event, and a live line where there is a screen."""

from __future__ import annotations

import time
from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape
from rich.status import Status as Spinner

from yanshi.agent.episode import Event, Outcome, Request, Step
from yanshi.agent.recording.charts import clock, words

MARKS = {"succeeded": "[green]✓[/]", "failed": "[red]✗[/]", "planned": "[cyan]→[/]", "replanned": "[yellow]↻[/]"}
REFRESH = 0.2
"""Seconds between two looks of the live line."""
SEEN = 5
"""Things that the live line names."""


class Progress:
    """A subscriber that tells a person what is going on. Without a terminal it prints one plain line for each event."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._spinner: Spinner | None = None
        self._began = 0.0
        self._shown = 0.0

    def on_start(self, requests: Sequence[Request]) -> None:
        """Say what was understood."""
        self._began = time.perf_counter()
        for request in requests:
            self._line("", f"“{request.text}” means {request.goal}")
        if self._console.is_terminal:
            self._spinner = self._console.status("looking around")
            self._spinner.start()

    def on_step(self, step: Step) -> None:
        """Say what happened, and now and then what is being done."""
        for event in step.events:
            self._tell(event)
        now = time.perf_counter()
        if self._spinner is not None and now - self._shown > REFRESH:
            self._shown = now
            self._spinner.update(self._live(step, now))

    def on_end(self, outcome: Outcome) -> None:
        """Take the live line away."""
        if self._spinner is not None:
            self._spinner.stop()
            self._spinner = None

    def _live(self, step: Step, now: float) -> str:
        doing = words(step.current) if step.current is not None else "thinking"
        if step.activity:
            doing = f"{doing} · {step.activity}"
        seen = sorted({d.track or d.label for d in step.percept.detections})
        more = f" +{len(seen) - SEEN}" if len(seen) > SEEN else ""
        heard = sorted({s.label for s in step.percept.sounds})
        stamp = step.observation.stamp
        parts = [f"[bold]{clock(stamp)}[/] {escape(doing)}", f"{stamp / max(now - self._began, 1e-9):.1f}× real time"]
        if seen:
            parts.append(f"sees {escape(', '.join(seen[:SEEN]).replace('_', ' '))}{more}")
        if heard:
            parts.append(f"hears {escape(', '.join(heard))}")
        return "  [dim]│[/]  ".join(parts)

    def _tell(self, event: Event) -> None:
        if event.kind in ("planned", "replanned"):
            self._line(MARKS[event.kind], event.text, event.stamp)
        elif event.kind == "succeeded":
            self._line(MARKS["succeeded"], str(event.call), event.stamp)
        elif event.kind == "failed":
            what = f"{event.call}: " if event.call is not None else ""
            self._line(MARKS["failed"], what + event.text, event.stamp)

    def _line(self, mark: str, text: str, stamp: float | None = None) -> None:
        when = "" if stamp is None else f"[dim]{clock(stamp):>5}[/] "
        self._console.print(f"{when}{mark} {escape(text)}".strip(), highlight=False, soft_wrap=True)

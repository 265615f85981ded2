"""Charts over time as plain HTML, placed by percentage, so that their words stay readable on a phone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

import numpy as np

from yanshi.agent.recording.log import Change, EpisodeLog, Heard, call_words
from yanshi.contracts import Fact, Status, Subtask

ATTRIBUTES = frozenset({"kind", "color", "size", "material", "shape", "digit", "movable", "clear", "beside"})
"""Facts that are told only where the goal asks for them: there are many, and they seldom matter."""
PASSING = frozenset({"near", "in_room"})
"""Facts that come and go as the robot passes by; told only of things that it dealt with."""
MAX_FACTS = 24
MARKS = {Status.SUCCEEDED: "✓", Status.FAILED: "✗", Status.RUNNING: "…", Status.PENDING: "–"}
HOW = {"seen": "seen", "heard": "heard", "felt": "felt", "map": "from the map", "expected": "expected", "told": "told"}


def clock(seconds: float) -> str:
    """``0:07`` or ``2:31``."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def words(subtask: Subtask) -> str:
    """A step as a person reads it: ``place in red mug → sink``."""
    return call_words(subtask.call)


def axis(duration: float) -> str:
    """A time axis from 0 to `duration` [s] with 4 to 8 marks."""
    steps = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600)
    step = next((s for s in steps if duration / s <= 7), 1800)
    marks = np.arange(0, duration + 1e-9, step)
    return '<div class="axis">' + "".join(_mark(float(t), duration) for t in marks) + "</div>"


def _mark(t: float, duration: float) -> str:
    return f'<span style="left:{_percent(t, duration)}%">{clock(t)}</span>'


def _percent(t: float, duration: float) -> str:
    return f"{100 * min(max(t / max(duration, 1e-9), 0.0), 1.0):.2f}"


def _bar(start: float, end: float, duration: float, css: str, title: str) -> str:
    left, width = _percent(start, duration), _percent(max(end - start, 0.0), duration)
    return f'<i class="{css}" style="left:{left}%;width:max({width}%,3px)" title="{escape(title)}"></i>'


def timeline(subtasks: Sequence[Subtask], duration: float) -> str:
    """Every step that was begun or still stood in the plan: state, words, times, and a bar over time."""
    return f'<ol class="steps">{"".join(_step(s, duration) for s in subtasks)}</ol>{axis(duration)}'


def _step(subtask: Subtask, duration: float) -> str:
    state = subtask.status.value
    when, bar = "not begun", ""
    if subtask.started is not None:
        end = duration if subtask.ended is None else subtask.ended
        when = f"{clock(subtask.started)}–{clock(end)} · {end - subtask.started:.1f} s"
        bar = _bar(subtask.started, end, duration, state, f"{words(subtask)}: {when}")
    note = f'<p class="note">{escape(subtask.note)}</p>' if subtask.note else ""
    return (
        f'<li class="{state}"><b class="mark" title="{state}">{MARKS[subtask.status]}</b>'
        f'<div class="what"><span>{escape(words(subtask))}</span><small>{when}</small>{note}</div>'
        f'<div class="track">{bar}</div></li>'
    )


def facts(log: EpisodeLog) -> str:
    """When each fact was believed true, and how it was known. The facts of the goal stand first."""
    chosen = _interesting(log)
    if not chosen:
        return '<p class="quiet">Nothing was ever believed to change.</p>'
    rows = "".join(_fact_row(fact, log.facts.get(fact, ()), log.duration, fact in log.wanted) for fact in chosen)
    return f'<div class="facts">{rows}</div>{axis(log.duration)}'


def _interesting(log: EpisodeLog) -> list[Fact]:
    handled = {arg for s in (log.outcome.subtasks if log.outcome else ()) for arg in s.call.args}

    def rank(fact: Fact) -> tuple[bool, bool, float, str]:
        first = log.facts[fact][0].stamp if fact in log.facts else 0.0
        return (fact not in log.wanted, not handled & set(fact.args), first, str(fact))

    def worth(fact: Fact) -> bool:
        changes = log.facts[fact]
        moved = len({c.value for c in changes}) > 1 or any(c.value and c.stamp > 0.5 for c in changes)
        passing = fact.predicate in PASSING and not handled & set(fact.args)
        return moved and not passing and fact.predicate not in ATTRIBUTES

    return sorted(log.wanted.union(filter(worth, log.facts)), key=rank)[:MAX_FACTS]


def _fact_row(fact: Fact, changes: Sequence[Change], duration: float, wanted: bool) -> str:
    ends = [*(c.stamp for c in changes[1:]), duration][: len(changes)]
    bars = "".join(
        _bar(c.stamp, end, duration, f"fact {c.provenance}", f"{fact}: {HOW[c.provenance]} at {clock(c.stamp)}")
        for c, end in zip(changes, ends, strict=True)
        if c.value
    )
    star = '<b title="part of the goal">◆ </b>' if wanted else ""
    return f'<div class="row"><code>{star}{escape(str(fact))}</code><div class="track">{bars}</div></div>'


def bearings(heard: Sequence[Heard], duration: float) -> str:
    """Dots for what was heard: time to the right, direction upwards, one colour a kind of sound."""
    labels = sorted({h.label for h in heard})
    dots = "".join(
        f'<i class="dot c{labels.index(h.label) % 6}" style="left:{_percent(h.stamp, duration)}%;'
        f'bottom:{100 * (np.degrees(h.bearing) + 180) / 360:.1f}%" title="{escape(h.label)} at {clock(h.stamp)}: '
        f'{np.degrees(h.bearing):.0f}°"></i>'
        for h in heard[:: 1 + len(heard) // 600]
    )
    key = "".join(f'<span><i class="dot c{n % 6}"></i>{escape(label)}</span>' for n, label in enumerate(labels))
    scale = "".join(f'<span style="bottom:{100 * (d + 180) / 360:.1f}%">{d}°</span>' for d in (-90, 0, 90))
    return f'<div class="bearings">{scale}{dots}</div><div class="key">{key}</div>'


def line(series: Sequence[tuple[float, float]], duration: float, top: float, unit: str) -> str:
    """A line chart of (stamp [s], value) from 0 to `top`."""
    if not series:
        return ""
    points = _thin(np.array(series), 600)
    path = " ".join(f"{1000 * t / max(duration, 1e-9):.1f},{100 - 100 * min(v / top, 1.0):.1f}" for t, v in points)
    svg = f'<svg viewBox="0 0 1000 100" preserveAspectRatio="none" aria-hidden="true"><polyline points="{path}"/></svg>'
    return f'<div class="line"><span>{top:g} {escape(unit)}</span>{svg}</div>'


def _thin(series: np.ndarray, count: int) -> Iterator[tuple[float, float]]:
    """At most about `count` points; of each group the highest, so that short contacts stay visible."""
    size = 1 + len(series) // count
    for k in range(0, len(series), size):
        group = series[k : k + size]
        best = group[np.argmax(group[:, 1])]
        yield float(best[0]), float(best[1])

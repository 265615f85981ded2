"""What is printed while an episode runs."""

from __future__ import annotations

import io

from rich.console import Console

from yanshi.agent.episode import Request
from yanshi.agent.fakes import FakePerception, FakePlanner, FakeShield, FakeSkills, FakeSource, FakeTracker
from yanshi.agent.loop import Loop
from yanshi.agent.recording.progress import Progress
from yanshi.contracts import SkillCall, Status, Subtask
from yanshi.goals import Fact, Goal

PICK = SkillCall("pick", ("mug",))


def printed(*, terminal: bool) -> str:
    source = FakeSource()
    out = io.StringIO()
    loop = Loop(
        source=source,
        perception=FakePerception(source),
        tracker=FakeTracker(),
        planner=FakePlanner([[Subtask(call=PICK)]]),
        skills=FakeSkills(source, {PICK: {Fact("holding", ("mug",)): True}}, {PICK: [Status.FAILED]}),
        shield=FakeShield(),
        subscribers=[Progress(Console(file=out, force_terminal=terminal, width=100))],
    )
    loop.run([Request(text="take [bold]the mug", goal=Goal.parse("holding(mug)"))])
    return out.getvalue()


def test_without_a_terminal_there_is_a_plain_line_for_each_event() -> None:
    assert [line.strip() for line in printed(terminal=False).splitlines()] == [
        "“take [bold]the mug” means holding(mug)",
        "0:00 → pick(mug)",
        "0:00 ✗ pick(mug): as told",
        "0:00 ↻ pick(mug)",
        "0:00 ✓ pick(mug)",
    ]


def test_a_terminal_is_left_as_it_was() -> None:
    text = printed(terminal=True)
    assert "pick(mug)" in text
    assert text.rindex("\x1b[?25h") > text.rindex("\x1b[?25l")  # the cursor is shown again

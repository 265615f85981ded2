"""Say and ask: words for whoever is there. The words are the step's note; who shows or speaks them is not the
skill's concern.
"""

from __future__ import annotations

from yanshi.agent.skills.script import Command, Script, Situation

__all__ = ["ask", "say"]

_LETTER = 0.06
"""Seconds that a letter takes to say."""


def say(now: Situation, *words: str) -> Script:
    """Say something; takes about as long as it takes to say it."""
    text = " ".join(words)
    start = now.time
    while now.time - start < min(6.0, 0.4 + _LETTER * len(text)):
        yield Command(phase=f"say: {text}")
    return f"I said: {text}"


def ask(now: Situation, *words: str) -> Script:
    """Ask something. The answer, if one comes, is heard by perception and not by this skill."""
    text = " ".join(words)
    start = now.time
    while now.time - start < min(6.0, 0.4 + _LETTER * len(text)):
        yield Command(phase=f"ask: {text}")
    return f"I asked: {text}"

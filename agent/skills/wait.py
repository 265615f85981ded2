"""Wait for: stand still until a thing is seen, heard or as it should be, or for a while."""

from __future__ import annotations

from yanshi.agent.skills.script import Command, GiveUpError, Script, Situation

__all__ = ["wait_for"]

_PATIENCE = 20.0
"""[s]."""


def wait_for(now: Situation, *words: str) -> Script:
    """Wait until something is the case.

    Args:
        now: the situation.
        words: nothing (two seconds), a number of seconds, the name of a thing (until it is seen or heard), or a
        predicate and its
            arguments, e.g. ``lit kitchen``; ``not`` before a predicate waits for its end.

    Raises:
        GiveUpError: it did not come about in time.
    """
    start = now.time
    seconds = _seconds(words)
    while now.time - start < (_PATIENCE if seconds is None else seconds):
        if seconds is None and _came_about(now, words, start):
            return f"{' '.join(words)}: so it is."
        yield Command(phase="wait")
    if seconds is not None:
        return f"I waited {seconds:g} s."
    raise GiveUpError(f"I waited {_PATIENCE:g} s for '{' '.join(words)}' in vain.")


def _seconds(words: tuple[str, ...]) -> float | None:
    if not words:
        return 2.0
    if len(words) == 1 and words[0].replace(".", "", 1).isdigit():
        return min(float(words[0]), 60.0)
    return None


def _came_about(now: Situation, words: tuple[str, ...], since: float) -> bool:
    if words[0] == "not":
        return not now.true(words[1], *words[2:]) if len(words) > 1 else False
    if len(words) > 1:
        return now.true(words[0], *words[1:])
    name = words[0]
    entity = now.belief.entities.get(name)
    seen = entity is not None and entity.last_seen is not None and entity.last_seen >= since
    heard = any(sound.track == name or sound.label == name for sound in now.belief.sounds)
    return seen or heard

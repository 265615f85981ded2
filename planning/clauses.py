"""Splits an instruction into the clauses that ask for something, and strips politeness from them."""

from __future__ import annotations

import re

from yanshi.planning.words import VERBS

_OPENINGS = (
    "please", "hey", "hi", "hello", "ok", "okay", "now", "so", "well", "first", "robot", "yanshi", "kindly", "just",
    "finally", "next", "afterwards", "after that", "then", "and", "also", "would you mind", "do you mind", "go and",
    "let us", "let s", "try to", "i d like you to", "i would be glad if you", "your task is to", "your job is to",
    r"(?:could|can|would|will) you(?: please| kindly)?", "i (?:want|need|would like|ask) you to",
    "you (?:should|must|can|have to|need to)", "make sure (?:that )?(?:you |to )?", "be so kind (?:as )?to",
    "i (?:want|need|would like|d like)(?! it| them)",
)  # fmt: skip
_CLOSINGS = (
    "please", "now", "for me", "thanks", "thank you", "when you can", "right now", "quickly", "carefully", "at once",
    "if you can", "if you please", "immediately", "as well", "too", "again", "without (?:any )?light", "will you",
    "would you", "in front of you", "in the dark", "right away", "gently", "if you could", "as soon as you can",
    r"(?:although|though|even though|because|since|while|as) (?:it|there|the lights?) (?:is|are) \w+",
)  # fmt: skip
_POLITE = re.compile(rf"^(?:(?:{'|'.join(_OPENINGS)})\b[ ,]*)+")
_TAIL = re.compile(rf"(?:[ ,]*\b(?:{'|'.join(_CLOSINGS)}))+$")
_STATEMENT = re.compile(r"^(?:it|there|this|that) (?:is|s|are) (?:(?:so|too|very|quite) )?\w+(?: in here| here| now)?$")
_BREAK = re.compile(r"\s*(?:[;.!?:]|\bafter that\b|\bafterwards\b|\band then\b|\bthen\b|,\s*and\b|,|\band\b)\s*")
_MARKS = re.compile(r"[a-z0-9]+|[,;.!?:]")
_REFUSAL = re.compile(r"^(?:do not|don t|never|please do not|please don t|stop \w+ing)\b")
_QUESTION = re.compile(r"^(?:is|are|was|does|did|has|have|what|how|why|who|when)\b")
_GERUND = re.compile(r"^([a-z]+)ing$")


def split_clauses(instruction: str) -> list[str]:
    """The clauses of an instruction that ask for something, without politeness.

    ``Please put the red, round one in the sink and then close the drawer`` gives two: *and* and commas part clauses
    only before a verb.
    """
    text = _strip(" ".join(_MARKS.findall(plain(instruction))))
    pieces: list[str] = []
    start = 0
    for match in _BREAK.finditer(text):
        if match.start() < start:
            continue
        rest = _strip(text[match.end() :])
        hard = match.group().strip() in (";", ".", "!", "?", ":") or _STATEMENT.match(rest)
        if hard or (rest.split() and rest.split()[0] in VERBS and not _is_noun(rest)):
            pieces.append(text[start : match.start()])
            start = match.end()
    pieces.append(text[start:])
    stripped = [_strip(piece) for piece in pieces]
    return [piece for piece in stripped if piece and not _STATEMENT.match(piece)]


def plain(text: str) -> str:
    """Lower case, with spaces for the marks inside words."""
    return text.lower().replace("_", " ").replace("'", " ").replace("’", " ").replace("-", " ")


def no_request(instruction: str) -> str | None:
    """Why an instruction is no goal to be reached: it forbids or asks something; None if it is one."""
    text = _strip(plain(instruction))
    if _REFUSAL.match(text):
        return "forbids something; only what is to be done is understood"
    if _QUESTION.match(text):
        return "asks a question; only what is to be done is understood"
    return None


def _is_noun(rest: str) -> bool:
    """Whether what follows *and* is a noun that looks like a verb: ``the button and switch``."""
    words = rest.split()
    return len(words) == 1 or (words[0] in ("light", "switch", "place") and words[1] in ("in", "of", "to"))


def _strip(text: str) -> str:
    previous = None
    text = text.strip(" ,.;!?:")
    while text != previous:
        previous = text
        text = _TAIL.sub("", _POLITE.sub("", text)).strip(" ,.;!?:")
    first, _, rest = text.partition(" ")
    gerund = _GERUND.match(first)
    if gerund is not None:
        stem = gerund.group(1)
        for verb in (stem, f"{stem}e", stem[:-1]):
            if verb in VERBS:
                return f"{verb} {rest}".strip()
    return text

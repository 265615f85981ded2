"""Command-line options from a dataclass; what cannot be read becomes one line that says what was expected."""

from __future__ import annotations

import contextlib
import difflib
import io
import re
from collections.abc import Sequence
from dataclasses import fields
from typing import TypeVar

import tyro

from yanshi.errors import InputError

Options = TypeVar("Options")


def parse(options: type[Options], command: str, arguments: Sequence[str]) -> Options:
    """Read `arguments` into the dataclass `options`. Raises: InputError for what does not fit."""
    if {"-h", "--help"} & set(arguments):
        tyro.cli(options, prog=f"yanshi {command}", args=["--help"])
    complaint = io.StringIO()
    try:
        with contextlib.redirect_stderr(complaint), contextlib.redirect_stdout(complaint):
            value, unknown = tyro.cli(options, prog=f"yanshi {command}", args=list(arguments), return_unknown_args=True)
    except SystemExit as error:
        raise InputError(f"{command}: {_one_line(complaint.getvalue())}") from error
    if unknown:
        positional = ("instruction", "suite", "action")
        names = [f"--{n.replace('_', '-')}" for n in _names(options) if n not in positional]
        near = difflib.get_close_matches(unknown[0], names, n=1)
        hint = f" Did you mean '{near[0]}'?" if near else ""
        raise InputError(f"{command}: unknown argument '{unknown[0]}'.{hint} Available: {', '.join(names) or 'none'}.")
    return value


def at_least(command: str, lowest: float, **values: float) -> None:
    """Check numbers that were given as options of the same name. Raises: InputError if one is lower or not finite."""
    for name, value in values.items():
        if not lowest <= value < float("inf"):
            raise InputError(f"{command}: expected --{name} of at least {lowest:g}, got {value:g}.")


def _names(options: type[object]) -> list[str]:
    return [field.name for field in fields(options)]  # type: ignore[arg-type]


def _one_line(text: str) -> str:
    """A framed complaint without its frame, on one line."""
    words = re.sub(r"[│╭╮╰╯─]", " ", text)
    words = " ".join(words.split())
    words = re.split(r"For full helptext|-{4,} Argument helptext", words)[0]
    words = re.split(r"(?:Parsing|Value) error -{4,}|Invalid options", words)[-1]
    return words.strip(" -") or "cannot be read."


def say(text: str) -> None:
    """Print a line now, also when the output is a pipe."""
    print(text, flush=True)

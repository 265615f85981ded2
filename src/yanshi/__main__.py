"""The command line: ``yanshi run|bench|train|tasks|doctor|view``. Each command is loaded only when it is called."""

from __future__ import annotations

import difflib
import importlib
import os
import re
import signal
import sys
from collections.abc import Callable, Sequence

from yanshi import __version__
from yanshi.errors import YanshiError

COMMANDS = {
    "run": "Carry out an instruction; leaves a video, a report and a result.",
    "bench": "Measure success over tasks and seeds, with 95 % intervals.",
    "train": "Learn the contact-rich part of a skill: `yanshi train skill pick`.",
    "tasks": "List the tasks; `yanshi tasks audit` checks that each can be trusted.",
    "doctor": "Say what is installed, what is not and how to install it.",
    "view": "Look at a world.",
}
QUOTED = 160
"""Characters of a wrong word that are shown."""
HELP = """\
yanshi {version}: embodied agents that people can run, trust and change.

Usage: yanshi [--load FILE] COMMAND [OPTIONS]        yanshi COMMAND --help says more

{commands}

--load FILE reads a Python file of yours first; it may register worlds, tasks, objects, senses and robots.

Try:   yanshi run "put the red mug in the sink" --world home --seed 1
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status: 0 done, 1 not achieved, 2 bad input, 130 interrupted."""
    if arguments is None:
        signal.signal(signal.SIGTERM, signal.default_int_handler)  # being told to end is an interruption like Ctrl-C
        # With another number of threads sums end in other bits, and an episode goes otherwise. One is faster here, too.
        os.environ.setdefault("OMP_NUM_THREADS", "1")
    given = list(sys.argv[1:] if arguments is None else arguments)
    if not given or given[0] in ("-h", "--help", "help"):
        lines = "\n".join(f"  {name:<8} {text}" for name, text in COMMANDS.items())
        print(HELP.format(version=__version__, commands=lines), end="")
        return 0
    if given[0] in ("-V", "--version", "version"):
        print(f"yanshi {__version__}")
        return 0
    try:
        files, rest = _extensions(given)
        return _command(rest[0], files)(rest[1:])
    except YanshiError as error:
        return _complain(" ".join(str(error).split()))
    except KeyboardInterrupt:
        print("yanshi: interrupted.", file=sys.stderr)
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def _extensions(given: list[str]) -> tuple[list[str], list[str]]:
    """The files of every leading ``--load FILE``, and the arguments after them."""
    files: list[str] = []
    while given and given[0] == "--load":
        files += given[1:2]
        given = given[2:]
    if not given:
        raise YanshiError(f"Expected a command after --load FILE. Available: {', '.join(COMMANDS)}.")
    return files, given


def _command(name: str, files: Sequence[str]) -> Callable[[Sequence[str]], int]:
    if name not in COMMANDS:
        near = difflib.get_close_matches(name, COMMANDS, n=1)
        hint = f" Did you mean '{near[0]}'?" if near else ""
        raise YanshiError(f"Unknown command '{name}'.{hint} Available: {', '.join(COMMANDS)}.")
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    os.environ.setdefault("GOMP_SPINCOUNT", "0")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    if sys.platform == "linux" and name != "view":
        os.environ.setdefault("MUJOCO_GL", "egl")
    if files:
        from yanshi.agent.extensions import load_extensions, remember_extensions

        remember_extensions(files)
        load_extensions()
    module = importlib.import_module(f"yanshi.agent.commands.{name}")
    command: Callable[[Sequence[str]], int] = module.main
    return command


def _quoted(match: re.Match[str]) -> str:
    """What was given, cut short where it is a whole book."""
    return match[0] if len(match[1]) <= QUOTED else f"'{match[1][:QUOTED]}…'"


def _complain(message: str) -> int:
    words = re.sub(r"'([^']*)'", _quoted, message)
    print(f"yanshi: {words}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())

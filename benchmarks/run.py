"""Runs every benchmark and writes `benchmarks/README.md` from what they print: `make bench`.

Each script of this folder can be run alone; it prints Markdown with medians and spread, each figure beside its peer of
the same run. Nothing in the README is written by hand.

Usage: python benchmarks/run.py [NAME ...]    (all of them by default; the sections of the others are kept)
"""

from __future__ import annotations

import datetime
import os
import platform
import re
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).parent
NAMES = (
    "physics", "environments", "senses", "lidar", "audio", "hearing", "sounding", "seeing", "perceiving",
    "understanding", "language", "speech", "ablation", "loop", "decoding", "fetch", "going", "shield", "agents",
)  # fmt: skip
HEAD = """# Numbers

Made by `make bench` (one section alone: `python benchmarks/run.py NAME`). Times are of one machine and vary with what
else it does; read the ratios, each of which compares two things in the same run. Spread is min … max over the rounds.
"""


def cpu_name() -> str:
    """The processor's own name, where the system tells it."""
    info = Path("/proc/cpuinfo")
    match = re.search(r"model name\s*:\s*(.+)", info.read_text()) if info.exists() else None
    return match.group(1) if match else platform.processor() or platform.machine()


def run(name: str) -> str:
    """One script's output under its heading, with the command, the day and how long it took."""
    started = time.perf_counter()
    result = subprocess.run(
        [sys.executable, str(HERE / f"{name}.py")],
        env={"MUJOCO_GL": "egl", **os.environ, "OMP_WAIT_POLICY": "passive", "GOMP_SPINCOUNT": "0"},
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode:
        sys.exit(f"benchmarks/{name}.py failed:\n{result.stderr[-3000:]}")
    took = time.perf_counter() - started
    where = f"{os.cpu_count()} cores, {cpu_name()}, Python {platform.python_version()}"
    stamp = f"`python benchmarks/{name}.py`, {datetime.date.today()}, {where}, {took:.0f} s"
    return f"## {name.capitalize()}\n\n{stamp}\n\n{result.stdout.strip()}\n"


def sections(text: str) -> dict[str, str]:
    """The sections that an existing README holds, by name."""
    parts = re.split(r"(?m)^(?=## )", text)[1:]
    return {part[3:].split("\n", 1)[0].strip().lower(): part.strip() + "\n" for part in parts}


def main() -> None:
    """Runs the scripts that are named, and writes the page after each, so that nothing done is lost."""
    wanted = sys.argv[1:] or list(NAMES)
    unknown = set(wanted) - set(NAMES)
    if unknown:
        sys.exit(f"Unknown benchmark: {', '.join(sorted(unknown))}. Available: {', '.join(NAMES)}.")
    page = HERE / "README.md"
    done = sections(page.read_text()) if page.exists() else {}
    for name in wanted:
        print(f"{name} …", flush=True)
        done[name] = run(name)
        temporary = page.with_suffix(".tmp")
        others = [n for n in done if n not in NAMES]  # written by hand, by scripts that need what was trained
        temporary.write_text(HEAD + "\n" + "\n".join(done[n] for n in (*NAMES, *others) if n in done))
        temporary.replace(page)


if __name__ == "__main__":
    main()

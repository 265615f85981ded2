"""Every numbered example runs, is short, and says something."""

import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = sorted((Path(__file__).parents[1] / "examples").glob("[0-9]*.py"))


@pytest.mark.slow
@pytest.mark.parametrize("path", EXAMPLES, ids=lambda p: p.stem)
def test_example_runs(path: Path, tmp_path: Path) -> None:
    result = subprocess.run([sys.executable, str(path)], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr[-2000:]
    assert result.stdout.strip()


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda p: p.stem)
def test_a_new_thing_is_short(path: Path) -> None:
    code = [line for line in path.read_text().splitlines() if line.strip()]
    # A new encoder comes with the reader of its sense and with the model that it is put into.
    most = 60 if path.stem == "06_new_encoder" else 40
    assert len(code) <= most, f"{path.name} has {len(code)} lines of code"


def test_a_file_of_ones_own_is_known_to_the_commands() -> None:
    file = str(next(path for path in EXAMPLES if path.stem == "03_new_task"))
    command = [sys.executable, "-m", "yanshi", "--load", file, "tasks"]
    assert "yanshi/ClearLemon-v0" in subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_a_file_that_does_not_exist_is_refused_in_one_line() -> None:
    command = [sys.executable, "-m", "yanshi", "--load", "nowhere.py", "tasks"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 2
    assert result.stderr == "yanshi: --load: expected a Python file, got 'nowhere.py', which does not exist.\n"

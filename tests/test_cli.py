"""The command line as a person meets it: what it prints, how it ends, and what it leaves behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ENVIRONMENT = {**os.environ, "MUJOCO_GL": "egl", "OMP_WAIT_POLICY": "passive", "GOMP_SPINCOUNT": "0", "COLUMNS": "100"}


def yanshi(*arguments: str, seconds: float = 120.0) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "yanshi", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=seconds, env=ENVIRONMENT, check=False)


def test_help_is_there_at_once() -> None:
    times = []
    for _ in range(3):
        began = time.perf_counter()
        result = yanshi("--help")
        times.append(time.perf_counter() - began)
    assert result.returncode == 0
    assert "yanshi run" in result.stdout
    assert min(times) < 0.3


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys; from yanshi.__main__ import main; main(['--help']);"
        "heavy = {'torch', 'mujoco', 'numpy', 'tyro', 'rich', 'gymnasium'} & set(sys.modules); sys.exit(len(heavy))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode == 0


BAD: dict[str, tuple[list[str], str]] = {
    "command": (["rum"], "Did you mean 'run'?"),
    "world": (["run", "go", "--world", "moon"], "Unknown world 'moon'. Available: home, tabletop."),
    "task": (["run", "--task", "Piick"], "Did you mean 'Pick'?"),
    "sense": (["run", "go", "--senses", "rgb,smell"], "Unknown sense 'smell'."),
    "robot": (["run", "go", "--robot", "atlas"], "Available: mobile_panda, panda."),
    "agent": (["run", "go", "--agent", "clever"], "Unknown agent 'clever'."),
    "perception": (
        ["run", "go", "--perception", "psychic"],
        "Unknown perception 'psychic'. Available: learned, oracle.",
    ),
    "weights": (["run", "go", "--perception", "learned", "--weights", "/nowhere"], "yanshi train senses --out DIR"),
    "weights of bench": (["bench", "Pick", "--perception", "learned", "--weights", "/nowhere"], "/nowhere/eye/eye.saf"),
    "planner": (["run", "go", "--planner", "magic"], "Unknown planner 'magic'. Available: search."),
    "option": (["run", "go", "--wrld", "home"], "Did you mean '--world'?"),
    "number": (["run", "go", "--seed", "one"], "one"),
    "seed": (["run", "go", "--seed", "-1"], "expected --seed of at least 0, got -1."),
    "time": (["run", "go", "--seconds", "nan"], "expected --seconds of at least 0.04, got nan."),
    "nothing": (["run"], "expected an instruction"),
    "blank": (["run", "  "], "expected an instruction"),
    "a book": (["run", "x" * 10_000, "--world", "tabletop"], "x…' is like nothing that can be asked for."),
    "goal": (["run", "go", "--goal", "in(red_mug sink)"], "Malformed goal"),
    "goal too few": (["run", "go", "--world", "tabletop", "--goal", "in(table)"], "takes 2 arguments"),
    "goal too deep": (["run", "go", "--goal", "(" * 5000], "at most 50 formulas within one another"),
    "goal unbound": (["run", "go", "--goal", "near(?x)"], "the variable ?x is not bound by an exists."),
    "predicate": (["run", "go", "--world", "tabletop", "--goal", "flies(table)"], "Unknown predicate 'flies'."),
    "suite": (["bench", "everything"], "Unknown suite or task 'everything'."),
    "episodes": (["bench", "Pick", "--episodes", "0"], "expected --episodes of at least 1, got 0."),
    "workers": (["bench", "Pick", "--workers", "-2"], "expected --workers of at least 1, got -2."),
    "first seed": (["bench", "Pick", "--seed", "-1"], "expected --seed of at least 0, got -1."),
    "view": (["view", "--task", "Piick"], "Did you mean 'Pick'?"),
    "training": (["train", "manners"], "expected 'skill', 'senses', 'lm', got 'manners'."),
    "training of more than the senses": (["train", "senses", "pick"], "expected nothing after 'senses', got 'pick'."),
    "time of training": (["train", "senses", "--minutes", "0"], "expected --minutes above 0, got 0.0."),
    "shield": (["run", "go", "--shield", "fall"], "Unknown shield 'fall'. Did you mean 'full'?"),
    "ablation": (["bench", "Pick", "--ablate", "smell"], "Unknown sense 'smell'."),
}


@pytest.mark.parametrize(("arguments", "expected"), BAD.values(), ids=BAD)
def test_bad_input_is_one_line_and_leaves_nothing(arguments: list[str], expected: str, tmp_path: Path) -> None:
    out = [] if arguments == ["rum"] else ["--out", str(tmp_path / "new" / "out")]
    result = yanshi(*arguments, *out)
    assert result.returncode == 2, result.stderr
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1
    assert expected in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_thing_that_does_not_exist(tmp_path: Path) -> None:
    result = yanshi("run", "go", "--goal", "in(unicorn, sink)", "--seed", "1", "--out", str(tmp_path / "out"))
    assert result.returncode == 2
    assert result.stderr.count("\n") == 1
    assert "There is no unicorn in this world." in result.stderr
    assert "red_mug" in result.stderr
    assert not (tmp_path / "out").exists()


def test_a_folder_that_is_a_file(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("mine")
    result = yanshi("run", "go", "--goal", "in(red_mug, sink)", "--out", str(file / "out"))
    assert result.returncode == 2
    assert result.stderr.count("\n") == 1
    assert "is a file" in result.stderr
    assert file.read_text() == "mine"


FIELDS = {
    "instruction", "world", "seed", "goal", "success", "claimed_success", "plan", "thought", "replans", "sim_seconds",
    "wall_seconds", "planner_seconds", "planner", "perception", "senses", "versions",
}  # fmt: skip


@pytest.mark.slow
def test_run_leaves_what_it_promises_and_the_same_seed_gives_the_same(tmp_path: Path) -> None:
    results = []
    for name in ("a", "b"):
        done = yanshi(
            "run", "--task", "Pick", "--agent", "expert", "--seed", "3", "--no-video", "--out", str(tmp_path / name)
        )
        assert done.returncode in (0, 1), done.stderr
        result = json.loads((tmp_path / name / "result.json").read_text())
        assert result.keys() >= FIELDS
        assert done.returncode == (0 if result["success"] else 1)
        results.append({key: value for key, value in result.items() if key not in ("wall_seconds", "planner_seconds")})
        assert (tmp_path / name / "report.html").stat().st_size < 5_000_000
    assert results[0] == results[1]


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["ctrl-c", "told to end"])
def test_an_interruption_leaves_a_valid_video_and_report(number: signal.Signals, tmp_path: Path) -> None:
    import av

    command = [sys.executable, "-m", "yanshi", "run", "--task", "Pick", "--agent", "random", "--seconds", "600"]
    process = subprocess.Popen([*command, "--out", str(tmp_path)], stdout=subprocess.PIPE, text=True, env=ENVIRONMENT)
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline and not (tmp_path / ".episode.mp4.part").exists():
        time.sleep(0.2)
    time.sleep(3.0)
    process.send_signal(number)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Interrupted" in output
    result = json.loads((tmp_path / "result.json").read_text())
    assert result["interrupted"] is True
    assert result["claimed_success"] is False
    assert "Interrupted" in (tmp_path / "report.html").read_text()
    with av.open(str(tmp_path / "episode.mp4")) as container:
        assert sum(1 for _ in container.decode(video=0)) > 25
    assert not list(tmp_path.glob(".*"))


@pytest.mark.slow
def test_a_fault_of_a_part_leaves_a_valid_video_and_report_and_is_shown(tmp_path: Path) -> None:
    import av

    faulty = tmp_path / "faulty.py"
    faulty.write_text(
        "from yanshi.agent.baselines import RandomSkills\n"
        "act, turns = RandomSkills.act, []\n"
        "def wear_out(self, belief, observation):\n"
        "    turns.append(observation.stamp)\n"
        "    if len(turns) > 20:\n"
        "        raise ZeroDivisionError('worn out')\n"
        "    return act(self, belief, observation)\n"
        "RandomSkills.act = wear_out\n"
    )
    out = tmp_path / "out"
    done = yanshi("--load", str(faulty), "run", "--task", "Pick", "--agent", "random", "--out", str(out))
    assert done.returncode not in (0, 2)
    assert "Traceback" in done.stderr
    assert done.stderr.rstrip().endswith("ZeroDivisionError: worn out")
    assert "Ended by an error: ZeroDivisionError: worn out." in done.stdout
    result = json.loads((out / "result.json").read_text())
    assert result["error"] == "ZeroDivisionError: worn out"
    assert (result["success"], result["claimed_success"], result["interrupted"]) == (False, False, False)
    assert result["sim_seconds"] == pytest.approx(0.8)
    assert "Ended by an error: ZeroDivisionError: worn out." in (out / "report.html").read_text()
    with av.open(str(out / "episode.mp4")) as container:
        assert sum(1 for _ in container.decode(video=0)) > 25
    assert not list(out.glob(".*"))

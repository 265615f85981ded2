"""The page is well formed, holds everything itself, and takes words for words."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from yanshi.agent.recording.log import EpisodeLog
from yanshi.agent.recording.pictures import depth_picture, spectrogram, turbo
from yanshi.agent.recording.report import Report
from yanshi.agent.recording.result import Result
from yanshi.goals import Fact

Episode = tuple[EpisodeLog, Result]


@pytest.fixture
def page(episode: Episode) -> str:
    return Report(*episode).page()


def text_of(page: str) -> str:
    return " ".join(" ".join(ElementTree.fromstring(page).itertext()).split())


def test_the_page_is_well_formed(page: str) -> None:
    assert ElementTree.fromstring(page).tag == "html"


def test_words_from_outside_are_escaped(page: str, episode: Episode) -> None:
    assert episode[1].setting.instruction in text_of(page)
    assert "<b>red</b>" not in page


def test_a_script_in_any_text_stays_text(episode: Episode) -> None:
    log, result = episode
    evil = "<script>alert('x')</script>"
    subtasks = tuple(replace(s, note=evil) for s in result.outcome.subtasks)
    outcome = replace(result.outcome, thought=evil, reason=evil, subtasks=subtasks)
    setting = replace(result.setting, instruction=evil, command=evil, versions={evil: evil}, world=evil)
    page = Report(log, replace(result, outcome=outcome, setting=setting)).page()
    assert ElementTree.fromstring(page).findall(".//script") == []


def test_nothing_is_loaded_from_elsewhere(page: str) -> None:
    sources = re.findall(r'\b(?:src|href)="([^"]*)"', page)
    assert sources
    assert all(source.startswith("data:image/") or source == "episode.mp4" for source in sources)
    assert "@import" not in page
    assert "url(" not in page
    assert len(page) < 5_000_000


def test_it_tells_the_whole_story(page: str) -> None:
    text = text_of(page)
    for expected in (
        "Achieved, says the oracle", "The agent says it is done", "oracle perception", "pick red mug", "0:33–0:41",
        "holding(red_mug) is seen to be false", "So it made a new plan", "something was found",
        "must come into the sink",
        "in(red_mug, sink)", "kitchen", "blue bowl", "ring", "yanshi run", "mujoco", "head depth",
    ):  # fmt: skip
        assert expected in text, expected


@pytest.mark.parametrize(
    ("success", "claimed", "expected"),
    [
        (True, True, "Achieved, says the oracle"),
        (False, True, "Not achieved, says the oracle"),
        (None, False, "No goal to check"),
    ],
)
def test_the_verdict_is_the_oracles(episode: Episode, success: bool | None, claimed: bool, expected: str) -> None:
    log, result = episode
    result = replace(result, success=success, outcome=replace(result.outcome, claimed_success=claimed))
    text = text_of(Report(log, result).page())
    assert expected in text
    assert ("The agent says it is done" in text) == claimed


def test_a_goal_that_was_never_believed_is_shown_all_the_same(episode: Episode) -> None:
    log, result = episode
    log.wanted.add(Fact.parse("on(blue_bowl, counter)"))
    assert "on(blue_bowl, counter)" in text_of(Report(log, result).page())


def test_an_episode_that_never_began_still_makes_a_page(episode: Episode) -> None:
    _, result = episode
    outcome = replace(result.outcome, subtasks=(), interrupted=True)
    text = text_of(Report(EpisodeLog(), replace(result, outcome=outcome)).page())
    assert "Interrupted" in text


def test_an_episode_that_a_fault_ended_says_so(episode: Episode) -> None:
    log, result = episode
    outcome = replace(result.outcome, error="ValueError: <b>", reason="Ended by an error: ValueError: <b>.")
    result = replace(result, outcome=outcome, success=False)
    text = text_of(Report(log, result).page())
    assert "Ended by an error: ValueError: <b>." in text
    assert result.as_json()["error"] == "ValueError: <b>"
    assert episode[1].as_json()["error"] is None


def test_the_result_is_whole_json_without_nan(episode: Episode, tmp_path: Path) -> None:
    _, result = episode
    result.write(tmp_path / "result.json")
    content = json.loads((tmp_path / "result.json").read_text())
    assert content["plan"][2] == {
        "skill": "pick",
        "args": ["red_mug"],
        "status": "failed",
        "started": 33.0,
        "ended": 41.2,
        "note": "holding(red_mug) is seen to be false",
    }
    assert [p.name for p in tmp_path.iterdir()] == ["result.json"]
    with pytest.raises(ValueError, match="JSON compliant"):
        replace(result, progress=float("nan")).write(tmp_path / "result.json")
    assert json.loads((tmp_path / "result.json").read_text()) == content


def test_turbo_agrees_with_matplotlib() -> None:
    matplotlib = pytest.importorskip("matplotlib")
    values = np.linspace(0, 1, 50)
    expected = 255 * matplotlib.colormaps["turbo"](values)[:, :3]
    error = np.abs(turbo(values).astype(float) - expected)
    assert error.mean() < 8
    assert error[2:-2].max() < 22  # the published polynomial is least exact at the ends


def test_depth_that_was_not_measured_is_grey() -> None:
    depth = np.array([[0.5, np.nan, 3.0]], dtype=np.float32)
    picture = depth_picture(depth)
    assert tuple(picture[0, 1]) == (42, 42, 42)
    assert picture[0, 0, 0] > picture[0, 0, 2]  # near is red
    assert picture[0, 2, 2] > picture[0, 2, 0]  # far is blue


def test_a_tone_is_one_bright_line_of_the_spectrogram() -> None:
    time = np.arange(16000) / 16000
    picture = spectrogram(0.1 * np.sin(2 * np.pi * 1000 * time), 16000, columns=50, rows=160).astype(int).sum(axis=2)
    row = int(picture[:, 25].argmax())
    frequency = np.geomspace(100, 8000, 160)[::-1][row]
    assert frequency == pytest.approx(1000, rel=0.05)
    assert picture[row].min() > 2 * np.median(picture)

"""Words that are played in a world arrive at the robot's microphones from where they are said."""

import numpy as np
import pytest

from yanshi.__main__ import main
from yanshi.agent.spoken import LEAD, LEVEL, Recording, as_loud_as_speech, record, understand
from yanshi.contracts import Array
from yanshi.envs.worlds import world
from yanshi.perception.hearing.steered import srp_phat
from yanshi.perception.speech.recogniser import Transcript


def test_what_is_said_is_heard_after_its_way_and_from_in_front() -> None:
    rng = np.random.default_rng(0)
    rate = 16_000
    words = 0.1 * rng.standard_normal(rate // 2)
    heard = record(world("tabletop", 1), words)
    assert heard.audio.shape == (round((LEAD + 0.5 + 0.3) * rate), 4)
    assert heard.microphones_s is not None
    loud = np.sqrt(np.mean(heard.audio.astype(float) ** 2, axis=1))
    level = np.convolve(loud, np.ones(160) / 160, mode="same")
    begins = int(np.argmax(level > 0.5 * level.max())) / rate
    assert LEAD < begins < LEAD + 0.03
    assert level[: round(0.3 * rate)].max() < 0.1 * level.max()
    part = heard.audio[round((LEAD + 0.05) * rate) : round((LEAD + 0.45) * rate)]
    assert srp_phat(part, rate, heard.microphones_s).score > 0.3
    noisy = heard.with_noise(10.0)
    added = np.mean((noisy.audio - heard.audio).astype(float) ** 2)
    assert 10 * np.log10(np.mean(heard.audio.astype(float) ** 2) / added) == pytest.approx(10.0, abs=0.2)


def test_words_are_as_loud_as_speech() -> None:
    tone = np.sin(np.arange(16_000) * 0.3)
    played = as_loud_as_speech(np.concatenate([np.zeros(8_000), tone]), 16_000.0)
    level = 20.0 * np.log10(np.sqrt(np.mean(played[8_000:] ** 2)) / 2e-5)
    assert level == pytest.approx(LEVEL, abs=1.0)


def test_any_recogniser_can_take_the_place() -> None:
    class Lengths:
        def transcribe(self, sound: Array, rate: float) -> Transcript:
            return Transcript(f"{len(sound) / rate:.1f}", 1.0)

    recording = Recording(np.random.default_rng(0).standard_normal((16_000, 4)).astype(np.float32), 16_000.0, None)
    assert understand(recording, Lengths()).text == "1.0"


def test_run_refuses_what_cannot_be_played(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "--say", "/nowhere/words.wav", "--world", "tabletop"]) == 2
    assert capsys.readouterr().err.strip() == "yanshi: /nowhere/words.wav: cannot be read (No such file or directory)."
    assert main(["run", "pick up the mug", "--say", "/nowhere/words.wav", "--world", "tabletop"]) == 2
    assert "got both" in capsys.readouterr().err

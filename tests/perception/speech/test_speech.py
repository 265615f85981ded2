"""WAV files, the beam, the grammar, and (with a voice and a recogniser at hand) what is understood."""

import importlib.util
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from scipy.io import wavfile

from yanshi.contracts import Array
from yanshi.errors import InputError, NotUnderstoodError, SenseError
from yanshi.perception.speech.beamformer import beamform, best_channel
from yanshi.perception.speech.grammar import CommandWords, jsgf
from yanshi.perception.speech.recogniser import CommandRecogniser, WhisperDictation
from yanshi.perception.speech.wav import read_wav

RATE = 16_000
ARRAY = np.array([[0.04, 0.04, 0.0], [-0.04, 0.04, 0.0], [0.04, -0.04, 0.0], [0.0, 0.0, 0.06]])
WORDS = CommandWords(
    objects=("mug", "milk_carton", "cube"), places=("sink", "coffee_table", "cabinet", "door"),
    adjectives=("red", "blue"), rooms=("kitchen",), sounds=("ringing",),
)  # fmt: skip
needs_recogniser = pytest.mark.skipif(
    importlib.util.find_spec("pocketsphinx") is None, reason="pocketsphinx is not installed"
)
needs_voice = pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="espeak-ng is not installed")


@pytest.mark.parametrize("dtype", ["int16", "int32", "uint8", "float32"])
def test_wav_files_of_any_kind_are_one_channel_at_the_rate_that_is_asked_for(tmp_path: Path, dtype: str) -> None:
    t = np.arange(22_050) / 22_050
    tone = 0.5 * np.sin(2 * np.pi * 440.0 * t)
    stereo = np.column_stack([tone, tone])
    scaled = {"int16": stereo * 32767, "int32": stereo * (2**31 - 1), "uint8": 128 + stereo * 127, "float32": stereo}
    wavfile.write(tmp_path / "tone.wav", 22_050, np.asarray(scaled[dtype]).astype(dtype))
    sound = read_wav(tmp_path / "tone.wav")
    assert len(sound) == RATE
    expected = 0.5 * np.sin(2 * np.pi * 440.0 * np.arange(RATE) / RATE)
    assert sound[500:-500] == pytest.approx(expected[500:-500], abs=0.02)


def test_files_that_hold_no_words_are_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "text.wav").write_text("these are not the words you are looking for")
    wavfile.write(tmp_path / "silent.wav", RATE, np.zeros(RATE, dtype=np.int16))
    wavfile.write(tmp_path / "long.wav", 100, np.full(4000, 0.1, dtype=np.float32))
    wavfile.write(tmp_path / "nan.wav", RATE, np.full(100, np.nan, dtype=np.float32))
    for name, text in (
        ("nowhere.wav", "cannot be read"), ("text.wav", "expected a WAV file"), ("silent.wav", "got silence"),
        ("long.wav", "expected at most 30 s, got 40 s"), ("nan.wav", "got NaN"), (".", "cannot be read"),
    ):  # fmt: skip
        with pytest.raises(InputError, match=text) as error:
            read_wav(tmp_path / name)
        assert "\n" not in str(error.value)


def test_a_beam_adds_up_what_comes_from_one_direction_and_not_the_noise() -> None:
    rng = np.random.default_rng(0)
    towards = np.array([0.6, -0.8, 0.0])
    frequency = np.fft.rfftfreq(RATE, 1.0 / RATE)
    sound = np.fft.irfft(np.fft.rfft(rng.standard_normal(RATE)) / (1.0 + frequency / 800.0), RATE)
    sound /= sound.std()
    early = np.exp(2j * np.pi * frequency[:, None] * (ARRAY @ towards / 343.0))
    clean = np.fft.irfft(np.fft.rfft(sound)[:, None] * early, RATE, axis=0)
    noise = 0.7 * rng.standard_normal(clean.shape)

    def error(x: Array) -> float:
        part = slice(200, -200)
        return float(10.0 * np.log10(np.mean((x[part] - sound[part]) ** 2)))

    assert error(beamform(clean + noise, RATE, ARRAY)) < error(clean[:, 3] + noise[:, 3]) - 4.0
    quiet = np.column_stack([0.01 * sound, sound]) + 0.05 * rng.standard_normal((RATE, 2))
    quiet[: RATE // 2] = 0.05 * rng.standard_normal((RATE // 2, 2))
    assert np.array_equal(best_channel(quiet, RATE), quiet[:, 1])
    with pytest.raises(SenseError, match="expected 4 channels, got 3"):
        beamform(clean[:, :3], RATE, ARRAY)
    with pytest.raises(SenseError, match="NaN"):
        beamform(np.full((RATE, 4), np.nan), RATE, ARRAY)


def test_the_grammar_has_the_words_of_the_domain_and_only_rules_that_exist() -> None:
    import re

    for words in (WORDS, CommandWords(objects=("mug",)), CommandWords(objects=("mug",), places=("door",))):
        text = jsgf(words)
        made = set(re.findall(r"<(\w+)>\s*=", text))
        assert set(re.findall(r"<(\w+)>", text)) <= made
        assert len(re.findall(r"^(?:public )?<\w+> =", text, re.M)) == len(made), "a rule is defined twice"
    assert "milk carton" in jsgf(WORDS)
    assert "sink" not in jsgf(CommandWords(objects=("mug",)))
    with pytest.raises(InputError, match="at least one kind of object"):
        CommandWords(objects=())


def test_dictation_without_a_model_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="expected a folder with a Whisper model"):
        WhisperDictation(tmp_path)


@needs_recogniser
def test_the_recogniser_refuses_what_holds_no_words() -> None:
    recogniser = CommandRecogniser(WORDS)
    assert recogniser.unsayable == ()
    with pytest.raises(NotUnderstoodError, match="silence"):
        recogniser.transcribe(np.zeros(RATE), RATE)
    with pytest.raises(SenseError, match="expected 16000 Hz, got 8000 Hz"):
        recogniser.transcribe(np.ones(RATE), 8000)
    with pytest.raises(SenseError, match="expected finite samples"):
        recogniser.transcribe(np.full(RATE, np.nan), RATE)
    odd = CommandRecogniser(CommandWords(objects=("mug", "xqzzy")))
    assert odd.unsayable == ("xqzzy",)
    assert odd.words.objects == ("mug",)


@needs_recogniser
@needs_voice
@pytest.mark.parametrize(
    "text",
    ["put the red mug in the sink", "open the cabinet door", "take the milk carton and put it on the coffee table"],
)
def test_commands_are_understood(tmp_path: Path, text: str) -> None:
    file = tmp_path / "say.wav"
    subprocess.run(["espeak-ng", "-v", "en-us", "-s", "140", "-w", str(file), text], check=True, timeout=20)
    assert CommandRecogniser(WORDS).transcribe(read_wav(file), RATE).text == text

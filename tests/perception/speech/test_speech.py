"""WAV files, the beam, the grammar, and (with a voice and a recogniser at hand) what is understood."""

import importlib.util
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.io import wavfile

from yanshi.contracts import Array
from yanshi.errors import InputError, NotUnderstoodError, SenseError
from yanshi.perception.speech.beamformer import beamform, best_channel
from yanshi.perception.speech.grammar import CommandWords, Grammar, grammar
from yanshi.perception.speech.language_model import arpa
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
    for words in (WORDS, CommandWords(objects=("mug",)), CommandWords(objects=("mug",), places=("door",))):
        rules = grammar(words).rules
        assert {name for text in rules.values() for name in re.findall(r"<(\w+)>", text)} <= rules.keys()
        said = {word for sentence in grammar(words).sentences(300) for word in sentence.split()}
        assert said <= set(words.words())
    assert "milk carton" in grammar(WORDS).rules["object"]
    assert "sink" not in CommandWords(objects=("mug",)).words()
    with pytest.raises(InputError, match="at least one kind of object"):
        CommandWords(objects=())


def test_rules_are_said_as_their_notation_means() -> None:
    rules = {"command": "[please] (open | close the) <part> | stop", "part": "door | [left] drawer"}
    expected = {
        f"{please}{verb} {part}"
        for please in ("", "please ")
        for verb in ("open", "close the")
        for part in ("door", "drawer", "left drawer")
    } | {"stop"}
    assert set(Grammar(rules).sentences(500)) == expected


def test_most_is_said_about_what_is_known_to_be_there() -> None:
    known = grammar(replace(WORDS, known=("purple mug",)))
    said = list(known.sentences(500))
    known_one, other = (sum(phrase in sentence for sentence in said) for phrase in ("purple mug", "red mug"))
    assert known_one > 3 * other > 0
    assert list(known.sentences(5, seed=1)) == list(known.sentences(5, seed=1))


def test_a_language_model_is_a_distribution_after_every_history() -> None:
    text = arpa(["open the door", "open the drawer", "close the door"], ["open", "the", "mug"])
    log: dict[tuple[str, ...], float] = {}
    back: dict[tuple[str, ...], float] = {}
    for line in text.splitlines():
        match = re.match(r"(-?\d+\.\d+) ((?:[a-z</>]+ ?)+)(-?\d+\.\d+)?$", line)
        if match is not None:
            gram = tuple(match.group(2).split())
            log[gram] = float(match.group(1))
            back[gram] = float(match.group(3) or 0.0)

    def probability(history: tuple[str, ...], word: str) -> float:
        if (*history, word) in log:
            return float(10.0 ** log[(*history, word)])
        return float(10.0 ** back.get(history, 0.0)) * probability(history[1:], word)

    words = [gram[0] for gram in log if len(gram) == 1 and gram[0] != "<s>"]
    for history in ((), ("open",), ("<s>", "open"), ("open", "the"), ("mug",), ("the", "mug")):
        assert sum(probability(history, word) for word in words) == pytest.approx(1.0, abs=1e-3)
    # Witten and Bell by hand: after "the" came two words in three times, and "door" is 2 of 13 words.
    assert probability(("the",), "door") == pytest.approx((2 + 2 * 2 / 15) / 5, abs=1e-3)
    assert f"ngram 1={len(words) + 1}" in text


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
    scene = replace(
        WORDS, known=("red mug", "milk carton"), known_places=("sink", "coffee table", "cabinet", "cabinet door"),
        commands=(("put <thing> (in | on) <place>", "take <thing>"), ("open <place>", "close <place>")),
    )  # fmt: skip
    transcript = CommandRecogniser(scene).transcribe(read_wav(file), RATE)
    guesses = [re.sub(r"\b(that|this|a)\b", "the", guess) for guess in (transcript.text, *transcript.alternatives)]
    assert text in guesses[:3]

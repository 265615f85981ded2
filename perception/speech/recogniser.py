"""Commands from sound, offline: PocketSphinx with trigrams of a grammar. Its acoustic model comes with its package."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Protocol

import numpy as np

from yanshi.contracts import Array
from yanshi.errors import InputError, MissingDependencyError, NotUnderstoodError, SenseError
from yanshi.perception.speech.grammar import CommandWords, grammar
from yanshi.perception.speech.language_model import arpa

RATE = 16_000.0
"""[Hz]"""
PEAK = 0.5
"""To which sound is scaled, full scale 1."""
DITHER = 2.0
"""Deviation of the noise that is added, in steps of 16 bits: digital silence has no logarithm."""
SENTENCES = 12_000
"""Drawn from the grammar to count what follows what."""
GUESSES = 30
"""What else it may have been is listed up to so many guesses."""


@dataclass(frozen=True)
class Transcript:
    """What was understood."""

    text: str
    confidence: float
    """Of the recogniser in its own words, [0, 1]."""
    alternatives: tuple[str, ...] = ()
    """What else it may have been, the likeliest first."""


class Recogniser(Protocol):
    """Makes words of sound."""

    def transcribe(self, sound: Array, rate: float) -> Transcript:
        """The words in one channel (T,) of full scale 1. Raises: NotUnderstoodError where there are none."""


class CommandRecogniser:
    """Hears the commands of a grammar and nothing else.

    Args:
        words: Of the domain. Names that nobody can say (words that are not in the dictionary and not made of two that
            are) are left out and listed in `unsayable`.

    Raises:
        MissingDependencyError: Without PocketSphinx.
    """

    def __init__(self, words: CommandWords) -> None:
        try:
            from pocketsphinx import Decoder
        except ImportError as error:
            raise MissingDependencyError("pocketsphinx", "speech") from error
        self._decoder = Decoder(lm=None, samprate=RATE, loglevel="FATAL")
        unsayable = {word for word in words.words() if not self._learn(word)}
        self.unsayable = tuple(sorted(unsayable))
        self.words = words.keeping(lambda word: word not in unsayable)
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "commands.arpa"
            file.write_text(arpa(grammar(self.words).sentences(SENTENCES), self.words.words()))
            self._decoder.add_lm_file("commands", str(file))
        self._decoder.activate_search("commands")

    def transcribe(self, sound: Array, rate: float) -> Transcript:
        """The command in one channel.

        Args:
            sound: (T,) full scale 1.
            rate: [Hz], 16,000.

        Raises:
            SenseError: The sound cannot be used.
            NotUnderstoodError: No command is in it.
        """
        if rate != RATE:
            raise SenseError(f"Speech: expected {RATE:g} Hz, got {rate:g} Hz; resample it.")
        if sound.ndim != 1 or not len(sound) or not np.isfinite(sound).all():
            raise SenseError(f"Speech: expected finite samples (T,), got {sound.shape}.")
        centred = sound - np.mean(sound)
        peak = float(np.abs(centred).max())
        if peak < 1e-6:
            raise NotUnderstoodError("Expected words, got silence.")
        steps = centred * (PEAK / peak) * 32767.0
        steps += DITHER * np.random.default_rng(0).standard_normal(len(steps))
        self._decoder.start_utt()
        self._decoder.process_raw(np.rint(steps).astype("<i2").tobytes(), no_search=False, full_utt=True)
        self._decoder.end_utt()
        best = self._decoder.hyp()
        if best is None or not best.hypstr.strip():
            raise NotUnderstoodError("I heard no command that I know in what was said; say it again, or write it.")
        text = best.hypstr.strip()
        guesses = (guess.hypstr.strip() for guess in islice(self._decoder.nbest(), GUESSES) if guess is not None)
        confidence = float(np.clip(np.exp(min(best.best_score, 0) / len(steps)), 0.0, 1.0))
        return Transcript(text, confidence, tuple(dict.fromkeys(g for g in guesses if g and g != text)))

    def _learn(self, word: str) -> bool:
        """Whether a word can be said; one that is made of two known words is added."""
        if self._decoder.lookup_word(word) is not None:
            return True
        for cut in range(len(word) - 3, 2, -1):
            first, second = (self._decoder.lookup_word(part) for part in (word[:cut], word[cut:]))
            if first is not None and second is not None:
                self._decoder.add_word(word, f"{first} {second}", False)
                return True
        return False


class WhisperDictation:
    """Free dictation by a Whisper model in a folder of the user's, in the format of Hugging Face.

    Raises:
        InputError: There is no such model.
        MissingDependencyError: Without transformers.
    """

    def __init__(self, folder: Path) -> None:
        if not (folder / "config.json").is_file() or not (folder / "preprocessor_config.json").is_file():
            raise InputError(
                f"{folder}: expected a folder with a Whisper model (config.json, preprocessor_config.json, weights, "
                "tokenizer), as `WhisperProcessor` and `WhisperForConditionalGeneration` save it."
            )
        try:
            from transformers import WhisperForConditionalGeneration, WhisperProcessor
        except ImportError as error:
            raise MissingDependencyError("transformers", "language") from error
        try:
            self._processor = WhisperProcessor.from_pretrained(folder, local_files_only=True)
            self._model = WhisperForConditionalGeneration.from_pretrained(folder, local_files_only=True).eval()
        except (OSError, ValueError, KeyError) as error:
            raise InputError(f"{folder}: expected a Whisper model ({str(error).splitlines()[0]}).") from error

    def transcribe(self, sound: Array, rate: float) -> Transcript:
        """What is said in one channel (T,) at 16 kHz, in whatever words. Raises: SenseError, NotUnderstoodError."""
        if rate != RATE:
            raise SenseError(f"Speech: expected {RATE:g} Hz, got {rate:g} Hz; resample it.")
        inputs = self._processor(np.asarray(sound, dtype=np.float32), sampling_rate=int(rate), return_tensors="pt")
        tokens = self._model.generate(inputs.input_features)
        text = self._processor.batch_decode(tokens, skip_special_tokens=True)[0].strip().lower().rstrip(".!?")
        if not text:
            raise NotUnderstoodError("I heard no words in what was said; say it again, or write it.")
        return Transcript(text, 1.0)

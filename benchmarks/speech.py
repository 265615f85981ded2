"""How often a spoken command is obeyed as if it had been written.

The instructions of the tasks, in wordings that nothing was developed on, are spoken by synthetic voices, played in the
world of the task, and recorded by the microphones of the robot, with white noise added so many dB below the recording.
The grammar is made of what the robot believes after its first look. Right means that the goal which is understood of
what was heard is the goal which is understood of what was written: both are true together in random states. The share
has Wilson's interval; CPU time is that of beam and recogniser, making the grammar (once a scene) is told apart.

Usage: python benchmarks/speech.py [--seeds N] [--first SEED] [--split heldout|train] [--errors]
"""

from __future__ import annotations

import argparse
import itertools
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from understanding import agree, share

from yanshi.agent.assignment import draw_assignment, first_look
from yanshi.agent.specimens import vocabulary
from yanshi.agent.spoken import command_words, heeded, record, understand
from yanshi.agent.wiring import AgentConfig, build_agent, simulate
from yanshi.contracts import Array, WorldState
from yanshi.envs.oracle import Oracle
from yanshi.envs.suites import suite
from yanshi.errors import NotUnderstoodError
from yanshi.goals import Goal
from yanshi.perception.speech.recogniser import CommandRecogniser
from yanshi.perception.speech.wav import read_wav
from yanshi.planning.embedding import MiniLM
from yanshi.planning.referents import resolve
from yanshi.planning.situation import Situation
from yanshi.planning.understanding import RetrievalUnderstanding
from yanshi.planning.words import FIGURES

FIRST = 30_000
NOISE = (35.0, 20.0, 10.0)
"""[dB]"""
VOICES = {
    "espeak-ng en-us, 150 words/min": ("espeak-ng", "-v", "en-us", "-s", "150"),
    "espeak-ng en-us+m3, 180 words/min": ("espeak-ng", "-v", "en-us+m3", "-s", "180"),
    "espeak-ng en-gb+f3, 150 words/min": ("espeak-ng", "-v", "en-gb+f3", "-s", "150"),
    "flite slt": ("flite", "-voice", "slt"),
    "flite rms": ("flite", "-voice", "rms"),
    "flite awb": ("flite", "-voice", "awb"),
}
SPEAK = {"espeak-ng": ("{text}", "-w", "{file}"), "flite": ("-t", "{text}", "-o", "{file}")}


@dataclass
class Count:
    """What came of the commands of a row."""

    right: int = 0
    first: int = 0
    """Right without the other guesses of the recogniser."""
    asked: int = 0
    errors: int = 0
    words: int = 0
    seconds: list[float] = field(default_factory=list)


def said_by(voice: str, text: str) -> Array:
    """(T,) at 16 kHz."""
    program, *how = VOICES[voice]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "say.wav"
        arguments = [part.format(text=text, file=file) for part in SPEAK[program]]
        subprocess.run([program, *how, *arguments], check=True, timeout=60)
        return read_wav(file)


def as_said(text: str) -> str:
    """Words without marks, figures as words."""
    figures = {figure: word for word, figure in FIGURES.items()}
    return " ".join(figures.get(word, word) for word in text.replace(",", "").replace(":", "").split())


def word_errors(said: str, heard: str) -> int:
    """Least number of words to change, add or leave out (Levenshtein)."""
    a, b = said.split(), heard.split()
    row = list(range(len(b) + 1))
    for i, word in enumerate(a, 1):
        last, row[0] = row[0], i
        for j, other in enumerate(b, 1):
            last, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, last + (word != other))
    return row[-1]


class Listener:
    """Understands what is heard in one scene."""

    def __init__(self, reader: RetrievalUnderstanding, belief: WorldState, truth: WorldState) -> None:
        self.reader, self.belief, self.truth = reader, belief, truth

    def goal(self, text: str) -> Goal | None:
        """What is meant, in the true names of the scene."""
        try:
            return resolve(self.reader.understand(text, self.belief).goal, Situation.of(self.truth)).goal
        except NotUnderstoodError:
            return None

    def same(self, text: str, wanted: Goal) -> bool:
        read = self.goal(text)
        names = list(self.truth.entities)
        return read is not None and agree(read, wanted, Situation.of(self.truth), names, np.random.default_rng(0))


def main() -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=6, help="scenes of each task")
    parser.add_argument("--first", type=int, default=FIRST)
    parser.add_argument("--split", choices=("heldout", "train"), default="heldout")
    parser.add_argument("--errors", action="store_true", help="also what was taken for what, at 20 dB")
    options = parser.parse_args()
    if missing := [program for program in SPEAK if shutil.which(program) is None]:
        sys.exit(f"Voices are missing; install them and run this again: sudo apt-get install {' '.join(missing)}")
    reader, known = RetrievalUnderstanding(MiniLM(), vocabulary()), vocabulary()
    rows: dict[tuple[str, float], Count] = defaultdict(Count)
    making: list[float] = []
    unread = 0
    for turn, (seed, (k, task)) in enumerate(itertools.product(range(options.seeds), enumerate(suite("all")))):
        voice = list(VOICES)[(k + seed) % len(VOICES)]
        given = draw_assignment(task, options.first + seed, split=options.split)
        text = given.instructions[seed % len(given.instructions)]
        config = AgentConfig(seed=seed)
        with simulate(given.world, config) as sim:
            listener = Listener(reader, first_look(build_agent(sim, config), sim.observe()), Oracle(sim).state())
        wanted = listener.goal(text)
        if wanted is None:
            unread += 1
            continue
        began = time.process_time()
        recogniser = CommandRecogniser(command_words(known, given.world.floor_plan, listener.belief))
        making.append(time.process_time() - began)
        heard = record(given.world, said_by(voice, text), seed)
        for ratio in NOISE:
            began = time.process_time()
            try:
                transcript = understand(heard.with_noise(ratio, seed), recogniser)
            except NotUnderstoodError:
                transcript = None
            took = time.process_time() - began
            best = heeded(transcript, reader, listener.belief) if transcript else ""
            right = listener.same(best, wanted)
            first = right if transcript and best == transcript.text else False
            for row in ((voice, ratio), ("all", ratio)):
                rows[row].right += right
                rows[row].first += first
                rows[row].asked += 1
                rows[row].errors += word_errors(as_said(text), as_said(best))
                rows[row].words += len(text.split())
                rows[row].seconds.append(took)
            if options.errors and not right and ratio == 20.0:
                print(f"{task}, {voice}: '{text}' was heard as '{best}'", file=sys.stderr, flush=True)
        if options.errors and turn % 23 == 22:
            print({r: (c.right, c.asked) for r, c in rows.items() if r[0] == "all"}, file=sys.stderr, flush=True)
    last = options.first + options.seeds - 1
    print(f"{options.split} wordings of {len(suite('all'))} tasks, seeds {options.first} to {last}; left out because")
    print(f"their written words were not understood: {unread}.\n")
    print("| noise | right goal | by the first guess alone | word errors | CPU s an utterance, median (max) |")
    print("|---:|---:|---:|---:|---:|")
    for ratio in NOISE:
        row = rows["all", ratio]
        cpu = f"{statistics.median(row.seconds):.2f} ({max(row.seconds):.2f})"
        shares = f"{share(row.right, row.asked)} of {row.asked} | {row.first / row.asked:.1%}"
        print(f"| {ratio:.0f} dB | {shares} | {row.errors / row.words:.1%} | {cpu} |")
    print(f"\n| voice | {' | '.join(f'{ratio:.0f} dB' for ratio in NOISE)} | word errors at 20 dB |")
    print(f"|---|{'---:|' * (len(NOISE) + 1)}")
    for voice in VOICES:
        found = [rows[voice, ratio] for ratio in NOISE]
        errors = f"{rows[voice, 20.0].errors / max(rows[voice, 20.0].words, 1):.1%}"
        print(f"| {voice} | {' | '.join(share(c.right, c.asked) for c in found)} | {errors} |")
    print(f"\nMaking the grammar and the recogniser of a scene: {statistics.median(making):.1f} s CPU.")


if __name__ == "__main__":
    main()

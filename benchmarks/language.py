"""What the language model makes of the senses: questions about unseen moments, senses taken away, instructions.

Moments are of layouts that no training saw, wordings are held out from training. Questions are answered from raw
camera, depth, LiDAR, sound and body, and from the things of the moment, told by name and place (with noise like that
of an eye). An answer counts where it is exactly right; directions within 8° of a border and distances within 8 % may
be told either way. Instructions are the tasks' held-out wordings; a goal counts where it agrees with the task's own
in random states (`benchmarks/understanding.py`), beside retrieval on the same instructions.

Usage: python benchmarks/language.py [--moments N] [--instructions N] [--model NAME] [--first LAYOUT]
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from yanshi.agent.assignment import draw_assignment
from yanshi.agent.evaluation.statistics import wilson
from yanshi.agent.language.corpus import Corpus, draw, read
from yanshi.agent.language.lessons import Lessons, held_out
from yanshi.agent.language.questions import Question
from yanshi.agent.language.scoring import Answered, Answering, hallucinations, imagined, shares, unknown
from yanshi.agent.language.understanding import ModelUnderstanding
from yanshi.agent.specimens import vocabulary
from yanshi.envs.oracle import Oracle
from yanshi.envs.simulation import Simulation
from yanshi.envs.suites import suite
from yanshi.errors import NotUnderstoodError
from yanshi.perception.decoding.packed import pack
from yanshi.perception.embodied_lm.model import EmbodiedLM
from yanshi.perception.embodied_lm.processor import EmbodiedProcessor
from yanshi.planning.embedding import MiniLM
from yanshi.planning.referents import resolve
from yanshi.planning.situation import Situation
from yanshi.planning.understanding import RetrievalUnderstanding

sys.path.insert(0, str(Path(__file__).parent))
from understanding import agree

NEEDS = {"sound": "sound", "body": "body", "camera": "camera", "lidar": "lidar", "things": "things"}


def share(right: int, asked: int) -> str:
    """A share with its Wilson interval."""
    if not asked:
        return "–"
    found = wilson(right, asked)
    return f"{100 * found.value:.1f} % ({100 * found.low:.1f} … {100 * found.high:.1f}, n {asked})"


def asked_about(chosen: Sequence[tuple[int, frozenset[str], Question]]) -> dict[int, list[Question]]:
    table: dict[int, list[Question]] = {}
    for moment, _, question in chosen:
        table.setdefault(moment, []).append(question)
    return table


def answers(answering: Answering, table: dict[int, list[Question]], without: str = "") -> list[Answered]:
    found: list[Answered] = []
    for moment, questions in table.items():
        some = [q for q in questions if not without or q.needs == without]
        if some:
            found += answering.ask(moment, some, (without,) if without else ())
    return found


def questions(model: EmbodiedLM, processor: EmbodiedProcessor, corpus: Corpus, count: int) -> None:
    answering = Answering(model, processor, corpus)
    table = asked_about(held_out(Lessons(processor, corpus), count, "heldout", 0))
    began = time.process_time()
    full = answers(answering, table)
    seconds = (time.process_time() - began) / max(len(full), 1)
    kinds, mended = shares(full), shares(full, corrected=True)
    print("| question | needs | exactly right | corrected |\n|---|---|---:|---:|")
    for kind, pair in kinds.items():
        needs = next(a.question.needs for a in full if a.question.kind == kind) or "all"
        print(f"| {kind} | {needs} | {share(*pair)} | {share(*mended[kind])} |")
    right, corrected = sum(a.right for a in full), sum(a.right_corrected for a in full)
    print(f"| **all** | | {share(right, len(full))} | {share(corrected, len(full))} |")
    plain, better = hallucinations(full), hallucinations(full, corrected=True)
    print(f"\nThings that are not there and were said to be: {share(*plain)}; corrected {share(*better)}.")
    plain, better = imagined(full), imagined(full, corrected=True)
    print(f"Things in descriptions that are not in sight: {share(*plain)}; corrected {share(*better)}.")
    print(f"An answer takes {seconds:.2f} CPU s, most of it the reading of what is sensed.\n")
    print("| sense taken away | right with it | right without | says that it cannot tell |\n|---|---:|---:|---:|")
    for sense in NEEDS:
        having = [a for a in full if a.question.needs == sense]
        lacking = answers(answering, table, sense)
        print(
            f"| {sense} | {share(sum(a.right for a in having), len(having))} "
            f"| {share(sum(a.right for a in lacking), len(lacking))} | {share(unknown(lacking), len(lacking))} |"
        )


def instructions(model: EmbodiedLM, processor: EmbodiedProcessor, count: int, first: int) -> None:
    retrieval = RetrievalUnderstanding(MiniLM(), vocabulary())
    readers = {"the model": ModelUnderstanding(model, processor, retrieval), "retrieval": retrieval}
    right = dict.fromkeys(readers, 0)
    seconds: dict[str, list[float]] = {name: [] for name in readers}
    asked = agreeing = 0
    print("\n| task | " + " | ".join(readers) + " |\n|---|" + "---:|" * len(readers))
    for task in suite("all"):
        own, of = dict.fromkeys(readers, 0), 0
        for seed in range(first, first + count):
            given = draw_assignment(task, seed, split="heldout")
            with Simulation(given.world) as sim:
                belief = Oracle(sim).state()
            state, rng = Situation.of(belief), np.random.default_rng(seed)
            for text, goal in zip(given.instructions, given.goals, strict=True):
                wanted = resolve(goal, state).goal
                of += 1
                for name, reader in readers.items():
                    began = time.process_time()
                    try:
                        meaning = reader.understand(text, belief)
                        agreeing += name == "the model" and "made nothing" not in meaning.thought
                        good = agree(resolve(meaning.goal, state).goal, wanted, state, list(belief.entities), rng)
                    except NotUnderstoodError:
                        good = False
                    own[name] += good
                    seconds[name].append(time.process_time() - began)
        for name in readers:
            right[name] += own[name]
        asked += of
        print(f"| {task} | " + " | ".join(share(own[name], of) for name in readers) + " |")
    print("| **all** | " + " | ".join(share(right[name], asked) for name in readers) + " |")
    print(f"\nIn {asked - agreeing} of {asked} the model wrote nothing that can be read, and retrieval had the word.")
    times = ", ".join(f"{name} {statistics.median(took):.2f} s" for name, took in seconds.items())
    print(f"Median CPU time an instruction: {times}.")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--moments", type=int, default=60)
    parser.add_argument("--instructions", type=int, default=5, help="scenes a task")
    parser.add_argument("--model", default="yanshi-small")
    parser.add_argument("--first", type=int, default=10_000, help="seed of the first scene")
    parser.add_argument("--data", type=Path, default=Path("out/language/data"))
    options = parser.parse_args()
    torch.set_num_threads(1)
    model = EmbodiedLM.from_pretrained(options.model, merge=False)
    pack(model.language_model, 4)
    processor = EmbodiedProcessor.from_pretrained(options.model)
    if options.moments:
        shards = -(-options.moments // 60)
        senses = {name: tower.config for name, tower in model.towers.items()}
        draw(options.data, senses, "heldout", shards)  # type: ignore[arg-type]
        questions(model, processor, read(options.data, "heldout", shards), options.moments)
    if options.instructions:
        instructions(model, processor, options.instructions, options.first)


if __name__ == "__main__":
    main()

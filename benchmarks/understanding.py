"""How often an instruction is understood: the goal that retrieval reads against the goal of the task that was worded.

Two goals agree where, with what they describe resolved on the true state of the scene, they are true and false together
in random states of everything that can change. Each scene is new; held-out wordings were never used to develop.

Usage: python benchmarks/understanding.py [INSTRUCTIONS A TASK]
"""

from __future__ import annotations

import statistics
import sys
import time

import numpy as np

from yanshi.agent.assignment import draw_assignment
from yanshi.agent.evaluation.statistics import wilson
from yanshi.agent.specimens import vocabulary
from yanshi.envs.oracle import Oracle
from yanshi.envs.simulation import Simulation
from yanshi.envs.suites import suite
from yanshi.envs.wordings import Split
from yanshi.errors import NotUnderstoodError
from yanshi.goals import Fact, Goal
from yanshi.planning.embedding import MiniLM
from yanshi.planning.referents import resolve
from yanshi.planning.situation import Situation
from yanshi.planning.understanding import RetrievalUnderstanding

STATES = 300
CHANGEABLE = frozenset(
    "on in holding open closed powered near robot_in in_room lit sounding beside".split()  # noqa: SIM905
)
ABSENT = "unicorn helicopter piano violin giraffe submarine saxophone tractor chainsaw cactus".split()  # noqa: SIM905


def agree(first: Goal, second: Goal, state: Situation, names: list[str], rng: np.random.Generator) -> bool:
    """Whether two goals are true together in random states."""
    for _ in range(STATES):
        bias, drawn = rng.uniform(0.2, 0.9), {}

        def true(fact: Fact, bias: float = bias, drawn: dict[Fact, bool] = drawn) -> bool:
            if fact.predicate not in CHANGEABLE:
                return state.true(fact)
            return drawn.setdefault(fact, bool(rng.random() < bias))

        if first.holds(true, names) != second.holds(true, names):
            return False
    return True


def measure(task: str, split: Split, count: int, reader: RetrievalUnderstanding) -> tuple[int, int, list[float]]:
    """Right, asked, and seconds each, over the instructions of `count` scenes."""
    right, asked, seconds = 0, 0, []
    for seed in range(count):
        given = draw_assignment(task, 10_000 + seed, split=split)
        with Simulation(given.world) as sim:
            belief = Oracle(sim).state()
        state, rng = Situation.of(belief), np.random.default_rng(seed)
        for text, goal in zip(given.instructions, given.goals, strict=True):
            began = time.perf_counter()
            try:
                read = resolve(reader.understand(text, belief).goal, state).goal
                right += agree(read, resolve(goal, state).goal, state, list(belief.entities), rng)
            except NotUnderstoodError:
                pass
            seconds.append(time.perf_counter() - began)
            asked += 1
    return right, asked, seconds


def share(right: int, asked: int) -> str:
    """A share with its Wilson interval."""
    found = wilson(right, asked)
    return f"{found.value:.1%} [{found.low:.1%}, {found.high:.1%}]"


def main(count: str = "40") -> None:
    """Prints the table."""
    reader = RetrievalUnderstanding(MiniLM(), vocabulary())
    total: dict[Split, list[int]] = {"train": [0, 0], "heldout": [0, 0]}
    seconds: list[float] = []
    print("| task | train wordings | held-out wordings |\n|---|---:|---:|")
    for task in suite("all"):
        cells = []
        for split in total:
            right, asked, took = measure(task, split, int(count), reader)
            total[split][0] += right
            total[split][1] += asked
            seconds += took
            cells.append(f"{share(right, asked)}")
        print(f"| {task} | {' | '.join(cells)} |")
    print(f"| **all** | {' | '.join(share(*found) for found in total.values())} |")
    given = draw_assignment("HomePick", 0)
    with Simulation(given.world) as sim:
        belief = Oracle(sim).state()
    taken = sum(understood(reader, f"put the {noun} in the sink", belief) for noun in ABSENT)
    print(f"\nOf {len(ABSENT)} requests about a thing that no home has, {taken} were taken for something else.")
    slowest = f"slowest {max(seconds):.1f} s, the first"
    print(f"Median time an instruction: {statistics.median(seconds) * 1000:.0f} ms ({slowest}).")


def understood(reader: RetrievalUnderstanding, text: str, belief: object) -> bool:
    """Whether a goal was read at all."""
    try:
        reader.understand(text, belief)  # type: ignore[arg-type]
    except NotUnderstoodError:
        return False
    return True


if __name__ == "__main__":
    main(*sys.argv[1:])

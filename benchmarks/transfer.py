"""What learning of all senses together costs each of them: negative transfer.

From one beginning (towers taught, tokens aligned) the instruct stage is run several times: jointly, as `yanshi train
lm` does it, and on the questions of one sense alone, once for as many steps, and once until as many tokens of its
answers were learned from as in the joint run. All are asked the same unseen questions in held-out wordings; an
answer counts whose every token is foretold, of what may be said in several ways the first alone.

FOLDER is where `yanshi train lm --stage align --out FOLDER` has left data, towers and alignment. What is done there is
not done again.

Usage: python benchmarks/transfer.py FOLDER [--steps N] [--moments N] [--seed N]
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from itertools import accumulate
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file

from yanshi.agent.evaluation.statistics import paired_difference, wilson
from yanshi.agent.language import corpus
from yanshi.agent.language.balance import GROUPS
from yanshi.agent.language.lessons import Lessons, Row
from yanshi.agent.language.pipeline import ALIGNED
from yanshi.agent.language.scenes import SceneFiles
from yanshi.agent.language.training import Batches, StageTraining, foretold, train_stage
from yanshi.agent.learning.checkpoint import write_bytes
from yanshi.perception.embodied_lm.assemble import from_base
from yanshi.perception.embodied_lm.recipes import small_senses

SENSES = ("things", "sound", "body", "camera", "lidar")
JOINT = "joint"


def lessons_of(folder: Path) -> tuple[Lessons, Lessons]:
    """What is learned from, and what is asked."""
    _, processor = from_base(small_senses())
    data = folder / "data"
    words = json.loads((data / "words.json").read_text())
    found = []
    for split in ("train", "heldout"):
        shards = len(list(data.glob(f"moments-{split}-*.safetensors")))
        scenes = len(list(data.glob(f"scenes-{split}-*.json*")))
        told = SceneFiles(data, split, scenes).read()
        found.append(Lessons(processor, corpus.read(data, split, shards), told, words[split]))
    return found[0], found[1]


def told(lessons: Lessons, config: StageTraining, group: str) -> list[int]:
    """Tokens of a group's answers up to the end of each step."""
    which = GROUPS.index(group)
    batches = Batches(lessons, config)
    return list(accumulate(
        int(((lesson.text.labels != -100) & (lesson.group == which)).sum())
        for lesson in (batches[step] for step in range(config.steps))
    ))  # fmt: skip


def asked(unseen: Lessons, moments: int) -> list[Row]:
    """Moments with questions of every kind."""
    rng = np.random.default_rng(7)
    return [unseen.about_a_moment(rng, "heldout", every=True) for _ in range(moments)]


def right(folder: Path, name: str, config: StageTraining, lessons: Lessons, unseen: Lessons, rows: list[Row]) -> dict[
    str, list[float]
]:  # fmt: skip
    """Train one arm, and ask it: group → 1 for each answer that is right, else 0."""
    file = folder / "transfer" / f"{name}.json"
    if not file.is_file():
        model, _ = from_base(small_senses())
        model.load_state_dict(load_file(folder / ALIGNED), strict=False)
        progress = train_stage(model, lessons, config, file.with_suffix(""), lambda line: print(f"{name}: {line}"))
        only = config.only
        own = [replace(row, said=tuple(s for s in row.said if not only or s.group == only)) for row in rows]
        own = [row for row in own if row.said]
        found: dict[str, list[float]] = {}
        for row, good in zip(own, foretold(model, unseen, own, config), strict=True):
            for said, one in zip(row.said, good, strict=True):
                found.setdefault(said.group, []).append(float(one))
        kept = {"right": found, "steps": progress.step, "cpu_seconds": progress.cpu_seconds}
        write_bytes(file, json.dumps(kept).encode())
    answers: dict[str, list[float]] = json.loads(file.read_text())["right"]
    return answers


def share(values: list[float]) -> str:
    found = wilson(int(sum(values)), len(values))
    return f"{100 * found.value:.1f} % [{100 * found.low:.1f}, {100 * found.high:.1f}]"


def less(joint: list[float], alone: list[float]) -> str:
    found = paired_difference(joint, alone)
    return f"{100 * found.value:+.1f} [{100 * found.low:+.1f}, {100 * found.high:+.1f}]"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--moments", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    torch.set_num_threads(1)
    (options.folder / "transfer").mkdir(exist_ok=True)
    lessons, unseen = lessons_of(options.folder)
    rows = asked(unseen, options.moments)
    base = StageTraining(stage="instruct", steps=options.steps, every=min(50, options.steps), seed=options.seed)
    joint = right(options.folder, JOINT, base, lessons, unseen, rows)
    lines = []
    for sense in SENSES:
        alone = replace(base, only=sense)
        same = right(options.folder, f"{sense}-steps", alone, lessons, unseen, rows)[sense]
        tokens = told(lessons, base, sense)[-1]
        steps = 1 + sum(each < tokens for each in told(lessons, alone, sense)[:-1])
        few = replace(alone, steps=steps, every=steps, warm_up=min(base.warm_up, max(1, steps // 4)))
        equal = right(options.folder, f"{sense}-tokens", few, lessons, unseen, rows)[sense]
        own = joint[sense]
        lines.append(
            f"| {sense} | {len(own)} | {share(own)} | {share(same)} | {less(own, same)} | {tokens} | {steps} "
            f"| {share(equal)} | {less(own, equal)} |"
        )
    head = (
        "sense", "questions", "joint", "alone, as many steps", "joint less that", "its tokens in the joint run",
        "steps alone to as many", "alone, as many tokens", "joint less that",
    )  # fmt: skip
    print(
        f"\n{options.steps} steps of {base.rows} moments or scenes, seed {options.seed}; exactly foretold, with 95 %\n"
        "intervals (Wilson; paired bootstrap for differences, in points).\n\n"
        f"| {' | '.join(head)} |\n|---|{'---:|' * (len(head) - 1)}"
    )
    print("\n".join(lines))


if __name__ == "__main__":
    main()

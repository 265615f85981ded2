"""What learning of all senses together costs each of them: negative transfer.

The shipped model goes on learning, with fresh low-rank updates, for some more steps: jointly, as `yanshi train lm` does
it, and on the questions of one sense alone, for as many steps. Where senses stand in one another's way, a sense that is
left alone wins by it. All are asked the same unseen questions in held-out wordings; an answer counts whose every token
is foretold, of what may be said in several ways the first alone. The model as it is shipped is asked, too.

FOLDER holds the data of `yanshi train lm --stage data --out FOLDER`. What is done there is not done again.

Usage: python benchmarks/transfer.py FOLDER [--steps N] [--moments N] [--seed N]
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from yanshi.agent.evaluation.statistics import paired_difference, wilson
from yanshi.agent.language import corpus
from yanshi.agent.language.lessons import Lessons, Row
from yanshi.agent.language.scenes import SceneFiles
from yanshi.agent.language.training import StageTraining, foretold, train_stage
from yanshi.agent.learning.checkpoint import write_bytes
from yanshi.perception.embodied_lm.model import EmbodiedLM
from yanshi.perception.embodied_lm.processor import EmbodiedProcessor

SENSES = ("things", "sound", "body", "camera", "lidar")
MODEL = "yanshi-small"


def lessons_of(folder: Path) -> tuple[Lessons, Lessons]:
    """What is learned from, and what is asked."""
    processor = EmbodiedProcessor.from_pretrained(MODEL)
    data = folder / "data"
    words = json.loads((data / "words.json").read_text())
    found = []
    for split in ("train", "heldout"):
        shards = len(list(data.glob(f"moments-{split}-*.safetensors")))
        scenes = len(list(data.glob(f"scenes-{split}-*.json*")))
        told = SceneFiles(data, split, scenes).read()
        found.append(Lessons(processor, corpus.read(data, split, shards), told, words[split]))
    return found[0], found[1]


def asked(unseen: Lessons, moments: int) -> list[Row]:
    """Moments with questions of every kind."""
    rng = np.random.default_rng(7)
    return [unseen.about_a_moment(rng, "heldout", every=True) for _ in range(moments)]


Right = dict[str, list[float]]
"""Group of questions → 1 for each answer that is right, else 0."""


def arm(folder: Path, name: str, config: StageTraining, lessons: Lessons, unseen: Lessons, rows: list[Row]) -> Right:
    """Go on with the model in one way, unless there are no steps to go, and ask it."""
    file = folder / "transfer" / f"{name}.json"
    if not file.is_file():
        model = EmbodiedLM.from_pretrained(MODEL)
        if name != "shipped":
            train_stage(model, lessons, config, file.with_suffix(""), lambda line: print(f"{name}: {line}", flush=True))
        only = config.only
        own = [replace(row, said=tuple(s for s in row.said if not only or s.group == only)) for row in rows]
        own = [row for row in own if row.said]
        found: Right = {}
        for row, good in zip(own, foretold(model, unseen, own, config), strict=True):
            for said, one in zip(row.said, good, strict=True):
                found.setdefault(said.group, []).append(float(one))
        write_bytes(file, json.dumps(found).encode())
    answers: Right = json.loads(file.read_text())
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
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--moments", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    torch.set_num_threads(1)
    folder = options.folder
    (folder / "transfer").mkdir(exist_ok=True)
    lessons, unseen = lessons_of(folder)
    rows = asked(unseen, options.moments)
    base = StageTraining(
        stage="instruct", steps=options.steps, every=options.steps, warm_up=max(1, options.steps // 4), lora_rate=2e-4,
        learning_rate=3e-4, seed=options.seed,
    )  # fmt: skip
    shipped, joint = (arm(folder, name, base, lessons, unseen, rows) for name in ("shipped", "joint"))
    print(
        f"{options.steps} steps of {base.rows} moments or scenes, seed {options.seed}; exactly foretold, with 95 %\n"
        "intervals (Wilson; paired bootstrap for differences, in points).\n\n"
        "| sense | questions | shipped | joint | alone | joint less alone |\n|---|---:|---:|---:|---:|---:|"
    )
    for sense in SENSES:
        alone = arm(folder, sense, replace(base, only=sense), lessons, unseen, rows)[sense]
        own = joint[sense]
        cells = (sense, str(len(own)), share(shipped[sense]), share(own), share(alone), less(own, alone))
        print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()

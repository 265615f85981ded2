"""Objects in unseen scenes: what the learned eye finds, beside a colour-and-cluster baseline that knows the map.

Each scene is another layout of the tasks' worlds, held out from training, seen by the head and the wrist camera
(128×128 RGB-D) in one random posture through the senses' own noise. Both are given the same pictures. A thing must be
found from 150 pixels with light and depth on; errors are between centres. Words are phrases that no eye was trained
with.

Usage: python benchmarks/seeing.py [--scenes N] [--weights FILE] [--first SEED] [--no-words]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch

from yanshi.agent.evaluation.statistics import wilson
from yanshi.agent.seeing.pictures import PLAIN, Posture, SeenThing, postures
from yanshi.agent.seeing.scoring import Score
from yanshi.agent.seeing.words import describing
from yanshi.agent.seeing.yardstick import color_clusters
from yanshi.agent.skills.kinematics import Kinematics
from yanshi.contracts import Detection
from yanshi.envs.senses.noise import Pixels, StereoDepth
from yanshi.perception.geometry import planar
from yanshi.perception.grounding.config import SHIPPED
from yanshi.perception.grounding.eye import Eye, EyeOptions
from yanshi.perception.grounding.furniture import FurnitureSight
from yanshi.perception.grounding.views import CameraView
from yanshi.planning.embedding import MiniLM

FIRST = 100_000
"""Layouts from here on; the pictures that training is watched on are of earlier ones."""


@dataclass
class Tally:
    """What one perceiver did in all scenes."""

    score: Score = field(default_factory=Score)
    seconds: list[float] = field(default_factory=list)
    """CPU time for the two pictures of each scene."""
    found: int = 0
    asked: int = 0
    """Phrases, and how many of them found the right thing first."""


def measured(posture: Posture, rng: np.random.Generator) -> list[CameraView]:
    """The pictures as the senses give them."""
    color, depth = Pixels(2.0), StereoDepth(0.002)
    views = []
    for picture in posture.pictures:
        assert picture.view.rgb is not None
        noisy = color(picture.view.rgb, rng), depth(picture.view.depth, rng)
        views.append(replace(picture.view, rgb=noisy[0], depth=noisy[1]))
    return views


def look(
    tally: Tally, see: Callable[[Sequence[CameraView], np.ndarray], list[Detection]], posture: Posture,
    views: Sequence[CameraView],
) -> list[tuple[SeenThing, Detection]]:  # fmt: skip
    """Score each picture on its own; time both together, as they come in a run."""
    base = posture.pictures[0].base_pose_w
    began = time.process_time()
    see(views, base)
    tally.seconds.append(time.process_time() - began)
    pairs = []
    for view, picture in zip(views, posture.pictures, strict=True):
        found = see([view], base)
        eye_w = (planar(base) @ view.T_bc)[:3, 3]
        pairs += [(pair.thing, pair.detection) for pair in tally.score.add(found, picture.things, eye_w)]
    return pairs


def ask(
    tally: Tally, eye: Eye, words: MiniLM, pairs: list[tuple[SeenThing, Detection]], rng: np.random.Generator
) -> None:
    """Ask for each thing in words that no eye was trained with, where they mean it alone."""
    for thing, detection in pairs:
        phrase = describing(rng, thing.label, thing.attributes, "heldout", eye.config)
        fitting = [other for other, _ in pairs if phrase.fits(other.label, other.attributes) > 0.0]
        if len(pairs) < 2 or any(other is not thing for other in fitting):
            continue
        best, _ = eye.find(phrase.words, [d for _, d in pairs], words)[0]
        tally.asked += 1
        tally.found += best is detection


def share(pair: tuple[int, int]) -> str:
    """A share with its interval."""
    good, of = pair
    if not of:
        return "–"
    interval = wilson(good, of)
    return f"{100 * good / of:.1f} % ({100 * interval.low:.1f} … {100 * interval.high:.1f}, n {of})"


def centimetres(errors: np.ndarray) -> str:
    return f"{100 * np.median(errors):.1f} (n {len(errors)})" if len(errors) else "–"


def table(tallies: dict[str, Tally]) -> None:
    rows: list[tuple[str, str, Callable[[Tally], str]]] = [
        ("recall, ≥ 150 px with light and depth", "≥ 95 %", lambda t: share(t.score.recall())),
        ("precision, ≥ 150 px", "≥ 95 %", lambda t: share(t.score.precision())),
        ("kind and colour, ≥ 150 px", "≥ 97 %", lambda t: share(t.score.named())),
        ("median error within 1.2 m [cm]", "≤ 1.5", lambda t: centimetres(t.score.errors(0.0, 1.2))),
        ("median error 3.5 to 4.5 m [cm]", "≤ 6", lambda t: centimetres(t.score.errors(3.5, 4.5))),
        ("CPU time for two pictures, median [ms]", "≤ 100", lambda t: f"{1e3 * np.median(t.seconds):.0f}"),
        ("recall, ≥ 150 px, in the dark and nearer than depth reaches, too", "",
         lambda t: share(t.score.recall(measured=False))),
        ("recall, 40 to 149 px", "", lambda t: share(t.score.recall(40, 150))),
        ("recall, 12 to 39 px", "", lambda t: share(t.score.recall(12, 40))),
        ("precision, all", "", lambda t: share(t.score.precision(0))),
        ("kind and colour, ≥ 150 px with light and depth", "", lambda t: share(t.score.named(measured=True))),
        ("kind and colour, ≥ 150 px with light and depth, not cut off by the edge", "",
         lambda t: share(t.score.named(measured=True, whole=True))),
        *(
            (f"{name}, ≥ 150 px", "", lambda t, name=name: share(t.score.right(name)))
            for name in ("label", "color", "size", "shape", "material", "digit")
        ),
        ("digit, where it is in view, ≥ 80 px", "", lambda t: share(t.score.right("digit", 80, legible=True))),
        ("position error, squared, in deviations (3 is honest)", "",
         lambda t: f"{np.median(t.score.surprise()) / 2.366 * 3:.1f}" if t.score.pairs else "–"),
        ("right thing for unseen words", "", lambda t: share((t.found, t.asked))),
    ]  # fmt: skip
    print("| measure | required | " + " | ".join(tallies) + " |")
    print("|---|---|" + "---:|" * len(tallies))
    for name, required, value in rows:
        print(f"| {name} | {required} | " + " | ".join(value(tally) for tally in tallies.values()) + " |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenes", type=int, default=300)
    parser.add_argument("--weights", type=Path, default=SHIPPED)
    parser.add_argument("--first", type=int, default=FIRST)
    parser.add_argument("--half", action="store_true", help="compute in bfloat16")
    parser.add_argument("--no-words", action="store_true", help="leave out the question by words")
    options = parser.parse_args()
    torch.set_num_threads(1)
    eye = Eye.from_file(options.weights, EyeOptions(half=options.half)) if options.weights.exists() else None
    words = None if options.no_words or eye is None else MiniLM()
    tallies = ({} if eye is None else {"learned": Tally()}) | {"colour and clusters": Tally()}
    parts: list[float] = []
    bodies: dict[str, Kinematics] = {}
    for seed in range(options.first, options.first + options.scenes):
        posture = next(postures(seed, "heldout", PLAIN, bodies))
        rng = np.random.default_rng(seed)
        views = measured(posture, rng)
        if eye is not None:
            pairs = look(tallies["learned"], eye.look, posture, views)
            if words is not None:
                ask(tallies["learned"], eye, words, pairs, rng)
        look(tallies["colour and clusters"], color_clusters(posture.plan).look, posture, views)
        seen = FurnitureSight(posture.plan, posture.shapes).look(views, posture.pictures[0].base_pose_w, {})
        parts += [abs(opening - posture.openings[name]) for name, opening in seen.openings.items()]
    if eye is None:
        print(f"No weights at {options.weights}: the baseline alone.\n")
    print(
        f"{options.scenes} scenes, layouts {options.first} … {options.first + options.scenes - 1}, two pictures each.\n"
    )
    table(tallies)
    if parts:
        within = (sum(error <= 0.1 for error in parts), len(parts))
        print(f"\nDrawers and doors: error of the opening, median {np.median(parts):.3f}; within 0.1: {share(within)}.")


if __name__ == "__main__":
    main()

"""How well is heard: classes, and directions beside SRP-PHAT, on rooms that nothing was trained on.

Directions are those of clips with one source, where the listener is in free field, in the same room, or hears it
through a doorway. Medians have 95 % intervals by bootstrap over clips; shares have Wilson's.

Several networks are measured on the same clips and compared with the first of them, pair by pair.

Usage: python benchmarks/hearing.py [--clips N] [--weights DIR ...]
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from yanshi.agent.evaluation.statistics import paired_difference, wilson
from yanshi.agent.hearing.sounds import ARRAY, CLASSES, HELD_OUT, PLACES, RATE, Clip, clip
from yanshi.agent.hearing.training import window_of
from yanshi.perception.hearing.direction import covariance_of, locate, predictors, tangents
from yanshi.perception.hearing.features import analyse
from yanshi.perception.hearing.listening import find
from yanshi.perception.hearing.steered import srp_phat
from yanshi.perception.hearing.weights import HearingModel, load_hearing

Array = NDArray[np.float64]
FIRST = HELD_OUT + 1_000_000
"""Seed of the first clip: neither training nor calibration has seen it."""


def angle(a: Array, b: Array) -> float:
    return float(np.degrees(np.arccos(np.clip(a @ b, -1.0, 1.0))))


def median(values: list[float], digits: int = 1) -> str:
    if not values:
        return "–"
    rng, x = np.random.default_rng(0), np.array(values)
    drawn = np.median(x[rng.integers(len(x), size=(2000, len(x)))], axis=1)
    low, high = np.quantile(drawn, (0.025, 0.975))
    return f"{np.median(x):.{digits}f} ({low:.{digits}f} … {high:.{digits}f})"


def share(right: int, count: int) -> str:
    interval = wilson(right, count)
    return f"{100 * right / max(count, 1):.1f} ({100 * interval.low:.1f} … {100 * interval.high:.1f})"


def yardstick(clips: int) -> None:
    """Without learning: SRP-PHAT, and the same off the grid with every bin counted alike."""
    print("\nDirection error without learning, one source, degrees, median (95 % interval):\n")
    print("| place | n | SRP-PHAT, grid | off the grid |\n|---|---:|---:|---:|")
    for place in PLACES:
        grid, off = [], []
        for k in range(clips):
            made = clip(FIRST + k, place=place, sources=1)
            c = np.flatnonzero(made.present == 1.0)
            if len(c):
                true = made.directions[c[0]]
                grid.append(angle(srp_phat(made.audio, RATE, ARRAY).direction_s, true))
                analysis, window = analyse(made.audio), window_of(made)
                everything = np.ones_like(analysis.power)
                off.append(angle(locate(analysis, everything, window.baselines_w, window.segment).direction, true))
        print(f"| {place} | {len(grid)} | {median(grid)} | {median(off)} |")


@dataclass
class Tally:
    """What one network did, clip by clip."""

    exact: list[float] = field(default_factory=list)
    """1 where every class of a mixture was told right, else 0."""
    alone: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    """By place: 1 where of one source its class was told and no other."""
    told: dict[str, list[int]] = field(default_factory=lambda: defaultdict(lambda: [0, 0]))
    false: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    errors: dict[str, list[tuple[float, float]]] = field(default_factory=lambda: defaultdict(list))
    """By place: of direction, and that of SRP-PHAT [degrees]."""
    ratios: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    """By place: how many times too far or too near it was heard."""
    squares: list[float] = field(default_factory=list)
    costs: list[float] = field(default_factory=list)

    def mixture(self, model: HearingModel, made: Clip) -> None:
        heard = {found.index for found in find(model, window_of(made))}
        known = np.flatnonzero(np.isfinite(made.present)).tolist()
        self.exact.append(float(all((c in heard) == (made.present[c] == 1.0) for c in known)))
        for c in known:
            if made.present[c] == 1.0:
                self.told[CLASSES[c]][0] += c in heard
                self.told[CLASSES[c]][1] += 1
            else:
                self.false[CLASSES[c]] += c in heard

    def single(self, model: HearingModel, made: Clip, theirs: float) -> None:
        began = time.process_time()
        founds = find(model, window_of(made))
        self.costs.append(time.process_time() - began)
        known = np.flatnonzero(np.isfinite(made.present)).tolist()
        heard = {found.index for found in founds}
        if (made.present == 1.0).any():
            right = all((c in heard) == (made.present[c] == 1.0) for c in known)
            self.alone[made.place].append(float(right))
        for found in founds:
            if made.present[found.index] == 1.0:
                true = made.directions[found.index]
                self.errors[made.place].append((angle(found.estimate.direction, true), theirs))
                self.ratios[made.place].append(
                    float(np.exp(abs(found.log_distance[0] - np.log(made.distance[found.index]))))
                )
                self.squares.append(chi_square(model.variance(found.index, predictors(found.estimate)), found, true))


def learned(clips: int, weights: Sequence[Path | None]) -> None:
    """What the network adds; of several networks each, on the same clips."""
    models = [load_hearing(folder) for folder in weights]
    tallies = [Tally() for _ in models]
    for place in PLACES:
        for k in range(clips):
            mixed, made = clip(FIRST + 500_000 + k, place=place), clip(FIRST + k, place=place, sources=1)
            direction = srp_phat(made.audio, RATE, ARRAY).direction_s
            theirs = [angle(direction, true) for true in made.directions[made.present == 1.0]]
            for model, tally in zip(models, tallies, strict=True):
                tally.mixture(model, mixed)
                tally.single(model, made, theirs[0] if theirs else np.nan)
    for folder, tally in zip(weights, tallies, strict=True):
        print(f"\n{folder or 'shipped'}\n" if len(weights) > 1 else "")
        report(tally)
    for folder, tally in zip(weights[1:], tallies[1:], strict=True):
        less = paired_difference(tally.exact, tallies[0].exact)
        low, high = 100 * less.low, 100 * less.high
        print(
            f"\n{folder}: every class right in {100 * less.value:+.1f} ({low:+.1f} … {high:+.1f}) points more, paired."
        )


def report(tally: Tally) -> None:
    print(
        f"Windows with every class right: {share(int(sum(tally.exact)), len(tally.exact))} % of {len(tally.exact)}, up "
        "to three sources at once.\n"
    )
    print("| class | heard where it is, % | n | heard where it is not |\n|---|---:|---:|---:|")
    for name, (right, count) in sorted(tally.told.items()):
        print(f"| {name} | {share(right, count)} | {count} | {tally.false[name]} |")
    print("\nOne source; direction in degrees, median (95 % interval):\n")
    print("| place | its class and no other, % | n | direction, masks of the network | SRP-PHAT | difference, paired | "
          "distance wrong by a factor of |\n|---|---:|---:|---:|---:|---:|---:|")  # fmt: skip
    for place, pairs in tally.errors.items():
        ours, theirs = [p[0] for p in pairs], [p[1] for p in pairs]
        less = median([a - b for a, b in pairs])
        alone = tally.alone[place]
        print(
            f"| {place} | {share(int(sum(alone)), len(alone))} | {len(alone)} | {median(ours)} | {median(theirs)} | "
            f"{less} | {median(tally.ratios[place], 2)} |"
        )
    every = [right for place in tally.alone.values() for right in place]
    print(
        f"\nOf one source the class and no other, all places: {share(int(sum(every)), len(every))} % of {len(every)}."
    )
    squares = np.array(tally.squares)
    inside = ", ".join(f"{100 * np.mean(squares < -2 * np.log(1 - p)):.0f} for {100 * p:.0f}" for p in (0.5, 0.9, 0.95))
    cost = 1e3 * np.median(tally.costs)
    print(f"Errors inside the ellipse that is promised, %: {inside}. One window: {cost:.1f} ms CPU.")


def chi_square(variance: float, found: object, true: Array) -> float:
    """Squared error in deviations."""
    estimate = found.estimate  # type: ignore[attr-defined]
    covariance = covariance_of(estimate, variance)
    flat = max(float(np.hypot(*estimate.direction[:2])), 0.1)
    along = covariance * np.outer([flat, 1.0], [flat, 1.0])
    across = tangents(estimate.direction) @ true
    size = float(np.linalg.norm(across))
    error = across * (np.radians(angle(estimate.direction, true)) / max(size, 1e-9))
    return float(error @ np.linalg.solve(along, error))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clips", type=int, default=200, help="for each place")
    parser.add_argument("--weights", type=Path, nargs="+", help="folders; without any, the weights that are shipped")
    parser.add_argument("--only", choices=("yardstick", "learned"), help="a part of what is measured on clips")
    options = parser.parse_args()
    torch.set_num_threads(1)
    if options.only != "learned":
        yardstick(options.clips)
    if options.only != "yardstick":
        learned(options.clips, options.weights or [None])


if __name__ == "__main__":
    main()

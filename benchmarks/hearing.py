"""How well is heard: classes, and directions beside SRP-PHAT, on rooms that nothing was trained on.

Directions are those of clips with one source, where the listener is in free field, in the same room, or hears it
through a doorway. Medians have 95 % intervals by bootstrap over clips; shares have Wilson's.

Usage: python benchmarks/hearing.py [--clips N] [--weights DIR]
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from yanshi.agent.evaluation.statistics import wilson
from yanshi.agent.hearing.sounds import ARRAY, CLASSES, HELD_OUT, RATE, clip
from yanshi.agent.hearing.training import window_of
from yanshi.perception.hearing.direction import covariance_of, locate, predictors, tangents
from yanshi.perception.hearing.features import analyse
from yanshi.perception.hearing.listening import find
from yanshi.perception.hearing.steered import srp_phat
from yanshi.perception.hearing.weights import load_hearing

Array = NDArray[np.float64]
FIRST = HELD_OUT + 1_000_000
"""Seed of the first clip: neither training nor calibration has seen it."""


def angle(a: Array, b: Array) -> float:
    return float(np.degrees(np.arccos(np.clip(a @ b, -1.0, 1.0))))


def median(values: list[float]) -> str:
    if not values:
        return "–"
    rng, x = np.random.default_rng(0), np.array(values)
    drawn = np.median(x[rng.integers(len(x), size=(2000, len(x)))], axis=1)
    return f"{np.median(x):.1f} ({np.quantile(drawn, 0.025):.1f} … {np.quantile(drawn, 0.975):.1f})"


def share(right: int, count: int) -> str:
    interval = wilson(right, count)
    return f"{100 * right / max(count, 1):.1f} ({100 * interval.low:.1f} … {100 * interval.high:.1f})"


def yardstick(clips: int) -> None:
    """Without learning: SRP-PHAT, and the same off the grid with every bin counted alike."""
    print("\nDirection error without learning, one source, degrees, median (95 % interval):\n")
    print("| place | n | SRP-PHAT, grid | off the grid |\n|---|---:|---:|---:|")
    for place in ("free", "room", "doorway"):
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


def learned(clips: int, weights: Path | None) -> None:
    """What the network adds."""
    model = load_hearing(weights)
    told: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    errors: dict[str, list[tuple[float, float]]] = defaultdict(list)
    coverage: list[float] = []
    exact = [0, 0]
    costs = []
    for place in ("free", "room", "doorway"):
        for k in range(clips):
            mixed = clip(FIRST + 500_000 + k, place=place)
            heard = {found.index for found in find(model, window_of(mixed))}
            known = np.isfinite(mixed.present)
            right = [(c in heard) == (mixed.present[c] == 1.0) for c in np.flatnonzero(known)]
            exact[0] += all(right)
            exact[1] += 1
            for c in np.flatnonzero(mixed.present == 1.0):
                told[CLASSES[c]][0] += int(c) in heard
                told[CLASSES[c]][1] += 1
            made = clip(FIRST + k, place=place, sources=1)
            began = time.process_time()
            founds = find(model, window_of(made))
            costs.append(time.process_time() - began)
            for found in founds:
                if made.present[found.index] == 1.0:
                    true = made.directions[found.index]
                    theirs = angle(srp_phat(made.audio, RATE, ARRAY).direction_s, true)
                    errors[place].append((angle(found.estimate.direction, true), theirs))
                    coverage.append(chi_square(model.variance(found.index, predictors(found.estimate)), found, true))
    print(f"\nWindows with every class right: {share(*exact)} % of {exact[1]}, up to three sources at once.\n")
    print("| class | heard where it is, % | n |\n|---|---:|---:|")
    for name, (right, count) in sorted(told.items()):
        print(f"| {name} | {share(right, count)} | {count} |")
    print("\nDirection error of the class that was heard, degrees, median (95 % interval):\n")
    print("| place | n | masks of the network | SRP-PHAT | difference, paired |\n|---|---:|---:|---:|---:|")
    for place, pairs in errors.items():
        ours, theirs = [p[0] for p in pairs], [p[1] for p in pairs]
        less = median([a - b for a, b in pairs])
        print(f"| {place} | {len(pairs)} | {median(ours)} | {median(theirs)} | {less} |")
    squares = np.array(coverage)
    inside = ", ".join(f"{100 * np.mean(squares < -2 * np.log(1 - p)):.0f} for {100 * p:.0f}" for p in (0.5, 0.9, 0.95))
    print(
        f"\nErrors inside the ellipse that is promised, %: {inside}. One window: {1e3 * np.median(costs):.1f} ms CPU."
    )


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
    parser.add_argument("--weights", type=Path, help="a folder; without it, the weights that are shipped")
    parser.add_argument("--only", choices=("yardstick", "learned"), help="a part of what is measured on clips")
    options = parser.parse_args()
    if options.only != "learned":
        yardstick(options.clips)
    if options.only != "yardstick":
        learned(options.clips, options.weights)


if __name__ == "__main__":
    main()

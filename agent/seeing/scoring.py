"""How well objects are found: detections against the truth, in the terms of the benchmark."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from yanshi.agent.seeing.pictures import SeenThing
from yanshi.contracts import Detection

VISIBLE = 150
"""Pixels from which an object must be found."""
LEGIBLE = 6
"""Pixels of ink from which what is written can be read."""
COUNTED = 12
"""Objects with fewer pixels need not be found, but finding them is no mistake."""
GATE, GATE_SHARE = 0.05, 0.05
"""A detection is of a thing when their centres are within this [m], this share of the distance and half its size of
each other, …"""
GATE_SIZE = 0.15
"""… of which at most this counts [m]."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A thing and the detection of it."""

    thing: SeenThing
    detection: Detection
    distance: float
    """Of the thing from the camera [m]."""

    @property
    def error(self) -> float:
        """Between the centres [m]."""
        return float(np.linalg.norm(self.detection.position_w - self.thing.position_w))


@dataclass
class Score:
    """Counts over many pictures."""

    pairs: list[Pair] = field(default_factory=list)
    missed: list[tuple[SeenThing, float]] = field(default_factory=list)
    """Things of at least `COUNTED` pixels that were not found, and their distances [m]."""
    false: list[Detection] = field(default_factory=list)
    """Detections of nothing."""

    def add(self, detections: Sequence[Detection], things: Sequence[SeenThing], camera_w: np.ndarray) -> list[Pair]:
        """Take one picture in; nearest pairs first, nothing twice. Returns its pairs."""
        candidates = sorted(
            (float(np.linalg.norm(d.position_w - t.position_w)), i, j)
            for i, d in enumerate(detections)
            for j, t in enumerate(things)
        )
        used: set[int] = set()
        found: dict[int, int] = {}
        for error, i, j in candidates:
            reach = float(np.linalg.norm(things[j].position_w - camera_w))
            if i in used or j in found or error > _gate(things[j], reach):
                continue
            used.add(i)
            found[j] = i
        pairs = []
        for j, thing in enumerate(things):
            distance = float(np.linalg.norm(thing.position_w - camera_w))
            if j in found:
                pairs.append(Pair(thing, detections[found[j]], distance))
            elif thing.pixels >= COUNTED:
                self.missed.append((thing, distance))
        self.pairs += pairs
        self.false += [d for i, d in enumerate(detections) if i not in used]
        return pairs

    def recall(self, least: int = VISIBLE, most: int | None = None, *, measured: bool = True) -> tuple[int, int]:
        """Found and there, of things with `least` to `most` pixels with light and depth, or, if not `measured`, of any
        kind.
        """

        def counts(thing: SeenThing) -> bool:
            return _within(thing.measured if measured else thing.pixels, least, most)

        found = sum(counts(pair.thing) for pair in self.pairs)
        return found, found + sum(counts(thing) for thing, _ in self.missed)

    def precision(self, least: int = VISIBLE) -> tuple[int, int]:
        """Detections of something, and all, of those whose mask has at least `least` pixels."""
        right = sum(_size(pair.detection) >= least for pair in self.pairs)
        return right, right + sum(_size(d) >= least for d in self.false)

    def named(self, least: int = VISIBLE, *, measured: bool = False, whole: bool = False) -> tuple[int, int]:
        """Of the things found, how many have the right kind and colour, and how many there are; if `measured`, of those
        with `least` pixels with light and depth; if `whole`, of those that the picture's edge does not cut off.
        """
        pairs = [
            pair
            for pair in self.pairs
            if (pair.thing.measured if measured else pair.thing.pixels) >= least and not (whole and pair.thing.cut)
        ]
        return sum(_named(pair) for pair in pairs), len(pairs)

    def right(self, attribute: str, least: int = VISIBLE, *, legible: bool = False) -> tuple[int, int]:
        """Of the things found that have an attribute, how many got it right; ``label`` is the kind. If `legible`, of
        those on which what is written can be read.
        """
        pairs = [
            pair for pair in self.pairs if pair.thing.pixels >= least and not (legible and pair.thing.written < LEGIBLE)
        ]
        if attribute == "label":
            return sum(pair.thing.label == pair.detection.label for pair in pairs), len(pairs)
        having = [pair for pair in pairs if attribute in pair.thing.attributes]
        right = [pair.thing.attributes[attribute] == pair.detection.attributes.get(attribute) for pair in having]
        return sum(right), len(right)

    def errors(self, near: float, far: float, least: int = COUNTED) -> np.ndarray:
        """Position errors [m] of what is found at distances from `near` to `far` [m]."""
        return np.array(
            [p.error for p in self.pairs if near <= p.distance < far and p.thing.pixels >= least], dtype=float
        )

    def surprise(self) -> np.ndarray:
        """Squared Mahalanobis lengths of the position errors: 3 on average where covariances are honest."""
        offsets = [(p.detection.position_w - p.thing.position_w, p.detection.covariance) for p in self.pairs]
        return np.array([float(o @ np.linalg.solve(c, o)) for o, c in offsets])


def _gate(thing: SeenThing, distance: float) -> float:
    return GATE + GATE_SHARE * distance + min(0.5 * float(thing.extent.max()), GATE_SIZE)


def _within(pixels: int, least: int, most: int | None) -> bool:
    return pixels >= least and (most is None or pixels < most)


def _size(detection: Detection) -> int:
    return 0 if detection.mask is None else int(detection.mask.sum())


def _named(pair: Pair) -> bool:
    same = pair.detection.attributes.get("color") == pair.thing.attributes.get("color")
    return same and pair.detection.label == pair.thing.label

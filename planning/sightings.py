"""What detections without a stable name say over time: which thing each shows, whether it is there, and what it is.

A perceiver of raw senses errs: it sees what is not there, misses what is, and takes a mug for a cup. So a new thing is
believed only when it was seen often or surely enough; what it is, is what most of its sightings say; a detection shows
the thing in whose place it is, whatever it is called this time, since solid things keep apart; and what was seen a
few times and never again is forgotten altogether.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from yanshi.contracts import Detection, Entity
from yanshi.planning.association import GATE, SLACK
from yanshi.planning.situation import known

Array = NDArray[Any]

UNKNOWN = "thing"
"""The label of what may be of any kind."""
PLAIN = ("color", "digit")
"""Attributes that are hardly ever mistaken."""
TOLD = 3.0
"""How many times likelier a kind is that somebody spoke of: who asks for the pink cube knows that there is one."""
ENOUGH = 1.4
"""Sum of the scores of its sightings from which a thing is believed; a score of 1 admits no doubt and is enough."""
AT_HAND, AT_HAND_COUNTS = 0.18, 0.25
"""So near to the hand [m] it is itself in view, and what it holds, and hides the rest: a sighting of something new
counts for less there, and for nothing while it holds something."""
APART = 1.5
"""Sightings farther apart in time [s] do not support one another."""
MEMORY = 0.97
"""What a vote still counts after the next one: some thirty sightings are remembered."""
FEW, FORGOTTEN_AFTER = 5, 2.0
"""What was seen fewer times than this is forgotten when it was not seen for so long [s]."""
DOUBTFUL_GATE = 6.0
"""Squared Mahalanobis distance within which something of the same kind, or of the same colour, is the same thing."""
OTHER_KIND, OTHER_COLOR, OTHER_DIGIT, OTHER_DETAIL = 4.0, 4.0, 3.0, 0.5
"""What disagreement adds to the squared distance when detections and things are paired."""
WELL_KNOWN = 20
"""What was seen fewer times than this, and is not there when its place is in plain view, never was."""
SMOOTHED_OVER = 10
"""Sightings over which size and direction are averaged."""
ODD_SIZE, ODD_FOR = 1.6, 50
"""What is so many times larger or smaller than a well-known thing is it and its neighbour together, or a part of it,
and says nothing of where it is or what; unless it was seen so more often than this, one time after another."""
VAGUE = 0.1**2
"""Variance of a place that is not told [m²]."""


@dataclass
class _Ballot:
    """What the sightings of one thing said of it."""

    votes: dict[str, dict[str, float]] = field(default_factory=dict)
    """``label`` or attribute → value → votes."""
    count: int = 0
    sure: bool = False
    """Whether a sighting admitted no doubt."""
    odd: int = 0
    """Sightings of another size, one after another."""
    last: float = 0.0

    def is_odd(self, extent: Array, detection: Detection) -> bool:
        """Whether a sighting has quite another size than the thing has."""
        ratio = np.sort(detection.extent[:2]) / np.sort(extent[:2]), detection.extent[2] / extent[2]
        most = float(np.max(np.abs(np.log(np.append(*ratio)))))
        self.odd = self.odd + 1 if self.count >= SMOOTHED_OVER and most > np.log(ODD_SIZE) else 0
        return 0 < self.odd <= ODD_FOR

    def add(self, detection: Detection, stamp: float) -> None:
        """One more sighting."""
        if detection.label != UNKNOWN:
            self._vote("label", detection.labels or {detection.label: 1.0}, detection.score)
        for key, value in detection.attributes.items():
            self._vote(key, {value: 1.0}, detection.score)
        self.sure |= detection.score >= 1.0
        self.count, self.last = self.count + 1, stamp

    def _vote(self, key: str, values: Mapping[str, float], weight: float) -> None:
        given = self.votes.setdefault(key, {})
        for other in given:
            given[other] *= MEMORY
        for value, probability in values.items():
            given[value] = given.get(value, 0.0) + weight * probability

    def winners(self, told: Collection[Entity] = ()) -> dict[str, str]:
        """``label`` and each attribute → what most say; of what `told` of, it takes fewer to say so."""
        won = {key: max(given, key=lambda value: given[value]) for key, given in self.votes.items()}
        labels = dict(self.votes.get("label", {}))
        for wanted in told:
            if wanted.label in labels and all(won.get(k, v) == v for k, v in wanted.attributes.items() if k in PLAIN):
                labels[wanted.label] = max(labels[wanted.label], TOLD * self.votes["label"][wanted.label])
        return {"label": UNKNOWN, **won, **({"label": max(labels, key=lambda x: labels[x])} if labels else {})}


@dataclass
class _Candidate:
    """Something that was seen and is not believed yet."""

    detection: Detection
    ballot: _Ballot
    evidence: float


class Sightings:
    """Follows things that have no stable name."""

    def __init__(self) -> None:
        self._ballots: dict[str, _Ballot] = {}
        self._candidates: list[_Candidate] = []
        self._told: dict[str, Entity] = {}

    def expect(self, *things: Entity) -> None:
        """Somebody spoke of things: they are there, somewhere."""
        self._told.update({thing.name: thing for thing in things})

    def pair(
        self, detections: Sequence[Detection], entities: Mapping[str, Entity], held: Collection[str], stamp: float,
        hand_w: Array | None = None,
    ) -> list[tuple[Detection, str | None]]:  # fmt: skip
        """The detections (without tracks) that are believed, each with the thing that it shows, or None for a new one.

        Args:
            detections: of one percept.
            entities: what is known; objects may be shown.
            held: what is in the hand, wherever it seems to be.
            stamp: of the percept [s].
            hand_w: (3,) where the hand is [m]; None where nobody knows.
        """
        free = {
            name: entity
            for name, entity in entities.items()
            if entity.category == "object" and entity.provenance != "told"
        }
        at = _matched(detections, [e for e in free.values() if known(e)], held)
        pairs: list[tuple[Detection, str | None]] = [(detections[k], name) for k, name in at.items()]
        for name in at.values():
            del free[name]
        solid = [e for n, e in entities.items() if (n in free or n in at.values()) and known(e) and n not in held]
        rest = [d for k, d in enumerate(detections) if k not in at and not any(_is_part(e, d) for e in solid)]
        new = [(d, _counts(d, hand_w, bool(held))) for d in rest]
        for detection in self._believed([(d, weight) for d, weight in new if weight > 0.0], stamp):
            lost = (e for n, e in sorted(free.items()) if not known(e) or e.provenance == "expected")
            found = next((e.name for e in lost if _alike(e, detection)), None)
            free.pop(found or "", None)
            pairs.append((detection, found))
        return pairs

    def note(self, name: str, before: Entity | None, detection: Detection, stamp: float) -> Detection:
        """Count a sighting of a thing; returns the detection with what most sightings say it is, and its size and
        direction averaged over them.
        """
        ballot = self._ballots.setdefault(name, _Ballot())
        if before is not None and known(before) and ballot.is_odd(before.extent, detection):
            ballot.last = stamp
            return replace(
                detection,
                label=before.label,
                attributes=before.attributes,
                position_w=before.position_w,
                covariance=VAGUE * np.eye(3),
                extent=before.extent,
                yaw=before.yaw,
            )
        ballot.add(detection, stamp)
        winners = ballot.winners(self._told.values())
        described = replace(detection, label=winners.pop("label"), attributes=winners)
        if before is None or not np.isfinite(before.extent).all():
            return described
        if detection.label == UNKNOWN and described.label != UNKNOWN:
            return replace(described, extent=before.extent, yaw=before.yaw)
        share = 1.0 / min(ballot.count, SMOOTHED_OVER)
        extent = before.extent + share * (np.asarray(detection.extent, dtype=float) - before.extent)
        turn = (detection.yaw - before.yaw + np.pi / 2) % np.pi - np.pi / 2  # the same box after half a turn
        if abs(extent[0] - extent[1]) < 0.1 * max(extent[0], extent[1]):
            turn = (turn + np.pi / 4) % (np.pi / 2) - np.pi / 4
        return replace(described, extent=extent, yaw=before.yaw + share * float(turn))

    def follows(self, name: str) -> bool:
        """Whether a thing is known by its sightings alone."""
        return name in self._ballots

    def suppose(self, name: str, label: str) -> None:
        """Take a thing to be of a kind until a sighting says otherwise."""
        self._ballots.setdefault(name, _Ballot()).votes.setdefault("label", {}).setdefault(label, 0.1)

    def dismiss(self, name: str) -> bool:
        """Whether a thing that is not where it should be was seen so seldom that it never was; then it is forgotten."""
        ballot = self._ballots.get(name)
        if ballot is None or ballot.sure or ballot.count >= WELL_KNOWN:
            return False
        del self._ballots[name]
        return True

    def forgotten(self, stamp: float, held: Collection[str]) -> set[str]:
        """The names of things that were seen a few times only and not for long: they are not believed any more."""
        gone = {
            name
            for name, ballot in self._ballots.items()
            if ballot.count < FEW and not ballot.sure and stamp - ballot.last > FORGOTTEN_AFTER and name not in held
        }
        for name in gone:
            del self._ballots[name]
        return gone

    def _believed(self, sightings: Sequence[tuple[Detection, float]], stamp: float) -> Iterable[Detection]:
        """Those of some unknown detections, with what each counts, that were seen often or surely enough."""
        detections = [detection for detection, _ in sightings]
        self._candidates = [c for c in self._candidates if stamp - c.ballot.last <= APART]
        likely = [_entity(k, candidate.detection) for k, candidate in enumerate(self._candidates)]
        matched = {k: int(name) for k, name in _matched(detections, likely, ()).items()}
        kept: list[_Candidate] = []
        for k, (detection, weight) in enumerate(sightings):
            candidate = self._candidates[matched[k]] if k in matched else _Candidate(detection, _Ballot(), 0.0)
            candidate.ballot.add(detection, stamp)
            candidate.detection = detection
            candidate.evidence += weight * detection.score
            if candidate.evidence >= ENOUGH or candidate.ballot.sure:
                winners = candidate.ballot.winners(self._told.values())
                labels = candidate.ballot.votes.get("label", {})
                shares = {label: votes / sum(labels.values()) for label, votes in labels.items()}
                yield replace(detection, label=winners.pop("label"), attributes=winners, labels=shares)
            else:
                kept.append(candidate)
        used = set(matched.values())
        self._candidates = [c for k, c in enumerate(self._candidates) if k not in used] + kept


def _counts(detection: Detection, hand_w: Array | None, holding: bool) -> float:
    """What a sighting of something new counts; one that admits no doubt counts everywhere."""
    if hand_w is None or detection.score >= 1.0 or np.linalg.norm(detection.position_w - hand_w) > AT_HAND:
        return 1.0
    return 0.0 if holding else AT_HAND_COUNTS


def _matched(detections: Sequence[Detection], entities: Sequence[Entity], held: Collection[str]) -> dict[int, str]:
    """Index of a detection → name of the thing that it shows; nearest first, nothing twice."""
    costs: list[tuple[float, int, str]] = []
    for index, detection in enumerate(detections):
        for entity in entities:
            cost = _cost(entity, detection, entity.name in held)
            if cost is not None:
                costs.append((cost, index, entity.name))
    result: dict[int, str] = {}
    used: set[str] = set()
    for _, index, name in sorted(costs):
        if index not in result and name not in used:
            result[index] = name
            used.add(name)
    return result


def _cost(entity: Entity, detection: Detection, held: bool) -> float | None:
    """How badly a detection fits a thing; None where it cannot be it."""
    alike = _alike(entity, detection)
    if held and alike:
        return GATE
    spread = detection.covariance + (0.0 if entity.covariance is None else entity.covariance) + SLACK * np.eye(3)
    offset = detection.position_w - entity.position_w
    distance = float(offset @ np.linalg.solve(spread, offset))
    same_kind = detection.label == entity.label
    same_color = detection.attributes.get("color") == entity.attributes.get("color", "")
    gate = GATE if alike else DOUBTFUL_GATE if same_kind or same_color else 0.0
    if distance >= gate and not _in_one_place(entity, detection):
        return None
    keys = entity.attributes.keys() & detection.attributes.keys()
    differs = {key for key in keys if entity.attributes[key] != detection.attributes[key]}
    cost = distance + OTHER_KIND * (UNKNOWN not in (entity.label, detection.label) and not same_kind)
    cost += OTHER_COLOR * ("color" in differs) + OTHER_DIGIT * ("digit" in differs)
    return cost + OTHER_DETAIL * len(differs - set(PLAIN))


def _alike(entity: Entity, detection: Detection) -> bool:
    """Whether kind, colour and digit agree, as far as they are known: size, shape and material are misjudged more."""
    if detection.label not in (entity.label, UNKNOWN) and entity.label != UNKNOWN:
        return False
    both = entity.attributes.keys() & detection.attributes.keys() & set(PLAIN)
    return all(entity.attributes[key] == detection.attributes[key] for key in both)


def _in_one_place(entity: Entity, detection: Detection) -> bool:
    """Whether the middles are nearer than two solid things' could be."""
    offset = np.abs(detection.position_w - entity.position_w)
    half = 0.5 * min(float(np.min(detection.extent[:2])), float(np.min(entity.extent[:2])))
    tall = 0.25 * float(detection.extent[2] + entity.extent[2])
    return bool(np.hypot(offset[0], offset[1]) < half and offset[2] < tall)


def _is_part(entity: Entity, detection: Detection) -> bool:
    """Whether what is seen has its middle inside a thing into which nothing can be put: a side of it, a piece."""
    if entity.region("in") is not None or not np.isfinite(entity.extent).all():
        return False
    x, y, z = detection.position_w - entity.position_w
    c, s = np.cos(entity.yaw), np.sin(entity.yaw)
    inside = np.abs([c * x + s * y, c * y - s * x]) < 0.5 * np.asarray(entity.extent[:2])
    return bool(inside.all() and abs(z) < 0.25 * float(detection.extent[2] + entity.extent[2]))


def _entity(index: int, detection: Detection) -> Entity:
    """A candidate as if it were known, named by its number."""
    return Entity(
        name=str(index),
        label=detection.label,
        category="object",
        attributes=detection.attributes,
        position_w=detection.position_w,
        extent=detection.extent,
        covariance=detection.covariance,
    )

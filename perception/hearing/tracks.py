"""A sound heard again and again is one source: bearings of one place are averaged, those of several are crossed."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from yanshi.contracts import Array
from yanshi.perception.hearing.direction import tangents

GATE = 4.0
"""A bearing within so many deviations of a track is of the same source."""
LEAST_GATE = np.deg2rad(20.0)
"""[rad]; and one within this in any case: a source that is taken for two costs more than two taken for one."""
SAME_PLACE = 0.25
"""Bearings taken within this distance [m] of one another are averaged."""
MOST_AVERAGED = 4.0
"""Windows overlap and rooms do not change: averaging the bearings of one place lessens the variance by no more."""
KEPT_PLACES = 12
FORGOTTEN = 4.0
"""A track that was not heard for this long [s] is over; rings and calls pause for a second or two."""
CROSSED = 0.35
"""A crossing is told when the deviation of its distance is less than this share of it."""


@dataclass(frozen=True, eq=False)
class Measured:
    """One bearing."""

    label: str
    stamp: float
    """[s]"""
    origin_w: Array
    """(3,) [m]."""
    direction_w: Array
    """(3,) unit vector."""
    covariance: Array
    """(2, 2) of azimuth and elevation [rad²]."""
    probability: float
    log_distance: tuple[float, float] | None = None
    """Mean and deviation of the logarithm of the distance [m], from how it sounds."""


@dataclass(eq=False)
class Track:
    """One source."""

    label: str
    bearings: list[Measured] = field(default_factory=list)
    """One for each place, averaged; the newest last."""
    weight: float = 1.0
    """How many windows are averaged in the newest."""
    heard: int = 0
    """Windows in which it was heard."""

    @property
    def last(self) -> Measured:
        """The newest bearing, averaged over this place."""
        return self.bearings[-1]

    def fits(self, measured: Measured) -> float | None:
        """How far a bearing is from this track in deviations; None if it is too far, or of another class."""
        if measured.label != self.label:
            return None
        expected = self.expected(measured.origin_w)
        angle = float(np.arccos(np.clip(expected @ measured.direction_w, -1.0, 1.0)))
        spread = np.sqrt(0.5 * (np.trace(_along(measured)) + np.trace(_along(self.last))))
        return angle / spread if angle < max(GATE * spread, LEAST_GATE) else None

    def expected(self, origin_w: Array) -> Array:
        """(3,) in which direction it should be from a place."""
        crossing = self.crossing()
        if crossing is None:
            return self.last.direction_w
        offset = crossing[0] - origin_w
        return np.asarray(offset / max(float(np.linalg.norm(offset)), 1e-6))

    def add(self, measured: Measured) -> None:
        """Take in a bearing that fits."""
        self.heard += 1
        if self.bearings and np.linalg.norm(measured.origin_w - self.last.origin_w) < SAME_PLACE:
            self.bearings[-1] = self._averaged(measured)
        else:
            self.bearings = [*self.bearings[-KEPT_PLACES + 1 :], measured]
            self.weight = 1.0

    def crossing(self) -> tuple[Array, Array] | None:
        """Where the bearings cross: the point (3,) [m] and its covariance (3, 3) [m²]; None where they hardly do.

        Least squares on the distances from the lines, each weighted by the variance of its bearing at the point.
        """
        if len(self.bearings) < 2:
            return None
        point, information = None, np.zeros((3, 3))
        for _ in range(3):
            information, vector = np.zeros((3, 3)), np.zeros(3)
            for bearing in self.bearings:
                away = 2.0 if point is None else max(float(np.linalg.norm(point - bearing.origin_w)), 0.3)
                across = tangents(bearing.direction_w)
                weight = across.T @ np.linalg.inv(_along(bearing) * away**2) @ across
                information += weight
                vector += weight @ bearing.origin_w
            if np.linalg.eigvalsh(information)[0] < 0.05:
                return None
            point = np.linalg.solve(information, vector)
        assert point is not None
        if any(float((point - b.origin_w) @ b.direction_w) <= 0.0 for b in self.bearings):
            return None
        return point, np.linalg.inv(information)

    def distance(self) -> tuple[float, float] | None:
        """Distance from the newest place and its deviation [m]: by crossing where that is sure, else by how it sounds,
        and by both where they agree.
        """
        last = self.last
        sounded = last.log_distance
        crossed = self.crossing()
        if crossed is not None:
            offset = crossed[0] - last.origin_w
            away = float(np.linalg.norm(offset))
            deviation = float(np.sqrt(offset @ crossed[1] @ offset)) / max(away, 1e-6)
            share = deviation / max(away, 1e-6)
            if share < CROSSED:
                if sounded is None or abs(np.log(away) - sounded[0]) > 3.0 * np.hypot(share, sounded[1]):
                    return away, deviation
                precision = 1.0 / share**2 + 1.0 / sounded[1] ** 2
                mean = (np.log(away) / share**2 + sounded[0] / sounded[1] ** 2) / precision
                return float(np.exp(mean)), float(np.exp(mean) / np.sqrt(precision))
        if sounded is None:
            return None
        return float(np.exp(sounded[0])), float(np.exp(sounded[0]) * sounded[1])

    def _averaged(self, measured: Measured) -> Measured:
        """The newest bearing and one more from the same place, by inverse variance."""
        last = self.last
        axes = tangents(measured.direction_w)
        own, new = np.linalg.inv(_along(last)), np.linalg.inv(_along(measured))
        if self.weight >= MOST_AVERAGED:
            own = own * (1.0 - 1.0 / MOST_AVERAGED)
        self.weight = min(self.weight + 1.0, MOST_AVERAGED)
        covariance = np.linalg.inv(own + new)
        shift = covariance @ own @ (axes @ last.direction_w)
        direction = measured.direction_w + shift @ axes
        direction /= np.linalg.norm(direction)
        stretch = np.array([1.0 / max(float(np.hypot(*direction[:2])), 0.1), 1.0])
        return Measured(
            label=self.label, stamp=measured.stamp, origin_w=measured.origin_w, direction_w=direction,
            covariance=covariance * np.outer(stretch, stretch), probability=measured.probability,
            log_distance=_mixed(last.log_distance, measured.log_distance),
        )  # fmt: skip


def associate(tracks: list[Track], measured: list[Measured], now: float) -> list[Track]:
    """Give every bearing to the nearest track that it fits, or to a new one; drop tracks that are over.

    Returns:
        The tracks that were heard now; `tracks` is changed in place.
    """
    tracks[:] = [track for track in tracks if now - track.last.stamp <= FORGOTTEN]
    found = []
    for bearing in measured:
        fitting = [(fit, k) for k, track in enumerate(tracks) if (fit := track.fits(bearing)) is not None]
        if fitting:
            track = tracks[min(fitting)[1]]
        else:
            track = Track(bearing.label)
            tracks.append(track)
        track.add(bearing)
        found.append(track)
    return found


def _along(measured: Measured) -> Array:
    """(2, 2) covariance along the sphere."""
    flat = max(float(np.hypot(*measured.direction_w[:2])), 0.1)
    shrink = np.array([flat, 1.0])
    return measured.covariance * np.outer(shrink, shrink)


def _mixed(a: tuple[float, float] | None, b: tuple[float, float] | None) -> tuple[float, float] | None:
    """The newer counts a quarter: windows of one place say nearly the same, so the deviation does not shrink."""
    if a is None or b is None:
        return b if a is None else a
    return 0.75 * a[0] + 0.25 * b[0], 0.75 * a[1] + 0.25 * b[1]

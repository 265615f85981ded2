"""One detection for each object: several cameras, or several groups of votes, may have found the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from yanshi.contracts import Detection

OVERLAP = 0.5
"""Centres nearer than this share of the smaller thing's half width are one thing's: solid things keep apart."""
SLACK = 0.01
"""Added to the standard deviations of two cameras' positions [m]: their poses are not quite true either."""
GATE = 3.0
"""Standard deviations within which two cameras' detections of one description are one thing."""


def merged(detections: Sequence[Detection]) -> list[Detection]:
    """Each object once.

    Args:
        detections: the surest first; of two that are the same thing, the first keeps its description, and positions
            from different cameras are fused by their covariances.
    """
    kept: list[Detection] = []
    for detection in detections:
        alike = [k for k, other in enumerate(kept) if _same(other, detection)]
        if not alike:
            kept.append(detection)
            continue
        same = min(alike, key=lambda k: float(np.linalg.norm(kept[k].position_w - detection.position_w)))
        if kept[same].sensor != detection.sensor:
            kept[same] = _fused(kept[same], detection)
    return kept


def _same(a: Detection, b: Detection) -> bool:
    offset = np.abs(a.position_w - b.position_w)
    level = 0.5 * min(float(a.extent[:2].min()), float(b.extent[:2].min()))
    if float(np.hypot(*offset[:2])) < OVERLAP * level and offset[2] < 0.25 * float(a.extent[2] + b.extent[2]):
        return True
    if a.sensor == b.sensor or a.label != b.label or a.attributes.get("color") != b.attributes.get("color"):
        return False
    spread = a.covariance + b.covariance + SLACK**2 * np.eye(3)
    distance = float((a.position_w - b.position_w) @ np.linalg.solve(spread, a.position_w - b.position_w))
    return distance < GATE**2


def _fused(a: Detection, b: Detection) -> Detection:
    gain = a.covariance @ np.linalg.inv(a.covariance + b.covariance)
    return replace(
        a,
        position_w=a.position_w + gain @ (b.position_w - a.position_w),
        covariance=(np.eye(3) - gain) @ a.covariance,
    )

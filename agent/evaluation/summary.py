"""From episodes to numbers: success with its interval, progress, false claims."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import Any

from yanshi.agent.evaluation.bench import EpisodeResult
from yanshi.agent.evaluation.statistics import wilson


def summarise(results: Sequence[EpisodeResult]) -> dict[str, Any]:
    """The fields of one task, or of all together, in ``bench.json``. Shares are in [0, 1]."""
    n = len(results)
    interval = wilson(sum(r.success for r in results), n)
    claims = [r for r in results if r.claimed_success]
    return {
        "n": n,
        "success": round(interval.value, 6),
        "low": round(interval.low, 6),
        "high": round(interval.high, 6),
        "progress": round(sum(r.progress for r in results) / max(n, 1), 6),
        "false_success": round(sum(not r.success for r in claims) / max(n, 1), 6),
        "missed_success": round(sum(r.success and not r.claimed_success for r in results) / max(n, 1), 6),
        "stages": round(sum(r.stages for r in results) / max(n, 1), 6),
        "replans": round(sum(r.replans for r in results) / max(n, 1), 6),
        "sim_seconds": median(r.sim_seconds for r in results) if results else 0.0,
        "failures": {str(r.seed): r.reason for r in results if not r.success},
    }

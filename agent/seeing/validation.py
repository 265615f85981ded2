"""How an eye does on layouts that it was not taught: the score of a shard, in a few numbers for the curve."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from yanshi.agent.seeing.pictures import SeenThing
from yanshi.agent.seeing.scoring import Score
from yanshi.agent.seeing.shards import Arrays
from yanshi.contracts import Array
from yanshi.envs.senses.noise import Pixels, StereoDepth
from yanshi.perception.geometry import planar
from yanshi.perception.grounding.config import ABSENT, EyeConfig
from yanshi.perception.grounding.eye import Eye
from yanshi.perception.grounding.network import ObjectNet
from yanshi.perception.grounding.views import CameraView


def validate(network: ObjectNet, arrays: Arrays, most: int = 200) -> dict[str, float]:
    """Recall, precision, names and errors on the first `most` pictures of a shard, seen through the senses' noise."""
    eye, score = Eye(network), Score()
    for view, base, things in seen(arrays, network.config, most):
        score.add(eye.look([view], base), things, (planar(base) @ view.T_bc)[:3, 3])
    errors = score.errors(0.0, 1.2)
    return {
        "recall": ratio(score.recall()),
        "recall_small": ratio(score.recall(12, 150)),
        "precision": ratio(score.precision(12)),
        "named": ratio(score.named()),
        "digit": ratio(score.right("digit", 40)),
        "median_error_m": float(np.median(errors)) if len(errors) else float("nan"),
    }


def seen(arrays: Arrays, config: EyeConfig, most: int) -> Iterator[tuple[CameraView, Array, list[SeenThing]]]:
    """The first pictures of a shard as the senses give them, where the robot stands, and what is there."""
    rng = np.random.default_rng(0)
    color, depth = Pixels(2.0), StereoDepth(0.002)
    for index in range(min(most, len(arrays["rgb"]))):
        first, last = np.searchsorted(arrays["picture"], (index, index + 1))
        view = CameraView(
            name="head_rgb",
            rgb=color(arrays["rgb"][index], rng),
            depth=depth(arrays["depth"][index], rng),
            K=arrays["K"][index],
            T_bc=arrays["T_bc"][index],
        )
        known = np.isfinite(arrays["depth"][index])
        measured = np.bincount(arrays["owners"][index][known], minlength=last - first + 1)[1:]
        things = [_thing(arrays, row, config, int(measured[row - first])) for row in range(first, last)]
        yield view, arrays["base"][index], things


def _thing(arrays: Arrays, row: int, config: EyeConfig, measured: int) -> SeenThing:
    attributes = {name: values[int(arrays[name][row])] for name, values in config.attributes.items()}
    return SeenThing(
        name=str(row),
        label=config.labels[int(arrays["label"][row])],
        attributes={name: value for name, value in attributes.items() if value != ABSENT},
        position_w=arrays["position_w"][row],
        yaw=float(arrays["yaw"][row]),
        extent=arrays["extent"][row],
        pixels=int(arrays["pixels"][row]),
        measured=measured,
    )


def ratio(pair: tuple[int, int]) -> float:
    """The first as a share of the second; NaN of nothing."""
    return pair[0] / pair[1] if pair[1] else float("nan")

"""The learned eye: camera views in, detections in the map out; and which of them a phrase speaks of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from yanshi.contracts import Array, Detection
from yanshi.errors import ContractError
from yanshi.perception.geometry import planar
from yanshi.perception.grounding.channels import Views, heading, scenery
from yanshi.perception.grounding.config import ABSENT
from yanshi.perception.grounding.instances import Grouping, instances
from yanshi.perception.grounding.merging import merged
from yanshi.perception.grounding.network import Dense, Described, ObjectNet, Pixels
from yanshi.perception.grounding.storage import load_eye
from yanshi.perception.grounding.views import CameraView

COLOR_ONLY = ("color", "digit")
"""Attributes that are not told where a camera gives depth alone."""
UNLIKELY = 0.05
"""Labels that are less probable are not told."""
SQUARE = 0.08
"""Footprints whose sides differ by less than this share have a yaw that repeats every quarter turn."""


class TextEmbedder(Protocol):
    """Puts sentences that mean the same near one another: the one that the eye was trained with."""

    def embed(self, sentences: Sequence[str]) -> Array:
        """Unit vectors (n, d), one a sentence."""


@dataclass(frozen=True, kw_only=True)
class EyeOptions:
    """How sure an eye must be."""

    score: float = 0.5
    """Detections below are dropped."""
    grouping: Grouping = field(default_factory=Grouping)
    half: bool = False
    """Compute in bfloat16, which is faster where the processor has units for it."""


class Eye:
    """Finds objects in camera views."""

    def __init__(self, network: ObjectNet, options: EyeOptions | None = None) -> None:
        self.network = network.eval().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.config = network.config
        self.options = options or EyeOptions()
        self.device = next(network.parameters()).device

    @staticmethod
    def from_file(file: Path | None = None, options: EyeOptions | None = None) -> Eye:
        """The eye of a weights file; the shipped one if none is named. Raises: InputError."""
        return Eye(load_eye(file), options)

    def look(self, views: Sequence[CameraView], base_pose_w: Array) -> list[Detection]:
        """The objects in view, each once, the surest first.

        Args:
            views: what the cameras show; of any sizes.
            base_pose_w: (3,) x, y [m], yaw [rad] of the robot in the map.
        """
        sizes = dict.fromkeys(view.depth.shape for view in views)
        found: list[Detection] = []
        for size in sizes:
            found += self._look([view for view in views if view.depth.shape == size], planar(base_pose_w))
        return merged(sorted(found, key=lambda d: -d.score))

    @torch.inference_mode()
    def _look(self, views: Sequence[CameraView], T_wb: Array) -> list[Detection]:
        batch = self.batch(views)
        scene = scenery(batch)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.options.half):
            dense = self.network(replace(scene, channels=scene.channels.to(memory_format=torch.channels_last)))
        pixels, masks = self.propose(dense, scene.known, batch.T_bc)
        if not pixels.count:
            return []
        said = self.network.describe(scene, dense, pixels, batch.T_bc)
        of_view = torch.zeros(pixels.count, dtype=torch.long).scatter(0, pixels.owner.cpu(), pixels.view.cpu()).numpy()
        R_gc = heading(batch.T_bc).cpu().double().numpy()
        return self._detections(said, [views[int(k)] for k in of_view], R_gc[of_view], masks, T_wb)

    def batch(self, views: Sequence[CameraView]) -> Views:
        """Views of one size as tensors."""
        shape = views[0].depth.shape
        colors = [np.zeros((*shape, 3), np.uint8) if view.rgb is None else view.rgb for view in views]
        return Views(
            rgb=torch.as_tensor(np.stack(colors), device=self.device).permute(0, 3, 1, 2),
            depth=torch.as_tensor(np.stack([view.depth for view in views]), device=self.device),
            K=self._numbers([view.K for view in views]),
            T_bc=self._numbers([view.T_bc for view in views]),
        )

    def _numbers(self, values: Sequence[Array]) -> Tensor:
        return torch.as_tensor(np.stack(values), dtype=torch.float32, device=self.device)

    def propose(self, dense: Dense, known: Tensor, T_bc: Tensor) -> tuple[Pixels, list[Array]]:
        """The pixels of each object that the votes of a batch of views make, and its mask (H, W) bool."""
        return propose(dense, known, self.options.grouping, T_bc)

    def match(self, sentences: Array, detections: Sequence[Detection]) -> Array:
        """(n, m) probability that each sentence, given by its embedding (n, text), speaks of each detection.

        Raises:
            ContractError: A detection has no embedding, or vectors have the wrong length.
        """
        wanted = (self.config.embedding,)
        for detection in detections:
            if detection.embedding is None or detection.embedding.shape != wanted:
                shape = None if detection.embedding is None else detection.embedding.shape
                raise ContractError(f"Detection '{detection.label}': expected an embedding {wanted}, got {shape}.")
        if sentences.ndim != 2 or sentences.shape[1] != self.config.text:
            raise ContractError(f"sentences: expected shape (*, {self.config.text}), got {sentences.shape}.")
        if not detections:
            return np.zeros((len(sentences), 0), dtype=np.float32)
        seen = np.stack([np.asarray(detection.embedding, np.float32) for detection in detections])
        with torch.inference_mode():
            seen_, said_ = (torch.as_tensor(x, dtype=torch.float32, device=self.device) for x in (seen, sentences))
            probability = torch.sigmoid(self.network.agreement(seen_, said_))
        return np.asarray(probability.cpu().numpy().T)

    def find(self, phrase: str, detections: Sequence[Detection], words: TextEmbedder) -> list[tuple[Detection, float]]:
        """Detections with the probability that `phrase` speaks of them, the likeliest first."""
        probability = self.match(words.embed([phrase]), detections)[0]
        return [(detections[k], float(probability[k])) for k in np.argsort(-probability, kind="stable")]

    def _detections(
        self, said: Described, views: Sequence[CameraView], R_gc: Array, masks: Sequence[Array], T_wb: Array
    ) -> list[Detection]:
        quality = torch.sigmoid(said.quality).cpu().numpy()
        kept = [int(k) for k in np.flatnonzero(quality >= self.options.score)]
        likely = torch.softmax(said.label.float(), dim=1).cpu().numpy()
        labels = likely.argmax(axis=1)
        values = {name: logits.argmax(dim=1).cpu().numpy() for name, logits in said.attributes.items()}
        center, variance = said.center_g.double().cpu().numpy(), said.log_variance.double().exp().cpu().numpy()
        extent, turn = said.log_extent.exp().double().cpu().numpy(), said.turn.double().cpu().numpy()
        embedding = said.embedding.float().cpu().numpy()
        found = []
        for k in kept:
            view = views[k]
            T_wc = T_wb @ view.T_bc
            R_wg = T_wc[:3, :3] @ R_gc[k].T
            attributes = {
                name: self.config.attributes[name][index[k]]
                for name, index in values.items()
                if view.rgb is not None or name not in COLOR_ONLY
            }
            rows, columns = np.flatnonzero(masks[k].any(axis=1)), np.flatnonzero(masks[k].any(axis=0))
            found.append(
                Detection(
                    label=self.config.labels[labels[k]],
                    attributes={name: value for name, value in attributes.items() if value != ABSENT},
                    position_w=T_wc[:3, 3] + R_wg @ center[k],
                    covariance=R_wg @ np.diag(variance[k]) @ R_wg.T,
                    yaw=wrapped(yaw_of(turn[k], extent[k]) + float(np.arctan2(R_wg[1, 0], R_wg[0, 0]))),
                    extent=extent[k],
                    score=float(quality[k]),
                    sensor=view.name,
                    box=(float(columns[0]), float(rows[0]), float(columns[-1] + 1), float(rows[-1] + 1)),
                    mask=masks[k],
                    embedding=embedding[k],
                    labels={self.config.labels[i]: float(likely[k, i]) for i in np.flatnonzero(likely[k] >= UNLIKELY)},
                )
            )
        return found


def propose(dense: Dense, known: Tensor, grouping: Grouping, T_bc: Tensor | None = None) -> tuple[Pixels, list[Array]]:
    """The pixels of each object that the votes of a batch of views make, and its mask (H, W) bool.

    Args:
        dense: what the network says of every pixel.
        known: (B, H, W) bool: where depth is known.
        grouping: when votes agree.
        T_bc: (B, 4, 4) the cameras in the base; without it nobody knows what is up.
    """
    presence = torch.sigmoid(dense.presence).cpu().numpy()
    votes = dense.votes_c.permute(0, 2, 3, 1).cpu().numpy()
    ups = [None] * len(votes) if T_bc is None else list(T_bc[:, 2, :3].float().cpu().numpy())
    scale = dense.log_scale.exp().cpu().numpy()
    masks: list[Array] = []
    where: list[Array] = []
    for view, have in enumerate(known.cpu().numpy()):
        shown = instances(presence[view], votes[view], scale[view], have, grouping, ups[view])
        for number in range(int(shown.max()) + 1):
            mask = shown == number
            rows, columns = np.nonzero(mask)
            where.append(np.stack((np.full(len(rows), view), rows, columns, np.full(len(rows), len(masks)))))
            masks.append(mask)
    table = np.concatenate(where, axis=1) if where else np.zeros((4, 0), dtype=np.int64)
    view_, row, column, owner = (torch.as_tensor(line, dtype=torch.long, device=known.device) for line in table)
    return Pixels(view_, row, column, owner, len(masks)), masks


def yaw_of(turn: Array, extent: Array) -> float:
    """Yaw [rad] from (4,) cos and sin of twice and of four times it; which holds depends on the footprint."""
    square = abs(extent[0] - extent[1]) < SQUARE * max(extent[0], extent[1])
    c, s, fold = (turn[2], turn[3], 4) if square else (turn[0], turn[1], 2)
    return float(np.arctan2(s, c)) / fold


def wrapped(yaw: float) -> float:
    """The same box's yaw in [-π/2, π/2)."""
    return float((yaw + np.pi / 2) % np.pi - np.pi / 2)

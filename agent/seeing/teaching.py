"""One lesson of an eye: the losses of a batch, on true objects and on those that the eye itself proposes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from yanshi.agent.seeing.batches import Batch
from yanshi.agent.seeing.words import Phrase
from yanshi.perception.grounding.channels import Scenery, scenery
from yanshi.perception.grounding.config import EyeConfig
from yanshi.perception.grounding.eye import propose
from yanshi.perception.grounding.instances import Grouping
from yanshi.perception.grounding.losses import UNKNOWN, Things, dense_loss, object_loss, words_loss
from yanshi.perception.grounding.network import Dense, ObjectNet, Pixels

WEIGHTS = {
    "presence": 8.0, "votes": 0.3, "quality": 1.0, "label": 1.0, "attributes": 0.5, "center": 1.0, "extent": 1.0,
    "turn": 0.5, "words": 2.0,
}  # fmt: skip
"""What each loss counts for."""
RARE = {"digit": 6.0}
"""Attributes that few things have, and what having one counts for."""
LEAST_PIXELS = 8
"""Objects that show fewer pixels are no example of anything."""
SAME = 0.5
"""Overlap (intersection over union) from which a proposal is an example of the object that it overlaps."""
PHRASES = 96
"""In a batch."""


@dataclass(frozen=True)
class PhraseBank:
    """Phrases with their sentence embeddings, and how well each fits every combination that is seen."""

    phrases: Sequence[Phrase]
    embeddings: Tensor
    """(n, text)."""

    def draw(self, config: EyeConfig, things: Things, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        """Some phrases (S, text), half of which name a kind that is there, and how they fit the things (M, S)."""
        there = {config.labels[int(k)] for k in things.label}
        naming = [k for k, phrase in enumerate(self.phrases) if phrase.label in there]
        chosen = list(rng.choice(naming, min(PHRASES // 2, len(naming)), replace=False)) if naming else []
        chosen += list(rng.choice(len(self.phrases), PHRASES - len(chosen), replace=False))
        fits = torch.zeros(len(things.label), len(chosen))
        for row, (label, attributes) in enumerate(_described(config, things)):
            for column, k in enumerate(chosen):
                fits[row, column] = self.phrases[k].fits(label, attributes)
        return self.embeddings[torch.as_tensor(np.array(chosen))], fits


def lesson(
    network: ObjectNet,
    batch: Batch,
    bank: PhraseBank | None,
    rng: np.random.Generator,
    *,
    proposing: bool,
    half: bool = False,
) -> dict[str, Tensor]:
    """The losses of a batch.

    Args:
        network: who learns.
        batch: what is shown.
        bank: phrases to align with; None for none.
        rng: source of the choice of phrases.
        proposing: whether the eye is also taught on the objects that its own votes make.
        half: compute the pictures in bfloat16.
    """
    scene = scenery(batch.views)
    with torch.autocast(scene.channels.device.type, torch.bfloat16, enabled=half):
        dense = network(_last(scene))
    losses = dense_loss(dense, scene, batch.owners, batch.things)
    pixels, match, whole = _examples(scene, batch, dense, proposing=proposing)
    if not pixels.count:
        return losses
    said = network.describe(scene, dense, pixels, batch.views.T_bc)
    losses |= object_loss(said, batch.things, match, whole, RARE)
    seen = match >= 0
    if bank is not None and seen.any():
        sentences, fits = bank.draw(network.config, batch.things, rng)
        # Where a camera gave no colour, no phrase about it can be judged.
        able = seen & ~batch.colorless[batch.things.view[match.clamp(min=0)]]
        if able.any():
            agreement = network.agreement(said.embedding[able], sentences.to(said.embedding.device))
            losses["words"] = words_loss(agreement, fits.to(agreement.device)[match[able]])
    return losses


def reading(network: ObjectNet, batch: Batch) -> dict[str, Tensor]:
    """The loss of what is read from crops of true objects, and nothing else."""
    scene = scenery(batch.views)
    pixels, match = _true(scene, batch)
    if not pixels.count:
        return {"attributes": torch.stack([p.sum() for p in network.readers.parameters()]).sum() * 0.0}
    loss = torch.zeros(())
    for name, logits in network.read(scene, pixels).items():
        target = batch.things.attributes[name][match]
        each = F.cross_entropy(logits, target, reduction="none", ignore_index=UNKNOWN)
        weight = torch.where(target > 0, 1.0, 1.0 / RARE.get(name, 1.0)) * (target >= 0)
        loss = loss + (each * weight).sum() / weight.sum().clamp(min=1e-6)
    return {"attributes": loss}


def total(losses: dict[str, Tensor]) -> Tensor:
    """Their weighted sum."""
    return torch.stack([WEIGHTS[name] * loss for name, loss in losses.items()]).sum()


def _last(scene: Scenery) -> Scenery:
    """The same in the order of memory that convolutions on a processor like."""
    return Scenery(scene.channels.to(memory_format=torch.channels_last), scene.points_c, scene.known)


def _examples(scene: Scenery, batch: Batch, dense: Dense, *, proposing: bool) -> tuple[Pixels, Tensor, Tensor]:
    """Groups of pixels, which thing each is (-1: none), and how wholly."""
    true, match = _true(scene, batch)
    owners = torch.where(scene.known, batch.owners, torch.zeros_like(batch.owners))
    area = torch.bincount(owners.reshape(-1), minlength=len(batch.things.label) + 1)
    whole = torch.ones(len(match), device=match.device)
    if not proposing:
        return true, match, whole
    with torch.no_grad():
        proposed, _ = propose(dense, scene.known, Grouping())
        same, overlap = _overlaps(proposed, owners, area)
    match = torch.cat((match, torch.where(overlap >= SAME, same, torch.full_like(same, -1))))
    return (
        Pixels(
            torch.cat((true.view, proposed.view)),
            torch.cat((true.row, proposed.row)),
            torch.cat((true.column, proposed.column)),
            torch.cat((true.owner, proposed.owner + true.count)),
            true.count + proposed.count,
        ),
        match,
        torch.cat((whole, overlap)),
    )


def _true(scene: Scenery, batch: Batch) -> tuple[Pixels, Tensor]:
    """The pixels of every thing that shows enough of them with depth, and which thing each is."""
    owners = torch.where(scene.known, batch.owners, torch.zeros_like(batch.owners))
    area = torch.bincount(owners.reshape(-1), minlength=len(batch.things.label) + 1)
    usable = area >= LEAST_PIXELS
    usable[0] = False
    renumbered = torch.full_like(area, -1)
    renumbered[usable] = torch.arange(int(usable.sum()), device=area.device)
    taken = renumbered[owners]
    view, row, column = torch.nonzero(taken >= 0, as_tuple=True)
    pixels = Pixels(view, row, column, taken[view, row, column], int(usable.sum()))
    return pixels, torch.nonzero(usable)[:, 0] - 1


def _overlaps(proposed: Pixels, owners: Tensor, area: Tensor) -> tuple[Tensor, Tensor]:
    """Which thing each proposal overlaps most, and the intersection over union."""
    shown = owners[proposed.view, proposed.row, proposed.column]
    common = torch.zeros(proposed.count, len(area), device=owners.device)
    common.index_put_((proposed.owner, shown), torch.ones(len(shown), device=owners.device), accumulate=True)
    size = common.sum(dim=1, keepdim=True)
    union = size + area[None].float() - common
    score = common / union.clamp(min=1.0)
    score[:, 0] = 0.0
    overlap, best = score.max(dim=1) if proposed.count else (score.sum(dim=1), score.sum(dim=1).long())
    return best - 1, overlap


def _described(config: EyeConfig, things: Things) -> list[tuple[str, dict[str, str]]]:
    """Label and attributes of each thing in words."""
    table = []
    for k, label in enumerate(things.label.tolist()):
        values = {name: config.attributes[name][int(index[k])] for name, index in things.attributes.items()}
        table.append((config.labels[label], values))
    return table


def embedded(phrases: Sequence[Phrase], embeddings: NDArray[np.float32]) -> PhraseBank:
    """Phrases with their embeddings (n, text)."""
    return PhraseBank(phrases, torch.as_tensor(embeddings))

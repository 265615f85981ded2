"""One lesson of an eye: the losses of a batch, on true objects and on those that the eye itself proposes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
    "presence": 8.0, "votes": 0.3, "quality": 1.0, "label": 2.0, "attributes": 0.5, "center": 1.0, "extent": 1.0,
    "turn": 0.5, "words": 2.0,
}  # fmt: skip
"""What each loss counts for."""
RARE = {"digit": 6.0}
"""Attributes that few things have, and what having one counts for."""
LEAST_PIXELS = 8
"""Objects that show fewer pixels are no example of anything."""
SAME = 0.5
"""Overlap (intersection over union) from which a proposal is an example of the object that it overlaps."""
WELL_SHOWN, TELLING = 150.0, (0.3, 1.5)
"""What shows so many pixels counts once when it is named; the others in proportion, between these."""
PHRASES = 96
"""In a batch."""


@dataclass(frozen=True)
class PhraseBank:
    """Phrases with their sentence embeddings, and how well each fits every combination that is seen."""

    embeddings: Tensor
    """(n, text)."""
    named: NDArray[np.intp]
    """(n,) the label that each names, -1 for none."""
    fitting: Tensor
    """(n, labels): how well each fits things of each kind that have the attributes that it names."""
    wanted: Mapping[str, Tensor]
    """Attribute → (n,) the value that each phrase names, `UNKNOWN` for none."""

    def draw(self, things: Things, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        """Some phrases (S, text), half of which name a kind that is there, and how they fit the things (M, S)."""
        naming = np.flatnonzero(np.isin(self.named, things.label.cpu().numpy()))
        some = rng.choice(naming, min(PHRASES // 2, len(naming)), replace=False)
        others = rng.choice(len(self.named), PHRASES - len(some), replace=False)
        chosen = torch.as_tensor(np.concatenate((some, others)), device=self.embeddings.device)
        fits = self.fitting[chosen][:, things.label].T
        for name, values in self.wanted.items():
            want, have = values[chosen][None], things.attributes[name][:, None]
            fits = torch.where((want == UNKNOWN) | (want == have), fits, torch.zeros_like(fits))
        return self.embeddings[chosen], fits


def lesson(
    network: ObjectNet,
    batch: Batch,
    bank: PhraseBank | None,
    rng: np.random.Generator,
    *,
    proposing: int,
    half: bool = False,
) -> dict[str, Tensor]:
    """The losses of a batch.

    Args:
        network: who learns.
        batch: what is shown.
        bank: phrases to align with; None for none.
        rng: source of the choice of phrases.
        proposing: on how many of the pictures the eye is also taught on the objects that its own votes make.
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
    shown = torch.zeros_like(whole).index_add(0, pixels.owner, torch.ones_like(pixels.owner, dtype=whole.dtype))
    losses |= object_loss(said, batch.things, match, whole, RARE, (shown / WELL_SHOWN).clamp(*TELLING))
    seen = match >= 0
    if bank is not None and seen.any():
        sentences, fits = bank.draw(batch.things, rng)
        # Where a camera gave no colour, no phrase about it can be judged.
        able = seen & ~batch.colorless[batch.things.view[match.clamp(min=0)]]
        if able.any():
            agreement = network.agreement(said.embedding[able], sentences)
            losses["words"] = words_loss(agreement, fits[match[able]])
    return losses


def reading(network: ObjectNet, batch: Batch) -> dict[str, Tensor]:
    """The loss of what is read from crops of true objects, and nothing else."""
    scene = scenery(batch.views)
    pixels, match = _true(scene, batch)
    if not pixels.count:
        return {"attributes": torch.stack([p.sum() for p in network.readers.parameters()]).sum() * 0.0}
    loss = torch.zeros((), device=match.device)
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


def _examples(scene: Scenery, batch: Batch, dense: Dense, *, proposing: int) -> tuple[Pixels, Tensor, Tensor]:
    """Groups of pixels, which thing each is (-1: none), and how wholly."""
    true, match = _true(scene, batch)
    whole = torch.ones(len(match), device=match.device)
    if not proposing:
        return true, match, whole
    with torch.no_grad():
        some = slice(proposing)
        said = Dense(dense.presence[some], dense.votes_c[some], dense.log_scale[some], dense.features[some])
        proposed, _ = propose(said, scene.known[some], Grouping(), batch.views.T_bc[some])
        owners = _measured(scene, batch)
        area = torch.bincount(owners.reshape(-1), minlength=len(batch.things.label) + 1)
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


def _measured(scene: Scenery, batch: Batch) -> Tensor:
    """The owners (B, H, W) of pixels with depth: without it nothing is found."""
    return torch.where(scene.known, batch.owners, torch.zeros_like(batch.owners))


def _true(scene: Scenery, batch: Batch) -> tuple[Pixels, Tensor]:
    """The pixels of every thing that shows enough of them with depth, and which thing each is."""
    owners = _measured(scene, batch)
    usable = torch.bincount(owners.reshape(-1), minlength=len(batch.things.label) + 1) >= LEAST_PIXELS
    usable[0] = False
    things = torch.nonzero(usable)[:, 0]
    renumbered = torch.full_like(usable, -1, dtype=torch.long)
    renumbered[things] = torch.arange(len(things), device=things.device)
    taken = renumbered[owners]
    view, row, column = torch.nonzero(taken >= 0, as_tuple=True)
    return Pixels(view, row, column, taken[view, row, column], len(things)), things - 1


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


def embedded(phrases: Sequence[Phrase], embeddings: NDArray[np.float32], config: EyeConfig, device: str) -> PhraseBank:
    """Phrases with their embeddings (n, text), on a device."""
    wanted = {
        name: [values.index(phrase.attributes[name]) if name in phrase.attributes else UNKNOWN for phrase in phrases]
        for name, values in config.attributes.items()
    }
    fitting = [[phrase.fits(label, phrase.attributes) for label in config.labels] for phrase in phrases]
    return PhraseBank(
        embeddings=torch.as_tensor(embeddings).float().to(device),
        named=np.array([config.labels.index(phrase.label) if phrase.label else -1 for phrase in phrases]),
        fitting=torch.tensor(fitting, device=device),
        wanted={name: torch.tensor(values, device=device) for name, values in wanted.items()},
    )

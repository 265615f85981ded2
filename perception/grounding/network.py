"""The network of an eye: which pixels are objects, where the middle of each object is, and what it is like.

Every pixel of an object votes for the object's centre (a displacement in the camera frame and how far it may be off);
votes that agree are one object (`instances`), as in Hough voting (VoteNet, Qi et al. 2019; Neven et al. 2019 in the
plane). Features pooled over an object's pixels, and the shape of its points, are what it is described from.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from yanshi.perception.encoders.layers import Residual
from yanshi.perception.grounding.channels import CHANNELS, Scenery, heading
from yanshi.perception.grounding.closer import CloserLook, crop
from yanshi.perception.grounding.config import ABSENT, EyeConfig

SHAPE_NUMBERS = 21
"""What `shapes` tells of an object's points."""
LEAST_SCALE, MOST_SCALE = 2e-3, 0.5
"""Bounds of the expected error of a vote [m]."""
READER, READING = 128, (32, 64, 96)
"""Widths of what reads an attribute from a crop."""
POINTS = 10.0
"""Where points are, from the middle of their object, is shown in units of so many to a metre."""
_STANDARD_EXTENT = 0.07
"""Sizes are predicted as ratios to this [m]."""
_STANDARD_ERROR = 0.01
"""Corrections of the centre are predicted in this unit [m]."""


@dataclass(frozen=True)
class Dense:
    """What is said of every pixel."""

    presence: Tensor
    """(B, H, W) logit: an object rather than house or robot."""
    votes_c: Tensor
    """(B, 3, H, W) the centre of its object [m] in the camera frame."""
    log_scale: Tensor
    """(B, H, W) log of the expected error of the vote, per axis [m]."""
    features: Tensor
    """(B, C, H / 2, W / 2)."""


@dataclass(frozen=True)
class Pixels:
    """Which pixels belong to which object of a batch; an object has at least one."""

    view: Tensor
    """(P,) int64 index of the view."""
    row: Tensor
    column: Tensor
    """(P,) int64."""
    owner: Tensor
    """(P,) int64 index of the object, 0 … N - 1."""
    count: int
    """N."""

    @property
    def where(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """View, row, column and owner of each pixel."""
        return self.view, self.row, self.column, self.owner


@dataclass(frozen=True)
class Described:
    """What is said of N objects. The upright frame g of each is that of its view (`channels.heading`)."""

    label: Tensor
    """(N, labels) logits."""
    attributes: dict[str, Tensor]
    """Name → (N, values) logits."""
    center_g: Tensor
    """(N, 3) [m] in g, whose origin is the camera."""
    log_variance: Tensor
    """(N, 3) of the centre along g [m²]."""
    log_extent: Tensor
    """(N, 3) log size along its own axes [m]."""
    turn: Tensor
    """(N, 4) cos and sin of twice the yaw in g, cos and sin of four times; nought where there is no telling."""
    quality: Tensor
    """(N,) logit: one whole object rather than none, several or a piece."""
    embedding: Tensor
    """(N, E) unit vectors."""


class ObjectNet(nn.Module):
    """Colour and geometry in, objects out."""

    def __init__(self, config: EyeConfig) -> None:
        super().__init__()
        self.config = config
        a, b, c, d = config.widths
        self.stem = nn.Conv2d(CHANNELS, a, 4, 2, 1)
        self.down = nn.ModuleList(
            (
                nn.Sequential(Residual(a, a), Residual(a, a)),
                nn.Sequential(Residual(a, b, 2), Residual(b, b)),
                nn.Sequential(Residual(b, c, 2), Residual(c, c)),
                nn.Sequential(Residual(c, d, 2), Residual(d, d)),
            )
        )
        self.across = nn.ModuleList((nn.Conv2d(a, config.features, 1), nn.Conv2d(b, b, 1), nn.Conv2d(c, c, 1)))
        self.up = nn.ModuleList((nn.Conv2d(b, config.features, 1), nn.Conv2d(c, b, 1), nn.Conv2d(d, c, 1)))
        self.mix = nn.ModuleList((Residual(config.features, config.features), Residual(b, b), Residual(c, c)))
        self.dense = nn.Conv2d(config.features, 5 * 4, 3, padding=1)
        width = 2 * config.features + SHAPE_NUMBERS
        self.body = nn.Sequential(
            nn.Linear(width, config.hidden),
            nn.LayerNorm(config.hidden),
            nn.GELU(),
            nn.Linear(config.hidden, config.hidden),
            nn.GELU(),
        )
        seen = CHANNELS + 3 if config.measures else CHANNELS
        look = CloserLook(config.closer, seen, config.looks, config.hidden, config.hidden) if config.closer else None
        self.closer = look
        values = {name: len(words) for name, words in config.attributes.items()}
        self.readers = nn.ModuleDict(
            {name: CloserLook(config.reader, CHANNELS, READING, READER, values[name]) for name in config.reads}
        )
        self.label = nn.Linear(config.hidden, len(config.labels))
        self.attributes = nn.ModuleDict({name: nn.Linear(config.hidden, count) for name, count in values.items()})
        self.pose = nn.Linear(config.hidden, 3 + 3 + 3 + 4 + 1)
        self.embed = nn.Linear(config.hidden, config.embedding)
        self.text = nn.Linear(config.text, config.embedding)
        self.temperature = nn.Parameter(torch.tensor(2.3))
        self.bias = nn.Parameter(torch.tensor(-4.0))

    def forward(self, scene: Scenery) -> Dense:
        """Every pixel of a batch of views; height and width must be multiples of 16."""
        levels = [self.stem(scene.channels)]
        for stage in self.down:
            levels.append(stage(levels[-1]))
        x = levels[4]
        for k in (2, 1, 0):
            x = F.interpolate(self.up[k](x), scale_factor=2.0, mode="nearest") + self.across[k](levels[k + 1])
            x = self.mix[k](x)
        out = F.pixel_shuffle(self.dense(x), 2).float()
        scale = out[:, 4].clamp(-12.0, 12.0)
        low, high = math.log(LEAST_SCALE), math.log(MOST_SCALE)
        return Dense(
            presence=out[:, 0],
            votes_c=scene.points_c + 0.1 * out[:, 1:4],
            log_scale=low + (high - low) * torch.sigmoid(0.5 * scale),
            features=x,
        )

    def describe(self, scene: Scenery, dense: Dense, pixels: Pixels, T_bc: Tensor) -> Described:
        """What the objects made of `pixels` are like, and where."""
        R_gc = heading(T_bc)
        shape, vote_g, middle_g = shapes(scene, dense, pixels, R_gc)
        x = dense.features[pixels.view, :, pixels.row // 2, pixels.column // 2].float()
        mean = _mean(x, pixels)
        most = torch.full_like(mean, -1e4).scatter_reduce(0, pixels.owner[:, None].expand_as(x), x, "amax")
        hidden = self.body(torch.cat((mean, most, shape), dim=1))
        if self.closer is not None:
            hidden = hidden + self.closer(self._crops(scene, pixels, R_gc, middle_g))
        pose = self.pose(hidden)
        return Described(
            label=self.label(hidden),
            attributes=self._attributes(hidden, self.read(scene, pixels)),
            center_g=vote_g + _STANDARD_ERROR * pose[:, 0:3],
            log_variance=2.0 * math.log(_STANDARD_ERROR) + pose[:, 3:6].clamp(-5.0, 8.0),
            log_extent=math.log(_STANDARD_EXTENT) + pose[:, 6:9],
            turn=pose[:, 9:13],
            quality=pose[:, 13],
            embedding=F.normalize(self.embed(hidden), dim=1),
        )

    def _attributes(self, hidden: Tensor, read: dict[str, Tensor]) -> dict[str, Tensor]:
        """Logits of every attribute. Whether a thing has what can be read is told by all that is known of it, what it
        reads by its crop alone: a reader that was shown few kinds of things would find something on any.
        """
        said = {name: layer(hidden) for name, layer in self.attributes.items()}
        for name, logits in read.items():
            if self.config.attributes[name][0] == ABSENT:
                there = torch.log1p(-torch.softmax(said[name], dim=1)[:, :1].clamp(max=1.0 - 1e-6))
                absent = torch.log_softmax(said[name], dim=1)[:, :1]
                said[name] = torch.cat((absent, there + torch.log_softmax(logits[:, 1:], dim=1)), dim=1)
            else:
                said[name] = logits
        return said

    def read(self, scene: Scenery, pixels: Pixels) -> dict[str, Tensor]:
        """Logits (N, values) of the attributes that are read from crops."""
        if not self.readers:
            return {}
        crops = crop(scene.channels, *pixels.where, pixels.count, self.config.reader)
        return {name: reader(crops) for name, reader in self.readers.items()}

    def _crops(self, scene: Scenery, pixels: Pixels, R_gc: Tensor, middle_g: Tensor) -> Tensor:
        """What the closer look is shown (N, C + 1, side, side)."""
        side = self.config.closer
        if not self.config.measures:
            return crop(scene.channels, *pixels.where, pixels.count, side)
        both = torch.cat((scene.channels.float(), scene.points_c), dim=1)
        crops = crop(both, *pixels.where, pixels.count, side)
        seen, points_c, mask = torch.split(crops, [CHANNELS, 3, 1], dim=1)
        of_view = torch.zeros(pixels.count, dtype=torch.long, device=mask.device)
        of_view = of_view.scatter(0, pixels.owner, pixels.view)
        away = torch.einsum("nij,njyx->niyx", R_gc[of_view], points_c) - middle_g[:, :, None, None]
        known = seen[:, 3:4]  # 1 where depth is known
        return torch.cat((seen, (away * POINTS).clamp(-4.0, 4.0) * known, mask), dim=1)

    def agreement(self, embedding: Tensor, sentences: Tensor) -> Tensor:
        """(N, S) logits that objects (N, E) are what sentence embeddings (S, text) speak of (SigLIP, Zhai et al.
        2023).
        """
        words = F.normalize(self.text(sentences), dim=1)
        logits: Tensor = self.temperature.exp() * embedding @ words.T + self.bias
        return logits


def shapes(scene: Scenery, dense: Dense, pixels: Pixels, R_gc: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """What the points of each object look like, without what the network thinks of them.

    Returns:
        Numbers (N, SHAPE_NUMBERS) of order one; the mean vote (N, 3) and the mean point (N, 3) in g [m].
    """
    at = (pixels.view, slice(None), pixels.row, pixels.column)
    known = scene.known[pixels.view, pixels.row, pixels.column].float()
    turn = R_gc[pixels.view]
    points = torch.einsum("pij,pj->pi", turn, scene.points_c[at])
    votes = torch.einsum("pij,pj->pi", turn, dense.votes_c[at].detach())
    sure = torch.exp(-2.0 * dense.log_scale[pixels.view, pixels.row, pixels.column].detach()) * known
    middle = _mean(points, pixels, known)
    vote = _mean(votes, pixels, sure)
    offset = points - middle[pixels.owner]
    spread = torch.sqrt(_mean(offset**2, pixels, known) + 1e-8)
    level = offset[:, :2]
    moments = _mean(torch.stack((level[:, 0] ** 2 - level[:, 1] ** 2, 2 * level[:, 0] * level[:, 1]), 1), pixels, known)
    lost = (known < 0.5)[:, None]
    index = pixels.owner[:, None].expand_as(offset)
    low = torch.zeros_like(middle).scatter_reduce(0, index, offset.masked_fill(lost, 0.0), "amin")
    high = torch.zeros_like(middle).scatter_reduce(0, index, offset.masked_fill(lost, 0.0), "amax")
    area = torch.zeros(pixels.count, device=known.device).index_add(0, pixels.owner, torch.ones_like(known))
    distance = middle.norm(dim=1, keepdim=True)
    scatter = torch.sqrt(_mean((votes - vote[pixels.owner]) ** 2, pixels, sure).sum(1, keepdim=True) + 1e-8)
    numbers = torch.cat(
        (
            spread * 20.0,
            low * 10.0,
            high * 10.0,
            (moments / (spread[:, :2] ** 2).sum(1, keepdim=True)),
            (vote - middle) * 10.0,
            middle / distance.clamp(min=0.1),
            distance,
            torch.log(area)[:, None] - 4.0,
            torch.log(area)[:, None] + 2.0 * torch.log(distance.clamp(min=0.1)) - 4.0,
            scatter * 20.0,
        ),
        dim=1,
    )
    return numbers.clamp(-8.0, 8.0), vote, middle


def _mean(values: Tensor, pixels: Pixels, weight: Tensor | None = None) -> Tensor:
    """Weighted mean (N, C) of pixel values (P, C) of each object."""
    weight = torch.ones_like(values[:, 0]) if weight is None else weight
    total = torch.zeros(pixels.count, values.shape[1], device=values.device, dtype=values.dtype)
    total = total.index_add(0, pixels.owner, values * weight[:, None])
    share = torch.zeros(pixels.count, device=values.device, dtype=values.dtype).index_add(0, pixels.owner, weight)
    mean: Tensor = total / share.clamp(min=1e-9)[:, None]
    return mean

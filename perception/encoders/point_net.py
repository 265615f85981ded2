"""Points of a LiDAR: a PointNet (Qi et al., 2016) pooled over sectors of azimuth and rings of distance."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from yanshi.perception.encoders.layers import check_reading, weight_dtype


@dataclass(frozen=True, kw_only=True)
class PointNetConfig:
    """One token for each cell of a polar grid round the robot; a cell with no point says so."""

    points: int = 1024
    """Points a scan, x, y, z [m] in the robot base and intensity; rows of NaN are no points."""
    sectors: int = 8
    """Cells of equal azimuth; the first begins at the robot's left rear (-π)."""
    rings: tuple[float, ...] = (1.5,)
    """Distances at which rings end [m]; beyond the last is one more ring."""
    hidden: int = 96
    """Width of the map that all points share."""
    width: int = 192
    """Features of a token."""

    @property
    def tokens(self) -> int:
        """Tokens a scan."""
        return self.sectors * (len(self.rings) + 1)

    @property
    def reading(self) -> tuple[int, ...]:
        """Shape of a scan: (N, 4)."""
        return (self.points, 4)

    def build(self) -> PointNet:
        """The encoder."""
        return PointNet(self)


class PointNet(nn.Module):
    """h = mlp(point), a token = mlp(max over the points of its cell of h). The order of points does not matter."""

    def __init__(self, config: PointNetConfig) -> None:
        super().__init__()
        self.config = config
        self.points = nn.Sequential(
            nn.Linear(7, config.hidden), nn.GELU(), nn.Linear(config.hidden, config.hidden), nn.GELU()
        )
        self.empty = nn.Parameter(torch.zeros(config.hidden))
        self.place = nn.Parameter(torch.zeros(config.tokens, config.hidden))
        self.out = nn.Sequential(
            nn.Linear(config.hidden, config.width), nn.GELU(), nn.Linear(config.width, config.width)
        )
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Small random places; what stands for an empty cell likewise."""
        nn.init.normal_(self.place, std=0.02)
        nn.init.normal_(self.empty, std=0.02)

    def forward(self, values: Tensor) -> Tensor:
        """(B, F, N, 4) → (B, F * tokens, width)."""
        check_reading("PointNet", values, self.config.reading)
        b, f = values.shape[:2]
        scans = values.flatten(0, 1).float()
        known = torch.isfinite(scans).all(-1)
        scans = torch.where(known[..., None], scans, 0.0)
        h: Tensor = self.points(_features(scans).to(weight_dtype(self)))
        cell = self._cell(scans).masked_fill(~known, self.config.tokens)
        # One cell more than there are takes the points that are none.
        pooled = h.new_full((b * f, self.config.tokens + 1, h.shape[-1]), -torch.inf)
        pooled = pooled.scatter_reduce(1, cell[..., None].expand_as(h), h, "amax")[:, :-1]
        pooled = torch.where(torch.isfinite(pooled), pooled, self.empty)
        tokens: Tensor = self.out(pooled + self.place)
        return tokens.reshape(b, f * self.config.tokens, self.config.width)

    def _cell(self, scans: Tensor) -> Tensor:
        """(N, P) which token a point belongs to."""
        azimuth = torch.atan2(scans[..., 1], scans[..., 0])
        sector = ((azimuth + math.pi) * (self.config.sectors / (2.0 * math.pi))).long()
        edges = torch.tensor(self.config.rings, device=scans.device)
        ring = torch.bucketize(scans[..., :2].norm(dim=-1), edges)
        return ring * self.config.sectors + sector.clamp(0, self.config.sectors - 1)


def _features(scans: Tensor) -> Tensor:
    """(…, 7): direction in the plane, distance on two scales, height, height over 2 m, intensity."""
    x, y, z, intensity = scans.unbind(-1)
    distance = torch.hypot(x, y)
    flat = distance.clamp(min=1e-6)
    return torch.stack((x / flat, y / flat, distance / 5.0, 1.0 / (1.0 + distance), z, z / 2.0, intensity), dim=-1)

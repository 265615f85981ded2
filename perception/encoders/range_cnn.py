"""A LiDAR scan as a range image: a residual network whose left and right edges meet."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from yanshi.perception.encoders.encoder import per_frame
from yanshi.perception.encoders.layers import PooledTokens, Residual, check_reading, weight_dtype


@dataclass(frozen=True, kw_only=True)
class RangeCNNConfig:
    """A network over rows of elevation and columns of azimuth."""

    rows: int = 16
    """Rows of elevation, lowest first."""
    columns: int = 360
    """Columns of azimuth, a full turn."""
    base: int = 16
    """Channels of the first stage; the next have twice and three times as many."""
    width: int = 192
    """Features of a token."""
    sectors: int = 12
    """Tokens a scan: sectors of azimuth."""

    @property
    def tokens(self) -> int:
        """Tokens a scan."""
        return self.sectors

    @property
    def reading(self) -> tuple[int, ...]:
        """Shape of a scan: (2, rows, columns), range [m] and intensity, NaN where nothing came back."""
        return (2, self.rows, self.columns)

    def build(self) -> RangeCNN:
        """The encoder."""
        return RangeCNN(self)


class RangeCNN(nn.Module):
    """Three residual stages that narrow the azimuth faster than the few rows of elevation."""

    def __init__(self, config: RangeCNNConfig) -> None:
        super().__init__()
        self.config = config
        c = config.base
        self.net = nn.Sequential(
            Residual(4, c, (1, 2), circular=True),
            Residual(c, 2 * c, 2, circular=True),
            Residual(2 * c, 3 * c, 2, circular=True),
            PooledTokens(3 * c, config.width, 1, config.sectors),
        )

    def forward(self, values: Tensor) -> Tensor:
        """(B, F, 2, rows, columns) → (B, F * sectors, width)."""
        check_reading("RangeCNN", values, self.config.reading)
        values = values.float()
        known = torch.isfinite(values[:, :, :1])
        distance = torch.where(known, values[:, :, :1], 0.0)
        parts = (torch.where(known, 1.0 / (1.0 + distance), 0.0), distance / 10.0, torch.nan_to_num(values[:, :, 1:]))
        return per_frame(self.net, torch.cat((*parts, known.float()), dim=2).to(weight_dtype(self)))

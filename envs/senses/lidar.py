"""LiDARs: a spinning one with many beams, and a flat safety scanner. They need no light and do not see their robot."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

import mujoco
import numpy as np

from yanshi.contracts import Array, Frame
from yanshi.envs.senses.frames import element, robot_geoms, site_in_base, visible_geoms
from yanshi.envs.senses.patterns import Grid, sector, spinning
from yanshi.envs.senses.range_image import RangeImage
from yanshi.envs.senses.sensor import Simulated
from yanshi.errors import InputError


@dataclass(frozen=True, kw_only=True)
class LidarConfig:
    """A LiDAR's rays and their physics. The default is a small spinning one."""

    site: str = "lidar"
    """Where it is mounted: a site with x forward and z up."""
    columns: int = 360
    """Rays a turn (or over the field)."""
    beams: int = 16
    """Rows of rays."""
    elevation: tuple[float, float] = (-40.0, 10.0)
    """Lowest and highest beam [deg]. From 1.3 m the lowest meets a table top 0.7 m away."""
    field: float = 360.0
    """Horizontal field [deg]; 360 is a full turn."""
    range: tuple[float, float] = (0.15, 20.0)
    """Nearest and farthest distance that is measured [m]."""
    echo: float = 3.0
    """Strength of the emitter: an echo is lost with probability exp(-echo * reflectance * cos(incidence) * (far / r)²),
    so dark, slanted and distant surfaces are the ones that go missing; infinity loses none."""

    def __post_init__(self) -> None:
        if not 0.0 <= self.range[0] < self.range[1]:
            raise InputError(f"LiDAR '{self.site}': range must be (near, far) with 0 <= near < far, got {self.range}.")
        if not 0.0 < self.field <= 360.0:
            raise InputError(f"LiDAR '{self.site}': field must be in (0, 360] degrees, got {self.field}.")
        self.grid()

    def grid(self) -> Grid:
        """Its rays. Raises: InputError if there are none, or beams do not rise."""
        elevation = (math.radians(self.elevation[0]), math.radians(self.elevation[1]))
        if self.field == 360.0:
            return spinning(self.columns, self.beams, elevation)
        return sector(self.columns, math.radians(self.field), self.beams, elevation)


SCANNER = LidarConfig(site="scan", columns=271, beams=1, elevation=(0.0, 0.0), field=270.0, range=(0.05, 10.0))
"""A flat safety scanner: 270° at 1°, like those around the foot of mobile robots."""
REAR_SCANNER = replace(SCANNER, site="scan_rear")
"""Its fellow at the other end; together they see all round."""


class Lidar:
    """A LiDAR of the robot. It sees what cameras see (visible geoms), but for the robot itself."""

    modality: Literal["lidar"] = "lidar"

    def __init__(self, name: str = "lidar", config: LidarConfig | None = None) -> None:
        """A LiDAR whose frames are called `name`."""
        self.name = name
        self.config = config or LidarConfig()
        self.grid = self.config.grid()
        self.directions_s = self.grid.directions

    def setup(self, sim: Simulated) -> None:
        """Find the mount and prepare the geoms. Raises: WorldError if the robot has no such site."""
        model = sim.model
        self._site = element(model, mujoco.mjtObj.mjOBJ_SITE, self.config.site)
        self._base = element(model, mujoco.mjtObj.mjOBJ_BODY, sim.robot.base_body)
        seen = visible_geoms(model) & ~robot_geoms(model, sim.robot)
        self._caster = RangeImage(model, seen, self.grid)
        self._reflectance = reflectance(model)

    def read(self, sim: Simulated, rng: np.random.Generator) -> Frame:
        """The echoes (N, 4) float32: x, y, z [m] in the sensor frame and intensity in [0, 1]; N varies."""
        near, far = self.config.range
        rotation = sim.data.site_xmat[self._site].reshape(3, 3)
        hits = self._caster.cast(sim.data, sim.data.site_xpos[self._site], rotation, far)
        met = np.flatnonzero((hits.distance >= near) & (hits.distance <= far))
        r = hits.distance[met]
        intensity = self._reflectance[hits.geom[met]] * hits.cosine[met]
        if np.isfinite(self.config.echo):
            lost = np.exp(-self.config.echo * intensity * np.square(far / r))
            heard = rng.random(len(met)) >= lost
            met, r, intensity = met[heard], r[heard], intensity[heard]
        data = np.empty((len(met), 4), np.float32)
        data[:, :3] = self.directions_s[met] * r[:, None]
        data[:, 3] = intensity
        T_bs = site_in_base(sim.data, self._site, self._base)
        return Frame(name=self.name, modality=self.modality, stamp=sim.time, data=data, rate=0.0, T_bs=T_bs)

    def close(self) -> None:
        """Holds nothing outside Python."""


def reflectance(model: mujoco.MjModel) -> Array:
    """(ngeom,) share of the light that a surface throws back, in [0.1, 0.9]: from its brightness."""
    material = model.geom_matid
    rgb = model.geom_rgba[:, :3].copy()
    rgb[material >= 0] = model.mat_rgba[material[material >= 0], :3]
    brightness: Array = rgb @ np.array([0.299, 0.587, 0.114])
    return 0.1 + 0.8 * np.clip(brightness, 0.0, 1.0)

"""Touch: what the finger pads and the wrist feel."""

from __future__ import annotations

from typing import Literal

import mujoco
import numpy as np

from yanshi.contracts import Array, Frame
from yanshi.envs.senses.frames import element, site_in_base
from yanshi.envs.senses.sensor import Simulated
from yanshi.errors import WorldError


class Touch:
    """Normal and shear force on both finger pads, from the contacts of their geoms."""

    modality: Literal["touch"] = "touch"

    def __init__(self, name: str = "touch") -> None:
        """Frames are called `name`."""
        self.name = name

    def setup(self, sim: Simulated) -> None:
        """Find the pads. Raises: WorldError if the robot has none."""
        model, robot = sim.model, sim.robot
        if not robot.finger_pads:
            raise WorldError(f"Robot '{robot.name}' names no finger pads, so it cannot feel touch.")
        self._pads = [element(model, mujoco.mjtObj.mjOBJ_GEOM, pad) for pad in robot.finger_pads]
        self._is_pad = np.zeros(model.ngeom, bool)
        self._is_pad[self._pads] = True
        self._tcp = element(model, mujoco.mjtObj.mjOBJ_SITE, robot.tcp_site)
        self._base = element(model, mujoco.mjtObj.mjOBJ_BODY, robot.base_body)

    def read(self, sim: Simulated, rng: np.random.Generator) -> Frame:
        """(2 * pads,) float32 [N]: normal and shear force magnitude, pad after pad: left normal, left shear, right …"""
        forces = self.forces_w(sim)
        across = sim.data.site_xmat[self._tcp].reshape(3, 3)[:, 1]
        along = forces @ across
        shear = forces - along[:, None] * across
        data = np.column_stack((np.abs(along), np.sqrt(np.einsum("ij,ij->i", shear, shear)))).ravel().astype(np.float32)
        T_bs = site_in_base(sim.data, self._tcp, self._base)
        return Frame(name=self.name, modality=self.modality, stamp=sim.time, data=data, rate=0.0, T_bs=T_bs)

    def forces_w(self, sim: Simulated) -> Array:
        """(pads, 3) [N] in the map frame: the sum of what presses on each pad."""
        model, data = sim.model, sim.data
        forces = np.zeros((len(self._pads), 3))
        if data.ncon == 0:
            return forces
        geoms = data.contact.geom
        wrench = np.empty(6)
        for contact in np.flatnonzero(self._is_pad[geoms].any(axis=1)):
            mujoco.mj_contactForce(model, data, contact, wrench)
            on_second = wrench[:3] @ data.contact.frame[contact].reshape(3, 3)
            first, second = geoms[contact]
            if self._is_pad[first]:
                forces[self._pads.index(first)] -= on_second
            if self._is_pad[second]:
                forces[self._pads.index(second)] += on_second
        return forces

    def close(self) -> None:
        """Holds nothing."""


class WristForce:
    """Force and torque between wrist and gripper, as a six-axis sensor at site `wrist_ft` feels them."""

    modality: Literal["force_torque"] = "force_torque"

    def __init__(self, name: str = "wrist_force", site: str = "wrist_ft") -> None:
        """Frames are called `name`; the sensor sits at `site`."""
        self.name = name
        self.site = site

    def setup(self, sim: Simulated) -> None:
        """Find the mount. Raises: WorldError if the robot has no such site."""
        self._site = element(sim.model, mujoco.mjtObj.mjOBJ_SITE, self.site)
        self._body = int(sim.model.site_bodyid[self._site])
        self._base = element(sim.model, mujoco.mjtObj.mjOBJ_BODY, sim.robot.base_body)
        self._addresses = [self._sensor(sim.model, kind) for kind in ("mjSENS_FORCE", "mjSENS_TORQUE")]

    def _sensor(self, model: mujoco.MjModel, kind: str) -> int | None:
        """Where the model's own sensor of this kind at the site writes its reading, if it has one."""
        at_site = (model.sensor_type == getattr(mujoco.mjtSensor, kind)) & (model.sensor_objid == self._site)
        found = np.flatnonzero(at_site)
        return int(model.sensor_adr[found[0]]) if len(found) else None

    def read(self, sim: Simulated, rng: np.random.Generator) -> Frame:
        """(6,) float32: force [N], torque [N m] in the sensor frame, that the arm exerts on the hand: up, at rest."""
        force, torque = self._addresses
        values = sim.data.sensordata
        if force is not None and torque is not None:
            wrench = np.concatenate((values[force : force + 3], values[torque : torque + 3]))
        else:
            wrench = self._interaction(sim)
        T_bs = site_in_base(sim.data, self._site, self._base)
        data = wrench.astype(np.float32)
        return Frame(name=self.name, modality=self.modality, stamp=sim.time, data=data, rate=0.0, T_bs=T_bs)

    def _interaction(self, sim: Simulated) -> Array:
        """From MuJoCo's interaction force `cfrc_int` (torque, force about the centre of mass of the kinematic tree)."""
        model, data = sim.model, sim.data
        mujoco.mj_rnePostConstraint(model, data)
        spatial = data.cfrc_int[self._body]
        rotation = data.site_xmat[self._site].reshape(3, 3)
        arm = data.site_xpos[self._site] - data.subtree_com[model.body_rootid[self._body]]
        force = spatial[3:]
        torque = spatial[:3] - np.cross(arm, force)
        return np.concatenate((force @ rotation, torque @ rotation))

    def close(self) -> None:
        """Holds nothing."""

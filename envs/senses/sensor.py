"""What a sense is, and the one wrapper that gives it a rate, a latency, noise, drop-outs and a calibration error.

A sense knows how to read the simulation truthfully; `Timed` knows when, how late and how badly. So a new sense is one
file with one class, and nothing about time in it::

    thermal = Timed(Thermometer(), rate=5.0, latency=0.04, noise=Gaussian(0.5))
"""

from __future__ import annotations

import zlib
from collections import deque
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np

from yanshi.contracts import Array, Frame, Modality
from yanshi.errors import ContractError, InputError

if TYPE_CHECKING:
    import mujoco

    from yanshi.envs.robots import Robot
    from yanshi.envs.senses.noise import Noise

_EPSILON = 1e-6
"""Slack [s] when times are compared: simulated time is a sum of steps and so not exact."""


class Simulated(Protocol):
    """What a sense may read of a simulation."""

    @property
    def model(self) -> mujoco.MjModel:
        """The compiled world."""

    @property
    def data(self) -> mujoco.MjData:
        """Its state."""

    @property
    def robot(self) -> Robot:
        """Whose sense it is."""

    @property
    def time(self) -> float:
        """Simulated time [s]."""


@runtime_checkable
class Sensor(Protocol):
    """A sense. `read` returns the truth as the physics of the sense allows; noise, time and loss are added by `Timed`.

    A sense that must follow time between readings (a microphone) also has ``advance(sim) -> None``, which `Timed` calls
    at every poll; one that remembers anything also has ``reset(rng) -> None``, called at the start of an episode.
    """

    @property
    def name(self) -> str:
        """Of its frames, e.g. ``head_rgb``."""

    @property
    def modality(self) -> Modality:
        """What its frames hold."""

    def setup(self, sim: Simulated) -> None:
        """Find what it needs in the model (cameras, sites, geoms). Raises: WorldError if the robot lacks it."""

    def read(self, sim: Simulated, rng: np.random.Generator) -> Frame | None:
        """One reading now, or None if there is none. `rng` is for chance inside the sense, such as lost echoes."""

    def close(self) -> None:
        """Give back what `setup` took."""


class Timed:
    """A sense at its own rate.

    Readings are due at k / rate from time 0. A reading is taken only when due, stamped with that time, and delivered by
    `poll` once `latency` has passed. The sense was running before the episode began, when nothing moved: so there is a
    frame at time 0 too, stamped `latency` earlier. Everything random comes from seed and name, so that one sense
    more or less does not change the others.
    """

    def __init__(
        self,
        sensor: Sensor,
        rate: float,
        *,
        latency: float = 0.0,
        dropout: float = 0.0,
        extrinsic_error: tuple[float, float] = (0.0, 0.0),
        noise: Noise | None = None,
    ) -> None:
        """Wrap `sensor`.

        Args:
            sensor: What reads the simulation.
            rate: Readings a second [Hz].
            latency: From stamp to delivery [s].
            dropout: Share of whole readings that are lost, in [0, 1].
            extrinsic_error: Standard deviations per axis of the error in the reported mounting pose ([m], [rad]), drawn
                once an episode: the data is true, the calibration is wrong.
            noise: Disturbs the data.

        Raises:
            InputError: If a number is out of range.
        """
        if not rate > 0.0:
            raise InputError(f"Sense '{sensor.name}': rate must be > 0 Hz, got {rate}.")
        if not latency >= 0.0:
            raise InputError(f"Sense '{sensor.name}': latency must be >= 0 s, got {latency}.")
        if not 0.0 <= dropout <= 1.0:
            raise InputError(f"Sense '{sensor.name}': dropout must be in [0, 1], got {dropout}.")
        if min(extrinsic_error) < 0.0:
            raise InputError(f"Sense '{sensor.name}': extrinsic_error must be >= 0, got {extrinsic_error}.")
        self.sensor = sensor
        self.rate = rate
        self.latency = latency
        self.dropout = dropout
        self.extrinsic_error = extrinsic_error
        self.noise = noise
        self._advance = getattr(sensor, "advance", None)
        self._reset = getattr(sensor, "reset", None)
        self._ready = False
        self.reset(0)

    @property
    def name(self) -> str:
        """Of its frames."""
        return self.sensor.name

    @property
    def modality(self) -> Modality:
        """What its frames hold."""
        return self.sensor.modality

    def setup(self, sim: Simulated) -> None:
        """Prepare the sense for a simulation; done by the first `poll` if it was not done before."""
        self.sensor.setup(sim)
        self._ready = True

    def reset(self, seed: int) -> None:
        """Begin an episode at time 0: forget what is under way and draw everything anew from `seed`."""
        key = zlib.crc32(self.sensor.name.encode())
        reading, loss, calibration, noise = (np.random.default_rng((seed, key, part)) for part in range(4))
        self._reading_rng, self._loss_rng, self._noise_rng = reading, loss, noise
        metres, radians = self.extrinsic_error
        self._T_error = _small_transform(calibration.normal(0.0, metres, 3), calibration.normal(0.0, radians, 3))
        self._due = 0
        self._under_way: deque[Frame] = deque()
        if self.noise is not None:
            self.noise.reset(noise)
        if self._reset is not None:
            self._reset(reading)

    def poll(self, sim: Simulated) -> Frame | None:
        """The newest frame that is delivered at this moment and was not before, or None. Call it once a tick."""
        if not self._ready:
            self.setup(sim)
        if self._advance is not None:
            self._advance(sim)
        now = sim.time
        if self._due == 0 and self.latency > 0.0 and self.modality != "audio":
            self._take(sim, now - self.latency)
        if now >= self._due / self.rate - _EPSILON:
            self._due = int(np.floor((now + _EPSILON) * self.rate)) + 1
            self._take(sim, now)
        delivered = None
        while self._under_way and self._under_way[0].stamp + self.latency <= now + _EPSILON:
            delivered = self._under_way.popleft()
        return delivered

    def close(self) -> None:
        """Give back what the sense took."""
        self.sensor.close()
        self._ready = False

    def _take(self, sim: Simulated, stamp: float) -> None:
        """Take a reading and send it on its way, unless it is lost."""
        frame = self.sensor.read(sim, self._reading_rng)
        lost = self.dropout > 0.0 and self._loss_rng.random() < self.dropout
        if frame is None or lost:
            return
        data = frame.data if self.noise is None else self.noise(frame.data, self._noise_rng)
        T_bs = frame.T_bs
        if T_bs is not None and any(self.extrinsic_error):
            T_bs = T_bs @ self._T_error
        rate = frame.rate if self.modality == "audio" else self.rate
        self._under_way.append(replace(frame, stamp=stamp, data=data, T_bs=T_bs, rate=rate))


@dataclass
class FakeSensor:
    """A sense for tests: a touch reading (1,) that counts its readings from 0, mounted 1 m above the base."""

    name: str = "fake"
    modality: Modality = "touch"
    readings: int = field(default=0, init=False)

    def setup(self, sim: Simulated) -> None:
        """Needs nothing."""

    def reset(self, rng: np.random.Generator) -> None:
        """Count from 0 again."""
        self.readings = 0

    def read(self, sim: Simulated, rng: np.random.Generator) -> Frame:
        """The number of readings before this one."""
        T_bs = np.eye(4)
        T_bs[2, 3] = 1.0
        data = np.array([self.readings], dtype=np.float32)
        self.readings += 1
        return Frame(name=self.name, modality=self.modality, stamp=sim.time, data=data, rate=0.0, T_bs=T_bs)

    def close(self) -> None:
        """Holds nothing."""


def check_sensor(sensor: Sensor, sim: Simulated) -> Frame | None:
    """Check that a sense keeps the contract in a simulation: what you run on your own sense first.

    It must leave the state alone, name and stamp its frame rightly, be rigidly mounted, and give the same reading for
    the same seed.

    Returns:
        A reading, or None if the sense has nothing to say now.

    Raises:
        ContractError: With what was expected and what came.
    """
    if not isinstance(sensor, Sensor):
        raise ContractError(f"{type(sensor).__name__}: expected name, modality, setup, read and close.")
    sensor.setup(sim)
    reset = getattr(sensor, "reset", None)
    before = (sim.data.time, sim.data.qpos.copy(), sim.data.qvel.copy(), sim.data.ctrl.copy())
    frames = []
    for _ in range(2):
        if reset is not None:
            reset(np.random.default_rng(0))
        frames.append(sensor.read(sim, np.random.default_rng(0)))
    after = (sim.data.time, sim.data.qpos, sim.data.qvel, sim.data.ctrl)
    if not all(np.array_equal(a, b) for a, b in zip(before, after, strict=True)):
        raise ContractError(f"Sense '{sensor.name}': reading must not change the simulation, but it did.")
    first, second = frames
    if first is None or second is None:
        return None
    if first.name != sensor.name or first.modality != sensor.modality:
        expected, came = f"'{sensor.name}' ({sensor.modality})", f"'{first.name}' ({first.modality})"
        raise ContractError(f"Sense '{sensor.name}': expected a frame {expected}, got {came}.")
    if abs(first.stamp - sim.time) > _EPSILON:
        raise ContractError(f"Sense '{sensor.name}': expected stamp {sim.time} s, got {first.stamp} s.")
    if not np.array_equal(first.data, second.data, equal_nan=True):
        raise ContractError(f"Sense '{sensor.name}': the same seed gave two different readings.")
    if first.T_bs is not None and not _is_rigid(first.T_bs):
        raise ContractError(f"Sense '{sensor.name}': T_bs must be a rigid transform, got {first.T_bs.tolist()}.")
    if first.modality in ("rgb", "depth") and (first.K is None or first.T_bs is None):
        raise ContractError(f"Sense '{sensor.name}': a camera frame needs K and T_bs.")
    return first


def _is_rigid(T: Array) -> bool:
    R = T[:3, :3]
    orthogonal = np.allclose(R.T @ R, np.eye(3), atol=1e-6) and np.linalg.det(R) > 0.0
    return bool(orthogonal and np.array_equal(T[3], [0, 0, 0, 1]))


def _small_transform(translation: Array, rotation: Array) -> Array:
    """(4, 4) from a translation (3,) [m] and a rotation vector (3,) [rad] (Rodrigues)."""
    T = np.eye(4)
    T[:3, 3] = translation
    angle = float(np.linalg.norm(rotation))
    if angle > 0.0:
        x, y, z = rotation / angle
        S = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
        T[:3, :3] += np.sin(angle) * S + (1.0 - np.cos(angle)) * S @ S
    return T

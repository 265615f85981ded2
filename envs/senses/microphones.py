"""A microphone array that hears the simulation: things that sound, things that hit, rooms, doors and noise.

`advance` notes where everything is once a tick; `read` renders what has been heard since the last reading. Nothing is
rendered before it is asked for, and every sample is rendered once.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import mujoco
import numpy as np
from scipy.signal import lfilter

from yanshi.contracts import Array, Frame, Modality
from yanshi.envs.senses.acoustics import BLOCK, SPEED_OF_SOUND, Emission, Knot, render
from yanshi.envs.senses.contact_sounds import ContactSounds
from yanshi.envs.senses.frames import element, pose, site_in_base
from yanshi.envs.senses.soundscape import Acoustics, House, SoundMakers, Soundscape
from yanshi.envs.senses.waveforms import pascals
from yanshi.envs.senses.wavetable import Wavetable, wavetable
from yanshi.errors import InputError

if TYPE_CHECKING:
    from yanshi.envs.senses.sensor import Simulated

FULL_SCALE = 28.3
"""Pressure [Pa] at which a microphone without gain reaches 1: the peak of 120 dB SPL, as data sheets of small ones
say."""
LOWEST_RATE = 16_000.0
BEFORE = 60.0
"""What sounds at the start of an episode has done so for this long [s]."""
FIRST_CLIP = BLOCK
"""Length of the first reading after a reset [s]: the world is taken to have stood still before."""
LONGEST = 60.0
"""A sound that has ended is still under way over this distance [m]."""
FASTEST = 60.0
"""A source that seems to move faster has been put elsewhere: its old place fades out and its new one in [m/s]."""


@runtime_checkable
class Audible(Protocol):
    """A simulation that has something to hear, besides what every sense may read."""

    @property
    def world(self) -> House:
        """Rooms and things."""

    @property
    def devices(self) -> SoundMakers:
        """What sounds now."""


@dataclass(frozen=True, kw_only=True)
class Microphone:
    """The electrical side."""

    rate: float = 16_000.0
    """Sample rate [Hz], at least 16 kHz."""
    gain: float = 20.0
    """[dB] over `FULL_SCALE`; with 20 dB, 100 dB SPL is the loudest sine that is not clipped."""
    self_noise: float = 29.0
    """White noise of each microphone [dB SPL]."""
    ambient: float = 35.0
    """Low-passed noise of the house [dB SPL]."""

    def __post_init__(self) -> None:
        if self.rate < LOWEST_RATE:
            raise InputError(f"Microphones: rate must be >= {LOWEST_RATE:.0f} Hz, got {self.rate}.")


@dataclass
class _Voice:
    """A sound under way and where it has been heard from."""

    emission: Emission
    name: str | None
    """Which thing makes it; None for an impact."""
    position_w: Array
    knots: list[Knot] = field(default_factory=list)

    def note(self, knot: Knot) -> None:
        """Add a knot; if the sound would have had to move too fast since the last, it has been put elsewhere."""
        if self.knots:
            last = self.knots[-1]
            moved = float(np.linalg.norm(knot.arrival.position_w - last.arrival.position_w))
            moved += abs(knot.arrival.detour - last.arrival.detour)
            moved += float(np.abs(knot.microphones_w - last.microphones_w).max())
            knot = replace(knot, epoch=last.epoch + (moved > FASTEST * (knot.time - last.time)))
        self.knots.append(knot)

    def forget(self, time: float) -> None:
        """Drop what is not needed to render from a time [s] on."""
        while len(self.knots) > 1 and self.knots[1].time <= time:
            self.knots.pop(0)

    def is_over(self, time: float) -> bool:
        """Whether nothing of it is heard any more at a time [s]."""
        return time > self.emission.stop + LONGEST / SPEED_OF_SOUND


class Microphones:
    """A 4-channel array: frames `audio` (T, M) with everything since the last reading."""

    modality: Modality = "audio"

    def __init__(
        self,
        *,
        name: str = "audio",
        site: str = "mic_array",
        capsules: tuple[str, ...] = ("mic_0", "mic_1", "mic_2", "mic_3"),
        microphone: Microphone | None = None,
        acoustics: Acoustics | None = None,
        contact_sounds: bool = True,
    ) -> None:
        """Name the sites of the robot that carry the array (`site` is its frame) and its microphones."""
        self.name = name
        self.site = site
        self.capsules = capsules
        self.microphone = microphone or Microphone()
        self.acoustics = acoustics or Acoustics()
        self.contact_sounds = contact_sounds
        self._voices: list[_Voice] = []
        self._now = -np.inf
        self._samples: int | None = None
        self._rumble = np.zeros((0, 1))

    def setup(self, sim: Simulated) -> None:
        """Find the array in the model.

        Raises:
            WorldError: If the robot does not carry it.
            InputError: If the simulation has nothing that could sound.
        """
        if not isinstance(sim, Audible):
            raise InputError("Microphones need a simulation with a `world` and `devices`.")
        model = sim.model
        self._audible: Audible = sim
        self._site = element(model, mujoco.mjtObj.mjOBJ_SITE, self.site)
        self._mics = [element(model, mujoco.mjtObj.mjOBJ_SITE, name) for name in self.capsules]
        self._base = element(model, mujoco.mjtObj.mjOBJ_BODY, sim.robot.base_body)
        self._learn(sim)
        self.reset(np.random.default_rng(0))

    def reset(self, rng: np.random.Generator) -> None:
        """Begin an episode: silence, then whatever sounds."""
        self._voices = []
        self._now = -np.inf
        self._samples = None
        self._rumble = np.zeros((len(self.capsules), 1))
        if hasattr(self, "_contacts"):
            self._contacts.reset()

    def play(self, samples: Array, position_w: Array, start: float) -> None:
        """Let something be heard once that the world does not hold: words that somebody says.

        Args:
            samples: (n,) pressure at 1 m [Pa], at the rate of the microphones.
            position_w: (3,) where it is said [m].
            start: When it begins [s]; not before the present.
        """
        table = Wavetable(samples, self.microphone.rate, periodic=False)
        emission = Emission(table, start, start + len(samples) / self.microphone.rate)
        self._voices.append(_Voice(emission, None, np.array(position_w, dtype=float)))

    def advance(self, sim: Simulated) -> None:
        """Note where everything is. Call it every tick; a moment that was noted is not noted again."""
        now = sim.time
        if now <= self._now:
            return
        first = self._samples is None
        if self._samples is None:
            if self._house is not self._audible.world:
                self._learn(sim)
            self._samples = self._count(now - FIRST_CLIP)
        sounding = sorted(self._audible.devices.sounding)
        self._stop_silent(sounding, now)
        self._start_new(sim, sounding, now - BEFORE if first else now)
        if self.contact_sounds:
            for impact in self._contacts.collect(sim):
                stop = impact.time + impact.table.duration
                emission = Emission(impact.table, impact.time, stop, impact.gain)
                self._voices.append(_Voice(emission, None, impact.position_w))
        microphones = np.array(sim.data.site_xpos[self._mics])
        for voice in self._voices:
            if voice.name is not None:
                voice.position_w = self._soundscape.position(sim, voice.name)
            voice.note(self._soundscape.knot(sim, voice.position_w, microphones, voice.name))
        self._now = now

    def read(self, sim: Simulated, rng: np.random.Generator) -> Frame | None:
        """Everything since the last reading; None if not one sample is new."""
        self.advance(sim)
        assert self._samples is not None
        end = self._count(sim.time)
        if end <= self._samples:
            return None
        rate = self.microphone.rate
        samples = range(self._samples, end)
        order, air = self.acoustics.order, self.acoustics.air
        pressure = self._noise(len(samples), rng)
        for voice in self._voices:
            pressure += render(voice.emission, voice.knots, samples, order=order, air=air)
            voice.forget(end / rate)
        self._voices = [voice for voice in self._voices if not voice.is_over(end / rate)]
        self._samples = end
        T_ws = pose(sim.data.site_xpos[self._site], sim.data.site_xmat[self._site])
        local = (sim.data.site_xpos[self._mics] - T_ws[:3, 3]) @ T_ws[:3, :3]
        scale = 10.0 ** (self.microphone.gain / 20.0) / FULL_SCALE
        data = np.clip(pressure.T * scale, -1.0, 1.0).astype(np.float32)
        return Frame(
            name=self.name, modality="audio", stamp=end / rate, data=data, rate=rate,
            T_bs=site_in_base(sim.data, self._site, self._base), microphones_s=local,
        )  # fmt: skip

    def close(self) -> None:
        """Forget what was heard."""
        self._voices = []

    def _learn(self, sim: Simulated) -> None:
        """Learn the house, which may be another in the next episode."""
        self._house = self._audible.world
        self._soundscape = Soundscape(sim, self._house, self.acoustics)
        self._contacts = ContactSounds(sim.model, self._house, self.microphone.rate)

    def _count(self, time: float) -> int:
        """How many samples are complete at a time [s]."""
        return int(np.floor(time * self.microphone.rate + 1e-6))

    def _stop_silent(self, sounding: list[str], now: float) -> None:
        for voice in self._voices:
            e = voice.emission
            if voice.name is not None and np.isinf(e.stop) and voice.name not in sounding:
                voice.emission = Emission(e.table, e.start, now, e.gain)

    def _start_new(self, sim: Simulated, sounding: list[str], start: float) -> None:
        under_way = {voice.name for voice in self._voices if np.isinf(voice.emission.stop)}
        for name in sounding:
            label = self._soundscape.label(name)
            if label is not None and name not in under_way:
                emission = Emission(wavetable(label, self.microphone.rate), start)
                self._voices.append(_Voice(emission, name, self._soundscape.position(sim, name)))

    def _noise(self, n: int, rng: np.random.Generator) -> Array:
        """(M, n) pressure [Pa] of the microphones themselves and of the house; each microphone has its own."""
        white = rng.standard_normal((2, len(self.capsules), n), dtype=np.float32)
        smooth = float(np.exp(-2.0 * np.pi * 400.0 / self.microphone.rate))
        rumble, self._rumble = lfilter([np.sqrt(1.0 - smooth**2)], [1.0, -smooth], white[0], zi=self._rumble)
        return np.asarray(pascals(self.microphone.ambient) * rumble + pascals(self.microphone.self_noise) * white[1])

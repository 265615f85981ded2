"""Plane waves, made with exact delays, and observations that carry them."""

import numpy as np
import pytest

from yanshi.contracts import Array, Frame, Observation, Proprioception

RATE = 16_000.0
ARRAY = np.array([[0.04, 0.04, 0.0], [-0.04, 0.04, 0.0], [0.04, -0.04, 0.0], [0.0, 0.0, 0.06]])


class Waves:
    """What microphones hear of a source that is far away."""

    rate = RATE
    array = ARRAY

    def plane(self, direction: Array, sound: Array, array: Array = ARRAY) -> Array:
        """(T, M) of a sound (T,) that comes from a direction (3,)."""
        frequency = np.fft.rfftfreq(len(sound), 1.0 / RATE)
        early = array @ direction / 343.0
        turned = np.fft.rfft(sound)[:, None] * np.exp(2j * np.pi * frequency[:, None] * early)
        return np.asarray(np.fft.irfft(turned, len(sound), axis=0), dtype=np.float32)

    def coloured(self, samples: int, seed: int = 0) -> Array:
        """(T,) noise that falls with frequency, of deviation 0.05."""
        frequency = np.fft.rfftfreq(samples, 1.0 / RATE)
        noise = np.random.default_rng(seed).standard_normal(samples)
        sound = np.fft.irfft(np.fft.rfft(noise) / (1.0 + frequency / 1000.0), samples)
        return np.asarray(0.05 * sound / sound.std())

    def direction(self, azimuth: float, elevation: float) -> Array:
        """(3,) [rad]."""
        flat = np.cos(elevation)
        return np.array([flat * np.cos(azimuth), flat * np.sin(azimuth), np.sin(elevation)])

    def frame(self, audio: Array, stamp: float, turn: float = 0.0, array: Array = ARRAY) -> Frame:
        """A frame of an array at a height of 1.2 m that is turned about z [rad]."""
        c, s = np.cos(turn), np.sin(turn)
        T_bs = np.array([[c, -s, 0.0, 0.0], [s, c, 0.0, 0.0], [0.0, 0.0, 1.0, 1.2], [0.0, 0.0, 0.0, 1.0]])
        return Frame(
            name="audio", modality="audio", stamp=stamp, data=np.asarray(audio, dtype=np.float32), rate=RATE,
            T_bs=T_bs, microphones_s=array,
        )  # fmt: skip

    def observation(self, frame: Frame | None, stamp: float = 0.0, odometry: Array | None = None) -> Observation:
        """One that carries a frame."""
        T_be = np.eye(4)
        T_be[:3, 3] = (0.5, 0.0, 0.6)
        felt = Proprioception(
            joint_names=(), joint_positions=np.zeros(0), joint_velocities=np.zeros(0),
            odometry=np.zeros(3) if odometry is None else odometry, base_velocity_b=np.zeros(3), T_be=T_be,
            gripper_opening=0.08,
        )  # fmt: skip
        frames = {} if frame is None else {frame.name: frame}
        return Observation(stamp=stamp if frame is None else frame.stamp, frames=frames, proprioception=felt)


@pytest.fixture
def waves() -> Waves:
    return Waves()

"""Windows of sound to learn from, mixed anew at every step out of a pool of single sounds, on any device.

What `sounds.clip` and `sounds.example` make of one seed is here made of a whole batch in torch: one to three sounds of
a `Pool` and fresh noise, the features of the mixture, and which part of it is whose. No window is ever shown twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
import torch
from torch import Tensor

from yanshi.agent.hearing.pool import KINDS, Pool
from yanshi.agent.hearing.sounds import (
    AMBIENT,
    ARRAY,
    HEARD,
    HIGH_PASS,
    LATE,
    LOW_PASS,
    NOT_HEARD,
    PLACE_SHARES,
    PLACES,
    PRESSURE,
)
from yanshi.contracts import Array
from yanshi.envs.senses.microphones import Microphone
from yanshi.envs.senses.waveforms import REFERENCE_PRESSURE, pascals
from yanshi.errors import InputError
from yanshi.perception.hearing.features import BANDS, FRAMES, POOL, QUIET, RATE, mel, window_samples
from yanshi.perception.hearing.network import CLASSES
from yanshi.perception.hearing.spectra import WINDOW
from yanshi.perception.hearing.steered import SPEED_OF_SOUND

MOST = 3
"""Sounds of a mixture at most."""
SHARES = (0.07, 0.35, 0.33, 0.25)
"""How often there are none, one, two, three: more together than in clips, since a faint sound beside a loud one is what
is hard to hear."""
WEIGHTS = {"hum": 1.4, "knock": 1.4, "thud": 1.6}
"""How often a class is mixed in; others 1. Faint and brief ones need more practice."""


@dataclass(frozen=True, eq=False)
class Recipe:
    """What goes into a batch of B windows."""

    sounds: Array
    """(B, `MOST`) int64 rows of the pool; only those with `gain` count."""
    gain: Array
    """(B, `MOST`) float32, 1 or 0."""
    ambient: Array
    """(B,) float32, how loud the house is [Pa]."""
    late: Array
    """(B,) int64, samples at the beginning that were not heard."""


class Mixer:
    """Batches of windows, the same for the same pool, seed and step on one device.

    Args:
        pool: What is mixed.
        batch: Windows of a batch.
        seed: Of what goes into them.
        device: Where they are made.
    """

    def __init__(self, pool: Pool, batch: int, seed: int = 0, device: str = "cpu") -> None:
        missing = [KINDS[k] for k in range(len(KINDS)) if not (pool.kind == k).any()]
        if missing:
            raise InputError(f"Mixer: expected sounds of every kind, there is none of {missing[0]}; draw more.")
        self._batch, self._seed, self._device = batch, seed, device
        self._length = -(-len(pool) // batch)
        self._order = np.argsort(pool.kind, kind="stable")
        self._first = np.searchsorted(pool.kind[self._order], np.arange(len(KINDS) + 1))
        self._kind = pool.kind
        self._samples, self._scale, self._direction, self._distance, self._loudest, self._moment = (
            torch.from_numpy(value).to(device)
            for value in (pool.samples, pool.scale, pool.direction, pool.distance, pool.loudest, pool.moment)
        )
        self._class = torch.from_numpy(pool.kind % len(CLASSES)).to(device)
        size, samples = round(WINDOW * RATE), window_samples()
        self._window = torch.from_numpy(np.hanning(size + 1)[:size] * 2.0 / np.hanning(size + 1)[:size].sum())
        self._window = self._window.float().to(device)
        self._mel = torch.from_numpy(mel().T.astype(np.float32)).to(device)
        self._frequency = torch.from_numpy(np.fft.rfftfreq(size, 1.0 / RATE).astype(np.float32)).to(device)
        pairs = np.array(list(combinations(range(len(ARRAY)), 2)))
        self._one, self._other = torch.from_numpy(pairs).to(device).unbind(1)
        self._baselines = torch.from_numpy((ARRAY[pairs[:, 1]] - ARRAY[pairs[:, 0]]).astype(np.float32)).to(device)
        turn = np.exp(-2j * np.pi * np.fft.rfftfreq(samples))
        rumble = np.sqrt(1.0 - LOW_PASS**2) / (1.0 - LOW_PASS * turn)
        high = np.abs((1.0 - turn) / (1.0 - HIGH_PASS * turn)) ** 2
        self._rumble = torch.from_numpy(rumble.astype(np.complex64)).to(device)
        self._self_noise = pascals(Microphone().self_noise)
        self._floors = float(np.mean(high * np.abs(rumble) ** 2)), float(np.mean(high)) * self._self_noise**2

    def __len__(self) -> int:
        """Batches in which as many windows are mixed as there are sounds."""
        return self._length

    def batch(self, step: int) -> dict[str, Tensor]:
        """``features``, ``present``, ``masks`` [0, 1] and ``distance`` of windows, as `perception.hearing.training`
        wants them.
        """
        recipe = self.recipe(step)
        generator = torch.Generator(self._device).manual_seed(self._seed * 1_000_003 + step)
        rows, gain, ambient, late = (
            torch.from_numpy(value).to(self._device)
            for value in (recipe.sounds, recipe.gain, recipe.ambient, recipe.late)
        )
        images = self._samples[rows].float() * (self._scale[rows] * gain)[..., None, None]
        heard = torch.arange(images.shape[-1], device=self._device) >= late[:, None]
        images = images * heard[:, None, None]
        noise = self._noise(ambient, len(ARRAY), generator) * heard[:, None]
        mixture = self._spectra(((images.sum(dim=1) + noise) * PRESSURE).clamp(-1.0, 1.0))
        present = self._present(rows, gain, ambient, late)
        features, masks = self._shown(mixture, self._spectra(images * PRESSURE), self._direction[rows])
        there = torch.nn.functional.one_hot(self._class[rows], len(CLASSES)) * gain[..., None]
        away = torch.log(self._distance[rows])
        distance = torch.exp((there * away[..., None]).sum(dim=1))
        return {
            "features": features,
            "present": present,
            "masks": torch.einsum("bsc,bsfk->bcfk", there, masks),
            "distance": torch.where(there.sum(dim=1) > 0.0, distance, torch.nan),
        }

    def recipe(self, step: int) -> Recipe:
        """What goes into the batch of a step: a place for each window, and in it sounds of different classes."""
        rng = np.random.default_rng((self._seed, step))
        n = self._batch
        place = rng.choice(len(PLACES), size=n, p=PLACE_SHARES)
        count = rng.choice(MOST + 1, size=n, p=SHARES)
        weight = np.array([WEIGHTS.get(label, 1.0) for label in CLASSES])
        classes = np.argsort(rng.exponential(size=(n, len(CLASSES))) / weight, axis=1)[:, :MOST]
        kind = place[:, None] * len(CLASSES) + classes
        among = self._first[kind + 1] - self._first[kind]
        sounds = self._order[self._first[kind] + (rng.random((n, MOST)) * among).astype(np.int64)]
        late = np.where(rng.random(n) < LATE, rng.integers(window_samples() // 2, size=n), 0)
        level = rng.uniform(*AMBIENT, size=n)
        ambient = REFERENCE_PRESSURE * 10.0 ** (level / 20.0)
        gain = np.arange(MOST) < count[:, None]
        return Recipe(sounds, gain.astype(np.float32), ambient.astype(np.float32), late.astype(np.int64))

    def _noise(self, ambient: Tensor, microphones: int, generator: torch.Generator) -> Tensor:
        """(B, M, T) [Pa]: the house and the microphones themselves."""
        shape = (2, len(ambient), microphones, window_samples())
        white = torch.randn(shape, generator=generator, device=self._device)
        rumble = torch.fft.irfft(torch.fft.rfft(white[0]) * self._rumble, n=shape[-1])
        noise: Tensor = rumble * ambient[:, None, None] + white[1] * self._self_noise
        return noise

    def _present(self, rows: Tensor, gain: Tensor, ambient: Tensor, late: Tensor) -> Tensor:
        """(B, C) whether a class is heard: 1, 0, or NaN where nobody could say."""
        floor = self._floors[0] * ambient**2 + self._floors[1]
        ratio = 10.0 * torch.log10(self._loudest[rows] / floor[:, None] + 1e-12)
        unclear = (ratio > NOT_HEARD) & (ratio < HEARD)
        # What was loudest before listening began may be heard of what followed.
        missed = (self._moment[rows] <= late[:, None]) & (ratio > NOT_HEARD)
        known = torch.where(unclear | missed, torch.nan, (ratio >= HEARD).float())
        present = torch.zeros(len(rows), len(CLASSES), device=self._device)
        return present.scatter_add(1, self._class[rows], torch.where(gain > 0.0, known, 0.0))

    def _spectra(self, sound: Tensor) -> Tensor:
        """(…, T) → (…, N, K) complex, as `spectra.spectra`."""
        size = len(self._window)
        spectra: Tensor = torch.fft.rfft(sound.unfold(-1, size, size // 2) * self._window)
        return spectra

    def _shown(self, mixture: Tensor, images: Tensor, direction: Tensor) -> tuple[Tensor, Tensor]:
        """Features (B, channels, frames, bands) of a mixture (B, M, N, K), and what share of it in each frame and band
        (B, S, frames, bands) comes from each image (B, S, M, N, K) and in phase with its direction (B, S, 3).
        """
        power = self._bands((mixture.abs() ** 2).mean(dim=1))
        cross = mixture[:, self._one] * mixture[:, self._other].conj()
        size = self._bands(cross.abs())
        agreement = torch.sqrt(self._bands(cross.real) ** 2 + self._bands(cross.imag) ** 2) / (size + QUIET)
        level = (torch.log10(power / POOL + QUIET) + 5.0) / 5.0
        own = self._bands((images.abs() ** 2).mean(dim=2))
        masks = (own / (power[:, None] + POOL * 1e-12)).clamp(0.0, 1.0)
        size = size.mean(dim=1) + 1e-12
        omega = 2.0 * torch.pi / SPEED_OF_SOUND * self._frequency
        for s in range(masks.shape[1]):
            phase = (direction[:, s] @ self._baselines.T)[..., None] * omega
            cos, sin = torch.cos(phase)[:, :, None], torch.sin(phase)[:, :, None]
            in_phase = (cross.real * cos - cross.imag * sin).mean(dim=1)
            masks[:, s] *= (self._bands(in_phase) / size).clamp(0.0, 1.0)
        return torch.stack([level, agreement.mean(dim=1)], dim=1), masks

    def _bands(self, values: Tensor) -> Tensor:
        """(…, N, K) → (…, frames, bands), sums."""
        bands = values @ self._mel
        return bands.reshape(*bands.shape[:-2], FRAMES, POOL, BANDS).sum(dim=-2)

"""Sounds for a tower to learn from: clips on disk, and batches in which they are heard from any posture and mixed.

A clip is drawn once (`agent.hearing.sounds`) and used many times: the microphones are turned and moved, which changes
where sounds are for the robot and not what is heard; and what two clips hold may sound together, since pressures add.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save
from torch import Tensor

from yanshi.agent.hearing.sounds import ARRAY, HELD_OUT, clip
from yanshi.agent.language.spelling import SLOTS
from yanshi.agent.learning.checkpoint import write_bytes
from yanshi.agent.learning.parallel import each
from yanshi.contracts import Frame, Observation, Proprioception
from yanshi.errors import InputError
from yanshi.perception.embodied_lm.clips import collate, readings
from yanshi.perception.embodied_lm.senses import PARTS, SenseConfig
from yanshi.perception.hearing.features import RATE

CLIPS = 400
"""In a file."""
FIRST = HELD_OUT // 2
"""Seed of the first clip: those of the moments (`moments`) are below."""
MIXED = 0.4
"""Share of a batch in which two clips sound together."""
PAN, TILT = 1.6, 0.5
"""How far the microphones are turned [rad] …"""
ASIDE, HEIGHT = 0.3, (0.6, 1.5)
"""… and where they are [m]."""


@dataclass(frozen=True)
class Soundscapes:
    """Clips as the sense of sound reads them, and what is in them."""

    parts: Mapping[str, Tensor]
    """(N, …) each; see `senses.PARTS`."""
    present: Tensor
    """(N, classes) 1 where a class is heard, 0 where it is not, NaN where nobody could say."""
    directions: Tensor
    """(N, classes, 3) unit vectors in the frame of the microphones, NaN where a class is not in the clip."""

    def batch(self, rng: np.random.Generator, size: int) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Readings by part, and what is in them: ``is_present`` (B, C), and ``direction`` (B, 2 C), the sine and cosine
        of azimuths in the robot base as (cos, sin) pairs, NaN where a class is not heard.
        """
        device = self.present.device
        first, second = (torch.as_tensor(rng.integers(len(self.present), size=size), device=device) for _ in range(2))
        together = self.present[first] + self.present[second]
        mixed = torch.as_tensor(rng.random(size) < MIXED, device=device)
        # Two sounds of a class would have two directions; and of what may be there nothing can be learned.
        mixed &= (together <= 1.0).all(1) & (together.sum(1) <= SLOTS)
        parts = {part: value[first] for part, value in self.parts.items()}
        values = parts["values"].float()
        parts["values"] = values + mixed[:, None, None, None] * self.parts["values"][second].float()
        present = torch.where(mixed[:, None], together, self.present[first])
        others = mixed[:, None] & (self.present[second] == 1.0)
        directions = torch.where(others[..., None], self.directions[second], self.directions[first])
        turn, view = _postures(rng, size)
        parts["view"] = view.to(device)[:, None].expand_as(parts["view"]).contiguous()
        parts["time"] = parts["time"].float()
        flat = (directions @ turn.to(device).transpose(1, 2))[..., :2]
        flat = torch.nn.functional.normalize(flat, dim=2)
        flat = torch.where((present == 1.0)[..., None], flat, torch.nan)
        return parts, {"is_present": present, "direction": flat.flatten(1)}

    def to(self, device: torch.device | str) -> Soundscapes:
        """The same on a device."""
        parts = {name: value.to(device) for name, value in self.parts.items()}
        return Soundscapes(parts, self.present.to(device), self.directions.to(device))


def draw(
    folder: Path, sense: SenseConfig, files: int, tell: Callable[[str], None] = lambda line: None, workers: int = 1
) -> None:
    """Draw the files that are not there yet, on so many processes."""
    missing = [number for number in range(files) if not _file(folder, number).exists()]
    for line in each(partial(_draw, folder, sense), missing, workers):
        tell(line)


def read(folder: Path, files: int) -> Soundscapes:
    """The first files. Raises: InputError if one is missing."""
    found: list[dict[str, Tensor]] = []
    for number in range(files):
        file = _file(folder, number)
        if not file.exists():
            raise InputError(f"{file}: expected clips of sound, there are none; draw them first.")
        found.append(load_file(file))
    tensors = {name: torch.cat([each[name] for each in found]) for name in found[0]}
    return Soundscapes({part: tensors[part] for part in PARTS}, tensors["present"], tensors["directions"])


def heard_as(audio: np.ndarray) -> Observation:
    """A moment in which nothing but a clip (T, 4) was sensed."""
    T_bs = np.eye(4)
    T_bs[2, 3] = sum(HEIGHT) / 2
    frame = Frame(name="audio", modality="audio", stamp=1.0, data=audio, rate=RATE, T_bs=T_bs, microphones_s=ARRAY)
    nothing = np.zeros(3)
    felt = Proprioception(
        joint_names=(), joint_positions=np.zeros(0), joint_velocities=np.zeros(0), odometry=nothing,
        base_velocity_b=nothing, T_be=np.eye(4), gripper_opening=0.0,
    )  # fmt: skip
    return Observation(stamp=frame.stamp, frames={frame.name: frame}, proprioception=felt)


def _file(folder: Path, number: int) -> Path:
    return folder / f"sounds-{number:04d}.safetensors"


def _draw(folder: Path, sense: SenseConfig, number: int) -> str:
    made = [clip(FIRST + number * CLIPS + k) for k in range(CLIPS)]
    samples = [readings(sense, (heard_as(each.audio),), (), strict=True) for each in made]
    tensors = {key.removeprefix("sound_"): value for key, value in collate("sound", sense, samples).items()}
    tensors["values"] = tensors["values"].half()
    tensors["present"] = torch.as_tensor(np.stack([each.present for each in made]), dtype=torch.float32)
    tensors["directions"] = torch.as_tensor(np.stack([each.directions for each in made]), dtype=torch.float32)
    file = _file(folder, number)
    write_bytes(file, save({name: value.contiguous() for name, value in tensors.items()}))
    return f"{file.name}: {CLIPS} clips of sound"


def _postures(rng: np.random.Generator, size: int) -> tuple[Tensor, Tensor]:
    """(B, 3, 3) how microphones are turned in the robot base, and (B, 16) the same as a view (`readers.reading`)."""
    pan, tilt = rng.uniform(-PAN, PAN, size), rng.uniform(-TILT, TILT, size)
    c, s, ct, st, none = np.cos(pan), np.sin(pan), np.cos(tilt), np.sin(tilt), np.zeros(size)
    turn = np.stack([c * ct, -s, c * st, s * ct, c, s * st, -st, none, ct], axis=1)
    place = np.column_stack((rng.uniform(-ASIDE, ASIDE, (size, 2)), rng.uniform(*HEIGHT, size)))
    view = np.concatenate((turn, place, np.zeros((size, 4))), axis=1)
    return torch.as_tensor(turn.reshape(size, 3, 3), dtype=torch.float32), torch.as_tensor(view, dtype=torch.float32)

"""A new encoder, another backbone: a thermal camera in EmbodiedLM. Nothing is trained here."""

from dataclasses import dataclass

import numpy as np
import torch

from yanshi.contracts import Frame
from yanshi.perception.embodied_lm.assemble import assemble
from yanshi.perception.embodied_lm.fakes import fake_language_model, fake_observation, fake_tokenizer
from yanshi.perception.embodied_lm.senses import SenseConfig
from yanshi.perception.encoders.catalog import ENCODERS
from yanshi.perception.encoders.encoder import check_encoder
from yanshi.perception.projectors.resampler import ResamplerConfig
from yanshi.perception.readers.catalog import READERS
from yanshi.perception.readers.reading import Reading, newest_frames, view_of


@dataclass(frozen=True, kw_only=True)
class ThermalReader:
    sources: tuple[str, ...] = ("thermal",)
    reading: tuple[int, ...] = (24, 32)
    dtype: str = "float32"

    def read(self, clip, source, frames):
        found = newest_frames(clip, source, "thermal", frames)
        return [Reading(value=frame.data - 293.0, stamp=frame.stamp, view=view_of(frame)) for frame in found]


@dataclass(frozen=True, kw_only=True)
class ThermalConfig:
    width: int = 32
    tokens: int = 12
    reading: tuple[int, ...] = (24, 32)

    def build(self):
        return Thermal(self)


class Thermal(torch.nn.Module):
    def __init__(self, config: ThermalConfig) -> None:
        super().__init__()
        self.patches = torch.nn.Conv2d(1, config.width, 8, 8)

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        images = torch.nan_to_num(values).reshape(-1, 1, 24, 32).to(self.patches.weight.dtype)
        return self.patches(images).flatten(2).transpose(1, 2).reshape(len(values), -1, self.patches.out_channels)


READERS.register("thermal", ThermalReader)
ENCODERS.register("thermal", ThermalConfig)
check_encoder(ThermalConfig())
sense = SenseConfig(reader=ThermalReader(), encoder=ThermalConfig(), projector=ResamplerConfig(queries=4))
observation = fake_observation()
kelvin = np.full((24, 32), 295.0, np.float32)
observation.frames["thermal"] = Frame(name="thermal", modality="thermal", stamp=1.0, data=kelvin, rate=9.0)
for family in ("llama", "qwen2", "glm"):  # `from_base({"thermal": sense}, "path/to/any/model")` takes a trained one.
    model, processor = assemble(fake_language_model(family), fake_tokenizer(), {"thermal": sense})
    inputs = processor(text="Is the kettle hot?", observation=observation, answer="yes")
    print(f"{family}: {inputs['input_ids'].shape[1]} tokens, untrained loss {model(**inputs).loss.item():.2f}")

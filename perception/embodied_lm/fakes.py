"""Small stand-ins for tests: language models of several families, a tokenizer, every sense, observations."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedTokenizerFast

from yanshi.contracts import Frame, Observation, Proprioception
from yanshi.errors import UnknownNameError
from yanshi.perception.embodied_lm.senses import SenseConfig
from yanshi.perception.encoders.depth_cnn import DepthCNNConfig
from yanshi.perception.encoders.image_cnn import ImageCNNConfig
from yanshi.perception.encoders.point_net import PointNetConfig
from yanshi.perception.encoders.sound_cnn import SoundCNNConfig
from yanshi.perception.encoders.vector_mlp import VectorMLPConfig
from yanshi.perception.projectors.linear import LinearProjectorConfig
from yanshi.perception.projectors.mlp import MLPProjectorConfig
from yanshi.perception.projectors.qformer import QFormerConfig
from yanshi.perception.projectors.resampler import ResamplerConfig
from yanshi.perception.readers.body import BodyReader
from yanshi.perception.readers.image import ColorReader, DepthReader
from yanshi.perception.readers.lidar import PointsReader
from yanshi.perception.readers.objects import ObjectReader
from yanshi.perception.readers.sound import SoundReader

FAMILIES = ("llama", "vicuna", "qwen2", "glm")
"""Families of language models that are proved to serve as backbone; Vicuna is a LLaMA with untied embeddings."""
_TEMPLATE = (
    "{% for m in messages %}<|start|>{{ m['role'] }}\n{{ m['content'] }}<|end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|start|>assistant\n{% endif %}"
)


def fake_tokenizer() -> Any:
    """A tokenizer of single bytes: any text, no training."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {token: k for k, token in enumerate(alphabet)}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<|start|>", eos_token="<|end|>")
    fast.pad_token = fast.eos_token
    fast.chat_template = _TEMPLATE
    return fast


def fake_language_model(family: str = "llama", *, vocabulary: int = 258, context: int = 512, seed: int = 0) -> Any:
    """An untrained two-layer decoder of a family, in evaluation mode. Raises: UnknownNameError."""
    if family not in FAMILIES:
        raise UnknownNameError("family of language models", family, FAMILIES)
    special = {"pad_token_id": 257, "eos_token_id": 257, "bos_token_id": 256}
    config = AutoConfig.for_model(
        "llama" if family == "vicuna" else family,
        vocab_size=vocabulary,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=4 if family == "vicuna" else 2,
        head_dim=8,
        max_position_embeddings=context,
        tie_word_embeddings=family in ("llama", "qwen2"),
        **special,
    )
    torch.manual_seed(seed)
    return AutoModelForCausalLM.from_config(config).eval()


def fake_senses() -> dict[str, SenseConfig]:
    """Every kind of sense, each small, with every kind of projector."""
    return {
        "camera": SenseConfig(
            reader=ColorReader(height=32, columns=32),
            encoder=ImageCNNConfig(height=32, columns=32, base=8, width=16, grid=(2, 2)),
            projector=LinearProjectorConfig(),
            frames=2,
        ),
        "depth": SenseConfig(
            reader=DepthReader(height=32, columns=32),
            encoder=DepthCNNConfig(height=32, columns=32, base=8, width=16, grid=(2, 2)),
            projector=ResamplerConfig(queries=3, layers=1, heads=2),
            frames=2,
        ),
        "lidar": SenseConfig(
            reader=PointsReader(points=64),
            encoder=PointNetConfig(points=64, sectors=4, hidden=16, width=16),
            projector=QFormerConfig(queries=3, hidden=16, layers=2, heads=2),
            frames=2,
        ),
        "sound": SenseConfig(
            reader=SoundReader(samples=1600),
            encoder=SoundCNNConfig(samples=1600, bands=16, base=4, width=16, tokens=2),
            projector=MLPProjectorConfig(),
            frames=2,
        ),
        "body": SenseConfig(
            reader=BodyReader(joints=3),
            encoder=VectorMLPConfig(size=33, hidden=16, width=16),
            projector=MLPProjectorConfig(),
            frames=2,
        ),
        "things": SenseConfig(
            reader=ObjectReader(),
            encoder=VectorMLPConfig(size=11, hidden=16, width=16),
            projector=MLPProjectorConfig(),
            frames=6,
        ),
    }


def fake_observation(stamp: float = 1.0, *, seed: int = 0) -> Observation:
    """Two small RGB-D cameras, a LiDAR, 40 ms of four microphones, touch and joints; random."""
    rng = np.random.default_rng((seed, round(stamp * 1e4)))
    K = np.array([[30.0, 0.0, 16.0], [0.0, 30.0, 16.0], [0.0, 0.0, 1.0]])
    T_bs = np.eye(4)
    T_bs[2, 3] = 1.2
    frames = {}
    for camera in ("head", "wrist"):
        rgb = rng.integers(0, 256, (32, 32, 3), dtype=np.uint8)
        depth = rng.uniform(0.3, 4.0, (32, 32)).astype(np.float32)
        depth[rng.random((32, 32)) < 0.2] = np.nan
        for name, data in (("rgb", rgb), ("depth", depth)):
            key = f"{camera}_{name}"
            frames[key] = Frame(name=key, modality=name, stamp=stamp, data=data, rate=10.0, K=K, T_bs=T_bs)  # type: ignore[arg-type]
    points = rng.normal(0.0, 2.0, (100, 4)).astype(np.float32)
    frames["lidar"] = Frame(name="lidar", modality="lidar", stamp=stamp, data=points, rate=10.0, T_bs=T_bs)
    sound = rng.normal(0.0, 0.1, (640, 4)).astype(np.float32)
    frames["audio"] = Frame(
        name="audio", modality="audio", stamp=stamp, data=sound, rate=16_000.0, T_bs=T_bs,
        microphones_s=rng.normal(0.0, 0.1, (4, 3)),
    )  # fmt: skip
    forces = rng.uniform(0.0, 2.0, 4).astype(np.float32)
    frames["touch"] = Frame(name="touch", modality="touch", stamp=stamp, data=forces, rate=50.0)
    felt = Proprioception(
        joint_names=("a", "b", "c"),
        joint_positions=rng.normal(size=3),
        joint_velocities=rng.normal(size=3),
        odometry=rng.normal(size=3),
        base_velocity_b=rng.normal(size=3),
        T_be=T_bs,
        gripper_opening=0.05,
    )
    return Observation(stamp=stamp, frames=frames, proprioception=felt)

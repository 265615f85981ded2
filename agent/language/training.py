"""Trains EmbodiedLM in stages: towers alone, alignment of their tokens with words, instructions with low-rank updates.

Stage 0 (`towers`) teaches each tower its sense. Stage 1 (``align``) moves only projectors and new tokens, so that what
is sensed becomes words that the language model can read. Stage 2 (``instruct``) also moves low-rank updates of the
language model. Losses are on answers alone. Each stage goes on where it was broken off.
"""

from __future__ import annotations

import json
import platform
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from yanshi.agent.language.corpus import Corpus
from yanshi.agent.language.instructions import Instructed
from yanshi.agent.language.lessons import Lesson, Lessons
from yanshi.agent.language.spelling import SPELLED
from yanshi.agent.learning.checkpoint import read, write, write_bytes
from yanshi.errors import InputError
from yanshi.perception.embodied_lm.freezing import train_only
from yanshi.perception.embodied_lm.lora import LoraOptions, add_lora
from yanshi.perception.embodied_lm.model import EmbodiedLM
from yanshi.perception.embodied_lm.processor import EmbodiedProcessor
from yanshi.perception.embodied_lm.senses import PARTS

STAGES = ("align", "instruct")
CHECKPOINT, LOG = "{stage}.safetensors", "{stage}.json"


@dataclass(frozen=True, kw_only=True)
class StageTraining:
    """How a stage is trained."""

    stage: str
    steps: int
    rows: int = 2
    """Rows of a step; each has some branches, which share what is sensed."""
    scenes: float = 0.4
    """Share of rows with instructions."""
    learning_rate: float = 1e-3
    """Of towers and new tokens."""
    lora_rate: float = 4e-4
    warm_up: int = 30
    every: int = 100
    """Steps between checkpoints."""
    seed: int = 0
    half: bool = True
    """Compute in bfloat16."""

    def __post_init__(self) -> None:
        if self.stage not in STAGES:
            raise InputError(f"Expected the stage to be one of {', '.join(STAGES)}, got '{self.stage}'.")
        if min(self.steps, self.rows, self.every) < 1:
            raise InputError(f"Expected steps, rows and every of at least 1, got {self}.")


@dataclass
class Progress:
    """What a stage remembers beside its tensors."""

    step: int = 0
    cpu_seconds: float = 0.0
    samples: int = 0
    losses: list[tuple[int, float]] = field(default_factory=list)


def train_stage(
    model: EmbodiedLM, processor: EmbodiedProcessor, corpus: Corpus, scenes: Sequence[Instructed],
    config: StageTraining, out: Path, tell: Callable[[str], None] = lambda line: None,
) -> Progress:  # fmt: skip
    """Train a stage, or go on training it. The model is left in evaluation mode, low-rank updates beside its layers.

    Raises:
        InputError: `out` holds the checkpoint of a stage with another configuration.
    """
    torch.manual_seed(config.seed)
    if config.stage == "instruct":
        add_lora(model, LoraOptions())
    groups = _parameters(model, config)
    parameters = [p for group in groups for p in group["params"]]
    optimizer = torch.optim.AdamW(groups, weight_decay=0.0)
    names = {id(p): name for name, p in model.named_parameters()}
    progress = _resume(config, out, {names[id(p)]: p for p in parameters}, optimizer)
    lessons = Lessons(model, processor, corpus, scenes)
    model.train()
    recent: list[float] = []
    began = time.process_time() - progress.cpu_seconds
    while progress.step < config.steps:
        rng = np.random.default_rng([config.seed, 1, progress.step])
        torch.manual_seed(int(rng.integers(2**31)))  # of dropout
        drawn = [lessons.about_a_scene(rng) if rng.random() < config.scenes else lessons.about_a_moment(rng)
                 for _ in range(config.rows)]  # fmt: skip
        lesson = lessons.batch(drawn)
        factor = _rate(config, progress.step)
        for group in optimizer.param_groups:
            group["lr"] = group["most"] * factor
        with torch.autocast("cpu", torch.bfloat16, enabled=config.half):
            loss = lesson_loss(model, lesson)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        progress.step += 1
        progress.samples += sum(len(row.said) for row in drawn)
        recent.append(float(loss.detach()))
        if progress.step % config.every == 0 or progress.step == config.steps:
            progress.losses.append((progress.step, float(np.mean(recent))))
            recent = []
            progress.cpu_seconds = time.process_time() - began
            _keep(config, out, {names[id(p)]: p for p in parameters}, optimizer, progress)
            tell(
                f"{config.stage}: step {progress.step} of {config.steps}, {progress.samples} answers, "
                f"loss {progress.losses[-1][1]:.3f}, {progress.cpu_seconds:.0f} CPU s"
            )
    model.eval()
    return progress


def lesson_loss(model: EmbodiedLM, lesson: Lesson) -> Tensor:
    """Mean loss over the tokens of all answers."""
    soft = {}
    for name, parts in lesson.senses.items():
        soft[name] = model.towers[name](*(parts[part] for part in PARTS))
    embeds = model.fuse(lesson.text.input_ids, soft)
    out = model.language_model.get_decoder()(
        inputs_embeds=embeds,
        attention_mask=lesson.text.mask(embeds.dtype),
        position_ids=lesson.text.position_ids,
        use_cache=False,
    )
    # Only where an answer's token is to be told is the head asked: it is a fifth of the work.
    labels = lesson.text.labels[:, 1:]
    told = labels != -100
    logits = model.get_output_embeddings()(out.last_hidden_state[:, :-1][told])
    return nn.functional.cross_entropy(logits.float(), labels[told])


def _parameters(model: EmbodiedLM, config: StageTraining) -> list[dict[str, Any]]:
    """What moves, with its greatest rate."""
    train_only(model, "projectors", "new_tokens", *(("lora",) if config.stage == "instruct" else ()))
    for name, tower in model.towers.items():
        if name in SPELLED:  # Its tokens are words already; training would wear that away.
            tower.requires_grad_(False)
    own = {name: p for name, p in model.named_parameters() if p.requires_grad}
    lora = [p for name, p in own.items() if "lora_" in name]
    others = [p for name, p in own.items() if "lora_" not in name]
    groups = [{"params": others, "most": config.learning_rate * (1.0 if config.stage == "align" else 0.3)}]
    return groups + ([{"params": lora, "most": config.lora_rate}] if lora else [])


def _rate(config: StageTraining, step: int) -> float:
    rise = min(1.0, (step + 1) / config.warm_up)
    return rise * max(0.02, 0.5 * (1.0 + float(np.cos(np.pi * step / config.steps))))


def _decisive(config: StageTraining) -> dict[str, Any]:
    return {name: value for name, value in asdict(config).items() if name not in ("every", "half")}


def _keep(
    config: StageTraining, out: Path, tensors: dict[str, nn.Parameter], optimizer: torch.optim.Optimizer,
    progress: Progress,
) -> None:  # fmt: skip
    arrays: dict[str, Tensor] = {f"weight/{name}": value for name, value in tensors.items()}
    for index, state in optimizer.state_dict()["state"].items():
        arrays |= {f"optimizer/{index}/{name}": torch.as_tensor(value) for name, value in state.items()}
    meta = {"config": _decisive(config), "progress": asdict(progress)}
    file = out / CHECKPOINT.format(stage=config.stage)
    write(file, {k: v.detach().float().cpu().numpy() for k, v in arrays.items()}, meta)
    write_bytes(out / LOG.format(stage=config.stage), json.dumps(asdict(progress), indent=1).encode())


def _resume(
    config: StageTraining, out: Path, tensors: dict[str, nn.Parameter], optimizer: torch.optim.Optimizer
) -> Progress:
    file = out / CHECKPOINT.format(stage=config.stage)
    if not file.exists():
        return Progress()
    arrays, meta = read(file)
    if meta["config"] != _decisive(config):
        changed = sorted(k for k, v in _decisive(config).items() if meta["config"].get(k) != v)
        raise InputError(f"{file}: belongs to a run with other settings ({', '.join(changed)}); choose another folder.")
    state: dict[int, dict[str, Tensor]] = {}
    with torch.no_grad():
        for name, value in tensors.items():
            value.copy_(torch.as_tensor(arrays[f"weight/{name}"]))
    for key, array in arrays.items():
        if key.startswith("optimizer/"):
            _, index, name = key.split("/")
            state.setdefault(int(index), {})[name] = torch.as_tensor(array)
    optimizer.load_state_dict({**optimizer.state_dict(), "state": state})
    values = meta["progress"]
    return Progress(**{**values, "losses": [tuple(each) for each in values["losses"]]})


def versions() -> dict[str, str]:
    """Of what trained it."""
    return {"python": platform.python_version(), "torch": torch.__version__, "numpy": np.__version__}

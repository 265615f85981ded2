"""Trains EmbodiedLM in stages: towers alone, alignment of their tokens with words, instructions with low-rank updates.

Stage 0 (`towers`) teaches each tower its sense. Stage 1 (``align``) moves only projectors and new tokens, so that what
is sensed becomes words that the language model can read. Stage 2 (``instruct``) also moves low-rank updates of the
language model. Losses are on answers alone. Each stage goes on where it was broken off.
"""

from __future__ import annotations

import json
import platform
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from yanshi.agent.language.balance import GROUPS, sums, weighed, weights
from yanshi.agent.language.lessons import Lesson, Lessons, Row
from yanshi.agent.language.spelling import SPELLED
from yanshi.agent.learning.checkpoint import read, write, write_bytes
from yanshi.errors import InputError
from yanshi.perception.embodied_lm.freezing import train_only
from yanshi.perception.embodied_lm.lora import LoraOptions, add_lora
from yanshi.perception.embodied_lm.model import EmbodiedLM
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
    words: float = 0.03
    """Share of rows with text without senses, where there is any."""
    only: str = ""
    """A group of `balance.GROUPS` of which alone questions are asked, to see what learning together costs it."""
    learning_rate: float = 1e-3
    """Of towers and new tokens."""
    lora_rate: float = 4e-4
    rank: int = 16
    """Of the low-rank updates."""
    warm_up: int = 30
    every: int = 100
    """Steps between checkpoints."""
    watched: int = 8
    """Unseen moments, and as many unseen scenes, that it is watched with at each."""
    seed: int = 0
    half: bool = True
    """Compute in bfloat16, on devices that can (`in_half`)."""
    seconds: float = 0.0
    """Wall time after which the stage ends if it has not come to its last step; 0 for none. The rates fall with the
    time then as they would with the steps."""
    device: str = "cpu"
    workers: int = 0
    """Processes that make batches ahead of time; 0 for none."""

    def __post_init__(self) -> None:
        if self.stage not in STAGES:
            raise InputError(f"Expected the stage to be one of {', '.join(STAGES)}, got '{self.stage}'.")
        if min(self.steps, self.rows, self.every, self.rank) < 1:
            raise InputError(f"Expected steps, rows, every and rank of at least 1, got {self}.")
        if self.only and self.only not in GROUPS:
            raise InputError(f"Expected only to be one of {', '.join(GROUPS)}, got '{self.only}'.")


@dataclass
class Progress:
    """What a stage remembers beside its tensors."""

    step: int = 0
    seconds: float = 0.0
    """Wall time."""
    cpu_seconds: float = 0.0
    samples: int = 0
    losses: list[tuple[int, float]] = field(default_factory=list)
    """Mean loss of a token, to each checkpoint."""
    spans: list[list[float]] = field(default_factory=list)
    """The same of each of `balance.GROUPS`; NaN where there was none."""
    exact: list[list[float]] = field(default_factory=list)
    """The share of held-out answers whose every token is foretold, of each group; NaN where there was none."""


def train_stage(
    model: EmbodiedLM, lessons: Lessons, config: StageTraining, out: Path,
    tell: Callable[[str], None] = lambda line: None, unseen: Lessons | None = None,
) -> Progress:  # fmt: skip
    """Train a stage, or go on training it. The model is left in evaluation mode, low-rank updates beside its layers.

    Args:
        model: on the CPU; it is moved to the device.
        lessons: what it is taught.
        config: how.
        out: folder for the checkpoint.
        tell: is told how it goes, line by line.
        unseen: moments and words that are held out, to watch it with.

    Raises:
        InputError: `out` holds the checkpoint of a stage with another configuration.
    """
    torch.manual_seed(config.seed)
    if config.stage == "instruct":
        add_lora(model, LoraOptions(rank=config.rank, alpha=2.0 * config.rank))
    model.to(config.device)
    groups = _parameters(model, config)
    parameters = [p for group in groups for p in group["params"]]
    optimizer = torch.optim.AdamW(groups, weight_decay=0.0)
    names = {id(p): name for name, p in model.named_parameters()}
    progress = _resume(config, out, {names[id(p)]: p for p in parameters}, optimizer)
    tensors = {name: value.to(config.device) for name, value in lessons.corpus.tensors.items()}
    weight = torch.tensor(weights(progress.spans), device=config.device)
    span = torch.zeros(2, len(GROUPS), device=config.device)
    model.train()
    began, began_cpu = time.monotonic() - progress.seconds, time.process_time() - progress.cpu_seconds
    for lesson in _ahead(lessons, config, progress.step):
        torch.manual_seed(config.seed * 1_000_003 + progress.step)  # of dropout
        factor = _rate(config, progress.step, time.monotonic() - began)
        for group in optimizer.param_groups:
            group["lr"] = group["most"] * factor
        with in_half(config):
            losses, which, _ = answered(model, lesson, tensors)
        loss = weighed(losses, which, weight)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        progress.step += 1
        progress.samples += lesson.answers
        span += sums(losses, which)
        over = bool(config.seconds) and time.monotonic() - began > config.seconds
        if progress.step % config.every == 0 or progress.step == config.steps or over:
            progress.losses.append((progress.step, float(span[0].sum() / span[1].sum())))
            progress.spans.append((span[0] / span[1]).tolist())
            weight = torch.tensor(weights(progress.spans), device=config.device)
            span.zero_()
            if unseen is not None:
                progress.exact.append(watch(model, unseen, config))
                model.train()
            progress.seconds, progress.cpu_seconds = time.monotonic() - began, time.process_time() - began_cpu
            _keep(config, out, {names[id(p)]: p for p in parameters}, optimizer, progress)
            tell(_told(config, progress))
        if over:
            break
    model.eval()
    return progress


def in_half(config: StageTraining) -> torch.autocast:
    """The context to compute in: bfloat16 on a GPU and on a CPU with instructions for it. Others work it out in single
    precision and convert to and fro, which makes a step twelve times as long (measured on an EPYC without AVX-512).
    """
    kind = torch.device(config.device).type
    can: Mapping[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()
    able = kind != "cpu" or bool(can.get("avx512_bf16") or can.get("amx_bf16"))
    return torch.autocast(kind, torch.bfloat16, enabled=config.half and able)


def answered(model: EmbodiedLM, lesson: Lesson, tensors: Mapping[str, Tensor]) -> tuple[Tensor, Tensor, Tensor]:
    """Of every token of all answers (N,) its loss, its group, and whether it is foretold.

    Args:
        model: in training or evaluation mode.
        lesson: a batch.
        tensors: of the corpus that the lesson is about, on the model's device.
    """
    device = model.device
    text = lesson.text.to(device)
    soft = {
        name: model.towers[name](*(parts[part].to(device) for part in PARTS))
        for name, parts in lesson.senses(tensors).items()
    }
    embeds = model.fuse(text.input_ids, soft)
    out = model.language_model.get_decoder()(
        inputs_embeds=embeds,
        attention_mask=text.mask(embeds.dtype),
        position_ids=text.position_ids,
        use_cache=False,
    )
    # Only where an answer's token is to be told is the head asked: it is a fifth of the work.
    labels = text.labels[:, 1:]
    told = labels != -100
    logits = model.get_output_embeddings()(out.last_hidden_state[:, :-1][told]).float()
    losses = nn.functional.cross_entropy(logits, labels[told], reduction="none")
    return losses, lesson.group.to(device)[:, 1:][told], logits.detach().argmax(1) == labels[told]


def watch(model: EmbodiedLM, unseen: Lessons, config: StageTraining) -> list[float]:
    """The share of unseen questions of each group whose answer is foretold (`foretold`); NaN where there was none."""
    rng = np.random.default_rng([config.seed, 4])
    rows = [unseen.about_a_moment(rng, "heldout", every=True) for _ in range(config.watched)]
    rows += [unseen.about_a_scene(rng) for _ in range(config.watched if unseen.scenes else 0)]
    rows += [unseen.about_nothing(rng) for _ in range(-(-config.watched // 8) if unseen.words else 0)]
    right, asked = torch.zeros(len(GROUPS)), torch.zeros(len(GROUPS))
    rows = [row for row in rows if row.said]
    for row, good in zip(rows, foretold(model, unseen, rows, config), strict=True):
        for said, one in zip(row.said, good, strict=True):
            right[GROUPS.index(said.group)] += float(one)
            asked[GROUPS.index(said.group)] += 1.0
    found: list[float] = (right / asked).tolist()
    return found


@torch.no_grad()
def foretold(model: EmbodiedLM, unseen: Lessons, rows: Sequence[Row], config: StageTraining) -> list[list[bool]]:
    """Of each answer of each row whether its every token is foretold, which is to say written by greedy decoding; of
    what may be said in several ways, the first alone counts. The model is left in evaluation mode.
    """
    model.eval()
    found: list[list[bool]] = []
    for first in range(0, len(rows), config.rows):
        lesson = unseen.batch(rows[first : first + config.rows])
        with in_half(config):
            good = answered(model, lesson, unseen.corpus.tensors)[2].cpu()
        labels = lesson.text.labels[:, 1:] != -100
        branch = lesson.text.branch[:, 1:][labels]
        of = torch.arange(len(labels))[:, None].expand_as(labels)[labels]
        for number, row in enumerate(rows[first : first + config.rows]):
            own = range(1, 1 + len(row.said))
            found.append([bool(good[(of == number) & (branch == each)].all()) for each in own])
    return found


class Batches(Dataset[Lesson]):
    """The lesson of each step, the same whoever makes it."""

    def __init__(self, lessons: Lessons, config: StageTraining) -> None:
        self.lessons = lessons
        self.config = config

    def __len__(self) -> int:
        return self.config.steps

    def __getitem__(self, step: int) -> Lesson:
        rng = np.random.default_rng([self.config.seed, 1, step])
        return self.lessons.batch([self._row(rng) for _ in range(self.config.rows)])

    def _row(self, rng: np.random.Generator) -> Row:
        chance = rng.random()
        if self.config.only:
            row = None
            while row is None or not row.said:
                row = self.lessons.about_a_moment(rng, only=self.config.only)
            return row
        if chance < self.config.scenes:
            return self.lessons.about_a_scene(rng)
        if self.lessons.words and chance > 1.0 - self.config.words:
            return self.lessons.about_nothing(rng)
        return self.lessons.about_a_moment(rng)


def _ahead(lessons: Lessons, config: StageTraining, start: int) -> Iterator[Lesson]:
    """The lessons of the steps from `start` on, made by the workers while the model learns."""
    steps = range(start, config.steps)
    options: dict[str, Any] = {"prefetch_factor": 4} if config.workers else {}
    return iter(DataLoader(
        Batches(lessons, config), sampler=steps, batch_size=None, num_workers=config.workers, **options
    ))  # fmt: skip


def _told(config: StageTraining, progress: Progress) -> str:
    """One line on how it goes."""
    line = (
        f"{config.stage}: step {progress.step} of {config.steps}, {progress.samples} answers, "
        f"loss {progress.losses[-1][1]:.3f}, {progress.seconds:.0f} s"
    )
    if not progress.exact:
        return line
    known = [f"{name} {share:.2f}" for name, share in zip(GROUPS, progress.exact[-1], strict=True) if share == share]
    return f"{line}; exact unseen: {', '.join(known)}"


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


def _rate(config: StageTraining, step: int, seconds: float) -> float:
    rise = min(1.0, (step + 1) / config.warm_up)
    done = max(step / config.steps, min(1.0, seconds / config.seconds) if config.seconds else 0.0)
    return rise * max(0.02, 0.5 * (1.0 + float(np.cos(np.pi * done))))


_FREE = ("every", "watched", "half", "device", "workers", "seconds")
"""Settings with which a run may go on otherwise than it began."""


def _decisive(config: StageTraining) -> dict[str, Any]:
    return {name: value for name, value in asdict(config).items() if name not in _FREE}


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

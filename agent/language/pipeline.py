"""``yanshi train lm``: from nothing to a model that talks of what it senses, stage by stage; each goes on where it was.

How long it may take decides how much is drawn and how many steps are made (`SIZES`), by rates measured on one core of a
2023 laptop-class server and on one H200; so the same minutes give the same weights on any machine of a kind, if not in
the same time.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch
from safetensors.torch import load_file, save
from torch import nn

from yanshi.agent.language import corpus, soundscapes
from yanshi.agent.language.card import draw_curve, write_card
from yanshi.agent.language.corpus import Corpus
from yanshi.agent.language.lessons import Lessons
from yanshi.agent.language.rehearsal import rehearsed
from yanshi.agent.language.scenes import SceneFiles
from yanshi.agent.language.spelling import Speller
from yanshi.agent.language.towers import Known, TowerTraining, spell, train_tower
from yanshi.agent.language.training import STAGES, Progress, StageTraining, train_stage
from yanshi.agent.learning.checkpoint import write_bytes
from yanshi.errors import InputError
from yanshi.perception.embodied_lm.assemble import from_base
from yanshi.perception.embodied_lm.model import EmbodiedLM
from yanshi.perception.embodied_lm.processor import EmbodiedProcessor
from yanshi.perception.embodied_lm.recipes import small_senses
from yanshi.perception.embodied_lm.senses import SenseConfig
from yanshi.perception.embodied_lm.storage import save_learned

ENDS = ("data", "towers", *STAGES)
"""After what training can be told to stop."""
ALIGNED = "aligned.safetensors"
MODEL = "yanshi-small"


@dataclass(frozen=True, kw_only=True)
class Size:
    """How much there is of everything."""

    minutes: float
    """That it takes, about, drawing included."""
    shards: int
    """Of moments (`corpus`), 16 layouts each."""
    sounds: int
    """Files of clips (`soundscapes`)."""
    scenes: int
    """Files of instructions (`scenes`)."""
    words: int
    """Answers of the base model that are rehearsed."""
    towers: TowerTraining
    steps: Mapping[str, int]
    """Of each stage."""
    rows: int
    """Of a step."""
    rank: int
    """Of the low-rank updates."""
    lora_rate: float = 4e-4
    every: int = 50
    watched: int = 8

    def scaled(self, minutes: float) -> Size:
        """As much as fits into other minutes; data at most as much as here."""
        factor = minutes / self.minutes

        def part(whole: int, least: int = 1, most: float = 1.0) -> int:
            return max(least, round(whole * min(factor, most)))

        towers = replace(
            self.towers, sounds=part(self.towers.sounds, 20, factor), epochs=part(self.towers.epochs, 1),
            spelled={name: part(steps, 2, factor) for name, steps in self.towers.spelled.items()},
        )  # fmt: skip
        return replace(
            self, minutes=minutes, shards=part(self.shards), sounds=part(self.sounds), scenes=part(self.scenes),
            words=part(self.words, 2), towers=towers,
            steps={name: part(steps, 2, factor) for name, steps in self.steps.items()},
        )  # fmt: skip


SIZES = {
    "cpu": Size(
        minutes=90.0, shards=40, sounds=20, scenes=80, words=60, towers=TowerTraining(), rows=2, rank=16,
        steps={"align": 150, "instruct": 700},
    ),
    "cuda": Size(
        minutes=12.0, shards=120, sounds=40, scenes=240, words=200, rows=48, rank=32, lora_rate=8e-4,
        every=100, watched=96,
        towers=TowerTraining(
            sounds=700, epochs=8, batch=256, spelled={"sound": 1300, "lidar": 400, "things": 300}, device="cuda"
        ),
        steps={"align": 105, "instruct": 372},
    ),
}  # fmt: skip
"""By kind of device: one core of a CPU, and one GPU with sixteen cores beside it. Of the second is what is shipped."""


@dataclass(frozen=True, kw_only=True)
class LanguageTraining:
    """How the language model is trained."""

    out: Path
    """Data, checkpoints and the model go here; what is there is gone on with."""
    minutes: float | None = None
    """How long it may take, about; None for as long as the size of the device says (`SIZES`)."""
    stage: str = ""
    """After which of `ENDS` to stop; empty for the last."""
    seed: int = 0
    device: str = "cpu"
    """``cpu`` or ``cuda``."""
    workers: int = 0
    """Processes that draw data and make batches, beside this one."""
    seconds: float = 0.0
    """Wall time after which ``instruct`` ends in any case; 0 for none."""
    size: Size = field(init=False)

    def __post_init__(self) -> None:
        if self.stage and self.stage not in ENDS:
            raise InputError(f"train lm: expected --stage {' or '.join(ENDS)}, got '{self.stage}'.")
        if self.device not in SIZES:
            raise InputError(f"train lm: expected --device {' or '.join(SIZES)}, got '{self.device}'.")
        if self.workers < 0 or not 0.0 <= self.seconds < float("inf"):
            raise InputError(
                f"train lm: expected --workers and --seconds of 0 or more, got {self.workers} and {self.seconds:g}."
            )
        if self.device == "cuda" and not torch.cuda.is_available():
            raise InputError("train lm: expected a GPU for --device cuda, there is none that torch can use.")
        size = SIZES[self.device]
        object.__setattr__(self, "size", size if self.minutes is None else size.scaled(self.minutes))


def train_language(config: LanguageTraining, tell: Callable[[str], None] = lambda line: None) -> Path:
    """Train a model, or go on training it. Returns its folder.

    Raises:
        InputError: The folder holds what was trained otherwise.
        ModelError: The base language model is not installed.
    """
    torch.set_num_threads(1)
    senses = small_senses()
    folder = config.out / MODEL
    draw(config, senses, tell)
    if config.stage == "data":
        return folder
    data, size = config.out / "data", config.size
    known, unseen = corpus.read(data, "train", size.shards), corpus.read(data, "heldout", 1)
    model, processor = from_base(senses)
    words = rehearsed(model.to(config.device), processor, data / "words.json", size.words, tell)
    model.cpu()
    teach_towers(model, processor, known, config, tell)
    if config.stage == "towers":
        return folder
    lessons = Lessons(processor, known, _scenes(config, "train").read(), words["train"])
    watched = Lessons(processor, unseen, _scenes(config, "heldout").read(), words["heldout"])
    progress: dict[str, Progress] = {}
    for stage in STAGES:
        aligned = config.out / ALIGNED
        if stage == "align" and aligned.exists() and config.stage != "align":
            model.load_state_dict(load_file(aligned), strict=False)
            continue
        progress[stage] = train_stage(model, lessons, _settings(config, stage), config.out, tell, watched)
        if stage == "align":
            write_bytes(aligned, save(_learned(model)))
        if stage == (config.stage or STAGES[-1]):
            break
    _save(model.cpu(), processor, config, progress, folder)
    return folder


def draw(config: LanguageTraining, senses: Mapping[str, SenseConfig], tell: Callable[[str], None]) -> None:
    """Draw all data that is not there yet."""
    data, size = config.out / "data", config.size
    soundscapes.draw(data, senses["sound"], size.sounds, tell, config.workers)
    corpus.draw(data, senses, "heldout", 1, tell, config.workers)
    corpus.draw(data, senses, "train", size.shards, tell, config.workers)
    for split in ("train", "heldout"):
        _scenes(config, split).draw(tell, config.workers)


def teach_towers(
    model: EmbodiedLM, processor: EmbodiedProcessor, known: Corpus, config: LanguageTraining,
    tell: Callable[[str], None],
) -> None:  # fmt: skip
    """Stage 0; towers that were taught before are read."""
    ready = Known(
        replace(known, tensors={name: value.to(config.device) for name, value in known.tensors.items()}),
        soundscapes.read(config.out / "data", config.size.sounds).to(config.device),
    )
    for name in model.towers:
        teach_tower(name, model, processor, ready, config, tell)


def teach_tower(
    name: str, model: EmbodiedLM, processor: EmbodiedProcessor, known: Known, config: LanguageTraining,
    tell: Callable[[str], None],
) -> None:  # fmt: skip
    """One tower, kept in a file; one that was taught before is read."""
    tower = model.towers[name]
    file = config.out / f"tower-{name}.safetensors"
    if not file.exists():
        hidden = model.config.get_text_config().hidden_size
        settings = replace(config.size.towers, seed=config.seed)
        taught = train_tower(name, tower.config, hidden, known, settings, tell)  # type: ignore[arg-type]
        taught.load_state_dict(_at_scale(taught, tower))
        speller = Speller(model.get_input_embeddings().weight.detach(), processor.tokenizer).to(config.device)
        spell(name, taught, known, speller, settings, tell)
        write_bytes(file, save({key: value.cpu().contiguous() for key, value in taught.state_dict().items()}))
    tower.load_state_dict(load_file(file))


def _scenes(config: LanguageTraining, split: str) -> SceneFiles:
    few = max(1, config.size.scenes // 40)
    return SceneFiles(config.out / "data", split, config.size.scenes if split == "train" else few)  # type: ignore[arg-type]


def _settings(config: LanguageTraining, stage: str) -> StageTraining:
    size, steps = config.size, config.size.steps[stage]
    return StageTraining(
        stage=stage, steps=steps, rows=size.rows, rank=size.rank, lora_rate=size.lora_rate, seed=config.seed,
        every=min(size.every, steps), watched=size.watched, device=config.device, workers=config.workers,
        seconds=config.seconds if stage == "instruct" else 0.0,
    )  # fmt: skip


def _at_scale(taught: nn.Module, tower: nn.Module) -> dict[str, torch.Tensor]:
    """What was taught, with soft tokens at the scale of the model's own words."""
    state = dict(taught.state_dict())
    factor = float(tower.gain.detach().mean()) / state["gain"].abs().mean()  # type: ignore[operator]
    return state | {name: state[name] * factor for name in ("gain", "sense")}


def _learned(model: EmbodiedLM) -> dict[str, torch.Tensor]:
    """What alignment moved."""
    embedding = "language_model.model.embed_tokens.weight"
    state = model.state_dict()
    kept = {name: value for name, value in state.items() if name.startswith("towers.") or name == embedding}
    return {name: value.detach().cpu().contiguous().clone() for name, value in kept.items()}


def _save(
    model: EmbodiedLM, processor: EmbodiedProcessor, config: LanguageTraining, progress: dict[str, Progress],
    folder: Path,
) -> None:  # fmt: skip
    save_learned(model, folder)
    processor.save_pretrained(folder)
    draw_curve(progress, folder / "curve.png")
    options = f"--minutes {config.size.minutes:g} --seed {config.seed} --device {config.device}"
    write_card(options, progress, folder / "README.md", time.strftime("%Y-%m-%d"))

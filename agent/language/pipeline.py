"""``yanshi train lm``: from nothing to a model that talks of what it senses, stage by stage; each goes on where it was.

How long it takes decides how many steps are made, by rates measured on one core of a 2023 laptop-class server; so the
same minutes give the same weights on any machine, if not in the same time.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file, save
from torch import nn

from yanshi.agent.language import corpus
from yanshi.agent.language.card import draw_curve, write_card
from yanshi.agent.language.corpus import Corpus
from yanshi.agent.language.scenes import SceneFiles
from yanshi.agent.language.spelling import Speller
from yanshi.agent.language.towers import TowerTraining, spell, train_tower
from yanshi.agent.language.training import STAGES, Progress, StageTraining, train_stage
from yanshi.agent.learning.checkpoint import write_bytes
from yanshi.agent.specimens import vocabulary
from yanshi.errors import InputError
from yanshi.perception.embodied_lm.assemble import from_base
from yanshi.perception.embodied_lm.model import EmbodiedLM
from yanshi.perception.embodied_lm.processor import EmbodiedProcessor
from yanshi.perception.embodied_lm.recipes import small_senses
from yanshi.perception.embodied_lm.storage import save_learned
from yanshi.planning.embedding import MiniLM
from yanshi.planning.understanding import RetrievalUnderstanding

WHOLE = 90.0
"""Minutes in which all that the shipped model was taught is taught."""
SHARDS, FILES = 40, 80
STEPS = {"align": 150, "instruct": 700}
"""Of the shipped model."""
ALIGNED = "aligned.safetensors"
MODEL = "yanshi-small"


@dataclass(frozen=True, kw_only=True)
class LanguageTraining:
    """How the language model is trained."""

    out: Path
    """Data, checkpoints and the model go here; what is there is gone on with."""
    minutes: float = WHOLE
    """Of one CPU core, about."""
    stage: str = ""
    """The stage after which to stop; empty for the last."""
    seed: int = 0

    def __post_init__(self) -> None:
        if self.stage and self.stage not in STAGES:
            raise InputError(f"train lm: expected --stage {' or '.join(STAGES)}, got '{self.stage}'.")

    def scaled(self, whole: int, least: int = 1) -> int:
        """A share of a number, as there are minutes."""
        return max(least, round(whole * self.minutes / WHOLE))


def train_language(config: LanguageTraining, tell: Callable[[str], None] = lambda line: None) -> Path:
    """Train a model, or go on training it. Returns its folder.

    Raises:
        InputError: The folder holds what was trained otherwise.
        ModelError: The base language model is not installed.
    """
    torch.set_num_threads(1)
    senses = small_senses()
    data = config.out / "data"
    shards = min(config.scaled(SHARDS), SHARDS)
    corpus.draw(data, senses, "train", shards, tell)
    scenes = SceneFiles(data, "train", min(config.scaled(FILES), FILES))
    scenes.draw(RetrievalUnderstanding(MiniLM(), vocabulary()), tell)
    known = corpus.read(data, "train", shards)
    model, processor = from_base(senses)
    _teach_towers(model, processor, known, config, tell)
    progress: dict[str, Progress] = {}
    for stage in STAGES:
        steps = config.scaled(STEPS[stage], 2)
        settings = StageTraining(stage=stage, steps=steps, seed=config.seed, every=min(50, steps))
        aligned = config.out / ALIGNED
        if stage == "align" and aligned.exists() and config.stage != "align":
            model.load_state_dict(load_file(aligned), strict=False)
            continue
        progress[stage] = train_stage(model, processor, known, scenes.read(), settings, config.out, tell)
        if stage == "align":
            write_bytes(aligned, save(_learned(model)))
        if stage == (config.stage or STAGES[-1]):
            break
    folder = config.out / MODEL
    _save(model, processor, config, progress, folder)
    return folder


def _teach_towers(
    model: EmbodiedLM, processor: EmbodiedProcessor, known: Corpus, config: LanguageTraining,
    tell: Callable[[str], None],
) -> None:  # fmt: skip
    """Stage 0; towers that were taught before are read."""
    hidden = model.config.get_text_config().hidden_size
    plan = TowerTraining()
    spelled = {name: config.scaled(steps, 2) for name, steps in plan.spelled.items()}
    settings = TowerTraining(sounds=config.scaled(plan.sounds, 20), spelled=spelled, seed=config.seed)
    speller = Speller(model.get_input_embeddings().weight.detach(), processor.tokenizer)
    for name, tower in model.towers.items():
        file = config.out / f"tower-{name}.safetensors"
        if not file.exists():
            taught = train_tower(name, tower.config, hidden, known, settings, tell)  # type: ignore[arg-type]
            tower.load_state_dict(_at_scale(taught, tower))
            spell(name, tower, known, speller, settings, tell)  # type: ignore[arg-type]
            write_bytes(file, save({key: value.contiguous() for key, value in tower.state_dict().items()}))
        tower.load_state_dict(load_file(file))


def _at_scale(taught: nn.Module, tower: nn.Module) -> dict[str, torch.Tensor]:
    """What was taught, with soft tokens at the scale of the model's own words."""
    state = dict(taught.state_dict())
    factor = tower.gain.detach().mean() / state["gain"].abs().mean()  # type: ignore[operator]
    return state | {name: state[name] * factor for name in ("gain", "sense")}


def _learned(model: EmbodiedLM) -> dict[str, torch.Tensor]:
    """What alignment moved."""
    embedding = "language_model.model.embed_tokens.weight"
    state = model.state_dict()
    kept = {name: value for name, value in state.items() if name.startswith("towers.") or name == embedding}
    return {name: value.detach().contiguous().clone() for name, value in kept.items()}


def _save(
    model: EmbodiedLM, processor: EmbodiedProcessor, config: LanguageTraining, progress: dict[str, Progress],
    folder: Path,
) -> None:  # fmt: skip
    save_learned(model, folder)
    processor.save_pretrained(folder)
    draw_curve(progress, folder / "curve.png")
    write_card(config.minutes, config.seed, progress, folder / "README.md", time.strftime("%Y-%m-%d"))

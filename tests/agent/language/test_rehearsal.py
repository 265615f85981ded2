"""The base model's own words are kept, and only whole sentences of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from yanshi.agent.language import rehearsal
from yanshi.agent.language.rehearsal import prompts, rehearsed


def test_no_question_is_in_both_splits() -> None:
    train, heldout = prompts("train"), prompts("heldout")
    assert set(train).isdisjoint(heldout)
    assert len(heldout) > 20


def test_what_was_said_is_cut_after_its_last_sentence_and_kept(tmp_path: Path, monkeypatch: Any) -> None:
    asked: list[list[str]] = []

    class Model:
        device = "cpu"

        def generate(self, **options: Any) -> list[str]:
            return ["A mug is a cup. It is used for", "Rain."] + ["no end"] * (len(asked[-1]) - 2)

    class Processor:
        def __call__(self, text: list[str]) -> dict[str, Any]:
            asked.append(text)
            return {}

        def answers(self, made: list[str], inputs: Any) -> list[str]:
            return made

    file = tmp_path / "words.json"
    first = rehearsed(Model(), Processor(), file, 4)  # type: ignore[arg-type]
    assert [answer for _, answer in first["train"]] == ["A mug is a cup.", "Rain."]
    assert [text for text, _ in first["heldout"]] == prompts("heldout")[:2]
    monkeypatch.setattr(rehearsal, "_said", None)  # is not asked again
    assert rehearsed(Model(), Processor(), file, 4) == first  # type: ignore[arg-type]

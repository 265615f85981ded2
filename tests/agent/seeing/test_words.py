import numpy as np
import pytest

from yanshi.agent.seeing.words import HELDOUT, LOOSE, MAYBE, Phrase, bank, describing, taught
from yanshi.perception.grounding.config import ABSENT

RED_MUG = ("mug", {"color": "red", "size": "large", "material": "ceramic", "shape": "cylinder"})


def test_a_phrase_fits_what_it_describes() -> None:
    assert Phrase(words="the red mug", label="mug", attributes={"color": "red"}).fits(*RED_MUG) == 1.0
    assert Phrase(words="the blue mug", label="mug", attributes={"color": "blue"}).fits(*RED_MUG) == 0.0
    assert Phrase(words="the red cube", label="cube", attributes={"color": "red"}).fits(*RED_MUG) == 0.0
    assert Phrase(words="a large thing", attributes={"size": "large"}).fits(*RED_MUG) == 1.0
    cup = Phrase(words="the scarlet cup", label="cup", loose=LOOSE["cup"], attributes={"color": "red"})
    assert cup.fits(*RED_MUG) == MAYBE
    assert cup.fits("cup", {"color": "red"}) == 1.0
    assert Phrase(words="a toy", loose=LOOSE["toy"]).fits(*RED_MUG) == 0.0


def test_words_that_are_held_out_are_not_trained_with() -> None:
    config = taught()
    train = bank(np.random.default_rng(0), 800, "train", config)
    heldout = bank(np.random.default_rng(0), 100, "heldout", config)
    assert len({phrase.words for phrase in train}) == 800
    assert len(heldout) == 100
    for phrase in train:
        padded = f" {phrase.words} "
        assert not any(f" {word} " in padded for word in HELDOUT), phrase.words
    assert not {phrase.words for phrase in train} & {phrase.words for phrase in heldout}


def test_every_kind_and_colour_is_spoken_of() -> None:
    config = taught()
    phrases = bank(np.random.default_rng(1), 1500, "train", config)
    assert {phrase.label for phrase in phrases} - {None} == set(config.labels)
    assert {phrase.attributes.get("color") for phrase in phrases} - {None} == set(config.attributes["color"])


@pytest.mark.parametrize("split", ["train", "heldout"])
def test_a_thing_is_described_by_its_kind_and_colour(split: str) -> None:
    phrase = describing(np.random.default_rng(0), *RED_MUG, split, taught())  # type: ignore[arg-type]
    assert phrase.fits(*RED_MUG) == 1.0
    if split == "heldout":
        assert "scarlet" in phrase.words
    tile = describing(np.random.default_rng(0), "tile", {"color": "white", "digit": "7"}, "train", taught())
    assert tile.fits("tile", {"digit": "7"}) == 1.0
    assert tile.fits("tile", {"digit": "1"}) == 0.0


def test_the_eye_is_taught_the_whole_catalogue() -> None:
    config = taught()
    assert {"mug", "tile", "person"} <= set(config.labels)
    assert config.attributes["digit"] == (ABSENT, *"0123456789")
    assert config.text == 384

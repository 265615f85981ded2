"""What the robot knows of things in general."""

from __future__ import annotations

from yanshi.agent.specimens import specimens, vocabulary, voices
from yanshi.envs.senses.waveforms import LEVEL


def test_every_voice_is_a_sound_that_there_is() -> None:
    assert voices()["phone"] == "ring"
    assert voices()["microwave"] == "hum", "furniture sounds too"
    assert set(voices().values()) <= LEVEL.keys()
    assert {label for label, thing in specimens().items() if "sound" in thing.affordances} <= voices().keys()


def test_furniture_that_is_not_here_is_a_word_all_the_same() -> None:
    words = vocabulary()
    assert {"lamp", "sink", "sofa", "button"} <= set(words.fixtures)
    assert not set(words.fixtures) & set(words.labels)
    assert words.nouns["couch"] == "sofa"
    assert words.makers("buzz") == ("doorbell", "radio")

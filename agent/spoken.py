"""Words spoken to the robot: a recording is played where somebody stands, and what is heard of it is recognised."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from yanshi.agent.specimens import vocabulary
from yanshi.contracts import Array, Entity, FloorPlan, WorldState
from yanshi.envs.clock import CONTROL_DT
from yanshi.envs.senses.microphones import Microphones
from yanshi.envs.senses.sensor import Timed
from yanshi.envs.senses.suite import AUDIO_CLIPS
from yanshi.envs.senses.waveforms import pascals
from yanshi.envs.simulation import Simulation
from yanshi.envs.worlds.world import World
from yanshi.errors import NotUnderstoodError
from yanshi.perception.speech.beamformer import beamform
from yanshi.perception.speech.grammar import ANYTHING, PARTS, CommandWords
from yanshi.perception.speech.recogniser import CommandRecogniser, Recogniser, Transcript
from yanshi.perception.speech.wav import read_wav
from yanshi.planning.embedding import shared_minilm
from yanshi.planning.schemas import SCHEMAS
from yanshi.planning.understanding import RetrievalUnderstanding
from yanshi.planning.vocabulary import Vocabulary
from yanshi.planning.words import FIGURES, LARGER, SMALLER, SOUNDS, STOP, VERBS

LEVEL = 68.0
"""dB SPL at 1 m of somebody who speaks to a robot: a raised voice is 65 to 70 (ISO 9921)."""
AHEAD, MOUTH = 1.5, 1.5
"""Who speaks stands so far in front of the robot and has the mouth at this height [m], where the world has nobody."""
FROM_WALL = 0.3
NEAR = 4.0
"""A person farther away [m] is not the one who speaks to the robot."""
OWN = 3
"""A name of the vocabulary is said so many times as often as each other name for the same."""
LEAD, TAIL = 0.4, 0.3
"""What is recorded before and after the words [s]."""

AFFORDANCES: Mapping[str, str] = {
    "container": "in", "surface": "on", "opening": "open", "control": "press", "silent control": "press",
}  # fmt: skip
"""Type of a slot of a goal schema → what furniture that is said there affords."""
RULES: Mapping[str, str] = {
    "object": "<thing>", "object below": "<thing>", "thing": "(<thing> | <place> | <sounding>)", "room": "<room>",
    "light": "<light>", "sounder": "(<thing> | <sounding>)",
}  # fmt: skip
"""Type of a slot of a goal schema → the rule of the grammar for what is said there; of all others, a place."""


@dataclass(frozen=True, eq=False)
class Recording:
    """What the microphones heard."""

    audio: Array
    """(T, M) float32, full scale 1."""
    rate: float
    """[Hz]"""
    microphones_s: Array | None
    """(M, 3) [m]."""

    def with_noise(self, ratio: float, seed: int = 0) -> Recording:
        """With white noise added, so many dB below the sound (both as mean power over the recording)."""
        noise = np.random.default_rng(seed).standard_normal(self.audio.shape)
        level = float(np.sqrt(np.mean(self.audio.astype(float) ** 2))) * 10.0 ** (-ratio / 20.0)
        return Recording((self.audio + level * noise).astype(np.float32), self.rate, self.microphones_s)


def spoken_command(
    world: World, file: Path, seed: int = 0, recogniser: Recogniser | None = None, belief: WorldState | None = None
) -> str:
    """What the robot understands of a WAV file that somebody near it plays.

    Args:
        world: Where; it is not changed.
        file: Words.
        seed: Of the noise.
        recogniser: By default commands about what any world may hold, those about what is believed to be there first.
        belief: What the robot believes beforehand. With it, of several guesses the first that means something is taken.

    Raises:
        InputError: The file cannot be used.
        MissingDependencyError: The recogniser is not installed.
        NotUnderstoodError: No command was recognised.
    """
    words = read_wav(file)
    recogniser = recogniser or CommandRecogniser(command_words(vocabulary(), world.floor_plan, belief))
    transcript = understand(record(world, words, seed), recogniser)
    if belief is None:
        return transcript.text
    return heeded(transcript, RetrievalUnderstanding(shared_minilm(), vocabulary()), belief)


def heeded(transcript: Transcript, reader: RetrievalUnderstanding, belief: WorldState) -> str:
    """The likeliest of what may have been said that means something, or the likeliest of all where nothing does."""
    for text in (transcript.text, *transcript.alternatives):
        try:
            reader.understand(text, belief)
        except NotUnderstoodError:
            continue
        return text
    return transcript.text


def understand(recording: Recording, recogniser: Recogniser) -> Transcript:
    """The words in a recording, by one beam towards who speaks."""
    return recogniser.transcribe(beamform(recording.audio, recording.rate, recording.microphones_s), recording.rate)


def record(world: World, words: Array, seed: int = 0) -> Recording:
    """What the robot's microphones hear of words (T,) at 16 kHz, spoken once while it stands still.

    It happens in a simulation of its own, before anything else.
    """
    microphones = Microphones(contact_sounds=False)
    with Simulation(world, [Timed(microphones, AUDIO_CLIPS)], seed) as sim:
        rate = microphones.microphone.rate
        microphones.play(as_loud_as_speech(words, rate), speaker(sim), sim.time + LEAD)
        still = np.zeros(len(sim.robot.action_names), dtype=np.float32)
        heard, frame = [], None
        for _ in range(round((LEAD + len(words) / rate + TAIL) / CONTROL_DT)):
            sim.step(still)
            newest = sim.observe().frames[microphones.name]
            if newest is not frame:
                heard.append(newest.data)
            frame = newest
        assert frame is not None
        return Recording(np.concatenate(heard), rate, frame.microphones_s)


def as_loud_as_speech(words: Array, rate: float) -> Array:
    """(T,) [Pa at 1 m]: the mean power of the louder half of 20 ms frames is that of `LEVEL`."""
    frame = round(0.02 * rate)
    power = np.sort(np.mean(np.resize(words, -(-len(words) // frame) * frame).reshape(-1, frame) ** 2, axis=1))
    loud = float(np.sqrt(np.mean(power[len(power) // 2 :])))
    return np.asarray(words * (pascals(LEVEL) / max(loud, 1e-9)))


def speaker(sim: Simulation) -> Array:
    """(3,) the mouth of who speaks: a person in the robot's room and near, else somebody in front of the robot [m]."""
    base = sim.data.body(sim.robot.base_body)
    here, ahead = np.array(base.xpos[:2]), np.array(base.xmat.reshape(3, 3)[:2, 0])
    rooms = sim.world.floor_plan.rooms
    room = next((room for room in rooms if room.contains(here)), None)
    for name, thing in sorted(sim.world.entities.items()):
        place = sim.data.body(name).xpos if thing.sound == "voice" else None
        if place is None or np.linalg.norm(place[:2] - here) > NEAR or (room is not None and not room.contains(place)):
            continue
        return np.array([*place[:2], MOUTH])
    spot = here + AHEAD * ahead
    if room is not None:
        spot = np.clip(spot, room.low_w + FROM_WALL, room.high_w - FROM_WALL)
    return np.array([*spot, MOUTH])


def command_words(known: Vocabulary, plan: FloorPlan, belief: WorldState | None = None) -> CommandWords:
    """The words for what any world may hold, with the rooms of this one.

    Args:
        known: Words for kinds of things.
        plan: The rooms.
        belief: What is believed to be there is spoken of most, and no furniture but that.
    """
    known = replace(known, rooms=tuple(room.name for room in plan.rooms))
    known = replace(known, fixtures=(*known.fixtures, *PARTS)) if belief is None else known.with_belief(belief)
    nouns, several = known.nouns, known.plurals
    there = list(belief.entities.values()) if belief is not None else []
    fixtures = [e for e in there if e.category != "object"]

    def called(names: Collection[str]) -> tuple[str, ...]:
        """Names of these kinds, those of the vocabulary more often than others."""
        words = [word for word, meaning in nouns.items() if meaning in names and word not in several]
        return tuple(word for word in words for _ in range(OWN if word.replace(" ", "_") in names else 1))

    def rule(slot: str) -> str:
        """Where a goal schema has a slot of a type: the rule for what is said there."""
        afforded = AFFORDANCES.get(slot)
        names = [part for e in fixtures if afforded in e.affordances for part in _fixture_phrases(e, called)]
        if names:
            return f"<the> ({' | '.join(names)})"
        return RULES.get(slot, "<place>")

    return CommandWords(
        objects=called(known.labels),
        plurals=tuple(word for word, meaning in nouns.items() if meaning in known.labels and word in several),
        places=called({e.label for e in fixtures} or known.fixtures),
        adjectives=(*known.adjectives, *known.shapes, *known.materials, *known.sizes, *(OWN * known.colors)),
        comparatives=tuple(LARGER | SMALLER),
        rooms=called(known.rooms),
        sounds=tuple(word for name in known.sounds for word in SOUNDS.get(name, ())),
        figures=tuple(FIGURES),
        known=tuple(phrase for e in there if e.category == "object" for phrase in _thing_phrases(e, called)),
        known_places=tuple(phrase for e in fixtures for phrase in _fixture_phrases(e, called)),
        commands=tuple(
            tuple(phrasing.format(*map(rule, schema.slots)) for phrasing in schema.phrasings) for schema in SCHEMAS
        ),
        others=tuple(VERBS | STOP),
    )


def _thing_phrases(thing: Entity, called: Callable[[Collection[str]], tuple[str, ...]]) -> tuple[str, ...]:
    """How a thing is spoken of: by its kind, by what it is like, mostly by both."""
    size, color, shape, material = (thing.attributes.get(kind, "") for kind in ("size", "color", "shape", "material"))
    ways = (color, color, size, f"{size} {color}", shape, f"{shape} {color}", f"{color} {shape}", material)
    like = [" ".join(way.split()) for way in ways]
    nouns = called({thing.label})
    named = (f"{words} {noun}".strip() for noun in nouns for words in ("", *like))
    return (*named, *(f"{words} {noun}" for words in dict.fromkeys(like) if words for noun in ANYTHING))


def _fixture_phrases(fixture: Entity, called: Callable[[Collection[str]], tuple[str, ...]]) -> tuple[str, ...]:
    """How a piece of furniture or a part of it is spoken of."""
    *owner, part = re.sub(r"[_\d]+", " ", fixture.name).split()
    nouns = called({fixture.label})
    if part in PARTS and owner:
        of = " ".join(owner)
        return tuple(
            way for noun in nouns for way in (noun, f"{of} {noun}", f"{noun} of the {of}", f"{noun} in the {of}")
        )
    colors = dict.fromkeys(("", fixture.attributes.get("color", "")))
    return tuple(f"{color} {noun}".strip() for noun in nouns for color in colors)

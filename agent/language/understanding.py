"""Understanding by the language model: words in any form, and what is sensed, to the one form that is read for certain.

The model writes which things it takes to be meant and what is to be done, under a grammar made from the present
belief; the goal is read from that (`planning.canonical`). Where the model says that nothing can be done, or what it
wrote cannot be read, retrieval has the word, and the thought says so.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from yanshi.agent.language.answers import DO, answer_grammar
from yanshi.contracts import Entity, WorldState
from yanshi.errors import NotUnderstoodError
from yanshi.perception.decoding.decoder import Decoder
from yanshi.perception.decoding.grammar import GrammarCompiler
from yanshi.perception.decoding.packed import pack
from yanshi.perception.embodied_lm.model import EmbodiedLM
from yanshi.perception.embodied_lm.processor import EmbodiedProcessor
from yanshi.perception.readers.objects import met_with, remembered
from yanshi.planning.canonical import NOTHING
from yanshi.planning.understanding import RetrievalUnderstanding, Understanding

SHIPPED = "yanshi-small"
"""The model that comes with the package."""
LONGEST = 96
"""Tokens of an answer."""


class ModelUnderstanding:
    """Understands instructions by an EmbodiedLM, as `RetrievalUnderstanding` does by the nearest phrasing."""

    def __init__(self, model: EmbodiedLM, processor: EmbodiedProcessor, reader: RetrievalUnderstanding) -> None:
        """
        Args:
            model: in evaluation mode.
            processor: its processor.
            reader: reads what the model writes.
        """
        self._processor = processor
        self._reader = reader
        self._decoder = Decoder(model, processor)
        rows = model.config.get_text_config().vocab_size
        self._grammars = GrammarCompiler(processor.tokenizer, rows)
        self._most = len(model.config.object_token_ids)

    @classmethod
    def from_pretrained(cls, name: str | Path, reader: RetrievalUnderstanding) -> ModelUnderstanding:
        """With a model that is shipped or saved in a folder, packed for a CPU. Raises: ModelError."""
        model = EmbodiedLM.from_pretrained(name, merge=False)
        pack(model.language_model, 4)
        return cls(model, EmbodiedProcessor.from_pretrained(name), reader)

    def understand(self, instruction: str, belief: WorldState) -> Understanding:
        """The goal that an instruction states.

        Raises:
            NotUnderstoodError: neither the model nor retrieval makes a goal of it.
        """
        meant, command = self.write(instruction, belief)
        try:
            if command == NOTHING:
                raise NotUnderstoodError(f"'{instruction.strip()}' asks for {NOTHING}.")
            read = self._reader.understand(command, belief)
        except NotUnderstoodError:
            read = self._reader.understand(instruction, belief)
            return replace(read, thought=f"{read.thought} The language model made nothing of it.")
        thought = f"'{instruction.strip()}' means: {command}."
        named = {arg for fact in read.goal.facts() for arg in fact.args}
        fitting = [entity.name for entity in meant if entity.name in named]
        if fitting:
            thought += f" I take {' and '.join(fitting)} to be meant."
        elif meant:
            thought += f" It pointed at {' and '.join(e.name for e in meant)}, which does not fit."
        return replace(read, thought=f"{thought} The goal: {read.goal}.")

    def write(self, instruction: str, belief: WorldState) -> tuple[list[Entity], str]:
        """The things that the model takes to be meant, and the command as it is always said."""
        things = met_with(belief)[: self._most]
        inputs = self._processor(text=instruction, objects=remembered(belief)[: self._most])
        grammar = self._grammars.lark(answer_grammar(belief, len(things)))
        text = self._decoder.answer(inputs, grammar, most=LONGEST).text
        said, _, command = text.partition(DO)
        meant = [things[k] for k in self._processor.objects_in(said)]
        return meant, command.strip().removesuffix(".") or NOTHING

"""The configuration of an EmbodiedLM: a text configuration and one for each sense."""

from __future__ import annotations

from typing import Any

from transformers import AutoConfig, PretrainedConfig

from yanshi.errors import InputError
from yanshi.perception.embodied_lm.senses import SenseConfig, from_list


class EmbodiedConfig(PretrainedConfig):
    """What `EmbodiedLM` is built from. Senses are kept as JSON values; `sense_configs` gives them as objects."""

    model_type = "embodied_lm"
    sub_configs = {"text_config": AutoConfig}  # noqa: RUF012  (what transformers expects)

    text_config: dict[str, Any] | PretrainedConfig | None = None
    """Of the language model."""
    senses: list[dict[str, Any]] | None = None
    """As `senses.to_list` writes them, in the order of their tokens."""
    sense_token_ids: dict[str, int] | None = None
    """Name of a sense → the token that its soft tokens replace."""
    object_token_ids: list[int] | None = None
    """The tokens ``<|obj_0|>``, ``<|obj_1|>``, …"""
    base: str | None = None
    """The language model it was built on, as `base_model.load_language_model` takes it."""
    base_vocabulary: int | None = None
    """Rows of the base model's embedding; those above are new."""
    learned_only: bool = False
    """Whether the weights beside this file are only what was learned on top of `base`."""
    lora_scale: float | None = None
    """Factor of the low-rank updates that are beside this file; None if there are none."""
    tie_word_embeddings: bool = False

    def __post_init__(self, **kwargs: Any) -> None:
        if self.text_config is None:
            self.text_config = {"model_type": "llama"}
        if isinstance(self.text_config, dict):
            values = dict(self.text_config)
            kind = values.pop("model_type", "llama")
            self.text_config = AutoConfig.for_model(kind, **values)
        # What a language model at hand uses stays; None would be handed down to it.
        kwargs.setdefault("attn_implementation", getattr(self.text_config, "_attn_implementation", None))
        super().__post_init__(**kwargs)
        self.senses = list(self.senses or [])
        self.sense_token_ids = self.sense_token_ids or {}
        self.object_token_ids = list(self.object_token_ids or [])
        names = [str(sense["sense"]) for sense in self.senses]
        if self.sense_token_ids.keys() != set(names):
            raise InputError(f"Expected a token for each of the senses {names}, got {sorted(self.sense_token_ids)}.")
        self.tie_word_embeddings = bool(getattr(self.text_config, "tie_word_embeddings", False))

    def sense_configs(self) -> dict[str, SenseConfig]:
        """The senses by name, in the order of their tokens. Raises: InputError if one names what does not exist."""
        return from_list(self.senses or [])


AutoConfig.register(EmbodiedConfig.model_type, EmbodiedConfig)

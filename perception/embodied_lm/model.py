"""EmbodiedLM: senses and words in one decoder language model, in every habit a `transformers` model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from transformers import AutoModelForCausalLM, GenerationMixin, LogitsProcessorList, PreTrainedModel

from yanshi.errors import InputError, ModelError
from yanshi.perception.embodied_lm import storage
from yanshi.perception.embodied_lm.config import EmbodiedConfig
from yanshi.perception.embodied_lm.pointing import KnownObjects
from yanshi.perception.embodied_lm.senses import PARTS
from yanshi.perception.embodied_lm.tower import SenseTower, SoftTokens


class EmbodiedLM(PreTrainedModel, GenerationMixin):
    """Encoders and projectors of any senses before any decoder of `transformers`, fused at its input.

    Seams: `sense` makes soft tokens, `fuse` puts them among the words; another family of fusion replaces `fuse`, and a
    generator reads the hidden states that `forward` returns with ``output_hidden_states=True``.
    """

    language_model: Any
    """The decoder, with its head."""
    towers: nn.ModuleDict
    """A `SenseTower` for each sense."""
    config_class = EmbodiedConfig
    base_model_prefix = ""
    main_input_name = "input_ids"
    supports_gradient_checkpointing = True
    _supports_sdpa = True
    _supports_flash_attn = True
    _supports_flex_attn = True
    _supports_attention_backend = True
    _skip_keys_device_placement = ("past_key_values",)

    def __init__(self, config: EmbodiedConfig, language_model: Any = None) -> None:
        """Fresh weights; `language_model` takes the place of a fresh one of `config.text_config`."""
        super().__init__(config)
        hidden = config.get_text_config().hidden_size
        self.towers = nn.ModuleDict({name: SenseTower(sense, hidden) for name, sense in config.sense_configs().items()})
        for part in self.towers.modules():
            part._starts_as_torch = True  # type: ignore[assignment]
        if language_model is None:
            language_model = AutoModelForCausalLM.from_config(config.text_config)
        else:
            for part in language_model.modules():
                part._is_hf_initialized = True  # `post_init` would begin it again.
        self.language_model = language_model
        config.text_config = language_model.config  # One object, so that a resized vocabulary is known to both.
        self.post_init()

    @classmethod
    def from_pretrained(cls, name: str | Path, *args: Any, **options: Any) -> EmbodiedLM:
        """A model that is shipped (by its short name), saved in a folder, or on the hub.

        Args:
            name: ``yanshi-small``, a folder or a hub id.
            args: as of `transformers`.
            options: likewise: ``dtype``, ``device_map``, … For a folder that holds only what was learned: those of
                `storage.load_learned`.

        Raises:
            ModelError: If there is no such model, it is of another kind, or its weights or base are missing or wrong.
        """
        folder = storage.locate(name)
        storage.check_model(folder)
        if storage.is_learned_only(folder):
            model = storage.load_learned(cls, Path(folder), **options)
            assert isinstance(model, cls)
            return model
        with storage.one_line(name):
            loaded: EmbodiedLM = super().from_pretrained(folder, *args, **{"use_safetensors": True, **options})
            return loaded

    def save_pretrained(self, folder: str | Path, *args: Any, **options: Any) -> None:
        """Save everything (`storage.save_learned` leaves out what the base model's package brings).

        Raises:
            ModelError: If low-rank updates are not merged: a plain folder has no place for them.
        """
        if any("lora_" in name for name, _ in self.named_parameters()):
            raise ModelError("Low-rank updates are not merged: use lora.merge_lora first, or storage.save_learned.")
        super().save_pretrained(folder, *args, **options)

    def get_input_embeddings(self) -> Any:
        """Of the language model."""
        return self.language_model.get_input_embeddings()

    def set_input_embeddings(self, value: nn.Module) -> None:
        """Of the language model."""
        self.language_model.set_input_embeddings(value)

    def get_output_embeddings(self) -> Any:
        """Of the language model; None if it has none."""
        return self.language_model.get_output_embeddings()

    def set_output_embeddings(self, value: nn.Module) -> None:
        """Of the language model."""
        self.language_model.set_output_embeddings(value)

    def sense(self, **senses: Tensor) -> dict[str, SoftTokens]:
        """Soft tokens of each sense that is there. Arguments: ``<sense>_<part>``, see `senses.PARTS`.

        Raises:
            InputError: If a tensor belongs to no sense of this model, or a sense lacks a part.
        """
        for key in sorted(senses.keys() - self.sense_keys()):
            raise InputError(f"Unexpected '{key}'. The senses of this model: {', '.join(self.towers) or 'none'}.")
        soft = {}
        for name, tower in self.towers.items():
            parts = [senses.get(f"{name}_{part}") for part in PARTS]
            if all(part is None for part in parts):
                continue
            if missing := [f"{name}_{part}" for part, value in zip(PARTS, parts, strict=True) if value is None]:
                raise InputError(f"Sense '{name}' lacks {', '.join(missing)}.")
            if bool(parts[1].any()):  # type: ignore[union-attr]
                soft[name] = tower(*parts)
        return soft

    def fuse(self, input_ids: Tensor, soft: dict[str, SoftTokens]) -> Tensor:
        """The language model's input (B, S, H): words, and soft tokens in the places that are held for them.

        Raises:
            InputError: If a row holds another number of places than a sense has tokens.
        """
        embeds: Tensor = self.get_input_embeddings()(input_ids)
        for name, index in self.config.sense_token_ids.items():
            places = input_ids == index
            tokens, mask = soft.get(name, SoftTokens(embeds[:, :0], places[:, :0]))
            held, have = places.sum(1).tolist(), mask.sum(1).tolist()
            if held != have:
                raise InputError(f"Sense '{name}': the text holds places for {held} tokens, the sense has {have}.")
            if name in soft:
                embeds = embeds.masked_scatter(places[..., None], tokens[mask].to(embeds.dtype))
        return embeds

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        position_ids: Tensor | None = None,
        past_key_values: Any = None,
        inputs_embeds: Tensor | None = None,
        labels: Tensor | None = None,
        logits_to_keep: int | Tensor = 0,
        **kwargs: Any,
    ) -> Any:
        """Logits and, with `labels`, the loss on the tokens whose label is not -100.

        Args:
            input_ids: (B, S).
            attention_mask: (B, S), 1 for what is not padding.
            position_ids: (B, S).
            past_key_values: a cache of what came before.
            inputs_embeds: (B, S, H) in place of `input_ids` and senses, as `fuse` makes it.
            labels: (B, S), -100 where no loss is wanted.
            logits_to_keep: as in `transformers`; 0 for all.
            kwargs: the tensors of the senses, and whatever else the language model takes.

        Returns:
            A `CausalLMOutputWithPast`.
        """
        senses = {key: kwargs.pop(key) for key in sorted(kwargs.keys() & self.sense_keys())}
        if (input_ids is None) == (inputs_embeds is None):
            raise InputError("Expected exactly one of input_ids and inputs_embeds.")
        if inputs_embeds is None and input_ids is not None:
            inputs_embeds = self.fuse(input_ids, self.sense(**senses))
        return self.language_model(
            inputs_embeds=inputs_embeds,
            attention_mask=attention_mask,
            position_ids=position_ids,
            past_key_values=past_key_values,
            labels=labels,
            logits_to_keep=logits_to_keep,
            **kwargs,
        )

    @torch.no_grad()
    def generate(self, inputs: Tensor | None = None, **options: Any) -> Any:
        """As in `transformers`: the prompt and what follows it. It can only point at objects that the prompt names.

        Args:
            inputs: (B, S) token ids; or give ``input_ids``, as a processor's output does.
            options: the tensors of the senses, and what `GenerationMixin.generate` takes.
        """
        prompt = inputs if inputs is not None else options.get("input_ids")
        if prompt is not None:
            known = KnownObjects(prompt, self.config.object_token_ids, self.config.sense_token_ids.values())
            options["logits_processor"] = LogitsProcessorList([*(options.get("logits_processor") or ()), known])
        return super().generate(inputs, **options)

    def prepare_inputs_for_generation(
        self,
        input_ids: Tensor,
        next_sequence_length: int | None = None,
        past_key_values: Any = None,
        attention_mask: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        is_first_iteration: bool | None = False,
        **kwargs: Any,
    ) -> dict[str, Any]:
        """Senses enter with the prompt; after it the cache holds them."""
        if not is_first_iteration:
            kwargs = {key: value for key, value in kwargs.items() if key not in self.sense_keys()}
        prepared: dict[str, Any] = super().prepare_inputs_for_generation(
            input_ids,
            next_sequence_length=next_sequence_length,
            past_key_values=past_key_values,
            attention_mask=attention_mask,
            inputs_embeds=inputs_embeds,
            is_first_iteration=is_first_iteration,
            **kwargs,
        )
        return prepared

    def sense_keys(self) -> frozenset[str]:
        """Names of all tensors that senses may bring."""
        return frozenset(f"{name}_{part}" for name in self.towers for part in PARTS)

    def _validate_model_kwargs(self, model_kwargs: dict[str, Any]) -> None:
        """`transformers` knows only the names in `forward`'s signature; those of the senses are known here."""
        known = self.sense_keys()
        super()._validate_model_kwargs({key: value for key, value in model_kwargs.items() if key not in known})

    def _init_weights(self, module: nn.Module) -> None:
        """Towers begin as torch begins them: one deviation for all, as in language models, starves convolutions."""
        if not getattr(module, "_starts_as_torch", False):
            super()._init_weights(module)
        elif hasattr(module, "reset_parameters"):
            module.reset_parameters()  # type: ignore[operator]
